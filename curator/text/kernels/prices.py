"""Read plain prices: `prices.read_prices` says what is done, and reads all others itself."""

from __future__ import annotations

import numpy as np

from curator.kernels.buffers import StringBuffers
from curator.kernels.compiler import compiled
from curator.kernels.types import Flags, Floats

_MOST = 15
"""Digits of a number that is a float exactly, as is each power of ten that it is divided by."""
_POWERS = np.array([float(f"1e{power}") for power in range(_MOST + 1)])


@compiled
def read(texts: StringBuffers) -> tuple[Floats, Flags]:
    """Read digits with at most one point among them.

    Both numbers of the division being exact, its result is the float nearest to the decimal number (Clinger, How to
    Read Floating Point Numbers Accurately, 1990).

    Returns:
        The numbers, and which texts were not read; the number of these means nothing.
    """
    rows = len(texts.offsets) - 1
    numbers, odd = np.empty(rows, np.float64), np.zeros(rows, np.bool_)
    for row in range(rows):
        first, last = texts.offsets[row], texts.offsets[row + 1]
        number = decimals = digits = 0
        points = 0
        for place in range(first, min(last, first + _MOST + 2)):
            byte = np.int64(texts.data[place])
            if byte == 46:
                points += 1
            elif 48 <= byte <= 57:
                number, digits = number * 10 + byte - 48, digits + 1
                decimals += points
            else:
                points = 2
        odd[row] = points > 1 or not 1 <= digits <= _MOST or last - first != digits + points
        numbers[row] = number / _POWERS[decimals if not odd[row] else 0]
    return numbers, odd
