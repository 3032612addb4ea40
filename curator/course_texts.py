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

    return series(Strings(*course.clean(strings(titles), strings(contents), *_kinds())))


@lru_cache(maxsize=8)
def _removals(removals: tuple[str, ...]) -> tuple[Strings, Words]:
    """Return the removals' buffers, and of each two neighbouring bytes that a text must have to be looked through."""
    starts = np.zeros((2, 256), np.uint64)
    for place, removal in enumerate(removals):
        one, text = np.uint64(1 << min(place, 63)), removal.encode()
        # Letters are rarer next to each other than a quote and what follows it.
        first = int(len(text) > 2 and not removal[0].isalnum())
        starts[0, list(text[first : first + 1])] |= one
        # One of a single byte may have any neighbour.
        starts[1, list(text[first + 1 : first + 2]) or slice(None)] |= one
    return strings(pl.Series(removals, dtype=pl.String)), starts


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
