"""Read the price out of what a model or a person wrote, or say why there is none.

An answer is a price if exactly one amount of the dataset's currency can be meant: here US dollars, as which answers in
another are rewritten. Amounts marked as dollars ($20, 20 USD, 20 dollars) come before bare numbers, so that "$20 for a
pack of 3" is 20. What is said about the only amount ("under $10", "<$10", "$10+", "about $10") does not matter: it is
the one that the answer names, and a model that hedges is measured by it like all others. All else has no price: it is
counted under its reason and is never taken for 0.

Texts come from models and people who may mean harm; reading takes time linear in their length.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from curator.recipe.currencies import Currency, Money, currencies
from curator.text.prices import read_amount

HIGHEST = 1_000_000.0
"""Amounts above are refused: one slip of a model would outweigh all its other errors."""

REASONS = {
    "empty": "Nothing was answered.",
    "no_number": "The answer holds no number that can be a price.",
    "several_prices": "The answer holds a range or different amounts.",
    "other_format": "The number could be read in two ways.",
    "other_currency": "The amount is in another currency.",
    "negative": "The amount is below zero.",
    "too_large": f"The amount is above {HIGHEST:,.0f}.",
    "refused": "The model refused, or its answer was filtered.",
    "cut_off": "The answer was cut off before its price was whole.",
    "failed": "No answer could be had, after all attempts.",
    "not_predicted": "The file of predictions has no row for the product.",
}
"""Why an answer has no price: code to sentence."""

_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF04: "$", 0xFF0C: ",", 0xFF0E: ".", 0xFE69: "$"}
_SPACES = dict.fromkeys((0xA0, 0x2007, 0x2009, 0x202F), " ")
_DASHES = dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), "-")
_TABLE = {**_FULL_WIDTH, **_SPACES, **_DASHES}

_OTHER_CURRENCY = re.compile(
    r"[€£¥₹₩₽₺฿₫₴₦₱₪]|(?<![A-Za-z])(?:CA|C|A|AU|NZ|HK|SG|S|MX|NT|R)\$"
    r"|(?<![A-Za-z])(?:Rs\.?|RM|kr\.?)(?= ?\d)|(?<=\d)(?: ?(?:kr|zł|Kč|Ft|lei|RM)(?![A-Za-z])|,-)"
    r"|(?<![A-Za-z])(?:EUR|GBP|JPY|CNY|RMB|INR|CAD|AUD|CHF|euros?|pounds? sterling|yen|rupees?|yuan)(?![A-Za-z])",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?P<before>(?:US)?\$ ?|(?<![A-Za-z])USD ?\$?)?(?P<sign>(?<![\w)])-\$?)?"
    r"(?<![\d.,])(?P<number>\.?\d(?:[\d.,]*\d)?)(?P<kilo>[kK](?![A-Za-z]))?"
    r"(?P<after> ?\$(?!\d)| ?(?:USD|US dollars?|dollars?|bucks)(?![A-Za-z]))?(?P<cents> ?(?:¢|cents?(?![A-Za-z])))?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[., '’]\d+)*")
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_RANGE = re.compile(r" ?(?:-|~|to |or |and |up to ) ?(?:US)?\$?\d", re.IGNORECASE)
_US = re.compile(r"\d+|\d{1,3}(?:,\d{3})+|(?:\d{1,3}(?:,\d{3})+|\d*)\.\d+")
_SCALED = re.compile(
    r"[eE][+-]?\d|[mMbB](?![A-Za-z])| ?(?:hundred|thousand|million|billion|mn|bn)(?![A-Za-z])", re.IGNORECASE
)
_THOUSANDS = re.compile(r"[ '’]\d{3}(?!\d)")
_EXPONENT = re.compile(r"\d[eE][+-]?\Z")
_TWO_WAYS = re.compile(r"[1-9]\d{0,2}\.\d{3}")


class Reading(NamedTuple):
    """A price (USD), or the reason (one of `REASONS`) why there is none."""

    price: float | None
    reason: str | None


DOLLARS = Money.of({})
"""The money of datasets in US dollars."""


def read_price(text: str | None, money: Money = DOLLARS) -> Reading:
    """Return the price that a text states.

    Args:
        text: What was answered.
        money: That of the dataset: its marks and its notation are read, and all others are of another currency.

    >>> read_price("I'd say $1,299.00, give or take.")
    Reading(price=1299.0, reason=None)
    >>> read_price("1.299,00 €").reason, read_price("$100-150").reason, read_price("no idea").reason
    ('other_currency', 'several_prices', 'no_number')
    >>> read_price("<think>Between $20 and $35, I guess.</think> $24.99").price
    24.99
    >>> read_price("Ich sage 1.299,00 €.", Money.of({"currency": "EUR"})).price
    1299.0
    """
    if text is None or not text.strip():
        return Reading(None, "empty")
    # A model that thinks aloud answers after that; one that was cut off before has answered nothing.
    _, thought, answer = text.rpartition("</think>")
    if not thought and "<think>" in text:
        return Reading(None, "cut_off")
    if not answer.strip():
        return Reading(None, "empty")
    plain = _as_dollars(answer.translate(_TABLE), money.currency)
    amounts = [found for found in _AMOUNT.finditer(plain) if _stands_alone(plain, found)]
    marked = [found for found in amounts if _is_marked(found)]
    if not marked and _OTHER_CURRENCY.search(plain):
        return Reading(None, "other_currency")
    if any(_is_other_currency(plain, found) for found in marked):
        return Reading(None, "other_currency")
    meant = marked or amounts
    if not meant:
        return Reading(None, "no_number")
    if any(_opens_range(plain, found) for found in meant) or _closes_range(plain, amounts, meant):
        return Reading(None, "several_prices")
    if any(_split_by_space(plain, found) or _is_scaled(plain, found) for found in meant):
        return Reading(None, "other_format")
    values = [_value(found) for found in meant]
    if None in values:
        return Reading(None, "other_format")
    if len(set(values)) > 1:
        return Reading(None, "several_prices")
    price = values[0]
    assert price is not None
    if any(found["sign"] for found in meant) and price:
        return Reading(None, "negative")
    return Reading(None, "too_large") if price > HIGHEST else Reading(price, None)


def _as_dollars(text: str, currency: Currency) -> str:
    """Return a text with a currency's marks and notation as those of dollars, and dollars' as those of another."""
    if currency.code == "USD":
        return text
    foreign, own = _patterns(currency)
    text = own.sub("$", foreign.sub("£" if "£" not in currency.marks else "€", text))
    return text if currency.notation == "dot" else _NUMBER.sub(lambda found: _in_us_notation(found, currency), text)


@cache
def _patterns(currency: Currency) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return patterns of the marks of US dollars that are not a currency's own, and of its own."""
    own = sorted(currency.marks, key=len, reverse=True)
    dollars = [mark for mark in currencies()["USD"].marks if mark not in own]
    return tuple(re.compile("|".join(map(_mark, marks)) or r"(?!)", re.IGNORECASE) for marks in (dollars, own))  # type: ignore[return-value]


def _mark(mark: str) -> str:
    """Return the pattern of a mark: a word stands alone, but for digits; the lira's code is no `try`."""
    exact = f"(?-i:{re.escape(mark)})" if mark.isupper() and mark.isalpha() else re.escape(mark)
    return (_NO_LETTER_BEFORE if mark[0].isalpha() else "") + exact + (_NO_LETTER_AFTER if mark[-1].isalpha() else "")


def _in_us_notation(found: re.Match[str], currency: Currency) -> str:
    amount = read_amount(
        found[0], currency.notation, is_marked="$" in found.string[max(0, found.start() - 2) : found.end() + 2]
    )
    return found[0] if amount is None else f"{amount:.2f}"


def _is_marked(found: re.Match[str]) -> bool:
    """Return whether an amount is marked as dollars or cents."""
    return bool(found["before"] or found["after"] or found["cents"] or (found["sign"] or "").endswith("$"))


def _stands_alone(text: str, found: re.Match[str]) -> bool:
    """Return whether an amount is a number of its own, not part of a name, a size or a percentage."""
    if found["before"] or found["after"] or found["cents"]:
        return True
    start, end = found.start("number"), found.end("kilo") if found["kilo"] else found.end("number")
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    part_of_word = bool(re.search(r"[A-Za-z_#/]$|[A-Za-z]-$", before)) and not (found["sign"] or "").endswith("$")
    return not part_of_word and not re.match(r"[A-Za-z_/]| ?%|-[A-Za-z]|[\"'″]", after)


def _is_other_currency(text: str, found: re.Match[str]) -> bool:
    start = max(0, found.start() - 2)
    near = _OTHER_CURRENCY.search(text, start, min(len(text), found.end() + 2))
    return near is not None and near.start() < found.end() + 2


def _opens_range(text: str, found: re.Match[str]) -> bool:
    return _RANGE.match(text, found.end()) is not None


def _closes_range(text: str, amounts: list[re.Match[str]], meant: list[re.Match[str]]) -> bool:
    """Return whether an amount that is meant ends a range begun by a bare number, as in 100-150$."""
    places = {found.start() for found in meant}
    return any(
        later.start() in places and _opens_range(text, earlier) and later.start() - earlier.end() <= len(" up to $")
        for earlier, later in pairwise(amounts)
    )


def _split_by_space(text: str, found: re.Match[str]) -> bool:
    """Return whether a space or an apostrophe stands between thousands, as in 1 299.00 or 1'299."""
    return _THOUSANDS.match(text, found.end("number")) is not None


def _is_scaled(text: str, found: re.Match[str]) -> bool:
    """Return whether a power of ten goes with the number, as in $1e3 or 2 million dollars: it is not the amount."""
    start, end = found.span("number")
    return _SCALED.match(text, end) is not None or _EXPONENT.search(text, max(0, start - 3), start) is not None


def _value(found: re.Match[str]) -> float | None:
    """Return the amount in USD, or None where it isn't written as in the US."""
    number = found["number"]
    if not _US.fullmatch(number) or (_TWO_WAYS.fullmatch(number) and not found["kilo"]):
        return None
    value = float(number.replace(",", ""))
    if found["kilo"]:
        return value * 1_000
    return value / 100 if found["cents"] else value
