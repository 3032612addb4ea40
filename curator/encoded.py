"""Batches of encoded texts and of their starts, and where ids lie in the bytes of a text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]
"""Numbers of tokens or characters; shape (texts,)."""


@dataclass(frozen=True)
class Encoded:
    """Encoded texts: the ids of text i are ``ids[starts[i]:starts[i] + counts[i]]``.

    Attributes:
        texts: The texts.
        ids: Their ids, one text after the other; there may be ids between them that belong to none.
        starts: Where the ids of each text begin.
        counts: Tokens of each text.
        ends: Bytes of all ids before each one and, at the end, of all ids; shape (ids + 1,). Only the byte-level engine
            needs them, the other leaves them empty.
    """

    texts: pl.Series
    ids: NDArray[np.uint32]
    starts: Counts
    counts: Counts
    ends: Counts

    @cached_property
    def utf8(self) -> tuple[Counts, NDArray[np.uint8]]:
        """The offsets of the texts, shape (n + 1,), in their UTF-8 bytes, which are followed by one zero byte."""
        return _utf8(self.texts)

    def take(self, rows: Counts) -> Encoded:
        """Return some of the texts, in ascending order."""
        return Encoded(self.texts.gather(rows), self.ids, self.starts[rows], self.counts[rows], self.ends)


@dataclass(frozen=True)
class Cut:
    """The starts of encoded texts.

    Attributes:
        encoded: The whole texts.
        texts: Their starts.
        ids: How many of each text's ids hold its start.
        surplus: Bytes that these ids hold beyond the start. Only the byte-level engine needs these two, the other
            leaves them empty.
    """

    encoded: Encoded
    texts: pl.Series
    ids: Counts
    surplus: Counts

    def take(self, rows: Counts) -> Cut:
        """Return some of the starts, in ascending order."""
        return Cut(self.encoded.take(rows), self.texts.gather(rows), self.ids[rows], self.surplus[rows])


def first_bytes(texts: pl.Series, sizes: Counts) -> pl.Series:
    """Return the first bytes of each text; they must end where a character ends."""
    start = pl.col("text").cast(pl.Binary).bin.slice(0, pl.col("size")).cast(pl.String)
    return pl.DataFrame({"text": texts, "size": sizes}).select(start).to_series().rename(texts.name)


def sums(encoded: Encoded, counts: Counts) -> Counts:
    """Return the bytes of the first `counts` ids of each text."""
    starts = encoded.starts
    found: Counts = encoded.ends[starts + counts] - encoded.ends[starts]
    return found


def ids_before(encoded: Encoded, counts: Counts, surplus: Counts) -> tuple[Counts, NDArray[np.bool_]]:
    """Go back over ids from the first `counts` of each text until `surplus` bytes are left out.

    Returns:
        How many ids are left, and whether they end exactly there.
    """
    left, surplus = counts.copy(), surplus.copy()
    moving = np.flatnonzero(surplus > 0)
    while len(moving):
        left[moving] -= 1
        at = encoded.starts[moving] + left[moving]
        surplus[moving] -= encoded.ends[at + 1] - encoded.ends[at]
        moving = moving[surplus[moving] > 0]
    return left, surplus == 0


def buffers(texts: pl.Series) -> tuple[Counts, memoryview]:
    """Return the offsets of the texts, shape (n + 1,), in their UTF-8 bytes, and these."""
    raw = texts.rechunk().cast(pl.Binary).to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(raw):
        return np.zeros(1, np.int64), memoryview(b"")
    _, offsets, data = raw.buffers()
    return np.frombuffer(offsets, np.int64, len(raw) + 1, raw.offset * 8), memoryview(data or b"")


def _utf8(texts: pl.Series) -> tuple[Counts, NDArray[np.uint8]]:
    """Return the offsets of the texts, shape (n + 1,), in their UTF-8 bytes, which are followed by one zero byte."""
    offsets, data = buffers(texts)
    # The zero byte lets the byte after the last text be looked at.
    return offsets, np.append(np.frombuffer(data, np.uint8), np.uint8(0))
