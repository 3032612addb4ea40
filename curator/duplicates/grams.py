"""Texts as sets of word 3-grams, and how similar two of them are.

Similarity is the Jaccard index of the sets of lower-cased ``\\w+`` word 3-grams: 1 for texts of the same words in the
same order, 0 for texts that share no three words in a row. A text of one or two words has one gram, all of its words;
a text without a word has none, and is similar to nothing. ``\\w`` is Unicode's (UTS #18), as Polars has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
from numpy.typing import NDArray

from curator.duplicates.blocks import Blocks
from curator.kernels.buffers import to_buffers, to_series
from curator.kernels.types import Bytes, Floats, Int64s, UInt32s
from curator.system import interrupt

GRAM_BITS = 48
"""Bits of a gram's hash. Of a thousand million comparisons of two texts, one in ten thousand finds two grams alike."""

_BATCH = 2_048
_CODES = 1 << 16

assert _BATCH <= 1 << (64 - GRAM_BITS)


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
    def joined(cls, sets: Iterable[Grams]) -> Grams:
        """Return the gram sets of the first texts, then those of the next."""
        hashes, sizes = Blocks(np.uint64), Blocks(np.int64)
        for one in sets:
            hashes.add(one.hashes)
            sizes.add(one.sizes)
        return cls(hashes.joined(), offsets(sizes.joined()))

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


def offsets(sizes: Int64s | UInt32s) -> Int64s:
    """Return where each of some runs of these sizes begins, and where the last ends."""
    found = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=found[1:])
    return found


def grams(texts: pl.Series, below: int = 1 << GRAM_BITS) -> Grams:
    """Return the gram sets of texts, or of each only the grams below a number; a null has none.

    The same on every version and machine: words are hashed by XXH3, and a gram by the hashes of its words.
    """
    pieces = range(0, len(texts), _BATCH)
    return Grams.joined(_grams(texts.slice(start, _BATCH), np.uint64(below)) for start in pieces)


def _grams(texts: pl.Series, below: np.uint64) -> Grams:
    from curator.duplicates.kernels import grams as loops

    interrupt.check()
    hashes, counts, long, words = loops.words(to_buffers(texts.str.to_lowercase()), _letters())
    hashed = to_series(words).to_frame("word").select(pl.col("word").nchash.xxh3_64())  # type: ignore[attr-defined]
    hashes[long] = hashed.to_series().to_numpy()
    # Text and gram in one number: one sort puts the grams of each text in order, and equal ones side by side.
    keys = loops.grams(hashes, counts, below)
    keys.sort()
    distinct = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=distinct[1:])
    keys = keys[distinct]
    sizes = np.bincount((keys >> np.uint64(GRAM_BITS)).astype(np.int64), minlength=len(counts))
    return Grams(keys & np.uint64((1 << GRAM_BITS) - 1), offsets(sizes))


@cache
def _letters() -> Bytes:
    """Return for each code point whether words are made of it."""
    found = np.zeros(sys.maxunicode + 1, np.uint8)
    for start in range(0, len(found), _CODES):
        codes = np.arange(start, start + _CODES, dtype="<u4")
        # Halves of surrogate pairs are no characters.
        every = codes[(codes < 0xD800) | (codes > 0xDFFF)].tobytes().decode("utf-32-le")
        letters = pl.Series([every]).str.replace_all(r"\W+", "")[0].encode("utf-32-le")
        found[np.frombuffer(letters, "<u4")] = 1
    return found


def similarity(a: Grams, b: Grams, places: tuple[Int64s, Int64s]) -> Floats:
    """Return the Jaccard index of texts of `a` and `b`; shape (pairs,).

    Args:
        a: Gram sets.
        b: Gram sets.
        places: The texts of `a`, and with which of `b` each of them is compared.
    """
    from curator.duplicates.kernels import grams as loops

    return loops.similarities(a.hashes, a.bounds, places[0], b.hashes, b.bounds, places[1])
