"""Find the near-copies among the items of a run, and those that a division would part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.duplicates.clusters import Clusters, cluster, verified
from curator.duplicates.crossing import Held
from curator.duplicates.grams import GRAM_BITS, Grams, grams
from curator.duplicates.index import Sketches, kept_share
from curator.recipe.load import Recipe
from curator.run import parts as files
from curator.system.threads import map_ordered
from curator.text import prompts

_COLUMNS = ("prompt", "slot")
_GRAMS_PER_TOKEN = 0.6
_TOKENS_AROUND = 20  # about: of the question and the answer
_AT_ONCE = 50_000
_LOOKS = 12
"""Of the items, one in so many is measured exactly at a time, but `_AT_ONCE` at least: the grams of a text take ten
times what was kept of each while pairs were looked for."""


def find_clusters(parts: Sequence[Path], copy_of: NDArray[np.int64], tokens: float, recipe: Recipe) -> Clusters:
    """Group the items of a run by near-copies.

    Args:
        parts: The items' parts, in the order of their shards; columns `prompt` and `slot`.
        copy_of: For each item the number of the first item with the same text; its own if there is none before it.
            A copy goes where its first goes, and its text is not looked at.
        tokens: Tokens of a prompt on average; they tell how many grams to expect.
        recipe: Its `duplicates` and `prompt`.
    """
    items = len(copy_of)
    first = _firsts(copy_of)
    sketches = Sketches(kept_share(len(first), _GRAMS_PER_TOKEN * (tokens - _TOKENS_AROUND)))
    for kept in _sets(parts, first, recipe, sketches.below):
        sketches.add(kept)
    # Most memory is taken now, and what is easily made again makes room.
    del first
    settings = recipe.duplicates
    candidates = sketches.candidates(settings.similarity)
    first = _firsts(copy_of)

    def wanted(numbers: NDArray[np.int64]) -> Grams:
        return Grams.joined(_sets(parts, first[numbers], recipe))

    pairs = verified(candidates, wanted, settings.similarity, max(_AT_ONCE, items // _LOOKS))
    found = cluster(len(first), pairs, settings.cluster_cap)
    place = np.empty(items, np.int64)
    place[first] = np.arange(len(first))
    return Clusters(first[found.of[place[copy_of]]], first[found.crowd[place[copy_of]]])


def _firsts(copy_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the items that are no copy of one before; ascending."""
    return np.flatnonzero(copy_of == np.arange(len(copy_of)))


def crossing(
    parts: Sequence[Path], held: NDArray[np.int64], others: NDArray[np.int64], recipe: Recipe
) -> NDArray[np.int64]:
    """Return those of some items that are near-copies of an item held apart, exactly; ascending.

    The clusters leave few of them: pairs that the sketches missed, and those of a cluster over its cap.

    Args:
        parts: The items' parts, in the order of their shards; columns `prompt` and `slot`.
        held: Numbers of the items held apart; ascending.
        others: Numbers of the other items; ascending.
        recipe: Its `duplicates` and `prompt`.
    """
    if not len(held) or not len(others):
        return np.empty(0, np.int64)
    apart = Held(Grams.joined(_sets(parts, held, recipe)), recipe.duplicates.similarity)

    def near(group: files.Group) -> NDArray[np.bool_]:
        hit = [np.zeros(0, np.bool_)]
        for texts in _texts(group, recipe):
            hit.append(np.zeros(len(texts), np.bool_))
            hit[-1][apart.near(grams(texts)).other] = True
        return np.concatenate(hit)

    hit = np.concatenate(list(map_ordered(near, files.groups(parts, others))))
    found: NDArray[np.int64] = others[hit]
    return found


def _sets(
    parts: Sequence[Path], items: NDArray[np.int64], recipe: Recipe, below: int = 1 << GRAM_BITS
) -> Iterator[Grams]:
    """Yield the gram sets of some items, whose numbers ascend."""

    def some(group: files.Group) -> Grams:
        return Grams.joined(grams(texts, below) for texts in _texts(group, recipe))

    return map_ordered(some, files.groups(parts, items))


def _texts(group: files.Group, recipe: Recipe) -> Iterator[pl.Series]:
    """Yield the product texts of some rows, a few at a time."""
    published = prompts.before_completion(pl.col("prompt"), pl.col("slot"))
    for rows in files.load(group, _COLUMNS):
        yield rows.select(prompts.product_text(published, recipe.prompt)).to_series()
