"""Read and round prices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import polars as pl

from curator.kernels.buffers import to_buffers
from curator.recipe.currencies import Currency, Notation, currencies, currency
from curator.recipe.settings import PriceSettings

_FEW = 100
"""Prices that Python has read before a compiled loop is there."""

# How whole amounts are written in groups of digits.
_COMMAS, _POINTS, _SPACES, _APOSTROPHES = (rf"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+" for sign in (",", r"\.", " ", "['’]"))
_LAKHS = r"[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}"
_GROUPED: dict[Notation, str] = {
    "dot": _COMMAS,
    "comma": f"{_POINTS}|{_SPACES}",
    "swiss": f"{_APOSTROPHES}|{_SPACES}|{_COMMAS}",
    "indian": f"{_LAKHS}|{_COMMAS}",
}
_DASH = r"[.,:] ?[-‐–—−]{1,2}"
"""What stands for the decimals of an even price: 12,- is 12."""
_DECIMALS = r"(?:\.[0-9]+)?|\.[0-9]+"
_AMOUNTS = {
    "dot": rf"(?:{_GROUPED['dot']}|[0-9]+){_DECIMALS}",
    "comma": rf"(?:{_GROUPED['comma']}|[0-9]+)(?:,[0-9]+|{_DASH})?|[0-9]*\.[0-9]+|{_SPACES}\.[0-9]{{1,2}}"
    # As in the US, where nothing else can be meant.
    rf"|{_COMMAS}\.[0-9]+|[0-9]{{1,3}}(?:,[0-9]{{3}}){{2,}}",
    "swiss": rf"(?:{_GROUPED['swiss']}|[0-9]+)(?:\.[0-9]+|{_DASH})?|\.[0-9]+",
    "indian": rf"(?:{_GROUPED['indian']}|[0-9]+){_DECIMALS}",
}
_ANY_AMOUNT = rf"[0-9]+(?:[., '’][0-9]+)*(?:{_DASH})?|\.[0-9]+"
# One group of three digits: thousands if the sign separates these, a fraction if it begins decimals.
_POINT_GROUP, _COMMA_GROUP = (rf"[1-9][0-9]{{0,2}}{sign}[0-9]{{3}}" for sign in (r"\.", ","))


class Prices(NamedTuple):
    """What was read of raw prices.

    Attributes:
        price: Float64, in the recipe's currency; null where there is none.
        other_currency: Which raw prices are amounts of another currency.
    """

    price: pl.Series
    other_currency: pl.Series


def read_prices(raw: pl.Series, settings: PriceSettings) -> Prices:
    """Read prices as shops write them (`price.reading` is "shop"), or as Python's `float` alone reads them.

    Under "shop", what `float` does not read may be an amount in the notation of the currency, with a mark of it before
    or after. NaN is a missing value, in a string too; so is what can be meant in two ways, such as ``1.299`` of euros.

    Args:
        raw: String or numeric, in any notation: ``"12.99"``, ``" 1e2 "``, ``"$1,299.00"``, ``"from 9.99"``, ``12.99``.
        settings: Currency and reading.

    >>> raw = pl.Series(["12.99", " 1e2 ", "$1,299.00", "24.99 USD", "from 9.99", "9,99 €", None])
    >>> prices = read_prices(raw, PriceSettings())
    >>> prices.price.to_list()
    [12.99, 100.0, 1299.0, 24.99, None, None, None]
    >>> prices.other_currency.to_list()
    [False, False, False, False, False, True, False]
    >>> read_prices(raw, PriceSettings(reading="python")).price.to_list()
    [12.99, 100.0, None, None, None, None, None]
    """
    none = pl.repeat(value=False, n=len(raw), eager=True)
    if raw.dtype != pl.String:
        return Prices(raw.cast(pl.Float64).fill_nan(None), none)
    if settings.reading == "python":
        return Prices(_read_floats(raw), none)
    own = currency(settings.currency)
    if own.notation == "comma":
        # To the loop they are decimals.
        raw = raw.set(raw.str.contains(rf"^\s*{_POINT_GROUP}\s*$"), None)
    prices = _read_floats(raw).fill_nan(None)
    # Each string that `float` refused is looked at once.
    odd = raw.filter(prices.is_null()).drop_nulls().unique(maintain_order=True)
    known = {text: price for text in odd if (price := shop_price(text, own)) is not None}
    others = [text for text in odd if text not in known and _is_of_another(text, own)]
    if known:
        prices = prices.fill_null(raw.replace_strict(known, default=None, return_dtype=pl.Float64))
    return Prices(prices, raw.is_in(others).fill_null(value=False) if others else none)


def shop_price(text: str, own: Currency) -> float | None:
    """Return the price that a shop means by a text, or None where it is no amount of a currency.

    >>> euro = currency("EUR")
    >>> shop_price("€1.299,00", euro), shop_price("12,- €", euro), shop_price("1.299 €", euro)
    (1299.0, 12.0, 1299.0)
    >>> shop_price("1,299 €", euro), shop_price("7,00 - 25,00 €", euro)
    (None, None)
    """
    found = _shop_pattern(own).fullmatch(_plain(text))
    if found is None:
        return None
    return read_amount(found["amount"], own.notation, is_marked=bool(found["before"] or found["after"]))


def read_amount(number: str, notation: Notation, *, is_marked: bool) -> float | None:
    """Return the number that is written in a notation, or None where it is not or can be meant in two ways.

    Args:
        number: Digits and what separates them.
        notation: That of the currency.
        is_marked: Whether a mark of the currency goes with it: ``1.299 €`` are thousands.

    >>> read_amount("1.299", "comma", is_marked=True), read_amount("1.299", "dot", is_marked=True)
    (1299.0, None)
    """
    if not re.fullmatch(_AMOUNTS[notation], number):
        return None
    unclear = _COMMA_GROUP if notation == "comma" else _POINT_GROUP
    if re.fullmatch(unclear, number) or (not is_marked and re.fullmatch(_POINT_GROUP, number)):
        return None
    number = re.sub(rf"{_DASH}\Z", "", number)
    # The last sign begins the decimals, unless all separate groups.
    is_whole = re.fullmatch(f"{_GROUPED[notation]}|{_COMMAS}|[0-9]+", number)
    whole, _, decimals = (number, "", "") if is_whole else number.replace(",", ".").rpartition(".")
    return float(f"{re.sub('[^0-9]', '', whole) or '0'}.{decimals or '0'}")


def _plain(text: str) -> str:
    """Return a text with its full-width characters, special spaces and white space around it made plain."""
    # Cents in superscript would become digits of the whole.
    if any(character.isdigit() and not character.isdecimal() for character in text):
        return ""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _is_of_another(text: str, own: Currency) -> bool:
    """Return whether a text is an amount with a mark that its currency does not have."""
    found = _any_pattern().fullmatch(_plain(text))
    marks = {_key(mark) for mark in own.marks}
    return found is not None and any(_key(mark) not in marks for mark in found.group("before", "after") if mark)


def _key(mark: str) -> str:
    return mark.replace(" ", "").casefold()


@cache
def _shop_pattern(own: Currency) -> re.Pattern[str]:
    return _pattern(own.marks, _AMOUNTS[own.notation])


@cache
def _any_pattern() -> re.Pattern[str]:
    return _pattern({mark for one in currencies().values() for mark in one.marks}, _ANY_AMOUNT)


def _pattern(marks: Iterable[str], amount: str) -> re.Pattern[str]:
    # The longest first, with or without a space between letters and a sign: US $.
    escaped = (re.escape(mark).replace(r"\$", r" ?\$") for mark in sorted(set(marks), key=len, reverse=True))
    either = "|".join(escaped)
    return re.compile(rf"(?:(?P<before>{either}) ?)?(?P<amount>{amount})(?: ?(?P<after>{either}))?", re.I)


def _read_floats(raw: pl.Series) -> pl.Series:
    """Return what Python's `float` reads, null where it refuses.

    The string ``"nan"`` is a number to `float` and stays one: it lies in no range.
    """
    if len(raw) <= _FEW:
        numbers = [None if text is None else _python_float(text) for text in raw]
        return pl.Series(raw.name, numbers, dtype=pl.Float64)
    from curator.text.kernels.prices import read

    plain, odd = read(to_buffers(raw))
    prices = pl.Series(raw.name, plain).set(pl.Series(odd), None)
    # Each odd string is asked once of Python itself: white space, underscores, exponents and digits of other scripts.
    texts = raw.filter(odd).drop_nulls().unique(maintain_order=True)
    known = {text: number for text in texts if (number := _python_float(text)) is not None}
    if not known:
        return prices
    return prices.fill_null(raw.replace_strict(known, default=None, return_dtype=pl.Float64))


def _python_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def round_price(price: pl.Expr, settings: PriceSettings) -> pl.Expr:
    """Return the price in whole units of `price.unit` (Int32): the slot of an item.

    ``half_even`` is Python's `round`; ``half_up`` sends every half up, so that $0.50 is $1.

    >>> prices = pl.DataFrame({"price": [0.5, 1.5, 19.99]})
    >>> for rounding in ("half_even", "half_up"):
    ...     prices.select(round_price(pl.col("price"), PriceSettings(rounding=rounding)))["price"].to_list()
    [0, 2, 20]
    [1, 2, 20]
    """
    if settings.unit != 1:
        price = price / settings.unit
    if settings.rounding == "half_even":
        return price.round(0, mode="half_to_even").cast(pl.Int32)
    # floor(x + 0.5) would send 0.49999999999999994 to 1, the sum being rounded; the fraction itself is exact.
    whole = price.floor()
    return (whole + (price - whole >= 0.5).cast(pl.Float64)).cast(pl.Int32)
