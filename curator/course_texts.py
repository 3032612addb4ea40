"""Texts as the course makes them: joined, cut and cleaned, many rows in one pass over their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import polars as pl

from curator import scrub
from curator.arrays import Bytes, Ints, Words
from curator.strings import Strings, lists, series, strings


def contents(rows: pl.DataFrame, removals: Sequence[str], chars: Ints) -> pl.Series:
    """Return description, features and details, a newline after each that has text, cut to so many characters.

    Columns in: `description`, `features` (lists of strings), `details` (JSON text).

    Args:
        rows: The rows.
        removals: What is deleted from the details, one after the other: a later one may match what an earlier deletion
            brought together.
        chars: Most characters of each text.
    """
    from curator.kernels import course

    description, features = lists(rows["description"]), lists(rows["features"])
    parts = (description, features, strings(rows["details"]), *_removals(tuple(removals)))
    return series(Strings(*course.join(*parts, chars)))


def scrub_together(titles: pl.Series, contents: pl.Series) -> pl.Series:
    """Return the cleaned title, a newline and the cleaned contents of each row; null counts as empty.

    `scrub.COURSE_RULES` say what the cleaning is.

    Args:
        titles: Strings.
        contents: As many strings.
    """
    from curator.kernels import course

    return series(Strings(*course.clean(strings(titles), strings(contents), _kinds())))


@lru_cache(maxsize=8)
def _removals(removals: tuple[str, ...]) -> tuple[Strings, Words]:
    """Return the removals' buffers, and for each byte those that it is the first or the second of."""
    starts = np.zeros((2, 256), np.uint64)
    for place, removal in enumerate(removals):
        one = np.uint64(1 << min(place, 63))
        first, second = removal.encode()[:1], removal.encode()[1:2]
        starts[0, list(first)] |= one
        starts[1, list(second) or slice(None)] |= one
    return strings(pl.Series(removals, dtype=pl.String)), starts


@lru_cache(maxsize=1)
def _kinds() -> Bytes:
    """Return the kind of each character, by its first byte and, beyond ASCII, 128 after its code point."""
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
    return kinds
