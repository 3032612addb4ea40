"""Search for near-copies: an index of all items by their rarer grams, and one of texts that are held apart.

`curator.duplicates.index`, `pairs` and `crossing` say what is looked for, and why nothing else need be.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curator.kernels.compiler import compiled
from curator.kernels.types import Bytes, Int64s, UInt32s, UInt64s

NOWHERE = 255
"""The range of a gram that the index does not hold."""


@compiled
def rarity(grams: UInt32s, bits: int, pass_bits: int, number: int, found: Bytes) -> None:
    """Write about the logarithm of how often each gram occurs, for those of one pass.

    Args:
        grams: The kept grams of all items.
        bits: Lower bits of a gram that tell it from others.
        pass_bits: The lower of these, that tell apart the grams of a pass.
        number: The pass: what the bits between are.
        found: Where it is written.
    """
    times = np.zeros(1 << pass_bits, np.uint32)
    low = np.uint32((1 << pass_bits) - 1)
    high = np.uint32((1 << bits) - 1) & ~low
    part = np.uint32(number << pass_bits)
    for place in range(len(grams)):
        if grams[place] & high == part:
            times[grams[place] & low] += np.uint32(1)
    for place in range(len(grams)):
        if grams[place] & high == part:
            found[place] = _length(times[grams[place] & low])


@compiled
def choose(
    grams: UInt32s,
    bounds: Int64s,
    threshold: float,
    range_bits: int,
    first: int,
    last: int,
    ranges: Bytes,
    marks: UInt64s,
) -> None:
    """Choose the first grams of some items in the common order, and mark the items.

    Args:
        grams: The kept grams of all items.
        bounds: Where those of each item begin and end.
        threshold: The similarity looked for.
        range_bits: Upper bits of a gram that are its range.
        first: The first of the items,
        last: and the first after them.
        ranges: The rarity of each gram; in its place comes its range, or `NOWHERE` if it is not chosen.
        marks: Shape (items, 2); the items' marks are written.
    """
    for item in range(first, last):
        begin, end = bounds[item], bounds[item + 1]
        left = prefix(end - begin, threshold)
        # Up to which rarity all are chosen; of the next, the first ones are.
        occur = np.zeros(64, np.int64)
        for place in range(begin, end):
            occur[ranges[place]] += 1
        limit = 0
        while limit < 63 and occur[limit] <= left:
            left -= occur[limit]
            limit += 1
        one = two = np.uint64(0)
        for place in range(begin, end):
            gram, rare = grams[place], ranges[place]
            chosen = rare < limit
            if rare == limit and left:
                chosen, left = True, left - 1
            # A gram of a single text (a shared counter may hide a few of them) leads nowhere.
            ranges[place] = np.uint64(gram) >> np.uint64(32 - range_bits) if chosen and rare > 1 else NOWHERE
            # Fibonacci hashing: the uppermost bits of the product.
            bit = np.uint32(gram * np.uint32(0x9E3779B1)) >> np.uint32(25)
            if bit < 64:
                one ^= np.uint64(1) << np.uint64(bit)
            else:
                two ^= np.uint64(1) << np.uint64(bit - np.uint32(64))
        marks[item, 0], marks[item, 1] = one, two


@compiled
def prefix(size: int, threshold: float) -> int:
    """Return how many of a text's first grams it can't help sharing one of with a text that is so similar."""
    # A size times a threshold that is a whole number must not be rounded up to the next by a float's last bit.
    return size - max(int(np.ceil(size * threshold - 1e-9)), 1) + 1 if size else 0


@compiled
def sizes(ranges: Bytes) -> Int64s:
    """Return how many grams belong to each range."""
    found = np.zeros(256, np.int64)
    for place in range(len(ranges)):
        found[ranges[place]] += 1
    return found


@compiled
def entries(grams: UInt32s, bounds: Int64s, ranges: Bytes, number: int, size: int) -> UInt64s:
    """Return the entries of a range of grams, of this size: each gram before its item (32 bits each)."""
    found = np.empty(size, np.uint64)
    at = item = 0
    wanted = np.uint8(number)
    for place in range(len(ranges)):
        if ranges[place] == wanted:
            while bounds[item + 1] <= place:
                item += 1
            found[at] = np.uint64(grams[place]) << np.uint64(32) | np.uint64(item)
            at += 1
    return found


@compiled
def crowded(entries: UInt64s, few: int) -> Bytes:
    """Return which of some sorted entries have a gram that more than `few` of them have."""
    found = np.zeros(len(entries), np.uint8)
    start = 0
    while start < len(entries):
        end = start + 1
        while end < len(entries) and entries[end] >> np.uint64(32) == entries[start] >> np.uint64(32):
            end += 1
        for at in range(start, end if end - start > few else start):
            found[at] = 1
        start = end
    return found


@compiled
def following(entries: UInt64s, grams: UInt32s, bounds: Int64s) -> UInt64s:
    """Return for each entry its gram before the one that follows it in its item (32 bits each).

    The first follows the last.
    """
    found = np.empty(len(entries), np.uint64)
    for at in range(len(entries)):
        item = np.int64(entries[at] & np.uint64(0xFFFFFFFF))
        gram = entries[at] >> np.uint64(32)
        begin, end = bounds[item], bounds[item + 1]
        place = begin
        while np.uint64(grams[place]) != gram:
            place += 1
        after = place + 1 if place + 1 < end else begin
        found[at] = gram << np.uint64(32) | np.uint64(grams[after])
    return found


@compiled
def neighbours(
    entries: UInt64s,
    kinds: UInt64s,
    shift: int,
    most: int,
    least: float,
    grams: UInt32s,
    bounds: Int64s,
    marks: UInt64s,
    longest: int,
) -> UInt64s:
    """Return the pairs of each item with the next few of its group whose kept grams are similar.

    Args:
        entries: Their lower 32 bits are the items.
        kinds: What makes a group of neighbouring entries: equal upper bits.
        shift: The lower bits of these.
        most: So many that follow are compared.
        least: The similarity of the kept grams from which on a pair is returned.
        grams: The kept grams of all items.
        bounds: Where those of each item begin and end.
        marks: Bits of each item, of which two differ in no more than in grams.
        longest: The most grams of an item.

    Returns:
        The two items of each pair in one number, the smaller in the upper 32 bits; a pair comes once from each group.
    """
    found = np.empty(1024, np.uint64)
    size = 0
    # The grams of the item that others are compared with: a hash table, whose entries are dated instead of cleared.
    bits = 4
    while (1 << bits) < 2 * longest:
        bits += 1
    table = np.zeros(1 << bits, np.uint64)
    # A similarity of s leaves (1 - s) / (1 + s) of the grams of both in one of them alone, and so as many bits.
    apart = (1 - least) / (1 + least)
    for at in range(len(entries)):
        one = np.int64(entries[at] & np.uint64(0xFFFFFFFF))
        mine = bounds[one + 1] - bounds[one]
        date = np.uint64(at + 1)
        filled = False
        for next_ in range(at + 1, min(at + most + 1, len(entries))):
            if (kinds[next_] ^ kinds[at]) >> np.uint64(shift):
                break
            two = np.int64(entries[next_] & np.uint64(0xFFFFFFFF))
            both = mine + bounds[two + 1] - bounds[two]
            differ = _ones(marks[one, 0] ^ marks[two, 0]) + _ones(marks[one, 1] ^ marks[two, 1])
            # By chance an item may have one of these grams twice.
            if differ > both * apart + 1e-3 or one == two:
                continue
            if not filled:
                filled = True
                for place in range(bounds[one], bounds[one + 1]):
                    slot, entry = _slot(table, bits, date, grams[place])
                    table[slot] = entry
            shared = 0
            for place in range(bounds[two], bounds[two + 1]):
                slot, entry = _slot(table, bits, date, grams[place])
                shared += table[slot] == entry
            if shared / max(both - shared, 1) >= least:
                if size == len(found):
                    found = _grown(found)
                found[size] = np.uint64(min(one, two)) << np.uint64(32) | np.uint64(max(one, two))
                size += 1
    return found[:size]


@compiled
def _slot(table: UInt64s, bits: int, date: np.uint64, gram: np.uint32) -> tuple[np.int64, np.uint64]:
    """Return where an entry of this date stands in the table, or could, and the entry."""
    entry = date << np.uint64(32) | np.uint64(gram)
    slot = np.int64(np.uint32(gram * np.uint32(0x9E3779B1)) >> np.uint32(32 - bits))
    while table[slot] != entry and table[slot] >> np.uint64(32) == date:
        slot = (slot + 1) & ((1 << bits) - 1)
    return slot, entry


@compiled
def _ones(value: np.uint64) -> np.int64:
    """Return how many bits are set; compilers know these lines, and make one instruction of them."""
    value -= (value >> np.uint64(1)) & np.uint64(0x5555555555555555)
    value = (value & np.uint64(0x3333333333333333)) + ((value >> np.uint64(2)) & np.uint64(0x3333333333333333))
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * np.uint64(0x0101010101010101)) >> np.uint64(56))


class Index(NamedTuple):
    """The texts that hold each gram.

    Attributes:
        known: All grams, ascending.
        directory: Where those with the same upper bits begin among them, and where the last end.
        shift: The lower bits of a gram.
        rarity: About the logarithm of how many texts hold each; below 64.
        bounds: Where the texts that hold each begin, and where the last ones end.
        texts: These texts.
    """

    known: UInt64s
    directory: UInt32s
    shift: int
    rarity: Bytes
    bounds: Int64s
    texts: UInt32s


@compiled
def directory(known: UInt64s, shift: int, bits: int) -> UInt32s:
    """Return where the grams with each of the upper bits begin, and where the last end."""
    found = np.zeros((1 << bits) + 1, np.uint32)
    for gram in known:
        found[np.int64(gram >> np.uint64(shift)) + 1] += np.uint32(1)
    for place in range(1, len(found)):
        found[place] += found[place - 1]
    return found


@compiled
def sharing(index: Index, held: int, hashes: UInt64s, bounds: Int64s, needed: Int64s, least: int) -> UInt64s:
    """Return the pairs of texts that share so many of the rarer grams that they may share as many as needed.

    Args:
        index: The texts held apart.
        held: How many these are.
        hashes: The gram sets of other texts.
        bounds: Where the grams of each begin and end.
        needed: How many grams each of them has to share with a held text.
        least: So many of the rarer grams must be shared, where that is not more than needed.

    Returns:
        The other text and the held one (32 bits each).
    """
    found = np.empty(1024, np.uint64)
    size = 0
    shared = np.zeros(held, np.uint32)
    known = np.empty(len(hashes), np.int64)
    for other in range(len(bounds) - 1):
        count = 0
        for place in range(bounds[other], bounds[other + 1]):
            gram = hashes[place]
            bucket = np.int64(gram >> np.uint64(index.shift))
            for at in range(index.directory[bucket], index.directory[bucket + 1]):
                if index.known[at] == gram:
                    known[count] = at
                    count += 1
        if count < needed[other]:
            continue
        # What is shared is among the known grams. Of these the most frequent need not be looked up.
        enough = min(needed[other], least)
        left = count - needed[other] + enough
        occur = np.zeros(64, np.int64)
        for n in range(count):
            occur[index.rarity[known[n]]] += 1
        limit = 0
        while limit < 63 and occur[limit] <= left:
            left -= occur[limit]
            limit += 1
        chosen = 0
        for n in range(count):
            rare = index.rarity[known[n]]
            if rare > limit or (rare == limit and not left):
                continue
            left -= rare == limit
            known[chosen] = known[n]
            chosen += 1
            for at in range(index.bounds[known[n]], index.bounds[known[n] + 1]):
                text = index.texts[at]
                shared[text] += np.uint32(1)
                if shared[text] == enough:
                    if size == len(found):
                        found = _grown(found)
                    found[size] = np.uint64(other) << np.uint64(32) | np.uint64(text)
                    size += 1
        for n in range(chosen):
            for at in range(index.bounds[known[n]], index.bounds[known[n] + 1]):
                shared[index.texts[at]] = 0
    return found[:size]


@compiled
def _length(number: int) -> int:
    """Return how many bits a number has."""
    bits = 0
    while number:
        number, bits = number >> 1, bits + 1
    return bits


@compiled
def _grown(found: UInt64s) -> UInt64s:
    """Return the array with as much room again."""
    grown = np.empty(2 * len(found), np.uint64)
    for at in range(len(found)):
        grown[at] = found[at]
    return grown
