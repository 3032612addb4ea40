"""Pairs of items that may be near-copies, found in time linear in the number of items.

The idea is prefix filtering (Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007): put the grams of every
text in one common order; two texts whose similarity is at least *t* then share a gram among the first
``n - ceil(t n) + 1`` of the *n* grams of each. With the rarest grams first these prefixes hold what is peculiar to a
product, and what thousands of sellers paste into their texts comes last, where nobody looks. No pair is missed.

Where there are too many items for memory, the same is done with a fixed sample of all possible grams, which holds a
share of each text's own (a FracMinHash sketch); the threshold gives way by as much as such a sample may be off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator import interrupt
from curator.duplicates.grams import GRAM_BITS, Grams, offsets

KEPT = 24
"""Grams of each text that are kept at least, on average, where texts have that many."""

KEPT_OF_MANY = 12
"""The same from `MANY` items on."""

MANY = 250_000
"""Items from which on fewer grams of each are kept."""

FEW = 100
"""So many texts with a gram in common are all compared with each other."""

FEW_OF_MANY = 16
"""The same from `SMALL` items on, where it would take too long; clusters hang together by fewer pairs."""

SMALL = 30_000
"""Items up to which `FEW` counts, and above which `FEW_OF_MANY` does."""

NEIGHBOURS = 8
"""Where there are more, each is compared with so many that follow among those that share a second gram as well."""

_SAMPLED_MARGIN = 0.2
_HASH_MARGIN = 0.02
_CHUNK = 50_000
_ENTRIES = 500_000
_SLOTS_PER_GRAM = 2


def halvings(items: int, grams_per_item: float) -> int:
    """Return how often the share of grams that are kept is halved."""
    kept = KEPT if items < MANY else KEPT_OF_MANY
    return max(0, int(np.log2(max(grams_per_item, 1) / kept)))


@dataclass
class Sketches:
    """The kept grams of all items, 4 bytes each.

    Args:
        halved: How often the share of grams that are kept is halved.
    """

    halved: int
    _grams: list[NDArray[np.uint32]] = field(default_factory=list)
    _sizes: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, sets: Grams) -> None:
        """Keep a share of the grams of the next items."""
        kept = sets.hashes < np.uint64(1 << (GRAM_BITS - self.halved))
        bounds = offsets(kept.astype(np.int64))[sets.bounds]
        self._grams.append(sets.hashes[kept].astype(np.uint32))
        self._sizes.append(np.diff(bounds))

    def candidates(self, threshold: float) -> NDArray[np.int64]:
        """Return the pairs of items that may reach a similarity; ascending, each once, shape (pairs, 2).

        Args:
            threshold: The similarity; above 0 and at most 1.
        """
        grams = np.concatenate([*self._grams, np.empty(0, np.uint32)])
        bounds = offsets(np.concatenate([*self._sizes, np.empty(0, np.int64)]))
        self._grams.clear()
        margin = _SAMPLED_MARGIN if self.halved else _HASH_MARGIN
        least = max(threshold - margin, 0.05)
        found = [
            pairs[_share(grams, bounds, pairs) >= least]
            for pairs in _pairs(_index(grams, bounds, least), grams, bounds)
        ]
        keys = [pairs[:, 0] << 32 | pairs[:, 1] for pairs in found]
        every = np.unique(np.concatenate([*keys, np.empty(0, np.int64)]))
        return np.column_stack([every >> 32, every & 0xFFFFFFFF])


def prefix(sizes: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """Return how many of each text's first grams it can't help sharing one of with a text that is so similar."""
    # A size times a threshold that is a whole number must not be rounded up to the next by a float's last bit.
    needed = np.ceil(sizes * threshold - 1e-9).astype(np.int64)
    return np.where(sizes > 0, sizes - np.maximum(needed, 1) + 1, 0)


def _index(grams: NDArray[np.uint32], bounds: NDArray[np.int64], threshold: float) -> NDArray[np.uint64]:
    """Return the entries of an inverted index in order: gram (32 bits) and item (32 bits) in one number."""
    bits = min(27, max(10, (len(grams) * _SLOTS_PER_GRAM).bit_length()))
    counts = np.zeros(1 << bits, np.uint32)
    mask = np.uint32((1 << bits) - 1)
    for start in range(0, len(grams), 1 << 20):
        slots, times = np.unique(grams[start : start + (1 << 20)] & mask, return_counts=True)
        counts[slots] += times.astype(np.uint32)
    entries = []
    for first in range(0, len(bounds) - 1, _CHUNK):
        interrupt.check()
        some = bounds[first : first + _CHUNK + 1]
        mine = grams[some[0] : some[-1]]
        sizes = np.diff(some)
        # A logarithm is order enough, and leaves room for row and gram in the same number.
        rarity = np.frexp(counts[mine & mask].astype(np.float32))[1].astype(np.uint64)
        row = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
        keys = row << np.uint64(38) | rarity << np.uint64(32) | mine
        keys.sort()
        place = np.arange(len(keys)) - np.repeat(some[:-1] - some[0], sizes)
        # A gram of a single text (a shared counter may hide a few of them) leads nowhere.
        alone = keys >> np.uint64(32) & np.uint64(63) <= np.uint64(1)
        chosen = keys[(place < np.repeat(prefix(sizes, threshold), sizes)) & ~alone]
        item = (chosen >> np.uint64(38)) + np.uint64(first)
        entries.append(chosen << np.uint64(32) | item)
    every = np.concatenate([*entries, np.empty(0, np.uint64)])
    every.sort()
    return every


def _pairs(
    entries: NDArray[np.uint64], grams: NDArray[np.uint32], bounds: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of items under one gram: every pair of a few items, neighbours of a like kind among many."""
    few = FEW if len(bounds) <= SMALL else FEW_OF_MANY
    start = 0
    while start < len(entries):
        stop = min(start + _ENTRIES, len(entries))
        if stop < len(entries):
            # Up to the end of the last gram's entries.
            stop = int(np.searchsorted(entries, (entries[stop - 1] | np.uint64(0xFFFFFFFF)), side="right"))
        some = entries[start:stop]
        start = stop
        gram = (some >> np.uint64(32)).astype(np.uint32)
        item = (some & np.uint64(0xFFFFFFFF)).astype(np.int64)
        group = np.cumsum(np.concatenate([np.zeros(1, np.bool_), gram[1:] != gram[:-1]]))
        many = np.bincount(group)[group] > few
        yield from _neighbours(group[~many], item[~many], few)
        if many.any():
            gram, item = gram[many], item[many]
            kind = gram.astype(np.uint64) << np.uint64(32) | _least(grams, bounds, item, gram)
            order = np.argsort(kind, kind="stable")
            yield from _neighbours(kind[order], item[order], NEIGHBOURS)


def _neighbours(group: NDArray[Any], item: NDArray[np.int64], most: int) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of each item with the next few of its group; groups lie together."""
    for step in range(1, most + 1):
        interrupt.check()
        same = np.flatnonzero(group[step:] == group[:-step])
        if not len(same):
            return
        yield _distinct(item[same], item[same + step])


def _least(
    grams: NDArray[np.uint32], bounds: NDArray[np.int64], item: NDArray[np.int64], salt: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Return a MinHash of each item's other grams under a hash function of its own for each salt.

    Two items have the same one with a probability of their similarity.
    """
    found = np.empty(len(item), np.uint32)
    for start in range(0, len(item), _CHUNK):
        some = slice(start, start + _CHUNK)
        places, begin = _places(bounds, item[some])
        mine = grams[places]
        salts = np.repeat(salt[some], np.diff(begin))
        mixed = (mine ^ (salts * np.uint32(0x9E3779B1))) * np.uint32(0x85EBCA6B)
        mixed ^= mixed >> np.uint32(13)
        mixed *= np.uint32(0xC2B2AE35)
        mixed[mine == salts] = 0xFFFFFFFF
        found[some] = np.minimum.reduceat(mixed, begin[:-1])
    return found


def _distinct(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    keys = np.unique(np.minimum(a, b) << 32 | np.maximum(a, b))
    return np.column_stack([keys >> 32, keys & 0xFFFFFFFF])


def _share(grams: NDArray[np.uint32], bounds: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the similarity of the kept grams of each pair; shape (pairs,)."""
    found = np.empty(len(pairs))
    sizes = np.diff(bounds)
    for start in range(0, len(pairs), _CHUNK // 4):
        interrupt.check()
        some = pairs[start : start + _CHUNK // 4]
        keys = np.concatenate([_keyed(grams, bounds, some[:, side]) for side in (0, 1)])
        keys.sort()
        twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
        shared = np.bincount(twice.astype(np.int64), minlength=len(some))
        union = sizes[some[:, 0]] + sizes[some[:, 1]] - shared
        found[start : start + len(some)] = shared / np.maximum(union, 1)
    return found


def _keyed(grams: NDArray[np.uint32], bounds: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the grams of some items, each behind the item's place among them (32 bits)."""
    places, begin = _places(bounds, items)
    number = np.repeat(np.arange(len(items), dtype=np.uint64), np.diff(begin))
    return number << np.uint64(32) | grams[places]


def _places(bounds: NDArray[np.int64], items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the grams of some items lie, and where those of each begin among these."""
    begin = offsets(bounds[items + 1] - bounds[items])
    return np.arange(begin[-1]) + np.repeat(bounds[items] - begin[:-1], np.diff(begin)), begin
