"""Find texts that state their own price."""

from __future__ import annotations

import polars as pl

_NUMBER = r"([0-9][0-9,]*(?:\.[0-9]+)?)"
# An amount is money only where a sign or a word says so: a size or a model number never is.
_MONEY = (
    rf"(?i)(?:\$|\bUSD|\b(?:MSRP|RRP|price)\b(?: is| of)?:?(?: only)?)[ \t]*\$?[ \t]*{_NUMBER}",
    rf"(?i){_NUMBER}[ \t]*(?:\$|\bUSD\b|\bdollars?\b|\bbucks\b)",
)
_HINT = r"(?i)\$|usd|msrp|rrp|price|dollar|bucks"


def states_own_price(text: pl.Series, price: pl.Series) -> pl.Series:
    """Tell which texts hold an amount of money that is the item's own price.

    An amount is the own price if it is the same to the cent, or a whole number of dollars that the price rounds to.

    Args:
        text: The product texts.
        price: Their prices (USD).

    >>> texts = pl.Series(["only $24.99!", "24.99 inches", "MSRP 25"])
    >>> states_own_price(texts, pl.Series([24.99, 24.99, 24.99])).to_list()
    [True, False, True]
    """
    rows = text.str.contains(_HINT).arg_true()
    if rows.is_empty():
        return pl.repeat(value=False, n=len(text), eager=True)
    found = pl.DataFrame({"row": rows, "text": text.gather(rows), "price": price.gather(rows)}).with_columns(
        # Twice the pattern's match, cut down to its number: lists hold whole matches only.
        amount=pl.concat_list(*(pl.col("text").str.extract_all(pattern) for pattern in _MONEY))
    )
    amounts = (
        found.explode("amount", empty_as_null=False)
        .with_columns(pl.col("amount").str.extract(_NUMBER).str.replace_all(",", "").cast(pl.Float64, strict=False))
        .with_columns(whole=pl.col("amount") == pl.col("amount").round(0))
    )
    same = (pl.col("amount") - pl.col("price")).abs() < 0.005
    rounded = pl.col("whole") & ((pl.col("amount") - pl.col("price")).abs() <= 0.5)
    own = amounts.filter(same | rounded)["row"].unique()
    return pl.repeat(value=False, n=len(text), eager=True).scatter(own, True)
