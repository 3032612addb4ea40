"""Decide over all items at once: who is sampled, in which order, in which split.

Only narrow columns of the items come together here; prompts are read a few at a time, where texts are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.duplicates.clusters import Clusters
from curator.duplicates.find import crossing, find_clusters
from curator.errors import RecipeError, nearest
from curator.recipe.load import Recipe
from curator.recipe.settings import SlotSettings
from curator.run.ledger import SPLITS
from curator.selection import draw, splits
from curator.selection.columns import read_categories, read_numbers

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

`cluster` is the number (in that order) of the first item of its cluster: of those with the same text, or with nearly
the same one where near-copies stay together. It is null where the recipe keeps all copies where they fall.
"""

BUILT_IN_WEIGHTS = {"Automotive": 1.0}
"""What `course-v1` weighs."""

FATES = pl.Enum([*SPLITS, "exact_duplicate", "near_duplicate", "no_slot", "not_sampled", "beyond_splits"])
"""What the selection makes of an item, as the type of a column."""


CODES = {name: np.uint8(number) for number, name in enumerate(FATES.categories)}
"""The number of each fate."""

_NEAR = CODES["near_duplicate"]


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
        parts: The items' parts, in the order of their shards; columns as in `mapper.SCHEMA`.
        recipe: The settings of duplicates, slots and splits.
    """
    settings = recipe.duplicates
    drop, together = settings.exact == "drop", settings.near == "together"
    copy_of = exact_copies(read_numbers(parts, {"text_hash": np.uint64})["text_hash"]) if drop else None
    # First what takes most: the other columns would only lie beside it.
    clusters = None
    if together:
        tokens = read_numbers(parts, {"tokens": np.int32})["tokens"]
        copies = np.arange(len(tokens)) if copy_of is None else copy_of
        mean = float(tokens.mean()) if len(tokens) else 0
        del tokens
        clusters = find_clusters(parts, copies, mean, recipe)
    slot = read_numbers(parts, {"slot": np.int32})["slot"]
    fate = np.full(len(slot), CODES["not_sampled"])
    if clusters is not None and settings.per_cluster:
        tokens = read_numbers(parts, {"tokens": np.int32})["tokens"]
        fate[_beyond_best(clusters.of, copies, tokens, settings.per_cluster)] = _NEAR
    if copy_of is not None:
        fate[copy_of != np.arange(len(slot))] = CODES["exact_duplicate"]
    fate[(slot < draw.FIRST) | (slot > draw.LAST)] = CODES["no_slot"]
    category, names = read_categories(parts)
    # Slot 0 is no slot: what is dropped already is left out of the draw as an item without a slot is.
    free = np.where(fate == CODES["not_sampled"], slot, np.int32(0))
    drawn = draw.sample(free, category, weights(names, recipe.slots), recipe.slots)
    del free
    order = splits.shuffle(drawn.chosen, recipe.split.seed)
    division = splits.sequential_split(order, recipe.split)
    if clusters is not None:
        division = divide_by_cluster(parts, order, clusters, (category, slot), division, recipe)
    cluster = clusters.of if clusters is not None else copy_of
    del category, order
    items = _decided(parts, slot, cluster, division.write(fate, CODES), fate)
    return Selection(items, division.sizes, drawn.available, division.warnings)


def weights(categories: Sequence[str | None], settings: SlotSettings) -> NDArray[np.float64]:
    """Return what an item of each category weighs in the draw; None stands for items without one."""
    default = settings.default_weight
    return np.array([default if name is None else settings.weights.get(name, default) for name in categories])


def _decided(
    parts: Sequence[Path],
    slot: NDArray[np.int32],
    cluster: NDArray[np.int64] | None,
    position: NDArray[np.int32],
    fate: NDArray[np.uint8],
) -> pl.DataFrame:
    """Return the items of a selection."""
    sampled = pl.Series(position >= 0)
    # Without values; the file's column is made of it a piece at a time.
    none = pl.Series([None], dtype=pl.Null).new_from_index(0, len(slot))
    return pl.DataFrame(
        {
            **read_numbers(parts, {"shard": np.uint32, "row": np.int64}),
            "slot": slot,
            "cluster": none if cluster is None else cluster.astype(np.uint32),
            "sampled": sampled,
            "position": pl.Series(np.maximum(position, 0).astype(np.uint32)).set(~sampled, None),
            "fate": pl.Series(fate, dtype=pl.UInt8).cat.to(FATES),
        }
    )


def divide_by_cluster(
    parts: Sequence[Path],
    order: NDArray[np.int64],
    clusters: Clusters,
    strata: Sequence[NDArray[Any]],
    plan: splits.Division,
    recipe: Recipe,
) -> splits.Division:
    """Divide the shuffled sample so that no two near-copies lie in different splits.

    Clusters are held out whole. What the search for clusters may have missed is looked for exactly: a train item that
    is a near-copy of a held-out one, or a validation item of a test one, is dropped as a near-duplicate.

    Args:
        parts: The items' parts.
        order: Numbers of the sampled items, shuffled.
        clusters: The clusters of all items.
        strata: Category rank and slot of all items: what validation and test are balanced over.
        plan: The division without clusters, for its sizes.
        recipe: The settings.
    """
    crowd = clusters.crowd[order]
    # Where more hang together than a cluster may hold, they lie in different clusters, and none is held out.
    whole = np.bincount(crowd)[crowd] <= recipe.duplicates.cluster_cap
    held = splits.hold_out(crowd, whole, [one[order] for one in strata], plan.sizes, recipe.split.seed)
    validation, test = order[held.validation], order[held.test]
    near = crossing(parts, np.sort(test), np.sort(validation), recipe)
    validation = validation[~np.isin(validation, near)]
    rest = np.delete(order, np.concatenate([held.validation, held.test]))
    apart = np.concatenate([validation, test])
    near = np.concatenate([near, crossing(parts, np.sort(apart), np.sort(rest), recipe)])
    rest = rest[~np.isin(rest, near)]
    return splits.Division.of(rest, validation, test, near, recipe.split)


def _beyond_best(
    cluster: NDArray[np.int64], copy_of: NDArray[np.int64], tokens: NDArray[np.int32], most: int
) -> NDArray[np.int64]:
    """Return the items, copies aside, that are not among the best of their cluster: the most tokens, then the first."""
    items = np.flatnonzero(copy_of == np.arange(len(copy_of)))
    order = items[np.lexsort((items, -tokens[items], cluster[items]))]
    start = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    place = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    return order[place >= most]


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
