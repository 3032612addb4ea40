"""A few dropped rows for each reason, so that a reader can judge the rules by what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from curator.errors import SourceError
from curator.pages.html import clipped
from curator.recipe.load import Recipe
from curator.report.measure import SAMPLES
from curator.run.directory import RunDirectory
from curator.run.ledger import REASONS
from curator.sources import resolve
from curator.sources.shards import Shard

SHARDS_READ = 2
"""So many shards are read for as many rows as can be had; more only for reasons that these don't have at all."""


def dropped_samples(
    run: RunDirectory, shards: Sequence[Shard], recipe: Recipe, fates: Mapping[str, int]
) -> dict[str, list[dict[str, Any]]]:
    """Return the first rows of each reason, as they are in the source.

    Args:
        run: The run, its ledger final.
        shards: All shards of the run.
        recipe: The recipe, which names the columns that are read.
        fates: Rows of each fate; reasons without rows are left out.

    Returns:
        For each reason up to `SAMPLES` rows: `source`, `row`, `parent_asin`, `title`, `price` (as listed) and `twin`
        (the `parent_asin` of the item with the same text, for copies).
    """
    found: dict[str, list[dict[str, Any]]] = {reason: [] for reason in REASONS if reason in fates}
    for number, shard in enumerate(shards):
        wanted = [r for r, rows in found.items() if len(rows) < SAMPLES and (number < SHARDS_READ or not rows)]
        if not wanted:
            if number >= SHARDS_READ:
                break
            continue
        chosen = _first_of_each(run, shard, {reason: SAMPLES - len(found[reason]) for reason in wanted})
        if chosen.is_empty():
            continue
        listed = _listed(shard, recipe, chosen["row"])
        twins = _twins(run, shard, chosen)
        for row, asin, reason in chosen.select("row", "parent_asin", "fate").iter_rows():
            title, price = listed.get(row, (None, None))
            found[reason].append(
                {
                    "source": shard.source.name,
                    "row": row,
                    "parent_asin": clipped(asin),
                    "title": clipped(title),
                    "price": clipped(price),
                    "twin": clipped(twins.get(row)),
                }
            )
    return found


def _first_of_each(run: RunDirectory, shard: Shard, wanted: Mapping[str, int]) -> pl.DataFrame:
    """Return the first rows of a shard's ledger for each reason, so many as are wanted of it."""
    part = pl.scan_parquet(run.ledger(shard.index), glob=False).filter(pl.col("fate").is_in(list(wanted)))
    first = part.group_by("fate", maintain_order=True).head(SAMPLES).collect()
    limit = pl.col("fate").replace_strict(dict(wanted), return_dtype=pl.Int64)
    return first.filter(pl.int_range(pl.len()).over("fate") < limit).sort("row")


def _listed(shard: Shard, recipe: Recipe, rows: pl.Series) -> dict[int, tuple[str | None, str | None]]:
    """Return title and price of some rows of a shard as the source has them; nothing if it can't be read any more."""
    last = rows.max()
    listed: dict[int, tuple[str | None, str | None]] = {}
    try:
        for batch in resolve.read(shard, recipe):
            some = batch.filter(pl.col("row").is_in(rows.implode()))
            for row, title, price in some.select("row", "title", pl.col("price").cast(pl.String)).iter_rows():
                listed[row] = (title, price)
            if batch["row"].max() >= last:  # type: ignore[operator]
                break
    except SourceError:
        # The run is complete without its source; the report then shows where the rows were.
        return listed
    return listed


def _twins(run: RunDirectory, shard: Shard, chosen: pl.DataFrame) -> dict[int, str | None]:
    """Return for copies among the chosen rows the `parent_asin` of the first item with the same text."""
    copies = chosen.filter(pl.col("fate") == "exact_duplicate")["row"]
    if copies.is_empty():
        return {}
    mine = pl.scan_parquet(run.items(shard.index), glob=False).filter(pl.col("row").is_in(copies.implode()))
    hashes = mine.select("row", "text_hash").collect().drop_nulls()
    every = pl.scan_parquet(sorted(run.path.glob("items/part-*.parquet")), glob=False)
    same = every.select("text_hash", "parent_asin").filter(pl.col("text_hash").is_in(hashes["text_hash"].implode()))
    firsts = same.unique("text_hash", keep="first", maintain_order=True).collect()
    return dict(hashes.join(firsts, on="text_hash").select("row", "parent_asin").iter_rows())
