"""Read product details, JSON objects as `json.dumps` writes them, into lines ``Key: value``.

`details.readable_details` says what is done. It does it itself where a row is not read here: text that is no such
object, or cut off, objects within objects, and what hardly a page holds, such as a colon in a key.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curator.kernels.buffers import StringBuffers
from curator.kernels.compiler import compiled, part
from curator.kernels.types import Bytes, Flags, Int64s


class Keys(NamedTuple):
    """Keys to look for.

    Attributes:
        names: In lower-case ASCII, the shorter first.
        sizes: The first key of each length, and one past the last key.
        ranks: Where the lines of each key stand, from 0; -1 for keys that are left out.
        last: Where the lines of all other keys stand, after all ranks.
    """

    names: StringBuffers
    sizes: Int64s
    ranks: Int64s
    last: int


class Lines(NamedTuple):
    """Lines in the order of the page, those of one row after those of another.

    Attributes:
        text: Their bytes, without newlines.
        ends: Where each ends.
        values: Where the value of each begins.
        ranks: Where each is to stand in its row.
        kinds: Whether the key of each is one of a weight (1), a size (2) or both (3).
    """

    text: Bytes
    ends: Int64s
    values: Int64s
    ranks: Int64s
    kinds: Bytes


def _word(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


_PLAIN, _COMMA, _SPACE, _COLON, _WIDE, _BRACKET, _QUOTE, _ESCAPE, _CONTROL = range(9)
"""Kinds of bytes: those below `_COLON` stand for themselves in a key, those below `_BRACKET` in a string."""
_KINDS = np.zeros(256, np.uint8)
_KINDS[:32], _KINDS[128:], _KINDS[_word("[]{}")] = _CONTROL, _WIDE, _BRACKET
_KINDS[_word(', :"\\')] = _COMMA, _SPACE, _COLON, _QUOTE, _ESCAPE
_WEIGHT, _DIMENSION, _SIZE, _NULL = _word("weight"), _word("dimension"), _word("size"), _word("null")


@compiled
def read(details: StringBuffers, keys: Keys, printable: Flags) -> tuple[Int64s, Lines, Flags]:
    """Read details.

    Args:
        details: Texts.
        keys: The keys to look for.
        printable: Whether each character may be printed, up to some code point.

    Returns:
        The lines, where those of each row begin, shape (rows + 1,), and which rows were not read; these have none.
    """
    rows = len(details.offsets) - 1
    size = details.offsets[rows] - details.offsets[0]
    # The shortest entry is `"k":1,`; only the braces of its object make up for a comma that the last one lacks.
    most = size // 6 + 1
    lines = Lines(
        np.empty(size, np.uint8),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.uint8),
    )
    key = np.empty(size, np.uint8)
    offsets, unread = np.zeros(rows + 1, np.int64), np.zeros(rows, np.bool_)
    for row in range(rows):
        first, last = details.offsets[row], details.offsets[row + 1]
        end = _read(details.data, first, last, keys, printable, lines, offsets[row], key)
        unread[row] = end < 0
        offsets[row + 1] = max(offsets[row], end)
    return offsets, lines, unread


@part
def _read(data: Bytes, place: int, last: int, keys: Keys, printable: Flags, lines: Lines, line: int, key: Bytes) -> int:
    """Write the lines of a row; return where they end, or -1 for a row that is not read."""
    text, ends, values, ranks, kinds = lines
    (offsets, names), sizes, positions, rest = keys
    at = ends[line - 1] if line else 0
    end = -1
    if place == last or (last - place == 2 and data[place] == 123 and data[place + 1] == 125):
        end = line
    elif data[place] == 123 and data[last - 1] == 125:
        while True:
            begin = at
            place, at = _key(data, place + 1, last, text, at, key)
            if not place:
                break
            size = at - begin
            rank = rest
            if size + 1 < len(sizes):
                name = _name(key, size, names, offsets, sizes[size], sizes[size + 1])
                if name >= 0:
                    rank = positions[name]
            text[at], text[at + 1] = 58, 32
            at += 2
            values[line] = at
            place, at, gone = _value(data, place, last, text, at, printable, size == 0 or rank < 0)
            if not place:
                break
            if gone:
                at = begin
            else:
                ends[line], ranks[line], kinds[line] = at, rank, _kind(key, size)
                line += 1
            place = _spaces(data, place, last)
            if place == last - 1:
                end = line
                break
            if place == last or data[place] != 44:
                break
            place = _spaces(data, place + 1, last) - 1
    return end


@part
def _key(data: Bytes, place: int, last: int, out: Bytes, at: int, key: Bytes) -> tuple[int, int]:
    """Write a key, and again in lower case; return where its value begins, 0 if it is not read, and where it ends."""
    size = value = 0
    if data[place] == 34:
        place += 1
        # Not read is what is written otherwise in lower case or in JSON (but quotes), and what ends a key of a line.
        while place < last:
            byte = data[place]
            if _KINDS[byte] == _ESCAPE and (data[place + 1] == 34 or data[place + 1] == 92):
                place += 1
                byte = data[place]
            elif _KINDS[byte] >= _COLON:
                break
            out[at] = byte
            key[size] = byte | 0x20 if 65 <= byte <= 90 else byte
            at, size, place = at + 1, size + 1, place + 1
        if place + 1 < last and data[place] == 34 and data[place + 1] == 58:
            value = _spaces(data, place + 2, last)
    return value, at


@part
def _name(key: Bytes, size: int, names: Bytes, offsets: Int64s, first: int, last: int) -> int:
    """Return which of the names from `first` to `last`, all as long, a key is, or -1."""
    found = -1
    while first < last and found < 0:
        begin = offsets[first]
        same = 0
        while same < size and key[same] == names[begin + same]:
            same += 1
        if same == size:
            found = first
        first += 1
    return found


@part
def _kind(key: Bytes, size: int) -> int:
    """Return whether a key is one of a weight (1), a size (2) or both (3)."""
    large = size == len(_SIZE) and _stands(key, size - len(_SIZE), size, _SIZE)
    for place in range(size - len(_DIMENSION) + 1):
        if key[place] == 100:
            large |= _stands(key, place, size, _DIMENSION)
    return _stands(key, size - len(_WEIGHT), size, _WEIGHT) + 2 * large


@part
def _value(
    data: Bytes, place: int, last: int, out: Bytes, at: int, printable: Flags, gone: bool
) -> tuple[int, int, bool]:
    """Write a value; return where it ends, 0 if it is not read, where its text ends, and whether it is left out."""
    byte = data[place]
    if byte == 123 or (byte == 91 and gone):
        # The brackets and braces that close are two bytes on.
        place, gone = _after_nested(data, place + 1, last, byte, byte + 2), True
    elif byte == 34 and gone:
        place = _after_string(data, place + 1, last)
    elif byte == 34:
        gone = data[place + 1] == 34
        place, at = _string(data, place + 1, last, out, at, printable)
    elif byte == 91:
        gone = data[place + 1] == 93
        place, at = _list(data, place + 1, last, out, at, printable)
    else:
        begin = at
        while place < last and _KINDS[data[place]] == _PLAIN:
            out[at] = data[place]
            at, place = at + 1, place + 1
        null = _stands(out, begin, at, _NULL)
        if at == begin or (null and at - begin > len(_NULL)):
            place = 0
        gone |= null
    return place, at, gone


@part
def _string(data: Bytes, place: int, last: int, out: Bytes, at: int, printable: Flags) -> tuple[int, int]:
    """Write a string from after its first quote; return where it ends, 0 if it is not read, and where its text does."""
    end = 0
    # With a colon first, the patterns take the quotes around what stands between two strings for those of a key.
    if data[place] == 58:
        place = last
    while place < last:
        byte = data[place]
        kind = _KINDS[byte]
        if kind < _BRACKET:
            out[at] = byte
            at, place = at + 1, place + 1
        elif kind == _BRACKET:
            place += 1
        elif kind == _ESCAPE:
            place, at = _character(data, place + 1, last, out, at, printable)
            if not place:
                break
        else:
            end = place + 1 if kind == _QUOTE else 0
            break
    return end, at


@part
def _character(data: Bytes, place: int, last: int, out: Bytes, at: int, printable: Flags) -> tuple[int, int]:
    """Write the character of an escape from after its backslash; return as `_string` does."""
    # The object's last byte is a brace, so there is one more.
    byte = data[place]
    if byte == 34 or byte == 92 or byte == 47:
        out[at] = byte
        return place + 1, at + 1
    if byte == 98 or byte == 102 or byte == 110 or byte == 114 or byte == 116:
        out[at] = 32
        return place + 1, at + 1
    code = _code(data, place, last)
    place += 5
    if 0xD800 <= code < 0xDC00 and place < last and data[place] == 92:
        low = _code(data, place + 1, last)
        if not 0xDC00 <= low < 0xE000:
            return 0, at
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        place += 6
    if code < 0 or 0xD800 <= code < 0xE000 or code >= len(printable):
        return 0, at
    if not printable[code]:
        code = 32
    length = 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    for more in range(length - 1, 0, -1):
        out[at + more] = 0x80 | (code & 0x3F)
        code >>= 6
    out[at] = code if length == 1 else ((0xF00 >> length) & 0xFF) | code
    return place, at + length


@part
def _code(data: Bytes, place: int, last: int) -> int:
    """Return the number after the backslash of ``\\uXXXX``, or -1 if there is none."""
    if place + 5 > last or data[place] != 117:
        return -1
    code = 0
    for digit in range(1, 5):
        byte = np.int64(data[place + digit])
        lower = byte | 0x20
        if 48 <= byte <= 57:
            code = code * 16 + byte - 48
        elif 97 <= lower <= 102:
            code = code * 16 + lower - 87
        else:
            return -1
    return code


@part
def _list(data: Bytes, place: int, last: int, out: Bytes, at: int, printable: Flags) -> tuple[int, int]:
    """Write the elements of a list as they stand, from after its bracket; return as `_string` does."""
    end = 0
    if data[place] == 32:
        place = last
    while place < last:
        byte = data[place]
        kind = _KINDS[byte]
        if kind == _QUOTE:
            place, at = _string(data, place + 1, last, out, at, printable)
            if not place:
                break
        elif kind < _COLON:
            out[at] = byte
            at, place = at + 1, place + 1
        else:
            end = place + 1 if byte == 93 else 0
            break
    return end, at


@part
def _after_string(data: Bytes, place: int, last: int) -> int:
    """Return where a string ends that goes on at `place`, or 0 if it does not."""
    while place < last and data[place] != 34:
        place += 2 if data[place] == 92 else 1
    return place + 1 if place < last else 0


@part
def _after_nested(data: Bytes, place: int, last: int, opening: int, closing: int) -> int:
    """Return where an object or a list ends that goes on at `place`, or 0 if it does not or holds another."""
    while place < last:
        byte = data[place]
        if byte == closing:
            return place + 1
        if byte == opening or byte == 92:
            break
        place += 1
        if byte == 34:
            place = _after_string(data, place, last)
            if not place:
                break
    return 0


@part
def _spaces(text: Bytes, place: int, last: int) -> int:
    """Return where the spaces at `place` end."""
    while place < last and text[place] == 32:
        place += 1
    return place


@part
def _stands(text: Bytes, place: int, last: int, word: Bytes) -> bool:
    """Return whether a word stands at `place`."""
    same = 0
    if place >= 0 and place + len(word) <= last:
        while same < len(word) and text[place + same] == word[same]:
            same += 1
    return same == len(word)
