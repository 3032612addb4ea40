"""Tables in memory as sources: Polars, pandas, Arrow, `datasets`."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from curator.errors import SourceError, UsageError
from curator.recipe.load import Recipe
from curator.sources import columns

WHERE = "the table"
"""What a message calls a table in memory."""


class _Stream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _HuggingFace(Protocol):
    def to_polars(self) -> Any: ...


InMemory = pl.DataFrame | pl.LazyFrame | _Stream | _HuggingFace
"""A table: of Polars, or anything that Arrow can read (pandas, pyarrow, DuckDB), or a `datasets.Dataset`."""


@dataclass(frozen=True)
class Table:
    """A table with the columns that a recipe reads.

    Attributes:
        rows: Its rows.
        parquet: The same as a file, which the same rows give again.
    """

    rows: pl.DataFrame
    parquet: bytes

    @property
    def label(self) -> str:
        """A name that tables with other rows don't have."""
        return f"table-{hashlib.sha256(self.parquet).hexdigest()[:8]}"


def is_table(value: object) -> bool:
    """Tell whether a value is a table in memory."""
    named = f"{type(value).__module__}.{type(value).__name__}"
    is_column = hasattr(value, "dtype") or hasattr(value, "type")
    known = isinstance(value, pl.LazyFrame) or (hasattr(value, "__arrow_c_stream__") and not is_column)
    return known or named == "datasets.arrow_dataset.Dataset"


def read_frame(value: Any, recipe: Recipe) -> pl.DataFrame:
    """Return the columns of a table that a recipe reads, with the types of a source.

    Raises:
        SourceError: A column is missing, or can't be read as what it must be.
    """
    if not is_table(value):
        raise UsageError(f"a table is expected (Polars, pandas, Arrow, datasets.Dataset), not {type(value).__name__}")
    try:
        if isinstance(value, pl.LazyFrame):
            value = value.collect()
        # `to_polars` of `datasets` follows its indices, which its Arrow table does not.
        frame = value.to_polars() if not hasattr(value, "__arrow_c_stream__") else pl.DataFrame(value)
    except (pa.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError) as error:
        reason = "; ".join(map(str, error.args)).replace("\n", " ")[:300]
        raise SourceError(
            f"{WHERE}{_unreadable(value)} can't be read: {reason}. Each column needs a name of its own, and values of"
            " one type"
        ) from error
    if frame.is_empty():
        raise SourceError(f"{WHERE} has no rows")
    frame = frame.with_columns(_plain(column) for column in frame if column.name in columns.TYPES)
    wanted = columns.check(frame.schema, WHERE, recipe)
    return frame.select(columns.conform(wanted))


def _unreadable(value: Any) -> str:
    """Name the first column of a pandas data frame that Arrow can't read, or nothing."""
    for name in getattr(value, "columns", ()):
        try:
            pl.DataFrame(value[[name]])
        except (pa.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError):
            return f": column {name!r}"
    return ""


def _plain(column: pl.Series) -> pl.Series:
    """Return a column as a file would have it: nothing but nulls has no type, NaN is missing, objects are JSON text."""
    if column.null_count() == len(column):
        return pl.Series(column.name, [None] * len(column), dtype=pl.Null)
    if column.dtype.is_float():
        return column.fill_nan(None)
    if isinstance(column.dtype, pl.Struct):
        # In a struct a key that an object lacks is null.
        given = ({key: value for key, value in one.items() if value is not None} if one else one for one in column)
        return pl.Series(column.name, [None if one is None else json.dumps(one) for one in given], dtype=pl.String)
    return column


def read_table(value: Any, recipe: Recipe) -> Table:
    """Return a table in memory as a source.

    Raises:
        SourceError: As `read_frame`.
    """
    rows, file = read_frame(value, recipe), io.BytesIO()
    rows.write_parquet(file, row_group_size=16_384)
    return Table(rows, file.getvalue())
