"""Read the parts of a run a few rows at a time: that of a large compressed source doesn't fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator import interrupt

BATCH_ROWS = 16_384
"""Rows that are read at a time."""


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


def chosen(parts: Sequence[Path], columns: Sequence[str], rows: NDArray[np.int64]) -> Iterator[pl.DataFrame]:
    """Yield some rows of all parts.

    Args:
        parts: Parquet files.
        columns: The columns to read.
        rows: Numbers of the rows wanted, counted through all parts; ascending.
    """
    offset = 0
    for part in parts:
        height = pq.read_metadata(part).num_rows
        first, last = np.searchsorted(rows, [offset, offset + height])
        # A part without any is passed over.
        if last > first:
            yield from _chosen(part, columns, rows[first:last] - offset)
        offset += height
        if last == len(rows):
            return


def _chosen(part: Path, columns: Sequence[str], rows: NDArray[np.int64]) -> Iterator[pl.DataFrame]:
    offset = 0
    for batch in batches([part], columns):
        first, last = np.searchsorted(rows, [offset, offset + batch.height])
        if last > first:
            yield batch[rows[first:last] - offset]
        offset += batch.height
