"""Measure what was published, from the files of ``dataset/data``: prices, text lengths, weights, broken promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.dataset.forms import text_form
from curator.pages.html import clipped
from curator.recipe.load import Recipe
from curator.report import hexagons
from curator.run.ledger import SPLITS
from curator.run.parts import batches
from curator.selection.slots import FIRST, LAST
from curator.text import prompts
from curator.text.prices import round_price

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


@dataclass
class _Split:
    """What is counted of one split, file after file."""

    slots: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LAST + 1, np.int64))
    prices: list[pl.Series] = field(default_factory=list)
    hashes: list[pl.Series] = field(default_factory=list)
    tokens_max: int = 0


def measure(dataset: Path, files: Mapping[str, Mapping[str, Any]], recipe: Recipe) -> dict[str, Any]:
    """Return what the published files hold, some thousand rows in memory at a time.

    Args:
        dataset: The folder ``dataset``.
        files: Its files, as in its manifest.
        recipe: The recipe that made it.

    Returns:
        `splits` (rows, prices, slots and the longest prompt of each), `wrong` (rows that break a promise, by promise),
        `length` and `weight` (against the price; `weight` is null where no text states one), `kept` (some rows).
    """
    splits = {split: _Split() for split in SPLITS}
    wrong = dict.fromkeys(("prompt_end", "completion", "text_end", "slot", "slot_range"), 0)
    narrow: list[pl.DataFrame] = []
    kept: dict[str, list[dict[str, Any]]] = {}
    for split, path in _data_files(files):
        mine = splits[split]
        both = (batches([dataset / path]), batches([dataset / path.replace("data/", "text/", 1)], ["text"]))
        for rows, texts in zip(*both, strict=True):
            for promise, broken in _broken(rows, texts["text"], split, recipe).items():
                wrong[promise] += broken
            mine.slots += np.bincount(np.clip(rows["slot"].to_numpy(), 0, LAST), minlength=LAST + 1)
            mine.prices.append(rows["price"])
            mine.hashes.append(rows["prompt"].hash())
            mine.tokens_max = max(mine.tokens_max, int(rows["tokens"].max() or 0))  # type: ignore[arg-type]
            length = prompts.product_text(pl.col("prompt"), recipe.prompt).str.len_chars()
            narrow.append(rows.select("price", length=length, weight=_pounds(recipe)))
            if split not in kept:
                kept[split] = _kept(rows.head(SAMPLES), recipe)
    return {
        "splits": {name: _split_facts(one) for name, one in splits.items() if one.prices},
        "wrong": {**wrong, "shared": _shared([one.hashes for one in splits.values()])},
        **_clouds(pl.concat(narrow) if narrow else None),
        "kept": kept,
    }


def _data_files(files: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield split and name of each data file, in the order of the splits."""
    for split in SPLITS:
        for name in sorted(files):
            if name.startswith(f"data/{split}-"):
                yield split, name


def _broken(rows: pl.DataFrame, texts: pl.Series, split: str, recipe: Recipe) -> dict[str, int]:
    """Count the rows that break each promise."""
    answer = recipe.prompt.answer
    rounded = round_price(pl.col("price"), recipe.price)
    promises = {
        "prompt_end": pl.col("prompt").str.ends_with(answer),
        "completion": pl.col("completion") == pl.concat_str(pl.col("slot").cast(pl.String), pl.lit(".00")),
        "text_end": pl.lit(text_form(rows, split, recipe)["text"] == texts),
        "slot": pl.col("slot") == rounded,
        "slot_range": pl.col("slot").is_between(FIRST, LAST),
    }
    held = rows.select(**{name: promise.fill_null(value=False).sum() for name, promise in promises.items()})
    return {name: rows.height - int(count) for name, count in held.row(0, named=True).items()}


def _split_facts(split: _Split) -> dict[str, Any]:
    prices = pl.concat(split.prices)
    return {
        "rows": prices.len(),
        "price_mean": _rounded(prices.mean()),
        "price_median": _rounded(prices.median()),
        "price_min": _rounded(prices.min()),
        "price_max": _rounded(prices.max()),
        "tokens_max": split.tokens_max,
        "slots": split.slots.tolist(),
    }


def _shared(hashes: list[list[pl.Series]]) -> int:
    """Count the distinct prompts that lie in more than one split."""
    distinct = [pl.concat(some).unique() for some in hashes if some]
    if len(distinct) < 2:
        return 0
    everything = pl.concat(distinct)
    return everything.filter(everything.is_duplicated()).n_unique()


def _pounds(recipe: Recipe) -> pl.Expr:
    """Return the weight that a prompt states as ``Item Weight: 2 pounds``, in pounds; else null."""
    if recipe.text.style != "readable":
        return pl.lit(None, pl.Float64)
    found = pl.col("prompt").str.extract_groups(_WEIGHT)
    number = found.struct[0].str.replace_all(",", "").cast(pl.Float64, strict=False)
    pounds = number * found.struct[1].str.to_lowercase().replace_strict(POUNDS, return_dtype=pl.Float64, default=None)
    return pl.when(pounds > 0).then(pounds)


def _clouds(rows: pl.DataFrame | None) -> dict[str, Any]:
    """Return the price against the length of the text and against the weight, as counts in hexagons."""
    if rows is None:
        return {"length": None, "weight": None}
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
            "hexagons": hexagons.count(length, log_price, (0.0, top), _PRICES),
        },
        "weight": {
            "rows": weighed.height,
            "median": _rounded(weighed["weight"].median()),
            "rank_correlation": rank_correlation(weighed, "weight"),
            "hexagons": hexagons.count(
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
