"""Group near-copies: pairs whose similarity was measured become clusters of a bounded size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator import interrupt
from curator.duplicates.grams import Grams, grams, similarity
from curator.threads import in_order

_PAIRS_AT_ONCE = 50_000
"""Pairs whose texts lie in memory together; finding them takes a look through all parts."""

_PIECE = 4_096

Texts = Callable[[NDArray[np.int64]], pl.Series]
"""Returns the texts of some items, whose numbers ascend."""


@dataclass(frozen=True)
class Clusters:
    """Which items belong together.

    Attributes:
        of: The cluster of each item: the number of its first item; shape (items,).
        crowd: The crowd of each item: the number of the first item that can be reached from it from near-copy to
            near-copy. It is the cluster itself, unless more items hang together than a cluster may hold.
    """

    of: NDArray[np.int64]
    crowd: NDArray[np.int64]


def verified(candidates: NDArray[np.int64], texts: Texts, threshold: float) -> NDArray[np.int64]:
    """Return the pairs whose similarity is at least the threshold, measured exactly.

    Args:
        candidates: Pairs of item numbers; shape (pairs, 2).
        texts: Where the texts come from.
        threshold: The similarity; above 0 and at most 1.
    """
    # Pairs that hang together come together, so that each text is read only a few times.
    together = candidates[np.argsort(components(candidates), kind="stable")]
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(together), _PAIRS_AT_ONCE):
        interrupt.check()
        some = together[start : start + _PAIRS_AT_ONCE]
        items = np.unique(some)
        wanted = texts(items)
        pieces = (wanted.slice(at, _PIECE) for at in range(0, len(wanted), _PIECE))
        sets = Grams.joined(list(in_order(grams, pieces)))
        places = np.searchsorted(items, some)

        def near(at: int, sets: Grams = sets, places: NDArray[np.int64] = places) -> NDArray[np.bool_]:
            a, b = (sets.take(places[at : at + _PIECE, side]) for side in (0, 1))
            return similarity(a, b) >= threshold

        found.append(some[np.concatenate(list(in_order(near, range(0, len(some), _PIECE))))])
    every = np.concatenate(found)
    return every[np.lexsort((every[:, 1], every[:, 0]))]


def components(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each pair the smallest number that its own are connected with, over all pairs; shape (pairs,)."""
    numbers, places = np.unique(pairs, return_inverse=True)
    a, b = places.reshape(-1, 2).T
    label = np.arange(len(numbers))
    while True:
        low = np.minimum(label[a], label[b])
        # Both ends, and what they were named after, take the smaller name; then names follow names to their end.
        for target in (label[a], label[b], a, b):
            np.minimum.at(label, target, low)
        while not np.array_equal(further := label[label], label):
            label = further
        if np.array_equal(label[a], label[b]):
            return numbers[label[a]]


def cluster(items: int, pairs: NDArray[np.int64], most: int) -> Clusters:
    """Group items by their pairs.

    Items that hang together are one cluster. Where these are more than `most`, clusters are stars: the first item that
    is in none yet, and near-copies of it, so that a chain of texts in which each is like the next but not like the
    last can't tie a whole category together.

    Args:
        items: How many items there are.
        pairs: Near-copies, ascending; shape (pairs, 2).
        most: Most items of a cluster.
    """
    of = np.arange(items)
    crowd = np.arange(items)
    names = components(pairs)
    for side in (0, 1):
        crowd[pairs[:, side]] = names
        of[pairs[:, side]] = names
    sizes = np.bincount(of, minlength=items)
    large = sizes[names] > most
    near: defaultdict[int, list[int]] = defaultdict(list)
    for a, b in pairs[large].tolist():
        near[a].append(b)
        near[b].append(a)
    placed: set[int] = set()
    for first in sorted(near):
        if first not in placed:
            star = [first, *(one for one in sorted(near[first]) if one not in placed)][:most]
            placed.update(star)
            of[star] = first
    return Clusters(of, crowd)
