"""Measure what is published while it is written: prices, text lengths, weights, sample rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from curator.figures import clouds
from curator.pages.html import clipped
from curator.recipe.load import Recipe
from curator.selection.draw import LAST
from curator.text import prompts

SAMPLES = 5
"""Rows shown of each split and of each reason."""

POUNDS = {
    **dict.fromkeys(("pound", "pounds", "lb", "lbs"), 1.0),
    **dict.fromkeys(("ounce", "ounces", "oz"), 1 / 16),
    **dict.fromkeys(("kilogram", "kilograms", "kg"), 2.2046226),
    **dict.fromkeys(("gram", "grams", "g"), 2.2046226e-3),
}
"""Pounds in each unit of weight."""
_WEIGHT = rf"(?i)\bItem Weight: ([0-9][0-9.,]*) ({'|'.join(sorted(POUNDS, key=len, reverse=True))})\b"

_PRICES = (-0.5, 3.0)  # log10 of USD: 0.32 to 1,000
_WEIGHTS = (-4.0, 3.0)  # log10 of pounds


class Published:
    """What the report shows of the published rows, which it sees as they are written: about 30 bytes of each stay.

    Attributes:
        kept: The first rows of each split.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._rows: dict[str, list[pl.DataFrame]] = {}
        self.kept: dict[str, list[dict[str, Any]]] = {}

    def add(self, split: str, rows: pl.DataFrame) -> None:
        """Look at some rows of a split, columns of config `default`."""
        length = prompts.product_text(pl.col("prompt"), self._recipe.prompt).str.len_chars()
        narrow = rows.select("price", "slot", length=length, weight=_pounds(self._recipe))
        self._rows.setdefault(split, []).append(narrow)
        if split not in self.kept:
            self.kept[split] = _kept(rows.head(SAMPLES), self._recipe)

    def to_dict(self) -> dict[str, Any]:
        """Return `splits` (rows, prices, slots of each), and `length` and `weight` (or null) against the price."""
        splits = {split: pl.concat(rows) for split, rows in self._rows.items()}
        return {
            "splits": {split: _split_facts(rows) for split, rows in splits.items()},
            **_clouds(pl.concat(splits.values())),
        }


def _split_facts(rows: pl.DataFrame) -> dict[str, Any]:
    prices = rows["price"]
    return {
        "rows": rows.height,
        "price_mean": _rounded(prices.mean()),
        "price_median": _rounded(prices.median()),
        "price_min": _rounded(prices.min()),
        "price_max": _rounded(prices.max()),
        "slots": np.bincount(rows["slot"].to_numpy(), minlength=LAST + 1).tolist(),
    }


def _pounds(recipe: Recipe) -> pl.Expr:
    """Return the weight that a prompt states as ``Item Weight: 2 pounds``, in pounds; else null."""
    if recipe.text.style != "readable":
        return pl.lit(None, pl.Float64)
    found = pl.col("prompt").str.extract_groups(_WEIGHT)
    number = found.struct[0].str.replace_all(",", "").cast(pl.Float64, strict=False)
    pounds = number * found.struct[1].str.to_lowercase().replace_strict(POUNDS, return_dtype=pl.Float64, default=None)
    return pl.when(pounds > 0).then(pounds)


def _clouds(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the price against the length of the text and against the weight, as counts in the cells of a grid."""
    log_price = rows["price"].log10().to_numpy()
    length = rows["length"].to_numpy().astype(np.float64)
    top = float(max(100, -(-int(length.max()) // 100) * 100))
    weighed = rows.drop_nulls("weight")
    return {
        "length": {
            "rows": rows.height,
            "min": int(length.min()),
            "median": float(np.median(length)),
            "max": int(length.max()),
            "rank_correlation": rank_correlation(rows, "length"),
            "grid": clouds.count(length, log_price, (0.0, top), _PRICES),
        },
        "weight": {
            "rows": weighed.height,
            "median": _rounded(weighed["weight"].median()),
            "rank_correlation": rank_correlation(weighed, "weight"),
            "grid": clouds.count(
                weighed["weight"].log10().to_numpy(), weighed["price"].log10().to_numpy(), _WEIGHTS, _PRICES
            ),
        }
        if weighed.height
        else None,
    }


def rank_correlation(rows: pl.DataFrame, column: str) -> float | None:
    """Return Spearman's correlation of a column with the price, or null where one of them never changes."""
    if rows.height < 2 or rows[column].n_unique() < 2 or rows["price"].n_unique() < 2:
        return None
    return round(float(rows.select(pl.corr("price", column, method="spearman")).item()), 3)


def _kept(rows: pl.DataFrame, recipe: Recipe) -> list[dict[str, Any]]:
    columns = ("parent_asin", "category", "title", "price", "slot", "tokens")
    shown = rows.select(*columns, text=prompts.product_text(pl.col("prompt"), recipe.prompt)).to_dicts()
    for one in shown:
        one["text"] = clipped(one["text"], 2_000)
        one |= {key: clipped(one[key]) for key in ("parent_asin", "category", "title")}
    return shown


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 2)
