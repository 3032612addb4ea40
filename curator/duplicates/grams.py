"""Texts as sets of word 3-grams, and how similar two of them are.

Similarity is the Jaccard index of the sets of lower-cased ``\\w+`` word 3-grams: 1 for texts of the same words in the
same order, 0 for texts that share no three words in a row. A text of one or two words has one gram, all of its words;
a text without a word has none, and is similar to nothing. ``\\w`` is Unicode's (UTS #18), as Polars has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
from numpy.typing import NDArray

from curator import interrupt

GRAM_BITS = 48
"""Bits of a gram's hash. Of a thousand million comparisons of two texts, one in ten thousand finds two grams alike."""

_ROW_BITS = 64 - GRAM_BITS
_BATCH = 2_048
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))

assert _BATCH <= 1 << _ROW_BITS


@dataclass(frozen=True)
class Grams:
    """The gram sets of some texts.

    Attributes:
        hashes: The distinct grams (below 2**48) of the first text in ascending order, then those of the second, and so
            on; shape (grams,).
        bounds: Where the grams of each text begin, and where the last ones end; shape (texts + 1,).
    """

    hashes: NDArray[np.uint64]
    bounds: NDArray[np.int64]

    @classmethod
    def joined(cls, sets: Sequence[Grams]) -> Grams:
        """Return the gram sets of the first texts, then those of the next."""
        hashes = np.concatenate([np.empty(0, np.uint64), *(one.hashes for one in sets)])
        return cls(hashes, offsets(np.concatenate([np.empty(0, np.int64), *(one.sizes for one in sets)])))

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.bounds) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Grams of each text; shape (texts,)."""
        return np.diff(self.bounds)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The text that each gram belongs to; shape (grams,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def take(self, texts: NDArray[np.int64]) -> Grams:
        """Return the gram sets of some of the texts, in the order given."""
        sizes = self.sizes[texts]
        bounds = offsets(sizes)
        # Each gram's place: the start of its text here, and how far it lies behind the start of its text there.
        places = np.arange(bounds[-1]) + np.repeat(self.bounds[texts] - bounds[:-1], sizes)
        return Grams(self.hashes[places], bounds)


def offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of some runs of these sizes begins, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def grams(texts: pl.Series) -> Grams:
    """Return the gram sets of texts; a null has none.

    The same on every version and machine: words are hashed by XXH3, and a gram by the hashes of its words.
    """
    return Grams.joined(list(_batches(texts)))


def _batches(texts: pl.Series) -> Iterator[Grams]:
    for start in range(0, len(texts), _BATCH):
        interrupt.check()
        yield _grams(texts.slice(start, _BATCH))


def _grams(texts: pl.Series) -> Grams:
    words = texts.fill_null("").str.to_lowercase().str.extract_all(r"\w+")
    counts = words.list.len().to_numpy().astype(np.int64)
    flat = words.explode(empty_as_null=False).to_frame("word")
    hashed = flat.select(pl.col("word").nchash.xxh3_64()).to_series().to_numpy()  # type: ignore[attr-defined]
    bounds = offsets(counts)
    # A text of one or two words is padded with empty ones, whose hash is 0, to its one gram.
    short = np.flatnonzero((counts > 0) & (counts < 3))
    if len(short):
        hashed = np.insert(hashed, np.repeat(bounds[short + 1], 3 - counts[short]), np.uint64(0))
        counts = np.where(counts > 0, np.maximum(counts, 3), 0)
        bounds = offsets(counts)
    if len(hashed) < 3:
        return Grams(np.empty(0, np.uint64), np.zeros(len(counts) + 1, np.int64))
    first, second, third = (hashed[n : len(hashed) - 2 + n] * _MULTIPLIERS[n] for n in range(3))
    mixed = first + _rotate(second, 21) + _rotate(third, 42)
    # The last step of MurmurHash3's 64-bit mixing: every bit of the words reaches every bit of the gram.
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    row = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
    whole = row[:-2] == row[2:]
    # Row and gram in one number: one sort puts the grams of each text in order, and equal ones side by side.
    keys = (row[:-2][whole] << np.uint64(GRAM_BITS)) | (mixed[whole] >> np.uint64(_ROW_BITS))
    keys.sort()
    distinct = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=distinct[1:])
    keys = keys[distinct]
    sizes = np.bincount((keys >> np.uint64(GRAM_BITS)).astype(np.int64), minlength=len(counts))
    return Grams(keys & np.uint64((1 << GRAM_BITS) - 1), offsets(sizes))


def _rotate(values: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))


def similarity(a: Grams, b: Grams) -> NDArray[np.float64]:
    """Return the Jaccard index of each text of `a` with the text of `b` in the same place; shape (texts,)."""
    pairs = np.arange(len(a))
    found = np.empty(len(a))
    step = 1 << _ROW_BITS
    for start in range(0, len(a), step):
        some = pairs[start : start + step]
        mine, theirs = a.take(some), b.take(some)
        keys = np.concatenate([_keys(mine), _keys(theirs)])
        keys.sort()
        # No set holds a gram twice: equal neighbours are a gram of both.
        twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(GRAM_BITS)
        shared = np.bincount(twice.astype(np.int64), minlength=len(some))
        union = mine.sizes + theirs.sizes - shared
        found[start : start + step] = shared / np.maximum(union, 1)
    return found


def _keys(sets: Grams) -> NDArray[np.uint64]:
    return (sets.rows.astype(np.uint64) << np.uint64(GRAM_BITS)) | sets.hashes
