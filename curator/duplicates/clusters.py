"""Group near-copies: pairs whose similarity was measured become clusters of a bounded size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curator import interrupt
from curator.arrays import Ints
from curator.duplicates.grams import Grams, similarity

Sets = Callable[[Ints], Grams]
"""Returns the gram sets of some items, whose numbers ascend."""


@dataclass(frozen=True)
class Clusters:
    """Which items belong together.

    Attributes:
        of: The cluster of each item: the number of its first item; shape (items,).
        crowd: The crowd of each item: the number of the first item that can be reached from it from near-copy to
            near-copy. It is the cluster itself, unless more items hang together than a cluster may hold.
    """

    of: Ints
    crowd: Ints


def verified(candidates: Ints, sets: Sets, threshold: float, at_once: int = 50_000) -> Ints:
    """Return the pairs whose similarity is at least the threshold, measured exactly.

    Args:
        candidates: Pairs of item numbers; shape (pairs, 2).
        sets: Where the gram sets come from.
        threshold: The similarity; above 0 and at most 1.
        at_once: Items, about, whose grams lie in memory together; finding them takes a look through all parts.
    """
    # Pairs that hang together come together, so that few items are asked for twice.
    together = candidates[np.argsort(components(candidates), kind="stable")]
    _, first = np.unique(together, return_index=True)
    new = np.zeros(together.size, np.int64)
    new[first] = 1
    look = (np.cumsum(new)[1::2] - 1) // at_once
    found = [np.empty((0, 2), np.int64)]
    for some in np.split(together, np.flatnonzero(np.diff(look)) + 1):
        interrupt.check()
        items = np.unique(some)
        mine = sets(items)
        a, b = (np.searchsorted(items, some[:, side]) for side in (0, 1))
        found.append(some[similarity(mine, mine, (a, b)) >= threshold])
    every = np.concatenate(found)
    return every[np.lexsort((every[:, 1], every[:, 0]))]


def components(pairs: Ints) -> Ints:
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


def cluster(items: int, pairs: Ints, most: int) -> Clusters:
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
