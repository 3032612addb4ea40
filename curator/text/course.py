"""Texts as the course makes them: joined, cut and cleaned, many rows in one pass over their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from curator.kernels.buffers import StringBuffers, to_buffers, to_list_buffers, to_series
from curator.kernels.types import Bytes, Int64s, UInt64s
from curator.text import cleaning


@dataclass(frozen=True)
class Contents:
    """Contents of rows, uncleaned.

    Attributes:
        utf8: Their bytes.
        chars: The characters of each; shape (rows,).
    """

    utf8: StringBuffers
    chars: Int64s

    @property
    def texts(self) -> pl.Series:
        """The contents."""
        return to_series(self.utf8)


def contents(rows: pl.DataFrame, removals: Sequence[str], chars: Int64s) -> Contents:
    """Return description, features and details, a newline after each that has text, cut to so many characters.

    Columns in: `description`, `features` (lists of strings), `details` (JSON text).

    Args:
        rows: The rows.
        removals: What is deleted from the details, one after the other: a later one may match what an earlier deletion
            brought together.
        chars: Most characters of each text.
    """
    from curator.text.kernels.course_join import join

    description, features = to_list_buffers(rows["description"]), to_list_buffers(rows["features"])
    parts = (description, features, to_buffers(rows["details"]), *_removals(tuple(removals)))
    offsets, data, counts = join(*parts, chars)
    for made in (offsets, data):
        made.setflags(write=False)
    return Contents(StringBuffers(offsets, data), counts)


def scrub_together(titles: pl.Series, contents: pl.Series | StringBuffers, rows: Int64s | None = None) -> pl.Series:
    """Return the cleaned title, a newline and the cleaned contents of each row; null counts as empty.

    `cleaning.COURSE_RULES` say what the cleaning is.

    Args:
        titles: Strings.
        contents: Strings.
        rows: The place of each title's contents, if there are others among these.
    """
    from curator.text.kernels import course_clean

    rows = np.arange(len(titles)) if rows is None else rows.view()
    rows.setflags(write=False)
    contents = contents if isinstance(contents, StringBuffers) else to_buffers(contents)
    return to_series(StringBuffers(*course_clean.clean(to_buffers(titles), contents, rows, *_kinds())))


@lru_cache(maxsize=8)
def _removals(removals: tuple[str, ...]) -> tuple[StringBuffers, UInt64s, Int64s]:
    """Return the removals' buffers, two neighbouring bytes of each, and how many bytes it has before these.

    A text without the two need not be looked through. See `kernels.contents.join`.
    """
    from curator.text.kernels.course_join import ODD

    encoded = [removal.encode() for removal in removals]
    # Letters are rarer next to each other than a quote and what follows it.
    ahead = [int(len(text) > 2 and not text[:1].isalnum()) for text in encoded]
    pairs = np.zeros((2, 256), np.uint64)
    for place, (text, first) in enumerate(zip(encoded, ahead, strict=True)):
        one = np.uint64(1 << min(place, 63))
        pairs[0, list(text[first : first + 1])] |= one
        # One of a single byte may have any neighbour.
        pairs[1, list(text[first + 1 : first + 2]) or slice(None)] |= one
    for place, text in enumerate(encoded):
        # Of two that begin at one place the loop meets the one with the earlier pair first.
        befores = [(earlier, int(ahead[at] & 1 == ahead[place])) for at, earlier in enumerate(encoded[:place])]
        if any(_overlaps(text, earlier, first) for earlier, first in befores):
            ahead[place] += ODD
    together = len(removals) <= 64 and all(encoded)
    return to_buffers(pl.Series(removals, dtype=pl.String)), pairs, np.array(ahead if together else [], np.int64)


def _overlaps(text: bytes, earlier: bytes, first: int) -> bool:
    """Tell whether an earlier removal could begin inside of another one, from its byte `first` on."""
    return any(earlier.startswith(text[at : at + len(earlier)]) for at in range(first, len(text)))


@lru_cache(maxsize=1)
def _kinds() -> tuple[Bytes, Bytes]:
    """Return the kind of each byte and character, and what each two kinds after one another are."""
    from curator.text.kernels import course_clean

    kinds = np.full(cleaning.DIGITS_END + 128, course_clean.PLAIN, np.uint8)
    kinds[128:256] = course_clean.WIDE
    for code in range(cleaning.DIGITS_END):
        place = code if code < 128 else code + 128
        if chr(code).isdigit():
            kinds[place] = course_clean.DIGIT
        elif chr(code).isspace() or chr(code) in cleaning.NOISE:
            kinds[place] = course_clean.SPACE
    kinds[ord(",")] = course_clean.COMMA
    steps = [course_clean.step(before, kind) for before in range(8) for kind in range(8)]
    return kinds, np.array(steps, np.uint8)
