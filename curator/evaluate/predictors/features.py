"""Simple features of a product: numbers that a glance at the text gives. None of them sees the price.

The column `tokens` is left alone: it counts the whole prompt with its answer, and with tokenizers that write digits one
by one it shows how many digits the price has. Words are counted instead.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from curator.kernels.types import Floats

_POUNDS = {"pound": 1.0, "lb": 1.0, "ounce": 1 / 16, "oz": 1 / 16, "kilogram": 2.2046226, "kg": 2.2046226}
_WEIGHT = r"(?i)\b([0-9]+(?:\.[0-9]+)?)\s?(pound|lb|ounce|oz|kilogram|kg)s?\b"
_PACK = r"(?i)\b(?:pack|set|box|case|lot) of ([0-9]{1,4})\b|\b([0-9]{1,4})[ -]?(?:pack|count|pcs|pieces)\b"
_INCHES = r"(?i)\b([0-9]+(?:\.[0-9]+)?)\s?(?:inch|inches|\")"

NAMES = (
    "characters",
    "words",
    "lines",
    "digits",
    "capitals",
    "numbers",
    "largest number",
    "title characters",
    "pack count",
    "pounds",
    "weight stated",
    "inches",
    "inches stated",
)
"""What the columns of `simple` are, in their order."""


def simple(rows: pl.DataFrame) -> Floats:
    """Return the features of each row; shape (rows, len(NAMES)). Counts and sizes are logarithms, ln(1 + x).

    Args:
        rows: Columns `text` and `title`.
    """
    text, title = pl.col("text"), pl.col("title").fill_null("")
    weight = text.str.extract_groups(_WEIGHT)
    pounds = weight.struct[0].cast(pl.Float64, strict=False) * weight.struct[1].str.to_lowercase().replace_strict(
        _POUNDS, default=None, return_dtype=pl.Float64
    )
    pack = text.str.extract_groups(_PACK)
    inches = text.str.extract(_INCHES).cast(pl.Float64, strict=False)
    largest = text.str.extract_all(r"[0-9]{1,9}").list.eval(pl.element().cast(pl.Float64)).list.max()
    columns = (
        text.str.len_chars(),
        text.str.count_matches(r"\S+"),
        text.str.count_matches("\n"),
        text.str.count_matches("[0-9]"),
        text.str.count_matches("[A-Z]"),
        text.str.count_matches(r"[0-9]+(?:\.[0-9]+)?"),
        largest.fill_null(0),
        title.str.len_chars(),
        pl.coalesce(pack.struct[0], pack.struct[1]).cast(pl.Float64, strict=False).fill_null(1),
        pounds.fill_null(0),
        pounds.is_not_null(),
        inches.fill_null(0),
        inches.is_not_null(),
    )
    named = {name: column.cast(pl.Float64) for name, column in zip(NAMES, columns, strict=True)}
    logged: Floats = np.log1p(rows.select(**named).to_numpy())
    return logged


class Categories:
    """The categories of the training rows as columns of 0 and 1; one that was not seen has 0 in all."""

    def __init__(self, train: pl.DataFrame, least: int = 5) -> None:
        counts = train["category"].drop_nulls().value_counts().filter(pl.col("count") >= least)
        self.names: list[str] = sorted(counts["category"].to_list())

    def one_hot(self, rows: pl.DataFrame) -> Floats:
        """Return a column for each category; shape (rows, categories)."""
        if not self.names:
            return np.zeros((rows.height, 0))
        known = np.array(self.names, object)
        hot: Floats = (rows["category"].to_numpy()[:, None] == known[None, :]).astype(np.float64)
        return hot
