"""What a run did, in one object: ``summary.json``, which the closing table, the report and comparisons read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from curator import __version__, ledger, slots
from curator.errors import RunError
from curator.recipe import Recipe
from curator.select import Selection
from curator.sources.model import Source
from curator.vocabularies import Vocabulary

MOST_CATEGORIES = 100
"""Categories that a summary lists, the largest first."""

BANDS = (1, 20, 50, 100, 200, 400)
"""Where the price bands begin whose balance is told (USD); the last one ends with the slots."""


def summarise(
    recipe: Recipe,
    vocabulary: Vocabulary,
    read: Sequence[Source],
    parts: Sequence[Path],
    selection: Selection,
    fates: Mapping[str, int],
) -> dict[str, Any]:
    """Return what a run counted: its summary but for time and memory.

    Args:
        recipe: The run's recipe.
        vocabulary: The tokenizer that counted.
        read: What was read.
        parts: The items' parts, in the order of the selection.
        selection: What was decided.
        fates: Rows of each fate.

    Raises:
        RunError: The fates don't add up to the rows read.
    """
    rows = sum(source.rows for source in read)
    if sum(fates.values()) != rows:
        raise RunError(f"the ledger holds {sum(fates.values()):,} rows, the sources {rows:,}")
    return {
        "curator": __version__,
        "recipe": recipe.name,
        "settings": {**recipe.model_dump(mode="json"), "tokenizer": vocabulary.name},
        "tokenizer": {"name": vocabulary.name, "sha256": vocabulary.sha256},
        "sources": [{"name": one.name, "category": one.category, "rows": one.rows} for one in read],
        "rows_in": rows,
        "items": selection.items.height,
        "sampled": int(selection.items["sampled"].sum()),
        "masked": _masked(parts, selection),
        "fates": dict(fates),
        "splits": {name: fates.get(name, 0) for name in ledger.SPLITS},
        "warnings": selection.warnings,
        "distributions": _distributions(parts, selection),
        "balance": _balance(parts, selection),
    }


def _masked(parts: Sequence[Path], selection: Selection) -> int:
    """Return how many rows of the splits have a masked price."""
    masked = pl.scan_parquet(list(parts), glob=False).select("masked").collect()["masked"]
    return int((masked & selection.items["fate"].cast(pl.String).is_in(ledger.SPLITS)).sum())


def cost(seconds: Mapping[str, float], rows_mapped: int, peak_memory_bytes: int) -> dict[str, Any]:
    """Return what a run took, for its summary.

    Args:
        seconds: Time of each step.
        rows_mapped: Raw rows mapped this time; the others' parts were there already.
        peak_memory_bytes: The most memory in use, at most.
    """
    return {
        "seconds": dict(seconds),
        "rows_mapped": rows_mapped,
        "rows_per_second": round(rows_mapped / seconds["map"], 1) if rows_mapped else None,
        "peak_memory_bytes": peak_memory_bytes,
    }


def _balance(parts: Sequence[Path], selection: Selection) -> dict[str, list[dict[str, Any]]]:
    """Return how validation and test are balanced: by category and by price (`low`: where its band begins, USD).

    The aim is the share that a category or a price band has of all splits together, in rows of the split.
    """
    category = pl.scan_parquet(list(parts), glob=False).select("category").collect().to_series()
    rows = selection.items.select("slot", pl.col("fate").cast(pl.String), category=category)
    rows = rows.filter(pl.col("fate").is_in(ledger.SPLITS))
    low = pl.Series("low", np.array(BANDS)[np.digitize(rows["slot"].to_numpy(), BANDS) - 1])
    listed = rows["category"].value_counts(sort=True).sort("count", "category", descending=[True, False])["category"]
    return {
        "categories": _aims(rows, "category", listed.head(MOST_CATEGORIES).to_list()),
        "prices": _aims(rows.with_columns(low), "low", BANDS),
    }


def _aims(rows: pl.DataFrame, column: str, values: Sequence[str | int | None]) -> list[dict[str, Any]]:
    """Return for each value of a column the rows of each split that have it, and those aimed at where held out."""
    total = max(rows.height, 1)
    counts = rows.group_by(column, "fate").len()
    sizes = dict(rows["fate"].value_counts().iter_rows())
    found = []
    for value in values:
        mine = dict(counts.filter(pl.col(column).eq_missing(value)).select("fate", "len").iter_rows())
        share = sum(mine.values()) / total
        one: dict[str, Any] = {column: value, "train": mine.get("train", 0)}
        for split in ("validation", "test"):
            one |= {split: mine.get(split, 0), f"{split}_aim": round(share * sizes.get(split, 0), 1)}
        found.append(one)
    return found


def _distributions(parts: Sequence[Path], selection: Selection) -> dict[str, Any]:
    """Return counts by slot (index: USD), category and prompt tokens, of all items and of the sampled ones."""
    items = pl.scan_parquet(list(parts), glob=False).select("category", "tokens").collect()
    sampled = selection.items["sampled"]
    categories = items.select("category", sampled=sampled).group_by("category").agg(pl.len(), pl.col("sampled").sum())
    listed = categories.sort("len", "category", descending=[True, False]).head(MOST_CATEGORIES)
    chosen = selection.items.filter("sampled")["slot"].to_numpy()
    return {
        "slots": {
            "items": selection.available.tolist(),
            "sampled": np.bincount(chosen, minlength=slots.LAST + 1).tolist(),
        },
        "categories": [
            {"category": name, "items": count, "sampled": taken} for name, count, taken in listed.iter_rows()
        ],
        "tokens": {
            "items": np.bincount(items["tokens"].to_numpy()).tolist(),
            "sampled": np.bincount(items["tokens"].to_numpy()[sampled.to_numpy()]).tolist(),
        },
    }
