"""Check that the published rows are the run's items: joined by their place in the sources, value by value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
import pyarrow.parquet as pq

from curator.dataset.columns import CONFIGS
from curator.dataset.forms import default_form
from curator.dataset.manifest import Manifest
from curator.items.mapper import SCHEMA
from curator.run.directory import RunDirectory
from curator.run.ledger import SPLITS
from curator.verify.verdict import Check

_BATCH_ROWS = 16_384
_COLUMNS = tuple(CONFIGS["default"].names)
_ITEM = ("prompt", "price", "category", "title", "parent_asin", "slot", "tokens")
_TEXTS = ("prompt", "completion", "category", "title", "parent_asin")
_PLACE = ["shard", "row"]
_BESIDE = [*_PLACE, "masked"]


def published_items(run: RunDirectory, manifest: Manifest, check: Check) -> None:
    """Note each published row that is not the item that the selection puts there.

    The parts of the items are read once, some thousand rows at a time; of each selected item only numbers and hashes of
    its texts (XXH3, 64 bits) are kept, about 80 bytes a row.

    Raises:
        OSError: A file can't be read.
        ValueError: Likewise.
    """
    selection = pl.read_parquet(run.selection, columns=[*_PLACE, "position", "split"], glob=False)
    chosen = selection.filter(pl.col("split").is_not_null())
    items, total = _items(run, chosen)
    if total != selection.height:
        check.problem(f"items/ holds {total:,} rows, selection.parquet {selection.height:,}")
    check.detail = f"{chosen.height:,} rows, all columns"
    # Whoever is selected has an item; an item too many would be a row twice.
    expected = chosen.join(items, on=_PLACE, how="left").sort("position")
    if expected.height != chosen.height or (missing := expected["prompt"].null_count()):
        many = missing if expected.height == chosen.height else expected.height - chosen.height
        check.problem(f"items/: {many:,} of the selected rows are missing or there more than once")
        return
    if (masked := int(expected["masked"].sum())) != manifest.counts.masked:
        check.problem(f"manifest.json: counts.masked is {manifest.counts.masked:,}, items/ has {masked:,} such rows")
    for split in SPLITS:
        mine, at = expected.filter(pl.col("split") == split), 0
        for rows in _published([run.dataset / name for name in manifest.data_files(split)]):
            _compare(rows, mine.slice(at, rows.height), partial(manifest.place, split), at, check)
            at += rows.height
        if at != mine.height:
            check.problem(f"{split}: {at:,} rows are published, {mine.height:,} selected")


def item_names(run: RunDirectory, check: Check) -> None:
    """Note each item, published or not, that the ledger knows by another `parent_asin`.

    Raises:
        OSError: A file can't be read.
        ValueError: Likewise.
    """
    for path in sorted(run.path.glob("items/part-*.parquet")):
        ledger = run.path / "ledger" / path.name
        mine, booked = (pl.read_parquet(one, columns=[*_PLACE, "parent_asin"], glob=False) for one in (path, ledger))
        both = mine.join(booked, on=_PLACE, how="left", suffix="_booked")
        for one in both.filter(pl.col("parent_asin").ne_missing(pl.col("parent_asin_booked"))).iter_rows(named=True):
            check.problem(
                f"shard {one['shard']} row {one['row']}: the ledger says parent_asin {one['parent_asin_booked']!r}, the"
                f" item {one['parent_asin']!r}"
            )


def _compare(rows: pl.DataFrame, mine: pl.DataFrame, place: Callable[[int], str], first: int, check: Check) -> None:
    """Note the rows of a batch in which any column differs."""
    both = rows.head(mine.height).hstack(mine.rename({name: f"_{name}" for name in mine.columns}))
    differ = {name: pl.col(name).ne_missing(pl.col(f"_{name}")) for name in _COLUMNS}
    wrong = both.select(pl.col("_shard", "_row"), **differ).with_row_index("_at").filter(pl.any_horizontal(_COLUMNS))
    for one in wrong.iter_rows(named=True):
        columns = ", ".join(name for name in _COLUMNS if one[name])
        item = f"row {one['_row']} of items/part-{one['_shard']:05d}.parquet"
        check.problem(f"{place(first + one['_at'])}: {columns} not as in {item}")


def _items(run: RunDirectory, chosen: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return place, digest and masking of the items that were chosen, and how many items there are."""
    nothing = pl.DataFrame(schema=SCHEMA)
    found, total = [_digest(default_form(nothing)).hstack(nothing.select(_BESIDE))], 0
    for path in sorted(run.path.glob("items/part-*.parquet")):
        for rows in _batches(path, [*_BESIDE, *_ITEM]):
            total += rows.height
            mine = rows.join(chosen.select(_PLACE), on=_PLACE, how="semi")
            found.append(_digest(default_form(mine)).hstack(mine.select(_BESIDE)))
    return pl.concat(found), total


def _published(paths: Sequence[Path]) -> Iterator[pl.DataFrame]:
    for path in paths:
        for rows in _batches(path, list(_COLUMNS)):
            yield _digest(rows)


def _batches(path: Path, columns: list[str]) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            batch.validate(full=True)
            yield pl.DataFrame(pl.from_arrow(batch)).select(columns)


def _digest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the columns with a hash for each text; what is missing stays missing."""
    hashed = [pl.when(pl.col(name).is_not_null()).then(pl.col(name).nchash.xxh3_64()) for name in _TEXTS]  # type: ignore[attr-defined]
    return rows.select(_COLUMNS).with_columns(hashed)
