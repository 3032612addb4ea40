"""Parquet files in the form of the Hub's `raw_meta_<Category>` shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import columns
from curator.sources.shards import Shard
from curator.sources.text_files import BOMB_BYTES, BOMB_RATIO

_BATCH_ROWS = 20_480
"""Most rows of a batch."""


def row_groups(path: Path, recipe: Recipe) -> list[int]:
    """Check a file's columns and return the rows of each row group.

    Raises:
        SourceError: The file is not Parquet, is cut short, or lacks what the recipe needs.
    """
    footer = None
    try:
        footer = pq.read_metadata(path)
        schema = pl.scan_parquet(path, glob=False).collect_schema()
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        size = path.stat().st_size if path.exists() else 0
        what = "it is not Parquet, or it was cut short" if size else "it is empty"
        if footer is not None:
            what = "its columns are not those of a table"
        raise SourceError(f"{path}: can't be read as Parquet: {what} ({size:,} bytes). {_first_line(error)}") from error
    columns.check(schema, str(path), recipe)
    # Before pages are unpacked; what one value that stands in many rows comes to, `read` sees.
    _refuse_bomb(path, sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups)))
    return [footer.row_group(index).num_rows for index in range(footer.num_row_groups)]


def read(shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the rows of a shard, some thousand at a time: `row` and the columns that the recipe needs."""
    path = shard.source.location
    try:
        scan = pl.scan_parquet(path, glob=False)
        wanted = columns.check(scan.collect_schema(), path, recipe)
        rows = scan.select(columns.conform(wanted)).slice(shard.start, shard.rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(
            f"{path}: rows {shard.start:,} to {shard.stop - 1:,} can't be read; the file is damaged, or it changed or"
            f" vanished during the run. {_first_line(error)}"
        ) from error
    if rows.height != shard.rows:
        raise SourceError(f"{path}: has {rows.height:,} of the rows {shard.start:,} to {shard.stop - 1:,}; it changed")
    _refuse_bomb(Path(path), _text_bytes(rows))
    numbered = rows.with_columns(pl.int_range(shard.start, shard.stop, dtype=pl.Int64).alias("row"))
    # Read at once, for any slice of a row group takes unpacking all of it; the rest of the map step needs more memory.
    yield from numbered.iter_slices(-(-shard.rows // -(-shard.rows // _BATCH_ROWS)))


def _text_bytes(rows: pl.DataFrame) -> int:
    """Return the bytes of all strings. In memory equal ones are one, so they may be far more than there is room for."""
    texts = ((pl.col(name).explode() if columns.is_list(name) else pl.col(name)) for name in rows.columns)
    sizes = rows.select(text.str.len_bytes().cast(pl.UInt64).sum() for text in texts)
    return sum(int(size) for size in sizes.row(0))


def _refuse_bomb(path: Path, size: int) -> None:
    """Refuse a file whose rows hold far more than product data does.

    Raises:
        SourceError: They do.
    """
    stored = path.stat().st_size
    if size > BOMB_BYTES and size > BOMB_RATIO * stored:
        raise SourceError(
            f"{path}: it swells to more than {BOMB_RATIO} times its size ({size:,} bytes from {stored:,}), which"
            " product data never does"
        )


def _first_line(error: BaseException) -> str:
    return f"({str(error).splitlines()[0][:200]})" if str(error) else ""
