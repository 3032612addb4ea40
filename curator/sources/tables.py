"""Tables in memory as sources: Polars, pandas, Arrow, `datasets`."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
from polars import selectors

from curator.errors import SourceError
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
    known = isinstance(value, pl.DataFrame | pl.LazyFrame) or hasattr(value, "__arrow_c_stream__")
    return known or named == "datasets.arrow_dataset.Dataset"


def read_frame(value: Any, recipe: Recipe) -> pl.DataFrame:
    """Return the columns of a table that a recipe reads, with the types of a source.

    Raises:
        SourceError: A column is missing, or can't be read as what it must be.
    """
    try:
        if isinstance(value, pl.LazyFrame):
            value = value.collect()
        # `to_polars` of `datasets` follows its indices, which its Arrow table does not.
        frame = value.to_polars() if not hasattr(value, "__arrow_c_stream__") else pl.DataFrame(value)
    except (pa.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise SourceError(f"{WHERE}: a column holds values of several types ({reason}); give each one type") from error
    wanted = columns.check(frame.schema, WHERE, recipe)
    if frame.is_empty():
        raise SourceError(f"{WHERE} has no rows")
    # What is missing in a column of numbers.
    return frame.with_columns(selectors.float().fill_nan(None)).select(columns.conform(wanted))


def read_table(value: Any, recipe: Recipe) -> Table:
    """Return a table in memory as a source.

    Raises:
        SourceError: As `read_frame`.
    """
    rows, file = read_frame(value, recipe), io.BytesIO()
    rows.write_parquet(file, row_group_size=16_384)
    return Table(rows, file.getvalue())
