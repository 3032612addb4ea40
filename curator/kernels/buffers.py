"""Columns of strings as the buffers that loops over bytes read and make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from curator.kernels.types import Bytes, Int64s


class StringBuffers(NamedTuple):
    """Strings: the UTF-8 bytes of string i are ``data[offsets[i]:offsets[i + 1]]``; a null one has none."""

    offsets: Int64s
    data: Bytes


class ListBuffers(NamedTuple):
    """Lists of strings: list i holds those from ``offsets[i]`` up to ``offsets[i + 1]``; a null list holds none."""

    offsets: Int64s
    strings: StringBuffers


def to_buffers(texts: pl.Series) -> StringBuffers:
    """Return the buffers of a column of strings."""
    if texts.null_count():
        texts = texts.fill_null("")
    return _strings(texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))


def to_list_buffers(texts: pl.Series) -> ListBuffers:
    """Return the buffers of a column of lists of strings."""
    if texts.null_count():
        texts = texts.fill_null([])
    made = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    inner = made.values
    if inner.null_count:
        inner = inner.fill_null("")
    return ListBuffers(_offsets(made), _strings(inner))


def as_single_lists(texts: pl.Series | StringBuffers) -> ListBuffers:
    """Return a column of strings as lists of one string each, of none where it is null."""
    if isinstance(texts, StringBuffers):
        offsets = np.arange(len(texts.offsets))
    else:
        there = texts.is_not_null()
        offsets = np.concatenate(([0], there.cum_sum().cast(pl.Int64).to_numpy()))
        texts = to_buffers(texts.filter(there) if texts.null_count() else texts)
    offsets.setflags(write=False)
    return ListBuffers(offsets, texts)


def empty_lists(rows: int) -> ListBuffers:
    """Return as many lists that hold nothing."""
    return ListBuffers(
        np.frombuffer(bytes(8 * (rows + 1)), np.int64), StringBuffers(_NONE, np.frombuffer(b"", np.uint8))
    )


def to_series(made: StringBuffers) -> pl.Series:
    """Return the column of the strings; their bytes must be UTF-8."""
    size = len(made.offsets) - 1
    column = pl.from_arrow(pa.LargeStringArray.from_buffers(size, pa.py_buffer(made.offsets), pa.py_buffer(made.data)))
    assert isinstance(column, pl.Series)
    return column


def _strings(made: pa.Array) -> StringBuffers:
    if pa.types.is_null(made.type):
        made = made.cast(pa.large_string())
    return StringBuffers(_offsets(made), np.frombuffer(_fixed(made.buffers()[2]), np.uint8))


def _offsets(made: pa.Array) -> Int64s:
    # An array without elements may lack even the first offset.
    return np.frombuffer(_fixed(made.buffers()[1]), np.int64, len(made) + 1, made.offset * 8) if len(made) else _NONE


def _fixed(buffer: pa.Buffer | None) -> memoryview:
    """Return the buffer's bytes to be read only: loops are compiled anew for arrays that may be changed."""
    return memoryview(buffer or b"").toreadonly()


_NONE = np.frombuffer(bytes(8), np.int64)
