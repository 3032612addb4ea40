"""Put the lines of details in order, and write weights and sizes one way.

`details.arranged` and `units` say what is done; they do it themselves where a row is not arranged here: weights and
sizes with letters beyond ASCII, and numbers that no page means.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curator.kernels.buffers import StringBuffers
from curator.kernels.compiler import compiled, part
from curator.kernels.types import Bytes, Flags, Floats, Int64s
from curator.text.kernels.details import Lines


class Units(NamedTuple):
    """Units of weights and sizes.

    Attributes:
        weights: In lower case, the longer first.
        ounces: How many ounces each is.
        lengths: In lower case, the longer first.
        inches: How many inches each is.
        grams: How many grams an ounce is.
        rank: Where a weight stands that was found after a size.
        plain: Whether weights and sizes are written one way.
    """

    weights: StringBuffers
    ounces: Floats
    lengths: StringBuffers
    inches: Floats
    grams: float
    rank: int
    plain: bool


def _word(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


_POWERS = np.array([float(f"1e{power}") for power in range(16)])
_ITEM_WEIGHT, _TIMES, _IN_INCHES = _word("Item Weight: "), _word(" x "), _word(" inches")
_IN_OUNCES, _IN_POUNDS, _IN_GRAMS = _word(" ounces ("), _word(" pounds ("), _word(" grams)")


@compiled
def arrange(starts: Int64s, lines: Lines, ranks: int, units: Units) -> tuple[Int64s, Bytes, Flags]:
    """Write the lines of each row by their ranks, those of one rank in the order of the page.

    Args:
        starts: Where the lines of each row begin, shape (rows + 1,).
        lines: The lines.
        ranks: How many ranks there are.
        units: How weights and sizes are written.

    Returns:
        The offsets of the texts, shape (rows + 1,), their bytes, a newline after each line, and which rows were not
        arranged; these are empty.
    """
    text, ends, values, places, kinds = lines
    rows, count = len(starts) - 1, starts[-1]
    size = ends[count - 1] if count else 0
    # A weight or a size gets at most three times as long, its key included; one may be added to a row.
    out = np.empty(3 * size + count + 64 * rows, np.uint8)
    # Of each rank the first line and the last so far, and for each line the next of its rank.
    first, newest, after = np.empty(ranks, np.int64), np.empty(ranks, np.int64), np.empty(count, np.int64)
    offsets, odd = np.zeros(rows + 1, np.int64), np.zeros(rows, np.bool_)
    at = 0
    for row in range(rows):
        first[:] = -1
        # The ounces after the first size that has a weight, -1 for a weight that is not read here.
        weight, weighed = 0.0, not units.plain
        for line in range(starts[row], starts[row + 1]):
            rank = places[line]
            if first[rank] < 0:
                first[rank] = line
            else:
                after[newest[rank]] = line
            newest[rank] = line
            after[line] = -1
            weighed |= kinds[line] & 1 == 1
            if kinds[line] > 1 and weight == 0 and not weighed:
                weight = _weight_after(text, values[line], ends[line], units)
        if weighed:
            weight = 0.0
        for rank in range(ranks):
            line = first[rank]
            while line >= 0 and at >= 0:
                begin = ends[line - 1] if line else 0
                length = ends[line] - begin
                for place in range(length):
                    out[at + place] = text[begin + place]
                value = at + values[line] - begin
                at += length
                if units.plain and kinds[line]:
                    at = _in_plain_units(out, value, at, kinds[line], units)
                if at >= 0:
                    out[at] = 10
                    at += 1
                line = after[line]
            if weight > 0 and rank == units.rank and at >= 0:
                at = _write_weight(out, _put(out, at, _ITEM_WEIGHT), weight, units.grams)
                out[at] = 10
                at += 1
        if at < 0 or weight < 0:
            odd[row] = True
            at = offsets[row]
        offsets[row + 1] = at
    return offsets, out[:at], odd


@part
def _weight_after(text: Bytes, begin: int, last: int, units: Units) -> float:
    """Return the ounces after the last semicolon, as `_ounces` does."""
    while last > begin and text[last - 1] == 32:
        last -= 1
    place = last
    while place > begin and text[place - 1] != 59:
        place -= 1
    return _ounces(text, _spaces(text, place, last), last, units) if place > begin else 0.0


@part
def _in_plain_units(text: Bytes, begin: int, at: int, kind: int, units: Units) -> int:
    """Write a value one way; return where it ends, -1 if it is not read."""
    while at > begin and text[at - 1] == 32:
        at -= 1
    shift = _spaces(text, begin, at) - begin
    at -= shift
    known = True
    for place in range(begin, at):
        byte = text[place + shift]
        text[place] = byte
        if byte >= 0xC2 and _means_more(text, place + shift):
            known = False
    if not known:
        at = -1
    elif kind > 1:
        at = _write_size(text, begin, at, units)
    else:
        ounces = _ounces(text, begin, at, units)
        if ounces > 0:
            at = _write_weight(text, begin, ounces, units.grams)
        elif ounces < 0:
            at = -1
    return at


@part
def _means_more(text: Bytes, place: int) -> bool:
    """Return whether a character beyond ASCII is white space, a mark, or ASCII in another case."""
    first, second, third = text[place], text[place + 1], text[place + 2]
    more = False
    if first == 0xC2:
        more = second == 0x85 or second == 0xA0
    elif first == 0xC5:
        more = second == 0xBF  # a long s
    elif first == 0xE1:
        more = second == 0x9A
    elif first == 0xE2:
        more = second == 0x80 and (third < 0x90 or 0xA8 <= third < 0xB0)
        more |= second == 0x81 and third == 0x9F
        more |= second == 0x84 and third == 0xAA  # the sign of kelvins
    elif first == 0xE3:
        more = second == 0x80 and third == 0x80
    return bool(more)


@part
def _ounces(text: Bytes, place: int, last: int, units: Units) -> float:
    """Return the ounces of a weight, 0 for what is none and -1 for what is not read."""
    number, place = _number(text, place, last)
    unit, place = _unit(text, place + (place < last and text[place] == 32), last, units.weights, units.ounces)
    ounces = number * unit
    if number < 0:
        ounces = min(number + 1, 0.0)
    elif place < last or not 1 <= ounces * units.grams <= 1e7:
        ounces = 0.0
    return ounces


@part
def _write_weight(out: Bytes, at: int, ounces: float, grams: float) -> int:
    """Write a weight; return where it ends."""
    light = ounces < 16
    at = _write_number(out, at, _figures(ounces if light else ounces / 16))
    at = _put(out, at, _IN_OUNCES if light else _IN_POUNDS)
    return _put(out, _write_number(out, at, _figures(ounces * grams)), _IN_GRAMS)


@part
def _write_size(text: Bytes, begin: int, last: int, units: Units) -> int:
    """Write a size in inches if the value is one; return where the value ends, -1 if it is not read."""
    # The sides and their units; of two, b and c.
    a = b = c = unit_a = unit_b = unit = number = 0.0
    sides, place = 0, begin
    more = True
    while more:
        number, found, place = _side(text, place, last, units)
        a, b, c, unit_a, unit_b, unit = b, c, number, unit_b, unit, found
        sides += 1
        times = _after_times(text, place, last)
        more = number >= 0 and times > 0 and sides < 3
        if more:
            place = times
    place = _spaces(text, place, last)
    end = last
    if number < -1:
        end = -1
    elif (
        number >= 0
        and sides > 1
        and (place == last or text[place] == 59)
        and unit
        and (not unit_a or unit_a == unit)
        and (not unit_b or unit_b == unit)
    ):
        a, b, c = a * unit, b * unit, c * unit
        least, longest = min(b, c), max(b, c)
        if sides == 3:
            least, longest = min(least, a), max(longest, a)
        if least > 0 and longest <= 1e6:
            middle = a + (b + c) - least - longest
            end = begin
            for side in range(3):
                if side != 1 or sides == 3:
                    inches = least if side == 0 else middle if side == 1 else longest
                    end = _put(text, end, _TIMES) if side else end
                    end = _write_number(text, end, _figures(inches) if inches < 10 else np.rint(inches))
            end = _put(text, end, _IN_INCHES)
    return end


@part
def _side(text: Bytes, place: int, last: int, units: Units) -> tuple[float, float, int]:
    """Return the number of a side as `_number` does, the inches of its unit, 0 without one, and where it ends."""
    number, place = _number(text, place, last)
    unit, place = _unit(text, _spaces(text, place, last), last, units.lengths, units.inches)
    place = _spaces(text, place, last)
    if place < last:
        letter = text[place] | 0x20
        if letter == 108 or letter == 119 or letter == 104 or letter == 100:  # L, W, H, D
            place += 1
    return number, unit, place


@part
def _after_times(text: Bytes, place: int, last: int) -> int:
    """Return where the sign of multiplication at `place` and the spaces around it end, or 0 if there is none."""
    place = _spaces(text, place, last)
    sign = 0
    if place < last:
        if text[place] == 0xC3 and text[place + 1] == 0x97:
            sign = 2
        elif text[place] | 0x20 == 120 or text[place] == 42:
            sign = 1
    return _spaces(text, place + sign, last) if sign else 0


@part
def _number(text: Bytes, place: int, last: int) -> tuple[float, int]:
    """Return the number at `place` and where it ends; the number is -1 if there is none and -2 if it is too long."""
    begin, point, digits = place, last, 0
    while place < last:
        byte = np.int64(text[place])
        if 48 <= byte <= 57:
            digits = digits * 10 + byte - 48
        elif byte == 46 and point == last and place + 1 < last and 48 <= text[place + 1] <= 57:
            point = place
        else:
            break
        place += 1
    # So many digits and such a power of ten are exact, and so their quotient is the float next to the number.
    number = digits / _POWERS[min(max(place - point - 1, 0), len(_POWERS) - 1)]
    if place == begin:
        number = -1.0
    elif place - begin > len(_POWERS):
        number = -2.0
    return number, place


@part
def _unit(text: Bytes, place: int, last: int, words: StringBuffers, sizes: Floats) -> tuple[float, int]:
    """Return how large the unit at `place` is, 0 if there is none, and where it ends, plural and full stop included."""
    offsets, data = words
    size = 0.0
    for word in range(len(sizes)):
        begin, length = offsets[word], offsets[word + 1] - offsets[word]
        same = 0
        while same < length and place + same < last and text[place + same] | 0x20 == data[begin + same]:
            same += 1
        if same == length:
            size, place = sizes[word], place + length
            place += place < last and text[place] | 0x20 == 115
            place += place < last and text[place] == 46
            break
    return size, place


@part
def _figures(number: float) -> float:
    """Return the first two figures of a number, 0 for one that has none among its first three decimals."""
    figures = 0.0
    if number >= 1e-4:
        more = 1 - int(np.floor(np.log10(number)))
        scale = _POWERS[more] if more >= 0 else 1 / _POWERS[-more]
        scaled = number * scale
        whole = np.floor(scaled)
        figures = (whole + 1 if scaled - whole >= 0.5 else whole) / scale
    return figures


@part
def _write_number(out: Bytes, at: int, number: float) -> int:
    """Write a number to the thousandth; return where it ends."""
    thousandths = np.int64(np.rint(number * 1000))
    power = np.int64(1000)
    while power * 10 <= thousandths:
        power *= 10
    while thousandths or power >= 1000:
        if power == 100:
            out[at] = 46
            at += 1
        out[at] = 48 + thousandths // power
        thousandths %= power
        at, power = at + 1, power // 10
    return at


@part
def _put(out: Bytes, at: int, word: Bytes) -> int:
    """Write a word; return where it ends."""
    same = 0
    while same < len(word):
        out[at + same] = word[same]
        same += 1
    return at + same


@part
def _spaces(text: Bytes, place: int, last: int) -> int:
    """Return where the spaces at `place` end."""
    while place < last and text[place] == 32:
        place += 1
    return place
