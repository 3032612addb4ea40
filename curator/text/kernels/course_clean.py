"""Clean texts as the course does; `cleaning.COURSE_RULES` say what that is."""

from __future__ import annotations

import numpy as np

from curator.kernels.buffers import StringBuffers
from curator.kernels.compiler import compiled, part
from curator.kernels.types import Bytes, Int64s

PLAIN, DIGIT, SPACE, COMMA, WIDE = range(5)
"""Kinds of characters; `WIDE` is the first byte of one beyond ASCII."""

_LONG = 7
"""Characters from which on a word with a digit is taken for a part number."""


@compiled
def clean(
    titles: StringBuffers, contents: StringBuffers, rows: Int64s, kinds: Bytes, steps: Bytes
) -> tuple[Int64s, Bytes]:
    """Clean titles and contents.

    Args:
        titles: The titles.
        contents: The contents, perhaps of more rows.
        rows: The place of each title's contents.
        kinds: The kind of each byte and, from 256 on, of each code point beyond ASCII, up to the last not plain.
        steps: What `step` gives for each two kinds, the first times 8 and the second.

    Returns:
        The offsets, shape (rows + 1,), and bytes of each clean title, a newline and the clean contents.
    """
    out = np.empty(len(titles.data) + len(contents.data) + len(rows), np.uint8)
    offsets = np.zeros(len(rows) + 1, np.int64)
    at = offsets[0]
    for row, place in enumerate(rows):
        at = _clean(titles.data, titles.offsets[row], titles.offsets[row + 1], kinds, steps, out, at)
        out[at] = 10
        at = _clean(contents.data, contents.offsets[place], contents.offsets[place + 1], kinds, steps, out, at + 1)
        offsets[row + 1] = at
    return offsets, out[:at]


_ANY, _WITH_DIGIT = 1, 2
"""What a character may be met with: anything, a word that has a digit."""

_MEETS, _WRITTEN = 4, 7
"""Bits of a step from which on, and at which, its two other parts stand."""


def step(before: int, kind: int) -> int:
    """Return what a character is, by its kind and that of the one before it, in eight bits.

    From the lowest: what it is for those that follow (a digit), with what before it (from `_MEETS` on) it needs a
    closer look, and whether it is written. A word that begins needs one if the word before it has a digit.
    """
    starts = before == SPACE and kind in (PLAIN, DIGIT)
    written = not (before == SPACE and kind == SPACE)
    odd = kind == WIDE or (kind == COMMA and before in (SPACE, COMMA))
    meets = odd * _ANY | starts * _WITH_DIGIT
    return (kind == DIGIT) * _WITH_DIGIT | meets << _MEETS | written << _WRITTEN


@part
def _clean(data: Bytes, place: int, last: int, kinds: Bytes, steps: Bytes, out: Bytes, at: int) -> int:
    """Clean one text; return where it ends."""
    begin = at
    met = _ANY  # or has the last word a digit, too?
    before = SPACE  # the kind of what came last; so no space is written first
    while place < last:
        # Nearly all bytes are read here, without a branch that depends on where words end.
        for one in range(place, last):
            place = one
            byte = data[np.uint64(one)]
            kind = np.int64(kinds[byte])
            bits = np.int64(steps[np.uint64(8 * before + kind)])
            if bits >> _MEETS & met:
                break
            met |= bits
            out[np.uint64(at)] = 32 if kind == SPACE else byte
            at += bits >> _WRITTEN
            before = kind
        else:
            break
        length = 1
        if kind == WIDE:
            kind, length = _wide_kind(data, place, kinds)
        if kind == COMMA:
            # The space before it is closed.
            at -= before == SPACE and at > begin
            again = at > begin and out[at - 1] == 44
            at, place = _write_commas(data, place, last, kinds, out, at - again, int(again))
        elif kind == SPACE:
            out[at] = 32
            at += before != SPACE
            place += length
        else:
            if before == SPACE:
                if met & _WITH_DIGIT:
                    word = _last_word(out, begin, at - 1)
                    if _is_long(out, word, at - 1):
                        at = word
                met = _ANY
            if kind == DIGIT:
                met |= _WITH_DIGIT
            while length:
                out[at] = data[place]
                at, place, length = at + 1, place + 1, length - 1
        before = kind
    at -= before == SPACE and at > begin
    if met & _WITH_DIGIT:
        word = _last_word(out, begin, at)
        if _is_long(out, word, at):
            at = max(word - 1, begin)
    return at


@part
def _last_word(out: Bytes, begin: int, end: int) -> int:
    """Return where the last word begins."""
    while end > begin and out[end - 1] != 32:
        end -= 1
    return end


@part
def _is_long(out: Bytes, place: int, end: int) -> bool:
    """Tell whether a word has the characters of a part number."""
    characters = 0
    while place < end and characters < _LONG:
        characters += (out[place] & 0xC0) != 0x80
        place += 1
    return characters == _LONG


@part
def _write_commas(
    data: Bytes, place: int, last: int, kinds: Bytes, out: Bytes, at: int, commas: int
) -> tuple[int, int]:
    """Write the run of commas that begins here, spaces between them closed, shortened as the course does.

    Args:
        commas: How many there are before.

    Returns:
        Where they end in what is written and in what is read.
    """
    looked = place
    while looked < last:
        kind, length = np.int64(kinds[data[looked]]), 1
        if kind == WIDE:
            kind, length = _wide_kind(data, looked, kinds)
        looked += length
        if kind == COMMA:
            commas += 1
            place = looked
        elif kind != SPACE:
            break
    # One of each three is left, then one of each two.
    for _ in range((commas // 3 + commas % 3 + 1) // 2):
        out[at] = 44
        at += 1
    return at, place


@part
def _wide_kind(data: Bytes, place: int, kinds: Bytes) -> tuple[int, int]:
    """Return the kind and the bytes of a character beyond ASCII."""
    byte = np.int64(data[place])
    if byte < 0xE0:
        code, length = byte & 0x1F, 2
    elif byte < 0xF0:
        code, length = byte & 0x0F, 3
    else:
        code, length = byte & 0x07, 4
    for more in range(1, length):
        code = code << 6 | (np.int64(data[place + more]) & 0x3F)
    # In the table bytes come first.
    code += 128
    return (np.int64(kinds[code]) if code < len(kinds) else PLAIN), length
