"""Decide over all items at once: who is sampled, in which order, in which split.

Only narrow columns of the items come together here; prompts stay in the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from curator import slots, splits
from curator.ledger import SPLITS
from curator.recipe import Recipe

SCHEMA = {
    "shard": pl.UInt32,
    "row": pl.Int64,
    "slot": pl.Int32,
    "cluster": pl.UInt32,
    "sampled": pl.Boolean,
    "position": pl.UInt32,
    "split": pl.String,
}
"""Columns of ``selection.parquet``: one row for each item, in source order."""

FATES = pl.Enum([*SPLITS, "exact_duplicate", "no_slot", "not_sampled", "beyond_splits"])


@dataclass(frozen=True)
class Selection:
    """What was decided.

    Attributes:
        items: Columns `shard`, `row`, `slot`, `cluster`, `sampled`, `position` and `fate`, in source order.
        sizes: Rows of each split.
        available: Items in each slot from 0 to 999 before the draw; shape (1000,).
        warnings: What the reader should know, such as a split that falls short.
    """

    items: pl.DataFrame
    sizes: splits.SplitSizes
    available: np.ndarray
    warnings: list[str]


def select(parts: Sequence[Path], recipe: Recipe) -> Selection:
    """Choose the sample of all items and divide it.

    Args:
        parts: The items' parts, in the order of their shards; columns as in `items.SCHEMA`.
        recipe: The settings of slots and splits.
    """
    weight = pl.col("category").replace_strict(
        recipe.slots.weights, default=recipe.slots.default_weight, return_dtype=pl.Float64
    )
    rows = pl.scan_parquet(list(parts), glob=False).select("shard", "row", "slot", weight=weight).collect()
    slot = rows["slot"].to_numpy()
    drawn = slots.sample(slot, rows["weight"].to_numpy(), recipe.slots)
    order = splits.shuffle(drawn.chosen, recipe.split.seed)
    sizes, warnings = splits.split_sizes(len(order), recipe.split)
    fate, position = _fates(slot, order, sizes)
    items = rows.select(
        "shard",
        "row",
        "slot",
        pl.lit(None, pl.UInt32).alias("cluster"),
        pl.Series("sampled", position >= 0),
        pl.Series("position", position).replace(-1, None).cast(pl.UInt32),
        pl.Series("fate", fate, dtype=pl.UInt8).cat.to(FATES),
    )
    return Selection(items, sizes, drawn.available, warnings)


def split_of(fate: pl.Expr) -> pl.Expr:
    """Return the split that a fate is, or null."""
    return pl.when(fate.cast(pl.String).is_in(SPLITS)).then(fate.cast(pl.String))


def _fates(slot: np.ndarray, order: np.ndarray, sizes: splits.SplitSizes) -> tuple[np.ndarray, np.ndarray]:
    """Return the fate (code of `FATES`) and the position in the shuffled sample (-1: none) of each item."""
    code = {name: np.uint8(number) for number, name in enumerate(FATES.categories)}
    fate = np.full(len(slot), code["not_sampled"])
    fate[(slot < slots.FIRST) | (slot > slots.LAST)] = code["no_slot"]
    position = np.full(len(slot), -1, np.int64)
    position[order] = np.arange(len(order))
    start = 0
    for name, size in (
        ("train", sizes.train),
        ("validation", sizes.validation),
        ("test", sizes.test),
        ("beyond_splits", sizes.beyond),
    ):
        fate[order[start : start + size]] = code[name]
        start += size
    return fate, position
