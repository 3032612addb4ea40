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

from curator import sources
from curator.recipe import load_recipe
from curator.sources import parquet
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


def shards_of(path: Path, shard_rows: int) -> list[sources.Shard]:
    (found,) = sources.resolve([str(path)], COURSE)
    pieces = FORMATS["parquet"].scan(path, COURSE, shard_rows).pieces
    return sources.cut([sources.Found(found.source, pieces)], shard_rows)


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        ([3, 3, 3, 3], [9, 3]),
        ([12, 3, 3], [12, 6]),
        ([80], [80]),
        ([81], [40, 41]),
        ([5, 200, 5], [5, 66, 67, 67, 5]),
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
        patch.setattr(parquet, "_BATCH_ROWS", batch_rows)
        batches = [batch for shard in shards for batch in sources.read(shard, COURSE)]
    assert max(batch.height for batch in batches) <= batch_rows
    read = pl.concat(batches)
    assert read["row"].to_list() == list(range(many))
    assert read["title"].to_list() == rows["title"].to_pylist()[:many]
    assert read["features"].to_list() == rows["features"].to_pylist()[:many]
