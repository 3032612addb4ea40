"""Choose the sample: at most `cap` items of each price slot, drawn by category weights.

A slot is a price in whole dollars, 1 to 999. The draw is that of numpy's legacy generator, whose stream is frozen
(NEP 19), so the same items give the same sample on every version and machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.settings import SlotSettings

FIRST, LAST = 1, 999
"""The lowest and the highest slot (whole USD)."""


@dataclass(frozen=True)
class Sample:
    """The chosen items.

    Attributes:
        chosen: Positions in the items' order of those chosen, slot after slot, in the order of the draw.
        available: Items in each slot from 0 to 999, before the draw; shape (1000,).
    """

    chosen: NDArray[np.int64]
    available: NDArray[np.int64]


def sample(slot: NDArray[np.int32], weight: NDArray[np.float64], settings: SlotSettings) -> Sample:
    """Choose items slot by slot.

    A slot from `whole_from` on, or with at most `cap` items, is taken whole in source order; of any other, `cap` items
    are drawn without replacement with the given weights.

    Args:
        slot: Slot of each item in source order (USD); items outside 1 to 999 are never chosen.
        weight: Weight of each item, on any scale.
        settings: Cap, threshold and seed.

    >>> slot, weight = np.array([7, 20, 7, 7, 300, 300, 300], np.int32), np.array([1.0, 1, 5, 5, 1, 1, 1])
    >>> drawn = sample(slot, weight, SlotSettings(cap=2, whole_from=240, seed=42))
    >>> drawn.chosen.tolist()  # two of the three at $7, by weight; the others whole, in source order
    [2, 3, 1, 4, 5, 6]
    >>> drawn.available[[7, 20, 300]].tolist()
    [3, 1, 3]
    """
    # A stable sort groups the items by slot and keeps the source order within each.
    order = np.argsort(slot, kind="stable")
    bounds = np.searchsorted(slot[order], np.arange(FIRST, LAST + 2))
    generator = np.random.RandomState(settings.seed)
    chosen: list[NDArray[np.int64]] = []
    for price in range(FIRST, LAST + 1):
        members = order[bounds[price - FIRST] : bounds[price - FIRST + 1]]
        if price < settings.whole_from and len(members) > settings.cap:
            weights = weight[members]
            drawn = generator.choice(len(members), size=settings.cap, replace=False, p=weights / np.sum(weights))
            members = members[drawn]
        chosen.append(members)
    inside = (slot >= FIRST) & (slot <= LAST)
    return Sample(np.concatenate(chosen), np.bincount(slot[inside], minlength=LAST + 1))
