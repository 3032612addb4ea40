"""Read the parts of a run a few rows at a time: that of a large compressed source doesn't fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.errors import RunError
from curator.system import interrupt

BATCH_ROWS = 16_384
"""Rows that are read at a time."""

LOADED_ROWS = 2_048
"""The same where several threads read: long texts, of which each thread holds a few copies."""


def batches(parts: Sequence[Path], columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows of all parts in their order, some thousand at a time.

    Args:
        parts: Parquet files.
        columns: The columns to read; all by default.
    """
    for part in parts:
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns) if columns is not None else None):
                interrupt.check()
                yield pl.DataFrame(pl.from_arrow(batch))


@dataclass(frozen=True)
class Group:
    """Some rows of one row group of a part, counted from its first."""

    part: Path
    number: int
    rows: NDArray[np.int64]


def groups(parts: Sequence[Path], rows: NDArray[np.int64]) -> Iterator[Group]:
    """Yield the row groups that hold some rows of all parts, without reading them.

    Args:
        parts: Parquet files.
        rows: Numbers of the rows wanted, counted through all parts; ascending.
    """
    offset = 0
    for part in parts:
        footer = pq.read_metadata(part)
        for number in range(footer.num_row_groups):
            height = footer.row_group(number).num_rows
            first, last = np.searchsorted(rows, [offset, offset + height])
            if last > first:
                yield Group(part, number, rows[first:last] - offset)
            offset += height
            if last == len(rows):
                return


def load(group: Group, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the rows of a group, some thousand at a time; may be called in any thread."""
    with pq.ParquetFile(group.part) as file:
        start = 0
        for batch in file.iter_batches(LOADED_ROWS, [group.number], list(columns), use_threads=False):
            interrupt.check()
            first, last = np.searchsorted(group.rows, [start, start + len(batch)])
            if last > first:
                yield _gathered(pl.DataFrame(pl.from_arrow(batch)), group.rows[first:last] - start)
            start += len(batch)
    # What this thread is done with would be kept for the next file.
    pa.default_memory_pool().release_unused()


def _gathered(frame: pl.DataFrame, rows: NDArray[np.int64]) -> pl.DataFrame:
    """Return some rows of a frame; never `frame[rows]`, which may mean columns too."""
    gathered = frame.gather(rows)
    if gathered.height != len(rows):
        raise RunError(f"{len(rows):,} rows were wanted and {gathered.height:,} read: run the same command again")
    return gathered
