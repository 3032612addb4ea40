"""Answers in the currency of the dataset."""

from __future__ import annotations

import pytest

from curator.evaluate.price_in_answer import read_price
from curator.recipe.currencies import Money

READ = [
    ("EUR", "Price is €12.00", 12.0),
    ("EUR", "12,99 €", 12.99),
    ("EUR", "I'd say 1.299,00 EUR, give or take.", 1299.0),
    ("EUR", "about 20 euros", 20.0),
    ("EUR", "$12", "other_currency"),
    ("EUR", "12 USD", "other_currency"),
    ("EUR", "€10 - €20", "several_prices"),
    ("JPY", "¥12,800", 12800.0),
    ("JPY", "12800円", 12800.0),
    ("JPY", "128.00", 128.0),
    ("SEK", "249 kr", 249.0),
    ("SEK", "1 299,50 kr", 1299.5),
    ("GBP", "£9.99", 9.99),
    ("CAD", "$24.99", 24.99),
    ("CAD", "US$24.99", "other_currency"),
    ("TRY", "I would try 20", 20.0),
    ("PLN", "24,99 zł", 24.99),
    ("INR", "Rs. 2,499", 2499.0),
    ("USD", "12,99 €", "other_currency"),
]


@pytest.mark.parametrize(("code", "text", "expected"), READ)
def test_answers_are_read_in_the_currency(code: str, text: str, expected: float | str) -> None:
    price, reason = read_price(text, Money.of({"currency": code}))
    assert (price if reason is None else reason) == expected
