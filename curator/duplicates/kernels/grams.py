"""Words and word 3-grams of texts, and how many two texts share; `curator.duplicates.grams` says what these are."""

from __future__ import annotations

import numpy as np

from curator.kernels.buffers import StringBuffers
from curator.kernels.compiler import compiled
from curator.kernels.types import Bytes, Floats, Int64s, UInt64s

_SHORT = 16
"""Bytes of a word that is hashed here; longer ones are few."""


@compiled
def words(texts: StringBuffers, letters: Bytes) -> tuple[UInt64s, Int64s, Int64s, StringBuffers]:
    """Return the hashes (XXH3, 64 bits) of the words of texts, all but those of long words.

    Args:
        texts: The texts.
        letters: Which code points words are made of.

    Returns:
        The hash of each word; how many words each text has; which words have more than 16 bytes, so that their hashes
        are still missing, and these words.
    """
    data = texts.data
    begin, end = texts.offsets[0], texts.offsets[-1]
    rows = len(texts.offsets) - 1
    # A word has a byte, and another one lies between it and the next, or the end of a text.
    hashes = np.empty((end - begin + rows) // 2 + 1, np.uint64)
    counts = np.empty(rows, np.int64)
    long = np.empty((end - begin) // _SHORT + 1, np.int64)
    long_data = np.empty(end - begin, np.uint8)
    long_offsets = np.zeros(len(long) + 1, np.int64)
    word = longs = 0
    for row in range(rows):
        first = word
        place, last = texts.offsets[row], texts.offsets[row + 1]
        while place < last:
            start = place
            low = high = np.uint64(0)
            while place < last:
                byte = data[place]
                # Any character begins with a byte below 0x80 or above 0xBF.
                if (byte < 0x80 and not letters[byte]) or (byte > 0xBF and not letters[_decoded(data, place)]):
                    break
                # The last sixteen bytes, the very last uppermost.
                low = low >> np.uint64(8) | high << np.uint64(56)
                high = high >> np.uint64(8) | np.uint64(byte) << np.uint64(56)
                place += 1
            size = place - start
            if size:
                if size <= _SHORT:
                    hashes[word] = _hash(low, high, size)
                else:
                    long[longs] = word
                    at = long_offsets[longs]
                    longs += 1
                    long_offsets[longs] = at + size
                    while start < place:
                        long_data[at] = data[start]
                        at, start = at + 1, start + 1
                word += 1
            place += 1
            while place < last and data[place] & 0xC0 == 0x80:
                place += 1
        counts[row] = word - first
    return (
        hashes[:word],
        counts,
        long[:longs],
        StringBuffers(long_offsets[: longs + 1], long_data[: long_offsets[longs]]),
    )


@compiled
def _hash(low: np.uint64, high: np.uint64, size: int) -> np.uint64:
    """Return the XXH3 (64 bits, no seed) of 1 to 16 bytes, the uppermost (little endian) of two words."""
    eight = np.uint64(8 * size)
    if size < 9:
        low = high >> np.uint64(64) - eight
    if size < 4:
        middle = low >> np.uint64(8 * (size // 2)) & np.uint64(0xFF)
        mixed = (low & np.uint64(0xFF)) << np.uint64(16) | middle << np.uint64(24) | high >> np.uint64(56)
        mixed |= np.uint64(size << 8)
        mixed ^= np.uint64(0x87275A9B)
        mixed = (mixed ^ mixed >> np.uint64(33)) * np.uint64(0xC2B2AE3D27D4EB4F)
        mixed = (mixed ^ mixed >> np.uint64(29)) * np.uint64(0x165667B19E3779F9)
        return mixed ^ mixed >> np.uint64(32)
    if size < 9:
        mixed = (low << np.uint64(32)) + (high >> np.uint64(32)) ^ np.uint64(0xC73AB174C5ECD5A2)
        mixed ^= _rotated(mixed, np.uint64(49)) ^ _rotated(mixed, np.uint64(24))
        mixed *= np.uint64(0x9FB21C651E98DF25)
        mixed = (mixed ^ (mixed >> np.uint64(35)) + np.uint64(size)) * np.uint64(0x9FB21C651E98DF25)
        return mixed ^ mixed >> np.uint64(28)
    if size < 16:
        low = low >> np.uint64(128) - eight | high << eight - np.uint64(64)
    a, b = low ^ np.uint64(0x6782737BEA4239B9), high ^ np.uint64(0xAF56BC3B0996523A)
    mask = np.uint64(0xFFFFFFFF)
    # The product of 128 bits, of which the upper half is laid upon the lower one.
    right, left = (a >> np.uint64(32)) * (b & mask), (a & mask) * (b >> np.uint64(32))
    middle = ((a & mask) * (b & mask) >> np.uint64(32)) + (right & mask) + left
    upper = (a >> np.uint64(32)) * (b >> np.uint64(32)) + (right >> np.uint64(32)) + (middle >> np.uint64(32))
    mixed = np.uint64(size) + _turned(a) + b + (upper ^ a * b)
    mixed = (mixed ^ mixed >> np.uint64(37)) * np.uint64(0x165667919E3779F9)
    return mixed ^ mixed >> np.uint64(32)


@compiled
def _turned(value: np.uint64) -> np.uint64:
    """Return the bytes in the opposite order."""
    for step, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        value = (value & np.uint64(mask)) << np.uint64(step) | value >> np.uint64(step) & np.uint64(mask)
    return value


@compiled
def _decoded(data: Bytes, place: int) -> int:
    """Return the code point of a character beyond ASCII."""
    byte = np.int64(data[place])
    if byte < 0xE0:
        code, length = byte & 0x1F, 2
    elif byte < 0xF0:
        code, length = byte & 0x0F, 3
    else:
        code, length = byte & 0x07, 4
    for more in range(1, length):
        code = (code << 6) | (np.int64(data[place + more]) & 0x3F)
    return int(code)


@compiled
def grams(hashes: UInt64s, counts: Int64s, below: np.uint64) -> UInt64s:
    """Return the grams below a number, each behind the place of its text (16 bits before 48).

    Args:
        hashes: The hashes of all words.
        counts: Words of each text; at most 65,536 texts.
        below: At most 2**48.
    """
    keys = np.empty(len(hashes), np.uint64)
    at = start = 0
    for row in range(len(counts)):
        count = counts[row]
        text = np.uint64(row) << np.uint64(48)
        for first in range(start, start + (count - 2 if count > 2 else count > 0)):
            # A text of one or two words is filled up with empty ones, whose hash is 0, to its one gram.
            mixed = hashes[first] * np.uint64(0x9E3779B97F4A7C15)
            if count > 1:
                mixed += _rotated(hashes[first + 1] * np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(21))
            if count > 2:
                mixed += _rotated(hashes[first + 2] * np.uint64(0x165667B19E3779F9), np.uint64(42))
            # The last step of MurmurHash3's 64-bit mixing: every bit of the words reaches every bit of the gram.
            mixed ^= mixed >> np.uint64(33)
            mixed *= np.uint64(0xFF51AFD7ED558CCD)
            mixed ^= mixed >> np.uint64(33)
            gram = mixed >> np.uint64(16)
            if gram < below:
                keys[at] = text | gram
                at += 1
        start += count
    return keys[:at]


@compiled
def _rotated(value: np.uint64, bits: np.uint64) -> np.uint64:
    return (value << bits) | (value >> (np.uint64(64) - bits))


@compiled
def similarities(a: UInt64s, a_bounds: Int64s, a_at: Int64s, b: UInt64s, b_bounds: Int64s, b_at: Int64s) -> Floats:
    """Return the Jaccard index of pairs of gram sets.

    Args:
        a: Gram sets, each ascending and without equals.
        a_bounds: Where each begins, and where the last ends.
        a_at: Those that are compared.
        b: Gram sets,
        b_bounds: where they begin and end,
        b_at: and those that are compared with these of `a`.
    """
    found = np.empty(len(a_at))
    for pair in range(len(a_at)):
        one, one_end = a_bounds[a_at[pair]], a_bounds[a_at[pair] + 1]
        two, two_end = b_bounds[b_at[pair]], b_bounds[b_at[pair] + 1]
        both = one_end - one + two_end - two
        shared = 0
        while one < one_end and two < two_end:
            x, y = a[one], b[two]
            shared += x == y
            one += x <= y
            two += y <= x
        found[pair] = shared / max(both - shared, 1)
    return found
