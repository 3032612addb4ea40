"""Tables in memory as sources: Polars, pandas, Arrow, `datasets`."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curator.errors import SourceError, UsageError
from curator.recipe.load import Recipe
from curator.sources import columns, values
from curator.sources.arrow import check, conform, python_values
from curator.sources.columns import Columns
from curator.sources.resolve import raw_batch
from curator.sources.shards import Source

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
        columns: Our columns, each with those of the table that hold it.
    """

    rows: pa.Table
    columns: Columns

    @cached_property
    def parquet(self) -> bytes:
        """The table as a file, which the same rows give again."""
        try:
            return _parquet(self.rows)
        except pa.ArrowNotImplementedError:
            arrays = [_storable(column) for column in self.rows.columns]
            return _parquet(pa.Table.from_arrays(arrays, self.rows.column_names))

    @property
    def label(self) -> str:
        """A name that tables with other rows don't have."""
        return f"table-{hashlib.sha256(self.parquet).hexdigest()[:8]}"


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=16_384)
    return file.getvalue()


def _storable(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return a column, written out as texts if it is of a type that Parquet has not."""
    try:
        _parquet(pa.table({"column": column}))
    except pa.ArrowNotImplementedError:
        read = python_values(column)
        return pa.array([None if one is None else values.written(one) for one in read], pa.large_string())
    return column


def is_table(value: object) -> bool:
    """Tell whether a value is a table in memory."""
    named = f"{type(value).__module__}.{type(value).__name__}"
    is_column = hasattr(value, "dtype") or hasattr(value, "type")
    known = isinstance(value, pl.LazyFrame) or (hasattr(value, "__arrow_c_stream__") and not is_column)
    return known or named == "datasets.arrow_dataset.Dataset"


def read_table(value: Any, recipe: Recipe) -> Table:
    """Return a table in memory as a source.

    Raises:
        SourceError: A column is missing, or the table can't be read.
    """
    if not is_table(value):
        raise UsageError(f"a table is expected (Polars, pandas, Arrow, datasets.Dataset), not {type(value).__name__}")
    try:
        table = pa.table(_readable(value, recipe))
        table.validate(full=True)
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError, ValueError) as error:
        reason = ascii("; ".join(map(str, error.args)))[1:-1].replace(r"\n", " ")[:240].rstrip(". ")
        raise SourceError(
            f"{WHERE}{_unreadable(value)} can't be read: {reason}. Each column needs a name of its own, and values of"
            " one type"
        ) from error
    if not table.num_rows:
        raise SourceError(f"{WHERE} has no rows")
    matched = columns.match(table.column_names, WHERE, recipe)
    check(table.schema, matched, WHERE)
    # Metadata of pandas would tell tables apart that hold the same rows.
    kept = table.select(sorted({name for theirs in matched.values() for name in theirs})).replace_schema_metadata(None)
    return Table(kept, matched)


def rows_of(value: Any, recipe: Recipe) -> pl.DataFrame:
    """Return the rows of a table in memory as the map step takes them.

    Raises:
        SourceError: As `read_table`.
    """
    table = read_table(value, recipe)
    rows = conform(table.rows, table.columns, recipe).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    source = Source("parquet", "", "table", None, rows.height, 0, 0, "", columns=table.columns)
    return raw_batch(rows, source, recipe)


def _readable(value: Any, recipe: Recipe) -> Any:
    """Return the columns that are read as a table that Arrow can read."""
    if not (isinstance(value, pl.DataFrame | pl.LazyFrame) or hasattr(value, "__arrow_c_stream__")):
        # `to_polars` of `datasets` follows its indices, which its Arrow table does not.
        value = value.to_polars()
    if hasattr(value, "assign"):
        return _readable_pandas(value, recipe)
    if isinstance(value, pl.DataFrame | pl.LazyFrame):
        frame = value.lazy()
        wanted = _wanted(frame.collect_schema().names(), recipe)
        # Arrow has no such integers.
        return frame.select(sorted(wanted)).with_columns(pl.col(pl.Int128, pl.UInt128).cast(pl.String)).collect()
    return value


def _readable_pandas(value: Any, recipe: Recipe) -> Any:
    """Return the columns that are read; what a column mixes is written out, as its text or as JSON."""
    index = (name for name in value.index.names if name is not None)
    wanted = _wanted([str(name) for name in (*value.columns, *index)], recipe)
    value = value[[name for name in value.columns if str(name) in wanted]]
    mixed = {}
    for name in value.columns if value.columns.is_unique else ():
        if str(value.dtypes[name]) == "object":
            try:
                pa.array(value[name], from_pandas=True)
            except (pa.ArrowException, TypeError, ValueError):
                mixed[name] = value[name].map(values.written).where(value[name].notna(), None)
    return value.assign(**mixed) if mixed else value


def _wanted(found: list[str], recipe: Recipe) -> set[str]:
    """Return the columns of a table that are read."""
    return {one for theirs in columns.match(found, WHERE, recipe).values() for one in theirs}


def _unreadable(value: Any) -> str:
    """Name the first column of a pandas data frame that Arrow can't read, or nothing."""
    for name in value.columns if hasattr(value, "assign") else ():
        try:
            pa.table(value[[name]])
        except (pa.ArrowException, TypeError, ValueError):
            return f": column {columns.short(str(name))}"
    return ""
