"""Random numbers that stay the same for ever.

Only the raw 64-bit output of Philox is used, which NumPy promises not to change, and only operations whose
results IEEE 754 fixes to the last bit, so a catalogue is the same on every machine and under every NumPy.
"""

import numpy as np

from curator.kernels.types import Floats, Int64s, UInt64s

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


class Draws:
    """A stream of random numbers that depends on `seed`, `block` and `stream` alone."""

    def __init__(self, seed: int, block: int, stream: int = 0) -> None:
        key, counter = np.array([seed, block], dtype=np.uint64), np.array([0, 0, 0, stream], dtype=np.uint64)
        self._bits = np.random.Philox(key=key, counter=counter)

    def words(self, count: int) -> UInt64s:
        """Return `count` random 64-bit integers."""
        return self._bits.random_raw(count)

    def units(self, count: int) -> Floats:
        """Return `count` numbers in [0, 1)."""
        return units(self.words(count))

    def below(self, count: int, limit: int | Int64s) -> Int64s:
        """Return `count` integers in [0, limit); `limit` may be an array of that length."""
        return below(self.units(count), limit)

    def pick(self, count: int, weights: list[float]) -> Int64s:
        """Return `count` positions in `weights`, each as likely as its weight."""
        return pick(self.units(count), np.array(weights) / sum(weights))


def units(words: UInt64s) -> Floats:
    """Turn 64-bit integers into numbers in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def below(unit: Floats, limit: int | Int64s) -> Int64s:
    """Turn numbers in [0, 1) into integers in [0, limit)."""
    return (unit * limit).astype(np.int64)


def pick(unit: Floats, shares: list[float] | Floats) -> Int64s:
    """Turn numbers in [0, 1) into positions in `shares`; past their sum, the length of `shares`."""
    edges = np.cumsum(shares)
    if edges[-1] > 1 - 1e-9:  # a full set of shares: rounding must not open a gap below 1
        edges[-1] = 1.0
    return np.searchsorted(edges, unit, side="right")


def mix(words: UInt64s, step: Int64s) -> UInt64s:
    """Return one random 64-bit integer for each pair of a key and a step (splitmix64)."""
    value = words + step.astype(np.uint64) * _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    mixed: UInt64s = value ^ (value >> np.uint64(31))
    return mixed


def asin_halves(seed: int, rows: Int64s) -> tuple[Int64s, Int64s]:
    """Return two numbers below 36**4 for each row; no two rows of a seed get the same pair.

    A four-round Feistel network is a bijection whatever its round function, hence unique without a look-up.
    """
    half = 36**4
    left, right = rows // half, rows % half
    for turn in range(4):
        key = np.uint64((seed * 8 + turn + 1) % (1 << 64))
        scramble = mix(np.full(len(rows), key), right) % np.uint64(half)
        left, right = right, (left + scramble.astype(np.int64)) % half
    return left, right
