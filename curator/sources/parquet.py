"""Parquet files in the form of the Hub's `raw_meta_<Category>` shards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import columns
from curator.sources.arrow import (
    FAULTS,
    check,
    conform,
    is_known,
    is_plain,
    pieces,
    plain,
    refuse_bomb,
    slices,
    with_notation,
)
from curator.sources.shards import Scan, Shard
from curator.system.digest import sha256


def scan(path: Path, recipe: Recipe, piece_rows: int) -> Scan:
    """Check a file's columns and find where to cut it.

    Raises:
        SourceError: The file is not Parquet, is cut short, or lacks what the recipe needs.
    """
    footer = None
    try:
        footer = pq.read_metadata(path)
        schema = footer.schema.to_arrow_schema()
        matched = columns.match(schema.names, str(path), recipe)
        check(schema, matched, str(path))
        # Before pages are unpacked; what one value that stands in many rows comes to, `read` sees.
        groups = [footer.row_group(index) for index in range(footer.num_row_groups)]
        refuse_bomb(path, sum(group.total_byte_size for group in groups))
        cut = pieces([group.num_rows for group in groups], piece_rows)
        return Scan(cut, (), path.stat().st_size, sha256(path), matched, schema.names)
    except FAULTS as error:
        size = path.stat().st_size if path.exists() else 0
        what = "it is not Parquet, or it was cut short" if size else "it is empty"
        if footer is not None:
            what = "its columns are not those of a table"
        raise SourceError(f"{path}: can't be read as Parquet: {what} ({size:,} bytes). {_first_line(error)}") from error


def read(shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the rows of a shard, some thousand at a time: `row` and the columns that the recipe reads."""
    path = shard.source.location
    try:
        rows = _rows(shard, recipe)
    except (*FAULTS, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SourceError(
            f"{path}: rows {shard.start:,} to {shard.stop - 1:,} can't be read; the file is damaged, or it changed or"
            f" vanished during the run. {_first_line(error)}"
        ) from error
    if rows.height != shard.rows:
        raise SourceError(f"{path}: has {rows.height:,} of the rows {shard.start:,} to {shard.stop - 1:,}; it changed")
    refuse_bomb(Path(path), _text_bytes(rows))
    # Read at once, for any slice of a row group takes unpacking all of it; the rest of the map step needs more memory.
    yield from slices(rows, shard.start)


def _rows(shard: Shard, recipe: Recipe) -> pl.DataFrame:
    """Return the rows of a shard: by Polars if it reads all types of the file, else by Arrow."""
    path = shard.source.location
    schema = pq.read_schema(path)
    matched = shard.source.columns or columns.match(schema.names, path, recipe)
    # Polars reads no file with two columns of a name.
    if all(is_known(field.type) for field in schema) and len(set(schema.names)) == len(schema.names):
        scanned = pl.scan_parquet(path, glob=False)
        types = scanned.collect_schema()
        if all(len(theirs) == 1 and is_plain(ours, types[theirs[0]]) for ours, theirs in matched.items()):
            ours = [
                plain(name, matched[name][0], types[matched[name][0]]) if name in matched else columns.empty(name)
                for name in columns.reads(recipe)
            ]
            return with_notation(scanned.select(ours).slice(shard.start, shard.rows).collect(), recipe)
    file = pq.ParquetFile(path)
    starts = [0, *accumulate(file.metadata.row_group(index).num_rows for index in range(file.num_row_groups))]
    groups = [at for at, (start, stop) in enumerate(pairwise(starts)) if start < shard.stop and stop > shard.start]
    table = file.read_row_groups(groups, columns=sorted({name for theirs in matched.values() for name in theirs}))
    table = table.slice(shard.start - starts[groups[0]], shard.rows)
    return conform(table, matched, recipe)


def _text_bytes(rows: pl.DataFrame) -> int:
    """Return the bytes of all strings. In memory equal ones are one, so they may be far more than there is room for."""
    texts = (
        pl.col(name).explode() if isinstance(dtype, pl.List) else pl.col(name)
        for name, dtype in rows.schema.items()
        if not dtype.is_numeric()
    )
    sizes = rows.select(text.str.len_bytes().cast(pl.UInt64).sum() for text in texts)
    return sum(int(size) for size in sizes.row(0))


def _first_line(error: BaseException) -> str:
    return f"({str(error).splitlines()[0][:200]})" if str(error) else ""
