"""Batches of encoded texts and of their starts, and what stands around these in a prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from curator.kernels.buffers import StringBuffers, to_buffers, to_series
from curator.kernels.types import Bytes, Flags, Int64s
from curator.tokens.arrays import Counts, Ids, Starts, Texts


@dataclass(frozen=True)
class Encoded:
    """Encoded texts.

    Attributes:
        texts: The texts.
        utf8: Their bytes.
        ids: Their ids, one text after the other; there may be ids between them that belong to none.
    """

    texts: pl.Series
    utf8: Texts
    ids: Ids

    @property
    def counts(self) -> Counts:
        """Tokens of each text."""
        return self.ids.counts

    def take(self, rows: Int64s) -> Encoded:
        """Return some of the texts."""
        data, begins, ends = self.utf8
        flat, starts, counts, sizes = self.ids
        utf8 = Texts(data, begins[rows], ends[rows])
        return Encoded(self.texts.gather(rows), utf8, Ids(flat, starts[rows], counts[rows], sizes))


@dataclass(frozen=True)
class Suffixes:
    """What follows each of many texts: ``texts[which[i]]`` follows text i."""

    texts: pl.Series
    which: Int64s

    @cached_property
    def utf8(self) -> StringBuffers:
        """The different answers' bytes."""
        return to_buffers(self.texts)

    def take(self, rows: Int64s) -> Suffixes:
        """Return the answers of some of the texts."""
        different, which = np.unique(self.which[rows], return_inverse=True)
        return Suffixes(self.texts.gather(different), which)


@dataclass(frozen=True)
class Truncated:
    """The starts of encoded texts.

    Attributes:
        encoded: The texts that were cut.
        utf8: What the starts are the first bytes of: the texts, or, of an engine that may write them otherwise, the
            starts themselves.
        sizes: Bytes of each start.
        broken: Whether U+FFFD follows these bytes, as the cut went through a character.
        ids: How many of each text's ids hold its start.
        held: Bytes that these ids stand for. Only the byte-level engine needs these two, the other leaves them empty.
    """

    encoded: Encoded
    utf8: Texts
    sizes: Int64s
    broken: Flags
    ids: Counts
    held: Int64s

    @property
    def texts(self) -> pl.Series:
        """The starts."""
        alone = Suffixes(pl.Series([""]), np.zeros(len(self.sizes), np.int64))
        return self.within("", alone)[1].rename(self.encoded.texts.name)

    def replaced(self, rows: Int64s, other: Truncated) -> Truncated:
        """Return the starts with those of some rows replaced by others of the same texts."""
        data, shift = self.utf8.data, 0
        if other.utf8.data is not data:
            data, shift = np.concatenate([data, other.utf8.data]), len(data)
            data.setflags(write=False)
        starts, ends = self.utf8.starts.copy(), self.utf8.ends.copy()
        starts[rows], ends[rows] = other.utf8.starts + shift, other.utf8.ends + shift
        sizes, broken = self.sizes.copy(), self.broken.copy()
        sizes[rows], broken[rows] = other.sizes, other.broken
        ids, held = self.ids.copy(), self.held.copy()
        if len(ids):
            ids[rows], held[rows] = other.ids, other.held
        return Truncated(self.encoded, Texts(data, starts, ends), sizes, broken, ids, held)

    def without_labels(self) -> Truncated:
        """Return the starts without a last line that is only a label, ``Color:``."""
        from curator.tokens.kernels import cut

        return replace(self, sizes=cut.without_label(self.utf8, self.sizes))

    def within(self, before: str, answers: Suffixes) -> tuple[pl.Series, pl.Series]:
        """Return the starts, and each of them between `before` and its answer."""
        rows = np.arange(len(self.sizes))
        offsets, bounds, data = self._put_together(before, answers, rows, np.full_like(self.sizes, -1))
        # Both are slices of the same bytes.
        return to_series(StringBuffers(bounds, data)).gather_every(2), to_series(StringBuffers(offsets, data))

    def rest(self, before: str, answers: Suffixes, rows: Int64s, sure: Int64s) -> pl.Series:
        """Return what follows the first `sure` bytes of some starts, with the answer; -1 for all, with `before`."""
        offsets, _, data = self._put_together(before, answers, rows, sure)
        return to_series(StringBuffers(offsets, data))

    def _put_together(self, before: str, answers: Suffixes, rows: Int64s, sure: Int64s) -> tuple[Int64s, Int64s, Bytes]:
        from curator.tokens.kernels import cut

        starts = Starts(self.sizes, self.broken)
        ahead = np.frombuffer(before.encode(), np.uint8)
        return cut.put_together(ahead, self.utf8, starts, answers.utf8, answers.which, rows, sure)
