"""Put readable texts together from their parts, and rewrite texts character by character.

`prompts.readable_lines` and `cleaning.READABLE_RULES` say what is done.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curator.kernels.buffers import ListBuffers, StringBuffers
from curator.kernels.compiler import compiled
from curator.kernels.types import Bytes, Codes, Flags, Int64s

COPY, SPACE, NEWLINE, GONE, ASK, HARD, OPEN, CLOSE, WIDE, FORM = range(10)
"""What becomes of a character: it stays, becomes a space, a line's end or nothing; it may begin what only the rules can
change, or does; it is a bracket around a label; it is the first byte of one beyond ASCII; from `FORM` on it becomes the
text of that number."""

_SHORT_LINE = 80


class Table(NamedTuple):
    """What becomes of each character.

    Attributes:
        bytes: For each byte what becomes of it times 256, and the byte that is written for it, shape (256,).
        actions: Of each code point below the length; the others are `HARD`.
        forms: The texts that characters become; none is longer, in bytes, than its character.
    """

    bytes: Codes
    actions: Codes
    forms: StringBuffers


@compiled
def lines(
    parts: tuple[ListBuffers, ...],
    labels: StringBuffers,
    order: Int64s,
    category: ListBuffers,
    categories: int,
    differ: bool,
    most: int,
) -> tuple[Int64s, Bytes]:
    """Write the parts of each text, a newline after each line, and cut the text.

    Args:
        parts: Lists of lines, those of a part for each text.
        labels: What stands before each part, and between categories.
        order: The numbers of the parts that are written, in their order.
        category: What stands before the categories, of each text one or none.
        categories: The number of the part that is categories, all in one line.
        differ: Whether of equal categories only the first is written.
        most: Characters of a text.

    Returns:
        The offsets of the texts, shape (rows + 1,), and their bytes.
    """
    rows = len(category.offsets) - 1
    # No text needs more bytes than these before it is cut; a label that nothing follows goes.
    limit = 4 * most + len(labels.data)
    # Each line ends in a newline, and no label is shorter.
    size = rows * (len(labels.data) + len(order)) + _size(category, labels)
    for lists in parts:
        size += _size(lists, labels)
    out = np.empty(size, np.uint8)
    offsets = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        at = offsets[row]
        end = at + limit
        for part in order:
            begin = at
            labelled = _add(labels, part, out, at, end)
            if part == categories:
                at = _add_categories(category, parts[part], row, labels, differ, out, labelled, end)
            else:
                at = _add_lines(parts[part], row, out, labelled, end)
            if at == labelled:
                at = begin
        offsets[row + 1] = _cut(out, offsets[row], at, most)
    return offsets, out[: offsets[rows]]


@compiled
def _size(texts: ListBuffers, labels: StringBuffers) -> int:
    """Return the most bytes that lines or categories come to."""
    return len(texts.strings.data) + len(texts.strings.offsets) * len(labels.data)


@compiled
def _add(strings: StringBuffers, number: int, out: Bytes, at: int, end: int) -> int:
    """Write a string up to the place `end`; return where it ends."""
    data, first = strings.data, int(strings.offsets[number])
    size = min(int(strings.offsets[number + 1]) - first, end - at)
    # Indices without a sign let the compiler copy many bytes at once.
    source, target = np.uint64(first), np.uint64(at)
    for place in range(np.uint64(size)):
        out[target + place] = data[source + place]
    return at + size


@compiled
def _add_lines(texts: ListBuffers, row: int, out: Bytes, at: int, end: int) -> int:
    """Write the lines of a row, a newline after each, if there is any text; return where they end."""
    first, last = texts.offsets[row], texts.offsets[row + 1]
    offsets = texts.strings.offsets
    # Lines without text between them are text: their newlines.
    if offsets[last] - offsets[first] + max(last - first - 1, 0) == 0:
        return at
    for line in range(first, last):
        at = _add(texts.strings, line, out, at, end)
        if at == end:
            break
        out[at] = 10
        at += 1
    return at


@compiled
def _add_categories(
    category: ListBuffers,
    categories: ListBuffers,
    row: int,
    labels: StringBuffers,
    differ: bool,
    out: Bytes,
    at: int,
    end: int,
) -> int:
    """Write the categories of a row and a newline, if they have any text; return where they end."""
    begin, between = at, len(labels.offsets) - 2
    first, last = categories.offsets[row], categories.offsets[row + 1]
    main, many = category.offsets[row], category.offsets[row + 1] - category.offsets[row]
    written = False
    for place in range(first - many, last):
        strings, number = (categories.strings, place) if place >= first else (category.strings, main)
        same = False
        if differ and place >= first:
            same = many > 0 and _equal(strings, number, category.strings, main)
            before = first
            while before < place and not same:
                same = _equal(strings, number, strings, before)
                before += 1
        if not same:
            if written:
                at = _add(labels, between, out, at, end)
            at = _add(strings, number, out, at, end)
            written = True
    if begin < at < end:
        out[at] = 10
        at += 1
    return at


@compiled
def _equal(some: StringBuffers, one: int, others: StringBuffers, other: int) -> bool:
    first, second = some.offsets[one], others.offsets[other]
    size = some.offsets[one + 1] - first
    if others.offsets[other + 1] - second != size:
        return False
    place = 0
    while place < size and some.data[first + place] == others.data[second + place]:
        place += 1
    return bool(place == size)


@compiled
def _cut(out: Bytes, begin: int, end: int, most: int) -> int:
    """Return where a text ends after `most` characters, without what the cut broke."""
    place, left = begin, most
    # As many bytes are at most as many characters.
    while left and place < end:
        stop = min(end, place + left)
        more = 0
        for at in range(np.uint64(place), np.uint64(stop)):
            more += (out[at] & 0xC0) != 0x80
        place, left = stop, left - more
    if left:
        return end
    while place < end and (out[place] & 0xC0) == 0x80:
        place += 1
    # A short line goes as a whole, else the last word.
    end = place
    white, after = -1, 0
    while place > begin and (white < 0 or after <= _SHORT_LINE):
        place -= 1
        while (out[place] & 0xC0) == 0x80:
            place -= 1
        if out[place] == 10 and after <= _SHORT_LINE:
            return place
        if white < 0 and _is_white(_decoded(out, place)[0]):
            white = place
        after += 1
    return white if white >= 0 else end


@compiled
def _is_white(code: int) -> bool:
    """Tell whether a code point has Unicode's property White_Space."""
    return (
        9 <= code <= 13
        or code in (0x20, 0x85, 0xA0, 0x1680)
        or 0x2000 <= code <= 0x200A
        or code in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
    )


@compiled
def rewritten(texts: StringBuffers, table: Table) -> tuple[Int64s, Bytes, Flags]:
    """Rewrite texts by a table, each run of white space as one space or one newline, none at either end.

    Returns:
        The offsets of the texts, shape (rows + 1,), their bytes, and which texts take more than the table; these are
        empty.
    """
    rows = len(texts.offsets) - 1
    out = np.empty(len(texts.data), np.uint8)
    offsets = np.zeros(rows + 1, np.int64)
    hard = np.zeros(rows, np.bool_)
    for row in range(rows):
        end = _rewrite(texts.data, texts.offsets[row], texts.offsets[row + 1], table, out, offsets[row])
        hard[row] = end < 0
        offsets[row + 1] = max(offsets[row], end)
    return offsets, out[: offsets[rows]], hard


@compiled
def _rewrite(data: Bytes, place: int, last: int, table: Table, out: Bytes, at: int) -> int:
    """Rewrite one text; return where it ends, or -1 if the table is not enough."""
    begin = at
    gap = 1  # whether white space came last, or nothing yet
    labelled = False  # whether the last bracket opened a label
    one, eight = np.uint64(1), np.uint64(8)
    while place < last:
        # Most bytes are rewritten here, in numbers without a sign, which is faster. A space after white space is
        # overwritten by what follows.
        source, target, before = np.uint64(place), np.uint64(at), np.uint64(gap)
        kind = one
        while source < np.uint64(last):
            entry = np.uint64(table.bytes[data[source]])
            kind = entry >> eight
            if kind > one:
                break
            out[target] = entry
            target += one - (before & kind)
            before = kind
            source += one
        place, at, gap = np.int64(source), np.int64(target), np.int64(before)
        if place == last:
            break
        action, length = np.int64(kind), 1
        if action == WIDE:
            code, length = _decoded(data, place)
            action = np.int64(table.actions[code]) if code < len(table.actions) else HARD
        if action == HARD or (action == ASK and _begins_markup(data, place, last)):
            return -1
        if action == OPEN:
            labelled = _opens(data, place + length, last)
            action = GONE if labelled else SPACE
        elif action == CLOSE:
            if labelled:
                out[at] = 58
                at, gap, labelled = at + 1, 0, False
            action = SPACE
        if action == NEWLINE:
            if not gap:
                at += 1
            if at > begin:
                out[at - 1] = 10
            gap = 1
        elif action in (COPY, ASK):
            for more in range(length):
                out[at + more] = data[place + more]
            at, gap = at + length, 0
        elif action == SPACE:
            out[at] = 32
            at, gap = at + 1 - gap, 1
        elif action >= FORM:
            form = action - FORM
            for part in range(table.forms.offsets[form], table.forms.offsets[form + 1]):
                out[at] = table.forms.data[part]
                white = np.int64(table.forms.data[part] == 32)
                at, gap = at + 1 - (gap & white), white
        place += length
    return at - 1 if gap and at > begin else at


@compiled
def _opens(data: Bytes, place: int, last: int) -> bool:
    """Tell whether the next bracket around a label, U+3010 or U+3011, is one that closes."""
    while place + 2 < last:
        if data[place] == 0xE3 and data[place + 1] == 0x80 and (data[place + 2] | 1) == 0x91:
            return bool(data[place + 2] == 0x91)
        place += 1
    return False


@compiled
def _begins_markup(data: Bytes, place: int, last: int) -> bool:
    r"""Tell whether ``&`` begins an entity, ``<`` may begin a tag, ``\`` the escape of a code point."""
    if place + 1 == last:
        return False
    byte, following = data[place], data[place + 1]
    if byte == 92:
        return bool(following == 117)
    if byte == 60:
        return bool(following == 33 or following == 47 or following >= 128 or _is_letter(following))
    if following == 35:
        return True
    end = place + 1
    if not _is_letter(following):
        return False
    while end < last and end < place + 32 and (_is_letter(data[end]) or 48 <= data[end] <= 57):
        end += 1
    return bool(end < last and data[end] == 59)


@compiled
def _is_letter(byte: int) -> bool:
    return 97 <= (byte | 32) <= 122


@compiled
def _decoded(data: Bytes, place: int) -> tuple[int, int]:
    """Return the code point of a character and its bytes."""
    byte = np.int64(data[place])
    if byte < 0x80:
        return int(byte), 1
    if byte < 0xE0:
        code, length = byte & 0x1F, 2
    elif byte < 0xF0:
        code, length = byte & 0x0F, 3
    else:
        code, length = byte & 0x07, 4
    for more in range(1, length):
        code = (code << 6) | (np.int64(data[place + more]) & 0x3F)
    return int(code), length
