"""Prices as shops write them: a table of hard strings, and amounts that are written and read again."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.recipe.currencies import currencies, currency
from curator.recipe.settings import PriceSettings
from curator.text.prices import Prices, read_prices

OTHER = "other"
"""Label of a price in another currency."""

# Labelled by hand before the rule was written.
LABELLED: dict[str, dict[str, float | str | None]] = {
    "USD": {
        "12.99": 12.99,
        " 1e2 ": 100.0,
        "$1,299.00": 1299.0,
        "US $24.50": 24.5,
        "US$24.50": 24.5,
        "24.99 USD": 24.99,
        "24.99usd": 24.99,
        "USD 1,299": 1299.0,
        "1,299.00": 1299.0,
        "1,299": 1299.0,
        "1,299,000.50": 1299000.5,
        "$ 12.99": 12.99,
        "$\xa012.99": 12.99,
        "12.99$": 12.99,
        "$24.99 USD": 24.99,
        "20 dollars": 20.0,
        "$.99": 0.99,
        "＄１２．９９": 12.99,
        "\n $5 \t": 5.0,
        "1.299": 1.299,
        "$1.299": None,
        "12,99": None,
        "1.299,00": None,
        "1,29": None,
        "1,2999": None,
        "12,99 $": None,
        "1 299.00": None,
        "$12⁹⁹": None,
        "$7.00 - $25.00": None,
        "7.00-25.00": None,
        "from $9.99": None,
        "$9.99+": None,
        "$5/ea": None,
        "2 for $5": None,
        "None": None,
        "free": None,
        "—": None,
        "$": None,
        "": None,
        "nan": None,
        " -NaN ": None,
        "24.99 XQX": None,
        "12 oz": None,
        "-$5.00": None,
        "€12.99": OTHER,
        "12,99 €": OTHER,
        "1.299,00 EUR": OTHER,
        "£9.50": OTHER,
        "C$24.99": OTHER,
        "CA $24.99": OTHER,
        "$24.99 CAD": OTHER,
        "R$ 1.299,00": OTHER,
        "¥12,800": OTHER,
        "12800円": OTHER,
        "Rs. 499": OTHER,
        "199 kr": OTHER,
        "49,90 zł": OTHER,
        "CHF 12.–": OTHER,
        "from €9.99": None,
        "€7 - €25": None,
    },
    "EUR": {
        "1.299,00 €": 1299.0,
        "1 299,00 €": 1299.0,
        "12,99": 12.99,
        "12.99": 12.99,
        "€12.99": 12.99,
        "€1,299.00": 1299.0,
        "1.299 €": 1299.0,
        "€ 1.299": 1299.0,
        "1.299.000": 1299000.0,
        "12,- €": 12.0,
        "12,– €": 12.0,
        "12,-": 12.0,
        "EUR 12,99": 12.99,
        "12,5 euros": 12.5,
        "0.299": 0.299,
        "1299": 1299.0,
        "1.299": None,
        " 1.299 ": None,
        "1,299": None,
        "1,299 €": None,
        "1.29,00 €": None,
        "12.99.99": None,
        "12,99-15,99 €": None,
        "ab 9,99 €": None,
        "$12.99": OTHER,
        "12,99 zł": OTHER,
    },
    "PLN": {
        "1 299,00 zł": 1299.0,
        "1\xa0299,00 zł": 1299.0,
        "1\u202f299,00 ZŁ": 1299.0,
        "1 299": 1299.0,
        "49,90 PLN": 49.9,
        "49,90 €": OTHER,
    },
    "SEK": {"199:-": 199.0, "1 299:-": 1299.0, "199,50 kr": 199.5, "kr. 199": 199.0, "199 DKK": OTHER, "$199": OTHER},
    "CHF": {
        "1'299.00": 1299.0,
        "CHF 1’299.50": 1299.5,
        "12.–": 12.0,
        "Fr. 12.-": 12.0,
        "12.90": 12.9,
        "12,90": None,
        "12,90 €": OTHER,
    },
    "INR": {"1,29,900.00": 129900.0, "₹1,29,900": 129900.0, "Rs.499": 499.0, "Rs. 499/-": 499.0, "1,29,90": None},
    "JPY": {"12,800円": 12800.0, "￥12,800": 12800.0, "¥ 12800": 12800.0, "12.800円": None, "12,800 CNY": OTHER},
    "CAD": {"$24.99": 24.99, "CA$24.99": 24.99, "$24.99 CAD": 24.99, "US $24.99": OTHER, "24.99 AUD": OTHER},
    "CLP": {"$12.990": 12990.0, "12.990": None, "CLP 12.990": 12990.0},
    "XAF": {"1,500 XAF": 1500.0, "1500": 1500.0, "1500 €": OTHER},
}


def read(texts: list[str], code: str) -> Prices:
    return read_prices(pl.Series(texts, dtype=pl.String), PriceSettings(currency=code))


@pytest.mark.parametrize("many", [1, 200])
@pytest.mark.parametrize("code", LABELLED)
def test_hard_strings_are_read_as_labelled(code: str, many: int) -> None:
    """In a long column too, of which compiled code reads the plain ones."""
    prices = read(list(LABELLED[code]) * many, code)
    labels = list(LABELLED[code].values()) * many
    assert prices.price.to_list() == [None if label == OTHER else label for label in labels]
    assert prices.other_currency.to_list() == [label == OTHER for label in labels]


amounts = st.integers(1, 10**9).map(lambda cents: cents / 100)
WRITTEN = {
    "USD": lambda price: f"{price:,.2f}",
    "EUR": lambda price: f"{price:,.2f}".translate(str.maketrans(",.", ".,")),
    "PLN": lambda price: f"{price:,.2f}".translate(str.maketrans(",.", "\xa0,")),
    "SEK": lambda price: f"{price:,.2f}".translate(str.maketrans(",.", "\u202f,")),
    "CHF": lambda price: f"{price:,.2f}".replace(",", "'"),
}


@given(st.sampled_from(sorted(WRITTEN)), amounts, st.data())
def test_what_is_written_in_a_notation_is_read_again(code: str, price: float, data: st.DataObject) -> None:
    mark = data.draw(st.sampled_from(currency(code).marks))
    gap = data.draw(st.sampled_from(["", " ", "\xa0"]))
    amount = WRITTEN[code](price)
    texts = [amount, f"{mark}{gap}{amount}", f"{amount}{gap}{mark}"]
    assert read(texts, code).price.to_list() == [price] * 3


@given(st.sampled_from(sorted(currencies())), st.sampled_from(sorted(currencies())), amounts)
def test_a_code_names_the_currency(own: str, other: str, price: float) -> None:
    found = read([f"{other} {price:.2f}"], own)
    assert found.price.to_list() == [price if own == other else None]
    assert found.other_currency.to_list() == [own != other]


@given(st.text("0123456789.,'’ -–€$zł:krUSD\xa0²", max_size=12), st.sampled_from(sorted(LABELLED)))
def test_any_text_is_read_or_is_not(text: str, code: str) -> None:
    """Nothing raises, and a price has the digits of its text."""
    price = read([text], code).price[0]
    if price is not None and price != 0:
        digits = "".join(filter(str.isdigit, text)).strip("0")
        assert f"{price:.12f}".replace(".", "").strip("0").startswith(digits[:9])
