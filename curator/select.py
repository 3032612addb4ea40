"""Decide over all items at once: who is sampled, in which order, in which split.

Only narrow columns of the items come together here; prompts stay in the parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator import slots, splits
from curator.errors import RecipeError, nearest
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
"""Columns of ``selection.parquet``: one row for each item, in source order.

`cluster` is the number (in that order) of the first item with the same text, null where the recipe keeps copies.
"""

BUILT_IN_WEIGHTS = {"Automotive": 1.0}
"""What `course-v1` weighs."""

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
    available: NDArray[np.int64]
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
    columns = ["shard", "row", "slot", *(["text_hash"] if recipe.duplicates.exact == "drop" else [])]
    rows = pl.scan_parquet(list(parts), glob=False).select(*columns, weight=weight).collect()
    cluster = exact_copies(rows["text_hash"].to_numpy()) if "text_hash" in rows.columns else None
    slot = rows["slot"].to_numpy()
    copy = np.zeros(len(slot), np.bool_) if cluster is None else cluster != np.arange(len(slot))
    # Slot 0 is no slot: a copy is left out of the draw as an item without a slot is.
    drawn = slots.sample(np.where(copy, 0, slot), rows["weight"].to_numpy(), recipe.slots)
    order = splits.shuffle(drawn.chosen, recipe.split.seed)
    sizes, warnings = splits.split_sizes(len(order), recipe.split)
    fate, position = _fates(slot, copy, order, sizes)
    items = rows.select(
        "shard",
        "row",
        "slot",
        pl.Series("cluster", cluster if cluster is not None else [None] * len(slot), dtype=pl.UInt32),
        pl.Series("sampled", position >= 0),
        pl.Series("position", np.maximum(position, 0)).cast(pl.UInt32).set(pl.Series(position < 0), None),
        pl.Series("fate", fate, dtype=pl.UInt8).cat.to(FATES),
    )
    return Selection(items, sizes, drawn.available, warnings)


def exact_copies(text_hash: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each item the number of the first item with the same text; its own if there is none before it."""
    _, first, group = np.unique(text_hash, return_index=True, return_inverse=True)
    return first[group]


def check_weights(recipe: Recipe, categories: Iterable[str]) -> None:
    """Refuse a weight for a category that the source does not have: a typing error would silently do nothing.

    The built-in recipes' own weights are theirs for all sources, and stay.

    Raises:
        RecipeError: It names the category and the nearest one there is.
    """
    present = sorted(set(categories))
    for name, weight in recipe.slots.weights.items():
        if name not in present and BUILT_IN_WEIGHTS.get(name) != weight:
            raise RecipeError(
                f"slots.weights.{name} = {weight:g}: the source has no category {name!r}.{nearest(name, present)}"
                f" It has {', '.join(present[:40]) or 'none'}."
            )


def split_of(fate: pl.Expr) -> pl.Expr:
    """Return the split that a fate is, or null."""
    return pl.when(fate.cast(pl.String).is_in(SPLITS)).then(fate.cast(pl.String))


def _fates(
    slot: NDArray[np.int32], copy: NDArray[np.bool_], order: NDArray[np.int64], sizes: splits.SplitSizes
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the fate (code of `FATES`) and the position in the shuffled sample (-1: none) of each item."""
    code = {name: np.uint8(number) for number, name in enumerate(FATES.categories)}
    fate = np.full(len(slot), code["not_sampled"])
    fate[copy] = code["exact_duplicate"]
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
