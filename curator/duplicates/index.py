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
from numpy.typing import NDArray

from curator import interrupt
from curator.duplicates.grams import GRAM_BITS, Grams, offsets
from curator.duplicates.pairs import Kept, distinct, marks, pairs_under
from curator.threads import in_order

KEPT = 48
"""Grams of a text that are kept, on average, where texts have more."""

KEPT_OF_MANY = 20
"""The same from `MANY` items on."""

MANY = 250_000
"""Items from which on fewer grams of each are kept."""

_KEPT_AT_ONCE = 10_000_000
_SAMPLED_MARGIN = 0.2
_HASH_MARGIN = 0.02
_CHUNK = 10_000
_BLOCK = 1 << 20
_ENTRIES = 1 << 19
"""Kept grams of a range of grams, about: the entries of the index that lie in memory together are among them."""

_RANGE_BITS = 7
_NOWHERE = np.uint8(255)
_SLOTS_PER_GRAM = 2
_SLOT_BITS = 27
_PASS_BITS = 21


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
        self._below = np.uint64(int(share * (1 << GRAM_BITS)))
        self._blocks: list[NDArray[np.uint32]] = []
        self._room = 0
        self._sizes: list[NDArray[np.uint32]] = []

    def kept(self, sets: Grams) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return those grams of some items that are kept, and how many of each item; may be called in any thread."""
        kept = sets.hashes < self._below
        bounds = offsets(kept.astype(np.int64))[sets.bounds]
        return sets.hashes[kept].astype(np.uint32), np.diff(bounds).astype(np.uint32)

    def add(self, grams: NDArray[np.uint32], sizes: NDArray[np.uint32]) -> None:
        """Add the next items: what `kept` made of them."""
        self._sizes.append(sizes)
        while len(grams):
            if not self._room:
                # Large blocks go back to the system once they are copied; what many small arrays took would not.
                self._blocks.append(np.empty(_KEPT_AT_ONCE, np.uint32))
                self._room = _KEPT_AT_ONCE
            now, grams = grams[: self._room], grams[self._room :]
            self._blocks[-1][_KEPT_AT_ONCE - self._room :][: len(now)] = now
            self._room -= len(now)

    def candidates(self, threshold: float) -> NDArray[np.int64]:
        """Return the pairs of items that may reach a similarity; ascending, each once, shape (pairs, 2).

        The sketches are used up.

        Args:
            threshold: The similarity; above 0 and at most 1.
        """
        grams = self._joined()
        bounds = offsets(np.concatenate([np.empty(0, np.uint32), *self._sizes]))
        self._sizes.clear()
        least = max(threshold - (_SAMPLED_MARGIN if self._sampled else _HASH_MARGIN), 0.05)
        kept = Kept(grams, bounds, np.zeros((len(bounds) - 1, 2), np.uint64))
        ranges, count = _indexed(kept, least)

        def found(number: int) -> NDArray[np.int64]:
            return pairs_under(_places(ranges, np.uint8(255), np.uint8(number)), kept, least)

        every = distinct(np.concatenate([np.empty(0, np.int64), *in_order(found, range(count))]))
        return np.column_stack([every >> 32, every & 0xFFFFFFFF])

    def _joined(self) -> NDArray[np.uint32]:
        """Put all grams into one array, and let go of each block on the way."""
        grams = np.empty(len(self._blocks) * _KEPT_AT_ONCE - self._room, np.uint32)
        while self._blocks:
            at = (len(self._blocks) - 1) * _KEPT_AT_ONCE
            grams[at : at + _KEPT_AT_ONCE] = self._blocks.pop()[: len(grams) - at]
        self._room = 0
        return grams


def prefix(sizes: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """Return how many of each text's first grams it can't help sharing one of with a text that is so similar."""
    # A size times a threshold that is a whole number must not be rounded up to the next by a float's last bit.
    needed = np.ceil(sizes * threshold - 1e-9).astype(np.int64)
    return np.where(sizes > 0, sizes - np.maximum(needed, 1) + 1, 0)


def _indexed(kept: Kept, threshold: float) -> tuple[NDArray[np.uint8], int]:
    """Choose the first of each item's grams in the common order, and mark the items.

    Returns:
        For each gram the range of grams that its entry belongs to, or `_NOWHERE` if it has none; and how many ranges.
    """
    grams, bounds = kept.grams, kept.bounds
    ranges = _rarity(grams)
    bits = min(_RANGE_BITS, (len(grams) // _ENTRIES).bit_length())

    def order(first: int) -> None:
        interrupt.check()
        some = bounds[first : first + _CHUNK + 1]
        mine = slice(int(some[0]), int(some[-1]))
        sizes = np.diff(some)
        row = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
        # The rarest first; equals stay in the order of their hashes, which is that of their places.
        keys = row << np.uint64(38) | ranges[mine].astype(np.uint64) << np.uint64(32)
        keys |= np.arange(len(row), dtype=np.uint64)
        keys.sort()
        within = np.arange(len(keys)) - np.repeat(some[:-1] - some[0], sizes)
        # A gram of a single text (a shared counter may hide a few of them) leads nowhere.
        alone = keys >> np.uint64(32) & np.uint64(63) <= np.uint64(1)
        chosen = keys[(within < np.repeat(prefix(sizes, threshold), sizes)) & ~alone].astype(np.uint32)
        ranges[mine] = _NOWHERE
        ranges[mine][chosen] = grams[mine][chosen].astype(np.uint64) >> np.uint64(32 - bits)
        kept.marks[first : first + _CHUNK] = marks(grams[mine], sizes)

    for _ in in_order(order, range(0, len(bounds) - 1, _CHUNK)):
        pass
    return ranges, 1 << bits


def _rarity(grams: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return about the logarithm of how often each gram occurs: order enough, and small."""
    bits = min(_SLOT_BITS, max(10, (len(grams) * _SLOTS_PER_GRAM).bit_length()))
    pass_bits = min(bits, _PASS_BITS)
    found = np.empty(len(grams), np.uint8)

    def count(number: int) -> None:
        interrupt.check()
        mask, part = np.uint32((1 << bits) - (1 << pass_bits)), np.uint32(number << pass_bits)
        places = _places(grams, mask, part)
        slots = (grams[places] & np.uint32((1 << pass_bits) - 1)).astype(np.int64)
        times = np.bincount(slots, minlength=1 << pass_bits)
        found[places] = np.frexp(times.astype(np.float32))[1].astype(np.uint8)[slots]

    for _ in in_order(count, range(1 << (bits - pass_bits))):
        pass
    return found


def _places(values: NDArray[np.uint32] | NDArray[np.uint8], mask: np.integer, part: np.integer) -> NDArray[np.int64]:
    """Return where the values under the mask are `part`; block by block, as each step of it would make a whole copy."""
    blocks = range(0, len(values), _BLOCK)
    found = [np.flatnonzero(values[at : at + _BLOCK] & mask == part) + at for at in blocks]
    return np.concatenate([np.empty(0, np.int64), *found])
