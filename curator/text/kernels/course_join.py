"""Join the parts of texts as the course does; `prompts.course_contents` says how."""

from __future__ import annotations

import numpy as np

from curator.kernels.buffers import ListBuffers, StringBuffers
from curator.kernels.compiler import compiled, part
from curator.kernels.types import Bytes, Int64s, UInt64s

ODD = 2
"""Stands for a removal inside of which an earlier one could begin, or that could be found before it."""


@compiled
def join(
    description: ListBuffers,
    features: ListBuffers,
    details: StringBuffers,
    removals: StringBuffers,
    pairs: UInt64s,
    ahead: Int64s,
    most: Int64s,
) -> tuple[Int64s, Bytes, Int64s]:
    """Join description, features and details without the removals, a newline after each, and cut them.

    Args:
        description: One list of lines a row.
        features: As many.
        details: As many texts.
        removals: What is deleted from the details, one after the other.
        pairs: Two neighbouring bytes of each removal, as the removals (a bit each) that have a byte as the first of
            them, and as the second; shape (2, 256). All after the 63rd share the last bit.
        ahead: Bytes of each removal before its pair, 0 or 1, and `ODD` more. Empty if they must be deleted one after
            the other, as they must where an odd one is found.
        most: The characters that each text is cut to.

    Returns:
        The offsets of the texts, shape (rows + 1,), their bytes, and the characters of each.
    """
    rows = len(details.offsets) - 1
    size, longest = 0, 0
    for row in range(rows):
        length = details.offsets[row + 1] - details.offsets[row]
        longest = max(longest, length)
        for texts in (description, features):
            first, last = texts.offsets[row], texts.offsets[row + 1]
            length += texts.strings.offsets[last] - texts.strings.offsets[first] + last - first
        size += min(length + 1, 4 * most[row])
    out, kept = np.empty(size, np.uint8), np.empty(longest, np.uint8)
    offsets, counts = np.zeros(rows + 1, np.int64), np.empty(rows, np.int64)
    at = 0
    for row in range(rows):
        left = most[row]
        for texts in (description, features):
            at, left = _add_lines(texts, row, out, at, left)
        first, last = details.offsets[row], details.offsets[row + 1]
        if left and last > first:
            text = details.data[first:last]
            length = _without_all(text, removals, pairs, ahead, left, kept) if len(ahead) else -1
            if length < 0:
                length = _without_each(text, removals, pairs, kept)
            at, left = _add(kept, 0, length, out, at, left)
            if left:
                out[at] = 10
                at, left = at + 1, left - 1
        offsets[row + 1], counts[row] = at, most[row] - left
    return offsets, out[:at], counts


@part
def _add_lines(texts: ListBuffers, row: int, out: Bytes, at: int, left: int) -> tuple[int, int]:
    """Write the lines of a row, a newline after each, if there is any text; return where they end and what is left."""
    first, last = texts.offsets[row], texts.offsets[row + 1]
    offsets = texts.strings.offsets
    # Lines without text between them are text: their newlines.
    if offsets[last] - offsets[first] + max(last - first - 1, 0) == 0:
        return at, left
    for line in range(first, last):
        at, left = _add(texts.strings.data, offsets[line], offsets[line + 1], out, at, left)
        if not left:
            break
        out[at] = 10
        at, left = at + 1, left - 1
    return at, left


@part
def _add(data: Bytes, first: int, last: int, out: Bytes, at: int, left: int) -> tuple[int, int]:
    """Write at most `left` characters; return where they end and how many more there may be."""
    # As many bytes are at most as many characters.
    while left and first < last:
        size = min(last - first, left)
        text, copy = data[first : first + size], out[at : at + size]
        for place in range(size):
            copy[place] = text[place]
        for place in range(size):
            left -= (text[place] & 0xC0) != 0x80
        at, first = at + size, first + size
    # The last character may go on.
    while first < last and (data[first] & 0xC0) == 0x80:
        out[at] = data[first]
        at, first = at + 1, first + 1
    return at, left


@part
def _without_all(text: Bytes, removals: StringBuffers, pairs: UInt64s, ahead: Int64s, most: int, out: Bytes) -> int:
    """Write a text without the removals, found in one pass; return its bytes, or -1 if their order may matter.

    It may end after `most` characters.
    """
    size, at, place = len(text), 0, 0
    open_ = -1  # up to where a deletion could bring together what a removal that was begun looks for
    seam = -1  # where the last deletion ended
    enough = most + 1  # bytes after which there may be as many characters
    while place < size:
        # What follows can take the last byte away, but none before it.
        if at > enough and place - 1 > open_ and place - 1 > seam:
            characters = 0
            for one in range(at - 1):
                characters += (out[one] & 0xC0) != 0x80
            # The last one may go on.
            if characters > most:
                return at - 1
            enough = at + most - characters
        byte = text[np.uint64(place)]
        out[np.uint64(at)] = byte
        found = pairs[0, byte]
        if not found:
            at, place = at + 1, place + 1
            continue
        found &= pairs[1, text[place + 1] if place + 1 < size else 0]
        differs = place + 1
        length = back = removal = 0
        while found and not length:
            if found & np.uint64(1):
                skipped = ahead[removal] & 1
                begin, end = removals.offsets[removal] + skipped, removals.offsets[removal + 1]
                same = 0
                while begin + same < end and place + same < size and text[place + same] == removals.data[begin + same]:
                    same += 1
                if begin + same < end:
                    differs = max(differs, place + same)
                elif ahead[removal] & ODD or (skipped and place == seam):
                    return -1
                elif not skipped:
                    length = same
                elif place and text[place - 1] == removals.data[begin - 1]:
                    length, back = same, 1
            found >>= np.uint64(1)
            removal += 1
        if length and place - back <= open_:
            return -1
        # Even of what is deleted here a longer removal may have come first.
        open_ = max(open_, differs)
        if length:
            at -= back
            place += length
            seam = place
        else:
            at, place = at + 1, place + 1
    return at


@part
def _without_each(text: Bytes, removals: StringBuffers, pairs: UInt64s, out: Bytes) -> int:
    """Write a text without the removals, deleted one after the other; return its bytes."""
    size, patterns = len(text), removals.offsets
    found = pairs[0, text[size - 1]]
    for place in range(size - 1):
        found |= pairs[0, text[place]] & pairs[1, text[place + 1]]
    for place in range(size):
        out[place] = text[place]
    for pattern in range(len(patterns) - 1):
        begin, length = patterns[pattern], patterns[pattern + 1] - patterns[pattern]
        if not (found >> np.uint64(min(pattern, 63))) & np.uint64(1) or length == 0:
            continue
        head = removals.data[begin]
        place = end = 0
        while place < size:
            byte = out[np.uint64(place)]
            if byte == head and place + length <= size:
                same = 1
                while same < length and out[place + same] == removals.data[begin + same]:
                    same += 1
                if same == length:
                    place += length
                    # What a deletion brings together may be what a later one looks for.
                    if end and place < size:
                        found |= pairs[0, out[end - 1]] & pairs[1, out[place]]
                    continue
            out[np.uint64(end)] = byte
            end, place = end + 1, place + 1
        size = end
    return size
