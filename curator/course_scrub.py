"""Clean titles and contents as the course does, together and in one pass.

`scrub.COURSE_RULES` say what the cleaning is. Here it is done on the bytes of many rows at once, with NumPy: a table
makes spaces of the noise, and a mask tells which bytes go. The few rows that hold what that cannot see, such as digits
beyond ASCII, go through the rules themselves.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl
import pyarrow as pa

from curator import scrub
from curator.arrays import Bytes, Flags
from curator.encoded import Counts, buffers

# Ends each title and each contents; neither noise nor part of a word. Rows that hold it go through the rules.
_END = "\0"
_SPACE, _COMMA, _NEWLINE = ord(" "), ord(","), ord("\n")
_GONE, _SILENT = 0xC0, -0x40
"""A byte that UTF-8 never uses; signed, it and those that continue a character are at most the second number."""
_NOISE = b':[]"{}\t\n\v\f\r\x1c\x1d\x1e\x1f'
_SPACES = bytes.maketrans(_NOISE, b" " * len(_NOISE))
_WIDE_NOISE = r"[\s【】&&[^\x00-\x7f]]"
_LONG = 7
"""Characters from which on a word with a digit is taken for a part number."""
_STEPS = 16
"""Spaces of a run after which its end is looked for by other means, which cost the same for any length."""
_BLOCK = 1 << 19
"""Bytes that are cleaned at a time, about: the arrays over them stay in the processor's cache."""


def scrub_together(titles: pl.Series, contents: pl.Series) -> pl.Series:
    """Return the cleaned title, a newline and the cleaned contents of each row.

    Args:
        titles: Strings without null.
        contents: As many strings without null.
    """
    end = pl.lit(_END)
    joined = pl.select(pl.concat_str(pl.lit(titles), end, pl.lit(contents), end)).to_series()
    odd = joined.str.count_matches(_END, literal=True) != 2
    wide = (joined.str.len_bytes() != joined.str.len_chars()).arg_true()
    wide = wide.filter(joined.gather(wide).str.contains(_wide_noise_or_digit()))
    if len(wide):
        some = joined.gather(wide).str.replace_all(_WIDE_NOISE, " ")
        joined = joined.scatter(wide, some)
        odd = odd.scatter(wide.filter(some.str.contains(_wide_noise_or_digit())), True)
    # What the bytes make of a row with another number of ends would shift the rows after it.
    rows = odd.arg_true()
    if len(rows):
        joined = joined.scatter(rows, 2 * _END)
    clean = _clean(joined)
    if len(rows):
        clean = clean.scatter(rows, _by_the_rules(titles.gather(rows), contents.gather(rows)))
    return clean


def _by_the_rules(titles: pl.Series, contents: pl.Series) -> pl.Series:
    title, text = (scrub.course_scrub(pl.lit(part)) for part in (titles, contents))
    return pl.select(pl.concat_str(title, pl.lit("\n"), text)).to_series()


@lru_cache(maxsize=1)
def _wide_noise_or_digit() -> str:
    """Return a class of the characters beyond ASCII that the rules take for noise or for a digit."""
    digits = "".join(one for one in map(chr, range(0x80, scrub.DIGITS_END)) if one.isdigit())
    return f"[{_WIDE_NOISE}{digits}]"


def _clean(joined: pl.Series) -> pl.Series:
    """Clean rows of two segments, each with its end; return the segments with a newline between them."""
    offsets, raw = buffers(joined)
    data = np.frombuffer(bytearray(raw).translate(_SPACES), np.uint8)
    pieces: list[Bytes] = []
    sizes = np.zeros(len(joined) + 1, np.int64)
    start = 0
    while start < len(joined):
        stop = max(int(np.searchsorted(offsets, offsets[start] + _BLOCK, side="right")) - 1, start + 1)
        piece, sizes[start + 1 : stop + 1] = _clean_block(data[offsets[start] : offsets[stop]])
        pieces.append(piece)
        start = stop
    clean = pa.py_buffer(np.concatenate(pieces) if pieces else b"")
    made = pl.from_arrow(pa.LargeStringArray.from_buffers(len(joined), pa.py_buffer(np.cumsum(sizes)), clean))
    assert isinstance(made, pl.Series)
    return made


def _clean_block(data: Bytes) -> tuple[Bytes, Counts]:
    """Clean the bytes of some rows, in which noise is spaces already; return them and the bytes of each row.

    The bytes that are passed are changed.
    """
    ends = np.flatnonzero(data == 0)
    drop = np.zeros(len(data), np.bool_)
    _close_commas(data, drop)
    space = data == _SPACE
    # Of a run the last space is left, but none at the end of a segment,
    drop[:-1] |= space[:-1] & (space[1:] | (data[1:] == 0))
    # nor at its start.
    first = np.append(0, ends[:-1] + 1)
    drop[_run_end(space, first[space[first]], 1)] = True
    _drop_part_numbers(data, drop)
    data[ends[::2]] = _NEWLINE
    last = ends[1::2]
    drop[last] = True
    kept = last + 1 - np.searchsorted(np.flatnonzero(drop), last, side="right")
    return data[~drop], np.diff(kept, prepend=0)


def _close_commas(data: Bytes, drop: Flags) -> None:
    """Mark the spaces before commas and the commas that go of a run: one of each three is left, then one of each two.

    These bytes also become `_GONE`, since words are parted and measured as if they were not there.
    """
    commas = np.flatnonzero(data == _COMMA)
    before = commas - 1
    space = data == _SPACE
    spaced = np.flatnonzero(space[before])
    starts = _run_end(space, before[spaced], -1)
    closed = _ranges(starts, commas[spaced] - starts)
    data[closed] = _GONE
    drop[closed] = True
    before[spaced] = starts - 1
    # Which commas follow another one at once?
    runs = np.flatnonzero(before[1:] == commas[:-1])
    if not len(runs):
        return
    new = np.flatnonzero(np.diff(runs, prepend=-2) > 1)
    many = np.diff(new, append=len(runs)) + 1
    left = (many // 3 + many % 3 + 1) // 2
    surplus = commas[_ranges(runs[new] + left, many - left)]
    data[surplus] = _GONE
    drop[surplus] = True


def _drop_part_numbers(data: Bytes, drop: Flags) -> None:
    """Mark words of seven or more characters with a digit, each with the space before it."""
    space = data == _SPACE
    stop = space | (data == 0)
    places = np.flatnonzero(stop | (data - ord("0") < 10))
    stops = np.flatnonzero(stop[places])
    after = places[stops]
    # A word lies before each stop; it has a digit if that is not the next place after the stop before it.
    before = np.append(-1, after[:-1])
    words = np.flatnonzero((np.diff(stops, prepend=-1) > 1) & (after - before > _LONG))
    before, after = before[words], after[words]
    silent = np.flatnonzero(data.view(np.int8) <= _SILENT)
    if len(silent):
        characters = after - before - 1 - np.searchsorted(silent, after) + np.searchsorted(silent, before)
        words = np.flatnonzero(characters >= _LONG)
        before, after = before[words], after[words]
    if not len(before):
        return
    drop[_ranges(before + 1, after - before - 1)] = True
    # The first words of a segment, if they go, have no space before them; the one after them goes.
    spaced = np.flatnonzero(space[after])
    last = after.copy()
    last[spaced] = _run_end(space, after[spaced], 1)
    # A word whose neighbour before it goes too is among the first if that one is.
    apart = np.append(True, (last[:-1] != before[1:]) | ~space[before[1:]])
    heads = before[apart]
    leading = ((heads < 0) | (data[heads] == 0) | drop[heads])[np.cumsum(apart) - 1]
    drop[before[~leading]] = True
    drop[last[leading & space[after]]] = True


def _run_end(space: Flags, at: Counts, step: int) -> Counts:
    """Return the last place of the run of spaces that each place is in, going forward (1) or back (-1)."""
    end = at.copy()
    for _ in range(_STEPS):
        more = np.flatnonzero(space[end + step])
        if not len(more):
            return end
        end[more] += step
    others = np.flatnonzero(~space)
    found = np.searchsorted(others, at)
    return others[found] - 1 if step > 0 else np.where(found > 0, others[found - 1], -1) + 1


def _ranges(starts: Counts, sizes: Counts) -> Counts:
    """Return all places of the ranges, one after the other."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))
