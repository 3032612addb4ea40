"""Pairs of items under one gram of the index, compared by their kept grams.

Most pairs have little more in common than that gram. A few bits an item tell most of these apart: each gram turns one
of its item's bits over, so that two items differ in no more bits than in grams (the bitmap filter of Sandes, Teodoro
and Melo 2020). No pair is missed by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curator.kernels.types import Bytes, Int64s, UInt32s, UInt64s
from curator.system import interrupt

FEW = 100
"""So many texts with a gram in common are all compared with each other."""

FEW_OF_MANY = 16
"""The same from `SMALL` items on, where it would take too long; clusters hang together by fewer pairs."""

SMALL = 30_000
"""Items up to which `FEW` counts, and above which `FEW_OF_MANY` does."""

NEIGHBOURS = 8
"""Where there are more, each is compared with so many that follow among those that share a second gram as well.

The second is the one that follows the first in its item, in the order of their hashes. So it is a MinHash of the item's
other grams, another one for each gram: two items with a gram in common have the same one with a probability of their
similarity.
"""


@dataclass(frozen=True)
class Kept:
    """The kept grams of all items.

    Attributes:
        grams: Those of the first item in the order of their hashes, then those of the second, and so on; the lower 32
            bits of each; shape (grams,).
        bounds: Where the grams of each item begin, and where the last ones end; shape (items + 1,).
        longest: The most grams of an item.
        marks: 128 bits an item, of which each of its grams turns one over; shape (items, 2).
        ranges: The range of the index that each gram belongs to, or that it is in none; shape (grams,).
        sizes: How many grams belong to each range; shape (256,).
    """

    grams: UInt32s
    bounds: Int64s
    longest: int
    marks: UInt64s
    ranges: Bytes
    sizes: Int64s


def pairs_under(number: int, kept: Kept, least: float) -> UInt64s:
    """Return the pairs of items under the grams of a range whose kept grams have a similarity of at least `least`.

    Args:
        number: The range.
        kept: The kept grams of all items.
        least: The similarity.

    Returns:
        The two items of each pair in one number, the smaller in the upper 32 bits; ascending.
    """
    from curator.duplicates.kernels import index

    interrupt.check()
    sets = (kept.grams, kept.bounds, kept.marks, kept.longest)
    entries = index.entries(kept.grams, kept.bounds, kept.ranges, number, kept.sizes[number])
    entries.sort()
    many = index.crowded(entries, few := FEW if len(kept.marks) < SMALL else FEW_OF_MANY).view(np.bool_)
    if not many.any():
        return distinct(index.neighbours(entries, entries, 32, few, least, *sets))
    crowd, entries = entries[many], entries[~many]
    found = index.neighbours(entries, entries, 32, few, least, *sets)
    second = index.following(crowd, kept.grams, kept.bounds)
    order = np.argsort(second, kind="stable")
    more = index.neighbours(crowd[order], second[order], 0, NEIGHBOURS, least, *sets)
    return distinct(np.concatenate([found, more]))


def distinct(keys: UInt64s) -> UInt64s:
    """Return each number once, ascending; sorts what it is given, which is faster than `np.unique` for many."""
    keys.sort()
    new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]
