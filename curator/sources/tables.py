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
from curator.sources import columns
from curator.sources.arrow import check, conform
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
        file = io.BytesIO()
        pq.write_table(self.rows, file, row_group_size=16_384)
        return file.getvalue()

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


def read_table(value: Any, recipe: Recipe) -> Table:
    """Return a table in memory as a source.

    Raises:
        SourceError: A column is missing, or the table can't be read.
    """
    if not is_table(value):
        raise UsageError(f"a table is expected (Polars, pandas, Arrow, datasets.Dataset), not {type(value).__name__}")
    try:
        if isinstance(value, pl.LazyFrame):
            value = value.collect()
        if not hasattr(value, "__arrow_c_stream__"):
            # `to_polars` of `datasets` follows its indices, which its Arrow table does not.
            value = value.to_polars()
        table = pa.table(_readable(value, recipe))
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError, ValueError) as error:
        reason = "; ".join(map(str, error.args)).replace("\n", " ")[:300]
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
    """Return a table that Arrow can read: what a column of pandas mixes is written out, as its text or notation."""
    if not hasattr(value, "assign"):
        return value
    named = {one for theirs in recipe.source.columns.values() for one in theirs}
    mixed = {}
    for name in value.columns:
        if (name in columns.TYPES or name in named) and str(value.dtypes[name]) == "object":
            try:
                pa.array(value[name], from_pandas=True)
            except (pa.ArrowException, TypeError, ValueError):
                mixed[name] = value[name].map(str).where(value[name].notna(), None)
    return value.assign(**mixed) if mixed else value


def _unreadable(value: Any) -> str:
    """Name the first column of a pandas data frame that Arrow can't read, or nothing."""
    for name in getattr(value, "columns", ()):
        try:
            pa.table(value[[name]])
        except (pa.ArrowException, TypeError, ValueError):
            return f": column {name!r}"
    return ""
