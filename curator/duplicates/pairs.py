"""Pairs of items under one gram of the index, compared by their kept grams.

Most pairs have little more in common than that gram. A few bits an item tell most of these apart: each gram turns one
of its item's bits over, so that two items differ in no more bits than in grams (the bitmap filter of Sandes, Teodoro
and Melo 2020). No pair is missed by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator import interrupt
from curator.duplicates.grams import offsets

FEW = 100
"""So many texts with a gram in common are all compared with each other."""

FEW_OF_MANY = 16
"""The same from `SMALL` items on, where it would take too long; clusters hang together by fewer pairs."""

SMALL = 30_000
"""Items up to which `FEW` counts, and above which `FEW_OF_MANY` does."""

NEIGHBOURS = 8
"""Where there are more, each is compared with so many that follow among those that share a second gram as well."""

_PAIRS = 10_000


@dataclass(frozen=True)
class Kept:
    """The kept grams of all items.

    Attributes:
        grams: Those of the first item in the order of their hashes, then those of the second, and so on; the lower 32
            bits of each; shape (grams,).
        bounds: Where the grams of each item begin, and where the last ones end; shape (items + 1,).
        marks: 128 bits an item, as `marks` makes them; shape (items, 2).
    """

    grams: NDArray[np.uint32]
    bounds: NDArray[np.int64]
    marks: NDArray[np.uint64]

    def sizes(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many kept grams some items have."""
        return self.bounds[items + 1] - self.bounds[items]


def marks(grams: NDArray[np.uint32], sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return 128 bits for each item, of which each gram turns one over; shape (items, 2)."""
    # Fibonacci hashing: the uppermost bits of the product.
    place = (grams * np.uint32(0x9E3779B1)) >> np.uint32(25)
    bit = np.uint64(1) << (place & np.uint32(63)).astype(np.uint64)
    found = np.zeros((len(sizes), 2), np.uint64)
    some = sizes > 0
    begin = offsets(sizes)[:-1][some]
    for half in range(2) if len(begin) else ():
        mine = np.where(place >> np.uint32(6) == half, bit, np.uint64(0))
        found[some, half] = np.bitwise_xor.reduceat(mine, begin)
    return found


def pairs_under(places: NDArray[np.int64], kept: Kept, least: float) -> NDArray[np.int64]:
    """Return the pairs of items under some grams whose kept grams have a similarity of at least `least`.

    Args:
        places: Where the entries of these grams, all of them, lie among the kept grams.
        kept: The kept grams of all items.
        least: The similarity.

    Returns:
        The two items of each pair in one number, the smaller in the upper 32 bits; ascending.
    """
    interrupt.check()
    entries = kept.grams[places].astype(np.uint64) << np.uint64(32) | np.arange(len(places), dtype=np.uint64)
    entries.sort()
    gram = (entries >> np.uint64(32)).astype(np.uint32)
    places = places[entries.astype(np.uint32)]
    item = np.searchsorted(kept.bounds, places, side="right") - 1
    group = np.cumsum(np.diff(gram, prepend=gram[:1]) != 0)
    many = np.bincount(group)[group] > (few := FEW if len(kept.marks) < SMALL else FEW_OF_MANY)
    found = [*_neighbours(gram[~many], item[~many], few, kept, least)]
    if many.any():
        gram, item, places = gram[many], item[many], places[many]
        kind = gram.astype(np.uint64) << np.uint64(32) | _following(kept, item, places)
        order = np.argsort(kind, kind="stable")
        found += _neighbours(kind[order], item[order], NEIGHBOURS, kept, least)
    pairs = distinct(np.concatenate([np.empty(0, np.int64), *found]))
    alike = np.zeros(len(pairs), np.bool_)
    for start in range(0, len(pairs), _PAIRS):
        interrupt.check()
        some = pairs[start : start + _PAIRS]
        alike[start : start + _PAIRS] = _share(kept, some >> 32, some & 0xFFFFFFFF) >= least
    return pairs[alike]


def distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each number once, ascending; sorts what it is given, which is faster than `np.unique` for many."""
    keys.sort()
    new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]


def _neighbours(
    group: NDArray[Any], item: NDArray[np.int64], most: int, kept: Kept, least: float
) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of each item with the next few of its group, unless their marks tell them apart.

    Groups lie together.
    """
    bits = kept.marks[item]
    one, two = np.ascontiguousarray(bits[:, 0]), np.ascontiguousarray(bits[:, 1])
    # A similarity of s leaves (1 - s) / (1 + s) of the grams of both in one of them alone, and so as many bits.
    room = (kept.sizes(item) * ((1 - least) / (1 + least)) + 1e-3).astype(np.float32)
    for step in range(1, most + 1):
        interrupt.check()
        same = group[step:] == group[:-step]
        if not same.any():
            return
        differ = np.bitwise_count(one[step:] ^ one[:-step]) + np.bitwise_count(two[step:] ^ two[:-step])
        same &= differ <= room[step:] + room[:-step]
        # By chance an item may have one of these 32 bits twice.
        at = np.flatnonzero(same & (item[step:] != item[:-step]))
        a, b = item[at], item[at + step]
        yield np.minimum(a, b) << 32 | np.maximum(a, b)


def _following(kept: Kept, item: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the gram that follows each of some grams in its item; the first follows the last.

    Grams lie in the order of their hashes. So this is a MinHash of the item's other grams, another one for each gram:
    two items with a gram in common have the same one with a probability of their similarity.
    """
    after = places + 1
    return kept.grams[np.where(after < kept.bounds[item + 1], after, kept.bounds[item])]


def _share(kept: Kept, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the similarity of the kept grams of each pair; shape (pairs,)."""
    keys = np.concatenate([_keyed(kept, a), _keyed(kept, b)])
    keys.sort()
    twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
    shared = np.bincount(twice.astype(np.int64), minlength=len(a))
    found: NDArray[np.float64] = shared / np.maximum(kept.sizes(a) + kept.sizes(b) - shared, 1)
    return found


def _keyed(kept: Kept, items: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the grams of some items, each behind the item's place among them (32 bits)."""
    places, begin = _places(kept.bounds, items)
    number = np.repeat(np.arange(len(items), dtype=np.uint64), np.diff(begin))
    return number << np.uint64(32) | kept.grams[places]


def _places(bounds: NDArray[np.int64], items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the grams of some items lie, and where those of each begin among these."""
    begin = offsets(bounds[items + 1] - bounds[items])
    return np.arange(begin[-1]) + np.repeat(bounds[items] - begin[:-1], np.diff(begin)), begin
