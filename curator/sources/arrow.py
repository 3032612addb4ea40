"""Arrow tables as rows: Parquet of any writer, Arrow files, tables in memory.

A column of strings, of lists of strings or of numbers is taken as it is. A column of any other type goes value by value
through `curator.sources.values`; a value that can't be read makes its row malformed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import columns, values
from curator.sources.columns import Columns
from curator.sources.records import in_words
from curator.sources.shards import Scan, Shard
from curator.sources.text_files import BOMB_BYTES, BOMB_RATIO
from curator.system.digest import sha256

BATCH_ROWS = 20_480
"""Most rows of a batch."""

_MOST = 4
"""Consecutive rows that must be unpacked together are one piece up to so many pieces' rows."""

_SHOWN = 80
"""Characters of a type that a message shows."""

FAULTS = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What Arrow raises of a file that is damaged, for one where the name of a column is no UTF-8."""

_TEXT = (pl.String, pl.Categorical, pl.Enum, pl.Null)


def pieces(groups: Iterator[int] | list[int], piece_rows: int) -> list[int]:
    """Cut groups of so many rows into pieces of about `piece_rows`, along the groups."""
    cut: list[int] = []
    for rows in groups:
        bounds = np.linspace(0, rows, max(1, -(-rows // (_MOST * piece_rows))) + 1).astype(int)
        cut += np.diff(bounds).tolist()
    return cut


def slices(rows: pl.DataFrame, first: int) -> Iterator[pl.DataFrame]:
    """Yield rows, numbered from `first`, some thousand at a time."""
    numbered = rows.with_columns(pl.int_range(first, first + rows.height, dtype=pl.Int64).alias("row"))
    return numbered.iter_slices(-(-rows.height // -(-rows.height // BATCH_ROWS)))


def check(schema: pa.Schema, matched: Columns, where: str) -> None:
    """Refuse a column of a type none of whose values can be what it must be.

    Raises:
        SourceError: There is one.
    """
    for ours, theirs in matched.items():
        for one in theirs:
            if len(schema.get_all_field_indices(one)) > 1:
                raise SourceError(f"{where}: two columns are called {columns.short(one)}")
            type_ = schema.field(one).type
            if not _may_hold(ours, type_, alone=len(theirs) == 1):
                shown = str(type_) if len(str(type_)) <= _SHOWN else f"{str(type_)[: _SHOWN - 1]}…"
                as_ours = "" if one == ours else f", which is to be {ours!r}"
                raise SourceError(
                    f"{where}: column {columns.short(one)}{as_ours} holds {shown}, expected {columns.TYPES[ours]}"
                )


def _may_hold(name: str, type_: pa.DataType, *, alone: bool) -> bool:
    of = pa.types
    is_list = of.is_list(type_) or of.is_large_list(type_) or of.is_fixed_size_list(type_) or of.is_list_view(type_)
    is_object = of.is_struct(type_) or of.is_map(type_)
    if name == "details":
        # Nothing but nulls is a column of floats to pandas.
        return not alone or not (of.is_boolean(type_) or of.is_integer(type_) or of.is_temporal(type_))
    if columns.is_list(name) and is_list:
        return _may_hold(name, type_.value_type, alone=alone)
    return not (is_list or is_object or of.is_boolean(type_) or (name == "price" and of.is_temporal(type_)))


def is_plain(name: str, dtype: pl.DataType) -> bool:
    """Tell whether a column of ours is right as it is."""
    if name == "price" and (dtype.is_integer() or dtype.is_float()):
        return True
    if columns.is_list(name):
        return dtype == pl.Null or (isinstance(dtype, pl.List) and dtype.inner in _TEXT)
    return dtype in _TEXT


def plain(name: str, theirs: str, dtype: pl.DataType) -> pl.Expr:
    """Return the expression that makes a plain column one of ours: strings, lists of strings, numbers as Float64."""
    if dtype.is_numeric() and dtype != pl.Float32:
        return pl.col(theirs).cast(pl.Float64).alias(name)
    # The string of a Float32 is the number that was meant: 12.99, not 12.989999771118164.
    return pl.col(theirs).cast(pl.List(pl.String) if columns.is_list(name) else pl.String).alias(name)


def conform(table: pa.Table, matched: Columns, recipe: Recipe) -> pl.DataFrame:
    """Return the columns that a recipe reads, and `malformed`: why a row can't be read, or null.

    Raises:
        ArrowInvalid: The table breaks Arrow's rules, for one by strings that are no UTF-8.
    """
    # Polars takes it on trust.
    table.select(sorted({one for theirs in matched.values() for one in theirs})).validate(full=True)
    faults: list[str | None] = [None] * table.num_rows
    made = []
    for name in columns.reads(recipe):
        theirs = matched.get(name, ())
        known = _polars(table, theirs[0]) if len(theirs) == 1 else None
        if not theirs:
            made.append(columns.empty(name))
        elif known is not None and is_plain(name, known.dtype):
            made.append(pl.lit(known.to_frame().select(plain(name, theirs[0], known.dtype)).to_series()))
        else:
            made.append(pl.lit(_read(name, theirs, table, recipe, faults)))
    rows = pl.select(made) if table.num_rows else pl.DataFrame(schema=dict.fromkeys(columns.reads(recipe), pl.String))
    rows = with_notation(rows, recipe).with_columns(malformed=pl.Series(faults, dtype=pl.String))
    if not any(faults):
        return rows
    readable = pl.col("malformed").is_null()
    return rows.with_columns(pl.when(readable).then(pl.exclude("malformed", "parent_asin")))


def with_notation(rows: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Return rows with details in Python's notation as JSON; the course reads details as they are."""
    if recipe.price.reading == "python" or "details" not in rows.columns:
        return rows
    at = rows["details"].str.contains(values.NOTATION).fill_null(value=False).arg_true()
    if at.is_empty():
        return rows
    some = [values.details(one) for one in rows["details"].gather(at)]
    return rows.with_columns(rows["details"].scatter(at, pl.Series(some, dtype=pl.String)))


def _polars(table: pa.Table, name: str) -> pl.Series | None:
    """Return a column, or None if its type is one that Polars may not read, or that is no plain one anyway."""
    column = table.column(name)
    if not is_known(column.type) or _holds_objects(column.type):
        return None
    series = pl.from_arrow(column)
    assert isinstance(series, pl.Series)
    return series.alias(name)


def _holds_objects(type_: pa.DataType) -> bool:
    while pa.types.is_list(type_) or pa.types.is_large_list(type_):
        type_ = type_.value_type
    return bool(pa.types.is_struct(type_))


def is_known(type_: pa.DataType) -> bool:
    """Tell whether Polars is sure to read a type: of some others it panics."""
    of = pa.types
    if of.is_list(type_) or of.is_large_list(type_):
        # Even this name may be no UTF-8, which is an error here and a panic there.
        return isinstance(type_.value_field.name, str) and is_known(type_.value_type)
    if of.is_struct(type_):
        return all(is_known(field.type) for field in type_)
    if of.is_dictionary(type_):
        return is_known(type_.value_type)
    if of.is_timestamp(type_):
        return type_.tz in (None, "UTC")
    if of.is_floating(type_):
        return bool(type_.bit_width > 16)
    simple = (of.is_boolean, of.is_integer, of.is_string, of.is_large_string, of.is_string_view, of.is_date, of.is_null)
    return any(test(type_) for test in (*simple, of.is_binary, of.is_large_binary))


def _read(name: str, theirs: Sequence[str], table: pa.Table, recipe: Recipe, faults: list[str | None]) -> pl.Series:
    """Read a column value by value, and note why a row can't be read where it has no fault yet."""
    read = values.reader(name, recipe)
    found = [python_values(table.column(one)) for one in theirs]
    if len(theirs) > 1:
        found = [[values.joined(name, dict(zip(theirs, row, strict=True))) for row in zip(*found, strict=True)]]
    made: list[Any] = []
    for row, value in enumerate(found[0]):
        try:
            made.append(read(value))
        except (TypeError, ValueError):
            made.append(None)
            faults[row] = faults[row] or f"{name!r} holds {in_words(value)}, expected {columns.TYPES[name]}"
    series = pl.from_arrow(as_arrow(name, made))
    assert isinstance(series, pl.Series)
    return series.alias(name)


def as_arrow(name: str, read: list[Any] | tuple[Any, ...]) -> pa.Array:
    """Return values of one of our columns as Arrow has them."""
    return pa.array(read, pa.large_list(pa.large_string()) if columns.is_list(name) else pa.large_string())


def python_values(column: pa.ChunkedArray) -> list[Any]:
    """Return what a column holds: JSON as what it stands for, an object without the keys that are null."""
    extension = str(getattr(column.type, "extension_name", ""))
    is_json = "json" in extension
    if isinstance(column.type, pa.BaseExtensionType) and extension != "arrow.uuid":
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    with warnings.catch_warnings():
        # Of two values with one key in a map.
        warnings.simplefilter("ignore")
        found = column.to_pylist(maps_as_pydicts="lossy")
    if pa.types.is_floating(column.type) and column.type.bit_width < 64:
        # The number that was meant: 12.99, not 12.989999771118164.
        found = [None if one is None else float(str(column.type.to_pandas_dtype()(one))) for one in found]
    return [_from_json(one) if is_json else _given(one) for one in found]


def _from_json(text: str | None) -> Any:
    # Numbers stay as they are written, and a string among them may stand there without quotes.
    if text is None or not text.startswith(("{", "[", '"')):
        return None if text == "null" else text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _given(value: Any) -> Any:
    # In a struct a key that an object lacks is null.
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None}
    return [_given(one) for one in value] if isinstance(value, list) else value


def refuse_bomb(path: Path, size: int) -> None:
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


def scan(path: Path, recipe: Recipe, piece_rows: int) -> Scan:
    """Check an Arrow file and find where to cut it.

    Raises:
        SourceError: It is damaged, or lacks what the recipe needs.
    """
    try:
        schema = _schema(path)
        groups, size = [], 0
        for batch in _batches(path):
            groups += [batch.num_rows] * bool(batch.num_rows)
            # `nbytes` would follow offsets, which nobody has checked.
            size += batch.get_total_buffer_size()
            refuse_bomb(path, size)
        matched = columns.match(schema.names, str(path), recipe)
        check(schema, matched, str(path))
        return Scan(pieces(groups, piece_rows), (), path.stat().st_size, sha256(path), matched, schema.names)
    except FAULTS as error:
        raise SourceError(f"{path}: can't be read as an Arrow file: {_first_line(error)}") from error


def read(shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the rows of a shard of an Arrow file, some thousand at a time: `row`, `malformed`, the columns read."""
    path, first, parts = Path(shard.source.location), 0, []
    try:
        for batch in _batches(path):
            start, stop = max(shard.start - first, 0), min(shard.stop - first, batch.num_rows)
            if start < stop:
                parts.append(batch.slice(start, stop - start))
            first += batch.num_rows
            if first >= shard.stop:
                break
        rows = conform(pa.Table.from_batches(parts), shard.source.columns, recipe)
    except FAULTS as error:
        raise SourceError(
            f"{path}: rows {shard.start:,} to {shard.stop - 1:,} can't be read; the file is damaged, or it changed or"
            f" vanished during the run: {_first_line(error)}"
        ) from error
    yield from slices(rows, shard.start)


def _schema(path: Path) -> pa.Schema:
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_file(source).schema
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).schema


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file or a stream, as Arrow calls its two forms."""
    with pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            source.seek(0)
            yield from pa.ipc.open_stream(source)
            return
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
