"""Parquet files of any row groups: how they are cut into shards, and that each row is read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.errors import SourceError
from curator.recipe.load import load_recipe
from curator.sources import arrow, resolve
from curator.sources.formats import FORMATS

COURSE = load_recipe("course-v1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def rows(folder: Path, raw_row: Callable[..., dict[str, Any]], write_rows: Callable[..., Path]) -> pa.Table:
    return pq.read_table(write_rows(folder / "all.parquet", [raw_row(number) for number in range(400)]))


def write_groups(path: Path, rows: pa.Table, groups: list[int]) -> int:
    """Write the first rows in groups of these sizes; return how many there are."""
    start = 0
    with pq.ParquetWriter(path, rows.schema) as writer:
        for size in groups:
            writer.write_table(rows.slice(start, size), row_group_size=max(size, 1))
            start += size
    return start


def shards_of(path: Path, shard_rows: int) -> list[resolve.Shard]:
    (found,) = resolve.resolve([str(path)], COURSE)
    pieces = FORMATS["parquet"].scan(path, COURSE, shard_rows).pieces
    return resolve.cut([resolve.Found(found.source, pieces)], shard_rows)


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        ([3, 3, 3, 3], [9, 3]),
        ([12, 3, 3], [12, 6]),
        ([40], [40]),
        ([41], [20, 21]),
        ([5, 100, 5], [5, 33, 33, 34, 5]),
        ([10, 10], [10, 10]),
    ],
    ids=str,
)
def test_row_groups_are_divided_where_they_are_large(
    groups: list[int], sizes: list[int], folder: Path, rows: pa.Table
) -> None:
    path = folder / "rows.parquet"
    write_groups(path, rows, groups)
    assert [shard.rows for shard in shards_of(path, shard_rows=10)] == sizes


@given(
    groups=st.lists(st.one_of(st.integers(1, 12), st.integers(30, 90)), min_size=1, max_size=4),
    shard_rows=st.integers(1, 12),
    batch_rows=st.integers(1, 30),
)
def test_every_row_is_read_once(
    groups: list[int], shard_rows: int, batch_rows: int, folder: Path, rows: pa.Table
) -> None:
    path = folder / "rows.parquet"
    many = write_groups(path, rows, groups)
    shards = shards_of(path, shard_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow, "BATCH_ROWS", batch_rows)
        batches = [batch for shard in shards for batch in resolve.read(shard, COURSE)]
    assert max(batch.height for batch in batches) <= batch_rows
    read = pl.concat(batches)
    assert read["row"].to_list() == list(range(many))
    assert read["title"].to_list() == rows["title"].to_pylist()[:many]
    assert read["features"].to_list() == rows["features"].to_pylist()[:many]


def test_dictionaries_within_lists_are_lists_of_strings(folder: Path, rows: pa.Table) -> None:
    path = folder / "rows.parquet"
    features = rows["features"].combine_chunks()
    coded = pa.ListArray.from_arrays(features.offsets, features.values.dictionary_encode())
    assert pa.types.is_dictionary(coded.type.value_type)
    pq.write_table(rows.set_column(rows.schema.get_field_index("features"), "features", coded), path)
    read = pl.concat(batch for shard in shards_of(path, 1_000) for batch in resolve.read(shard, COURSE))
    assert read["features"].to_list() == rows["features"].to_pylist()


def test_a_column_twice_is_named(folder: Path, rows: pa.Table) -> None:
    path = folder / "rows.parquet"
    pq.write_table(rows.append_column("title", rows["title"]), path)
    with pytest.raises(SourceError, match=r"rows.parquet: two columns are called 'title'"):
        resolve.resolve([str(path)], COURSE)
