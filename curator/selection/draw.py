"""Choose the sample: at most `cap` items of each price slot, drawn by category weights.

A slot is a price in whole dollars, 1 to 999. The draw is that of numpy's legacy generator, whose stream is frozen
(NEP 19), so the same items give the same sample on every version and machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.recipe.settings import SlotSettings

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


def sample(
    slot: NDArray[np.integer], category: NDArray[np.integer], weights: NDArray[np.float64], settings: SlotSettings
) -> Sample:
    """Choose items slot by slot.

    A slot from `whole_from` on, or with at most `cap` items, is taken whole in source order; of any other, `cap` items
    are drawn without replacement with the weights of their categories.

    Args:
        slot: Slot of each item in source order (USD); items outside 1 to 999 are never chosen.
        category: Category of each item, as its place in `weights`.
        weights: What an item of each category weighs, on any scale.
        settings: Cap, threshold and seed.

    >>> slot, category = np.array([7, 20, 7, 7, 300, 300, 300]), np.array([0, 0, 1, 1, 0, 0, 0])
    >>> drawn = sample(slot, category, np.array([1.0, 5.0]), SlotSettings(cap=2, whole_from=240, seed=42))
    >>> drawn.chosen.tolist()  # two of the three at $7, by weight; the others whole, in source order
    [2, 3, 1, 4, 5, 6]
    >>> drawn.available[[7, 20, 300]].tolist()
    [3, 1, 3]
    """
    # Two bytes an item, and few enough values that numpy sorts them in one pass.
    narrow = np.where((slot >= FIRST) & (slot <= LAST), slot, 0).astype(np.int16)
    available = np.bincount(narrow, minlength=LAST + 1)
    # A stable sort groups the items by slot and keeps the source order within each.
    order = np.argsort(narrow, kind="stable")
    bounds = np.cumsum(available)
    available[0] = 0
    generator = np.random.RandomState(settings.seed)
    chosen: list[NDArray[np.int64]] = []
    for price in range(FIRST, LAST + 1):
        members = order[bounds[price - 1] : bounds[price]]
        if price < settings.whole_from and len(members) > settings.cap:
            weight = weights[category[members]]
            drawn = generator.choice(len(members), size=settings.cap, replace=False, p=weight / np.sum(weight))
            members = members[drawn]
        chosen.append(members)
    return Sample(np.concatenate(chosen), available)
