"""Pairs of items that may be near-copies, found in time linear in the number of items.

The idea is prefix filtering (Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007): put the grams of every
text in one common order; two texts whose similarity is at least *t* then share a gram among the first
``n - ceil(t n) + 1`` of the *n* grams of each. With the rarest grams first these prefixes hold what is peculiar to a
product, and what thousands of sellers paste into their texts comes last, where nobody looks. No pair is missed.

Where there are too many items for memory, the same is done with a fixed sample of all possible grams, which holds a
share of each text's own (a FracMinHash sketch); the threshold gives way by as much as such a sample may be off.
"""

from __future__ import annotations

import numpy as np

from curator.duplicates.blocks import Blocks
from curator.duplicates.grams import GRAM_BITS, Grams, offsets
from curator.duplicates.pairs import Kept, distinct, pairs_under
from curator.kernels.types import Bytes, Int64s, UInt32s, UInt64s
from curator.system import interrupt
from curator.system.threads import map_ordered

KEPT = 48
"""Grams of a text that are kept, on average, where texts have more."""

KEPT_OF_MANY = 20
"""The same from `MANY` items on."""

MANY = 250_000
"""Items from which on fewer grams of each are kept."""

_SAMPLED_MARGIN = 0.2
_HASH_MARGIN = 0.02
_CHUNK = 100_000
_ENTRIES = 1 << 20
"""Kept grams of a range of grams, about: the entries of the index that lie in memory together are among them."""

_PAIRS = 1 << 20
"""Pairs, about, that may be held twice or more often."""

_RANGE_BITS = 7
_SLOTS_PER_GRAM = 2
_SLOT_BITS = 27
_PASS_BITS = 22


def kept_share(items: int, grams_per_item: float) -> float:
    """Return the share of all possible grams that are kept."""
    kept = KEPT if items < MANY else KEPT_OF_MANY
    return min(1.0, kept / max(grams_per_item, 1))


class Sketches:
    """The kept grams of all items, 4 bytes each.

    Args:
        share: The share of all possible grams that are kept.
    """

    def __init__(self, share: float) -> None:
        self._sampled = share < 1
        self.below = int(share * (1 << GRAM_BITS))
        """Grams below this number are kept."""
        self._grams = Blocks(np.uint32)
        self._sizes = Blocks(np.uint32)

    def add(self, kept: Grams) -> None:
        """Add the next items: those of their grams that are kept."""
        self._grams.add(kept.hashes.astype(np.uint32))
        self._sizes.add(kept.sizes.astype(np.uint32))

    def candidates(self, threshold: float) -> Int64s:
        """Return the pairs of items that may reach a similarity; ascending, each once, shape (pairs, 2).

        The sketches are used up.

        Args:
            threshold: The similarity; above 0 and at most 1.
        """
        least = max(threshold - (_SAMPLED_MARGIN if self._sampled else _HASH_MARGIN), 0.05)
        every = self._pairs(least)
        found = np.empty((len(every), 2), np.int64)
        found[:, 0], found[:, 1] = every >> np.uint64(32), every & np.uint64(0xFFFFFFFF)
        return found

    def _pairs(self, least: float) -> UInt64s:
        """Return the pairs of all ranges, as `pairs_under` does; the kept grams are gone then."""
        kept, count = self._indexed(least)
        every, found, waiting = np.empty(0, np.uint64), [], 0
        for pairs in map_ordered(lambda number: pairs_under(number, kept, least), range(count)):
            found.append(pairs)
            waiting += len(pairs)
            # Most pairs are found in several ranges.
            if waiting > max(_PAIRS, len(every)):
                every, found, waiting = distinct(np.concatenate([every, *found])), [], 0
        return distinct(np.concatenate([every, *found]))

    def _indexed(self, threshold: float) -> tuple[Kept, int]:
        """Choose the first of each item's grams in the common order, and mark the items; count the ranges too."""
        from curator.duplicates.kernels import index

        grams, bounds = self._grams.joined(), offsets(self._sizes.joined())
        items, longest = len(bounds) - 1, int(np.diff(bounds).max(initial=0))
        marks, ranges = np.zeros((items, 2), np.uint64), _rarity(grams)
        bits = min(_RANGE_BITS, (len(grams) // _ENTRIES).bit_length())

        def choose(first: int) -> None:
            interrupt.check()
            last = min(first + _CHUNK, items)
            index.choose(grams, bounds, threshold, bits, first, last, ranges, marks)

        for _ in map_ordered(choose, range(0, items, _CHUNK)):
            pass
        return Kept(grams, bounds, longest, marks, ranges, index.sizes(ranges)), 1 << bits


def _rarity(grams: UInt32s) -> Bytes:
    """Return about the logarithm of how often each gram occurs: order enough, and small."""
    from curator.duplicates.kernels import index

    bits = min(_SLOT_BITS, max(10, (len(grams) * _SLOTS_PER_GRAM).bit_length()))
    pass_bits = min(bits, _PASS_BITS)
    found = np.empty(len(grams), np.uint8)

    def count(number: int) -> None:
        interrupt.check()
        index.rarity(grams, bits, pass_bits, number, found)

    for _ in map_ordered(count, range(1 << (bits - pass_bits))):
        pass
    return found
