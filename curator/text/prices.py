"""Read and round prices."""

from __future__ import annotations

import polars as pl

from curator.kernels.buffers import to_buffers
from curator.recipe.settings import PriceSettings

_FEW = 100
"""Prices that Python has read before a compiled loop is there."""


def read_prices(raw: pl.Series) -> pl.Series:
    """Read prices as Python's `float` reads them.

    Args:
        raw: String or numeric, in any notation: ``"12.99"``, ``" 1e2 "``, ``"None"``, ``"from 9.99"``, ``12.99``.

    Returns:
        Float64 (USD), null where `float` would refuse the string. The string ``"nan"`` is a number to `float` and stays
        one (it lies in no range); in a numeric column NaN stands for a missing value.

    >>> read_prices(pl.Series(["12.99", " 1e2 ", "None", "from 9.99", None])).to_list()
    [12.99, 100.0, None, None, None]
    """
    if raw.dtype != pl.String:
        return raw.cast(pl.Float64).fill_nan(None)
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
    """Return the price in whole dollars (Int32): the slot of an item.

    ``half_even`` is Python's `round`; ``half_up`` sends every half dollar up, so that $0.50 is $1.

    >>> prices = pl.DataFrame({"price": [0.5, 1.5, 19.99]})
    >>> for rounding in ("half_even", "half_up"):
    ...     prices.select(round_price(pl.col("price"), PriceSettings(rounding=rounding)))["price"].to_list()
    [0, 2, 20]
    [1, 2, 20]
    """
    if settings.rounding == "half_even":
        return price.round(0, mode="half_to_even").cast(pl.Int32)
    # floor(x + 0.5) would send 0.49999999999999994 to 1, the sum being rounded; the fraction itself is exact.
    whole = price.floor()
    return (whole + (price - whole >= 0.5).cast(pl.Float64)).cast(pl.Int32)
