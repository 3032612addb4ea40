"""Many texts, or their tokens, as flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.kernels.buffers import to_buffers
from curator.kernels.types import Bytes, Flags, Int64s

Counts = Int64s
"""Numbers of tokens or characters; shape (texts,)."""


class Texts(NamedTuple):
    """The bytes of many texts: those of text i are ``data[starts[i]:ends[i]]``."""

    data: Bytes
    starts: Int64s
    ends: Int64s

    @classmethod
    def of(cls, texts: pl.Series) -> Texts:
        """Return the bytes of a column of strings."""
        offsets, data = to_buffers(texts)
        return cls(data, offsets[:-1].copy(), offsets[1:].copy())


class Ids(NamedTuple):
    """The ids of many texts: those of text i are ``flat[starts[i]:starts[i] + counts[i]]``."""

    flat: NDArray[np.uint32]
    starts: Int64s
    counts: Counts
    sizes: NDArray[np.int32]
    """Bytes that each id of the vocabulary stands for. Only the byte-level engine needs them, the other has none."""


class Starts(NamedTuple):
    """Starts of texts, as `encoded.Cut` has them."""

    sizes: Int64s
    broken: Flags
