"""Cut texts where the ids of byte-level tokens lie in them, and put together what stands around a text."""

from __future__ import annotations

import numpy as np

from curator.kernels.buffers import StringBuffers
from curator.kernels.compiler import compiled
from curator.kernels.types import Bytes, Flags, Int64s
from curator.tokens.arrays import Ids, Starts, Texts

_NEAR = 40
"""Bytes from the end of a text in which its last space is looked for.

Words are short; a text that ends in a longer one is rare, and encoding it whole is right too.
"""

_LABEL = 60
"""Characters of the longest label."""


@compiled
def spelled(texts: Texts, ids: Ids) -> bool:
    """Tell whether the ids of each text stand for as many bytes as it has."""
    for row in range(len(ids.counts)):
        left = texts.ends[row] - texts.starts[row]
        first = ids.starts[row]
        for one in ids.flat[first : first + ids.counts[row]]:
            left -= ids.sizes[one]
        if left:
            return False
    return True


@compiled
def _bytes_of(texts: Texts, ids: Ids, row: int, count: int) -> int:
    """Return the bytes of the first `count` ids of a text, counted from its nearer end."""
    first, last = ids.starts[row], ids.starts[row] + ids.counts[row]
    size = np.int64(0)
    if 2 * count < last - first:
        for place in range(first, first + count):
            size += ids.sizes[ids.flat[place]]
        return int(size)
    for place in range(first + count, last):
        size += ids.sizes[ids.flat[place]]
    return int(texts.ends[row] - texts.starts[row] - size)


@compiled
def settled(texts: Texts, ids: Ids, tokens: Int64s) -> Flags:
    """Tell which texts begin with as many tokens that stay the same whatever follows their last space."""
    data = texts.data
    made = np.zeros(len(tokens), np.bool_)
    for row in range(len(tokens)):
        first = texts.starts[row]
        space = _last_space(data, first, texts.ends[row])
        if ids.counts[row] >= tokens[row] and space > first and _is_visible_ascii(data[space - 1]):
            made[row] = first + _bytes_of(texts, ids, row, tokens[row]) <= space
    return made


@compiled
def cut(texts: Texts, ids: Ids, kept: Int64s, whole_words: bool) -> tuple[Int64s, Flags, Int64s]:
    """Cut each text after the first `kept` of its ids, but not within a character or, if asked, a word.

    Returns:
        The bytes of each start, whether it ends where a character was cut, and the bytes of the ids.
    """
    data = texts.data
    sizes, broken, held = np.empty_like(kept), np.zeros(len(kept), np.bool_), np.empty_like(kept)
    for row in range(len(kept)):
        first, last = texts.starts[row], texts.ends[row]
        held[row] = _bytes_of(texts, ids, row, kept[row])
        end = whole = first + held[row]
        while first < end < last and data[end] & 0xC0 == 0x80:
            end -= 1
        if whole_words:
            end = _word_end(data, first, last, end)
        else:
            broken[row] = end < whole
        sizes[row] = end - first
    return sizes, broken, held


@compiled
def _word_end(data: Bytes, first: int, last: int, end: int) -> int:
    """Move an end that lies before its text's end back to the end of a word, if the text has one before it."""
    if end == last:
        return end
    found = end
    while found > first and not _is_white(data[found]):
        found -= 1
    while found > first and _is_white(data[found - 1]):
        found -= 1
    return found if found > first else end


@compiled
def without_label(texts: Texts, sizes: Int64s) -> Int64s:
    """Return the bytes of starts without a last line that is only a label, ``Color:``, and the newline before it."""
    data = texts.data
    made = sizes.copy()
    for row in range(len(sizes)):
        first = texts.starts[row]
        at = first + sizes[row] - 1
        if at < first or data[at] != 58:
            continue
        at -= 1
        letters = 0
        while at >= first and letters <= _LABEL and data[at] != 10 and data[at] != 58:
            letters += data[at] & 0xC0 != 0x80
            at -= 1
        if at >= first and data[at] == 10 and 0 < letters <= _LABEL:
            made[row] = at - first
    return made


@compiled
def seams(texts: Texts, ids: Ids, sizes: Int64s, kept: Int64s, held: Int64s) -> tuple[Int64s, Int64s]:
    """Find for each start up to where its ids stay the same when something stands before it and an answer after it.

    `tokenizer.ByteLevelTokenizer.count_around` says why. `kept` ids hold a start, and have `held` bytes.

    Returns:
        How many ids that are, and the bytes they hold: the whole start, less, or -1 if none are known to.
    """
    data = texts.data
    counts, sure = np.zeros_like(kept), np.full_like(kept, -1)
    for row in range(len(kept)):
        first, last = texts.starts[row], texts.ends[row]
        end = first + sizes[row]
        if end == first or not _is_apart(data[first]):
            continue
        seam = end
        if not (_is_alphanumeric(data[end - 1]) and (end == last or _is_white(data[end]))):
            seam = _last_space(data, first, end)
            if seam == first or not _is_visible_ascii(data[seam - 1]):
                continue
        place, left = ids.starts[row] + kept[row], held[row]
        while left > seam - first:
            place -= 1
            left -= ids.sizes[ids.flat[place]]
        if left == seam - first:
            counts[row], sure[row] = place - ids.starts[row], left
    return counts, sure


@compiled
def put_together(
    before: Bytes, texts: Texts, starts: Starts, answers: StringBuffers, which: Int64s, rows: Int64s, sure: Int64s
) -> tuple[Int64s, Int64s, Bytes]:
    """Write starts of texts between what stands before them and their answers.

    Args:
        before: What stands before every start.
        texts: The texts.
        starts: Their starts.
        answers: The different answers.
        which: Which of them follows each start.
        rows: The starts to write.
        sure: Bytes left out of each start, and with them what stands before it; -1 to write all.

    Returns:
        The offsets of the written texts, shape (rows + 1,); where the starts in them begin and end, and where the last
        text ends, shape (2 * rows + 1,); and the bytes.
    """
    size = 0
    for row in rows:
        answer = which[row]
        size += len(before) + starts.sizes[row] + 3 + answers.offsets[answer + 1] - answers.offsets[answer]
    out = np.empty(size, np.uint8)
    offsets, bounds = np.zeros(len(rows) + 1, np.int64), np.zeros(2 * len(rows) + 1, np.int64)
    at = 0
    for place in range(len(rows)):
        row = rows[place]
        first = texts.starts[row]
        last = first + starts.sizes[row]
        if sure[row] < 0:
            at = _write(before, 0, len(before), out, at)
        else:
            first += sure[row]
        bounds[2 * place] = at
        at = _write(texts.data, first, last, out, at)
        if starts.broken[row]:
            # U+FFFD
            out[at], out[at + 1], out[at + 2] = 0xEF, 0xBF, 0xBD
            at += 3
        bounds[2 * place + 1] = at
        answer = which[row]
        at = _write(answers.data, answers.offsets[answer], answers.offsets[answer + 1], out, at)
        offsets[place + 1] = at
    bounds[2 * len(rows)] = at
    return offsets, bounds, out[:at]


@compiled
def _write(data: Bytes, first: int, last: int, out: Bytes, at: int) -> int:
    """Write bytes; return where they end."""
    # Indices of slices can't be negative, so this becomes one copy of many bytes at once.
    into, of = out[at : at + last - first], data[first:last]
    for place in range(len(of)):
        into[place] = of[place]
    return at + last - first


@compiled
def _last_space(data: Bytes, first: int, last: int) -> int:
    """Return where the last space lies, or where the text begins if there is none near its end."""
    at = last - 1
    while at > first and at > last - _NEAR and data[at] != 32:
        at -= 1
    return at if at > first and data[at] == 32 else first


@compiled
def _is_white(byte: int) -> bool:
    """Tell whether a byte is a space or newline."""
    return byte == 32 or byte == 10


@compiled
def _is_visible_ascii(byte: int) -> bool:
    """Tell whether a byte is an ASCII character other than white space and control characters."""
    return 0x20 < byte < 0x7F


@compiled
def _is_alphanumeric(byte: int) -> bool:
    """Tell whether a byte is an ASCII letter or digit."""
    return 97 <= byte | 0x20 <= 122 or 48 <= byte <= 57


@compiled
def _is_apart(byte: int) -> bool:
    """Tell whether a text that begins so is read apart from the newlines before it: they swallow white space and /."""
    return (_is_visible_ascii(byte) and byte != 47) or byte >= 0xC3
