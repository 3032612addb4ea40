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
