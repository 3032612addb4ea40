"""Group near-copies: pairs whose similarity was measured become clusters of a bounded size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curator.duplicates.grams import Grams, similarity
from curator.kernels.types import Int64s
from curator.system import interrupt

Sets = Callable[[Int64s], Grams]
"""Returns the gram sets of some items, whose numbers ascend."""


@dataclass(frozen=True)
class Clusters:
    """Which items belong together.

    Attributes:
        of: The cluster of each item: the number of its first item; shape (items,).
        crowd: The crowd of each item: the number of the first item that can be reached from it from near-copy to
            near-copy. It is the cluster itself, unless more items hang together than a cluster may hold.
    """

    of: Int64s
    crowd: Int64s


def verified(candidates: Int64s, sets: Sets, threshold: float, at_once: int = 50_000) -> Int64s:
    """Return the pairs whose similarity is at least the threshold, measured exactly.

    Args:
        candidates: Pairs of item numbers; shape (pairs, 2).
        sets: Where the gram sets come from.
        threshold: The similarity; above 0 and at most 1.
        at_once: Items, about, whose grams lie in memory together; finding them takes a look through all parts.
    """
    from curator.duplicates.kernels import clusters as loops

    # Pairs that hang together come together, so that few items are asked for twice.
    items = int(candidates.max(initial=-1)) + 1
    names = loops.components(candidates, items)
    together = candidates[np.argsort(names[candidates[:, 0]], kind="stable")]
    del names

    def near(some: Int64s) -> Int64s:
        interrupt.check()
        wanted = np.unique(some)
        mine = sets(wanted)
        a, b = (np.searchsorted(wanted, some[:, side]) for side in (0, 1))
        return some[similarity(mine, mine, (a, b)) >= threshold]

    every = np.concatenate([near(some) for some in np.split(together, loops.looks(together, items, at_once)[1:])])
    return every[np.lexsort((every[:, 1], every[:, 0]))]


def cluster(items: int, pairs: Int64s, most: int) -> Clusters:
    """Group items by their pairs.

    Items that hang together are one cluster. Where these are more than `most`, clusters are stars: the first item that
    is in none yet, and near-copies of it, so that a chain of texts in which each is like the next but not like the
    last can't tie a whole category together.

    Args:
        items: How many items there are.
        pairs: Near-copies, ascending; shape (pairs, 2).
        most: Most items of a cluster.
    """
    from curator.duplicates.kernels import clusters as loops

    crowd = loops.components(pairs, items)
    of = crowd.copy()
    large = np.bincount(of)[of[pairs[:, 0]]] > most
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
