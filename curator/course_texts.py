"""Texts as the course makes them: joined, cut and cleaned, many rows in one pass over their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from curator import scrub
from curator.arrays import Bytes, Ints, Words
from curator.strings import Strings, lists, series, strings


@dataclass(frozen=True)
class Contents:
    """Contents of rows, uncleaned.

    Attributes:
        utf8: Their bytes.
        chars: The characters of each; shape (rows,).
    """

    utf8: Strings
    chars: Ints

    @property
    def texts(self) -> pl.Series:
        """The contents."""
        return series(self.utf8)


def contents(rows: pl.DataFrame, removals: Sequence[str], chars: Ints) -> Contents:
    """Return description, features and details, a newline after each that has text, cut to so many characters.

    Columns in: `description`, `features` (lists of strings), `details` (JSON text).

    Args:
        rows: The rows.
        removals: What is deleted from the details, one after the other: a later one may match what an earlier deletion
            brought together.
        chars: Most characters of each text.
    """
    from curator.kernels.contents import join

    description, features = lists(rows["description"]), lists(rows["features"])
    parts = (description, features, strings(rows["details"]), *_removals(tuple(removals)))
    offsets, data, counts = join(*parts, chars)
    for made in (offsets, data):
        made.setflags(write=False)
    return Contents(Strings(offsets, data), counts)


def scrub_together(titles: pl.Series, contents: pl.Series | Strings, rows: Ints | None = None) -> pl.Series:
    """Return the cleaned title, a newline and the cleaned contents of each row; null counts as empty.

    `scrub.COURSE_RULES` say what the cleaning is.

    Args:
        titles: Strings.
        contents: Strings.
        rows: The place of each title's contents, if there are others among these.
    """
    from curator.kernels import course

    rows = np.arange(len(titles)) if rows is None else rows.view()
    rows.setflags(write=False)
    contents = contents if isinstance(contents, Strings) else strings(contents)
    return series(Strings(*course.clean(strings(titles), contents, rows, *_kinds())))


@lru_cache(maxsize=8)
def _removals(removals: tuple[str, ...]) -> tuple[Strings, Words, Ints]:
    """Return the removals' buffers, two neighbouring bytes of each, and how many bytes it has before these.

    A text without the two need not be looked through. See `kernels.contents.join`.
    """
    from curator.kernels.contents import ODD

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
    return strings(pl.Series(removals, dtype=pl.String)), pairs, np.array(ahead if together else [], np.int64)


def _overlaps(text: bytes, earlier: bytes, first: int) -> bool:
    """Tell whether an earlier removal could begin inside of another one, from its byte `first` on."""
    return any(earlier.startswith(text[at : at + len(earlier)]) for at in range(first, len(text)))


@lru_cache(maxsize=1)
def _kinds() -> tuple[Bytes, Bytes]:
    """Return the kind of each byte and character, and what each two kinds after one another are."""
    from curator.kernels import course

    kinds = np.full(scrub.DIGITS_END + 128, course.PLAIN, np.uint8)
    kinds[128:256] = course.WIDE
    for code in range(scrub.DIGITS_END):
        place = code if code < 128 else code + 128
        if chr(code).isdigit():
            kinds[place] = course.DIGIT
        elif chr(code).isspace() or chr(code) in scrub.NOISE:
            kinds[place] = course.SPACE
    kinds[ord(",")] = course.COMMA
    steps = [course.step(before, kind) for before in range(8) for kind in range(8)]
    return kinds, np.array(steps, np.uint8)
