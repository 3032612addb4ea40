"""What hangs together by pairs, and which pairs are looked at together."""

from __future__ import annotations

import numpy as np

from curator.kernels.compiler import compiled
from curator.kernels.types import Int64s


@compiled
def components(pairs: Int64s, items: int) -> Int64s:
    """Return for each item the smallest that it is connected with.

    Args:
        pairs: Shape (pairs, 2).
        items: How many items there are.
    """
    found = np.arange(items)
    for pair in range(len(pairs)):
        a, b = _root(found, pairs[pair, 0]), _root(found, pairs[pair, 1])
        found[max(a, b)] = min(a, b)
    for item in range(items):
        # Smaller ones have their own answer by now.
        found[item] = found[found[item]]
    return found


@compiled
def _root(found: Int64s, item: int) -> int:
    """Return where the way from an item ends, and make the way half as long."""
    while found[item] != item:
        found[item] = found[found[item]]
        item = found[item]
    return item


@compiled
def looks(pairs: Int64s, items: int, at_once: int) -> Int64s:
    """Return where the pairs begin that are looked at together, which have about so many items.

    Args:
        pairs: Shape (pairs, 2), in their order.
        items: How many items there are.
        at_once: At least one.
    """
    found = np.zeros(2 * len(pairs) // at_once + 1, np.int64)
    seen = np.zeros(items, np.int32)
    look = 1
    mine = 0
    for pair in range(len(pairs)):
        if mine >= at_once:
            found[look] = pair
            look, mine = look + 1, 0
        for side in range(2):
            mine += seen[pairs[pair, side]] != look
            seen[pairs[pair, side]] = look
    return found[:look]
