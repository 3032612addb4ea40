"""A few dropped rows for each reason, so that a reader can judge the rules by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

UNREAD = ("malformed_row", "no_price", "other_currency")
"""Reasons that may say more of how a table is read than of its rows."""

_TOLD_FROM = 0.05
"""Share of all rows from which a build tells of them."""

_TOLD = 3
"""Examples that it tells, each of another kind."""

_CANDIDATES = 200
"""Rows among which those are looked for whose price says something."""

SHARDS_READ = 2
"""So many shards are read for as many rows as can be had; more only for reasons that these don't have at all."""


_Listed = tuple[str | None, str | None, str | None]
"""A row's title, its price and why it can't be read, as far as there is one."""


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
        For each reason up to `SAMPLES` rows: `source`, `row`, `parent_asin`, `title`, `price` (as listed), `fault` (why
        a malformed row can't be read) and `twin` (the `parent_asin` of the item with the same text, for copies).
    """
    found: dict[str, list[dict[str, Any]]] = {reason: [] for reason in REASONS if reason in fates}
    for number, shard in enumerate(shards):
        wanted = [r for r, rows in found.items() if len(rows) < SAMPLES and (number < SHARDS_READ or not rows)]
        if not wanted:
            if number >= SHARDS_READ:
                break
            continue
        missing = {reason: SAMPLES - len(found[reason]) for reason in wanted}
        chosen = _first_of_each(run, shard, missing)
        if chosen.is_empty():
            continue
        listed = _listed(shard, recipe, chosen["row"])
        chosen = _telling(chosen, listed, missing)
        twins = _twins(run, shard, chosen)
        for row, asin, reason in chosen.select("row", "parent_asin", "fate").iter_rows():
            title, price, fault = listed.get(row, (None, None, None))
            found[reason].append(
                {
                    "source": shard.source.name,
                    "row": row,
                    "parent_asin": clipped(asin),
                    "title": clipped(title),
                    "price": clipped(price),
                    "fault": clipped(fault),
                    "twin": clipped(twins.get(row)),
                }
            )
    return found


def unread(fates: Mapping[str, int], samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield a sentence, with examples, for each reason of `UNREAD` that took more than a twentieth of all rows."""
    rows_in = sum(fates.values())
    for fate in UNREAD:
        if (rows := fates.get(fate, 0)) > _TOLD_FROM * rows_in:
            told: dict[str, str] = {}
            for one in samples.get(fate, ()):
                told.setdefault(one["fault"] or _price(one["price"]), f"row {one['row']:,} of {one['source']}")
            examples = "; ".join(f"{where}: {what}" for what, where in list(told.items())[:_TOLD])
            yield f"{rows:,} of {rows_in:,} rows are {fate} ({rows / rows_in:.0%}), such as {examples}"


def _price(listed: str | None) -> str:
    return "no price" if listed is None else f"price {listed!r}"


def _first_of_each(run: RunDirectory, shard: Shard, wanted: Mapping[str, int]) -> pl.DataFrame:
    """Return the first rows of a shard's ledger for each reason: so many as are wanted of it, or to choose from."""
    part = pl.scan_parquet(run.ledger(shard.index), glob=False).filter(pl.col("fate").is_in(list(wanted)))
    first = part.group_by("fate", maintain_order=True).head(_CANDIDATES).collect()
    limits = {reason: _CANDIDATES if reason in UNREAD else rows for reason, rows in wanted.items()}
    limit = pl.col("fate").replace_strict(limits, return_dtype=pl.Int64)
    return first.filter(pl.int_range(pl.len()).over("fate") < limit).sort("row")


def _telling(chosen: pl.DataFrame, listed: Mapping[int, _Listed], wanted: Mapping[str, int]) -> pl.DataFrame:
    """Return of the candidates those whose price or fault says something, and is not that of an earlier one."""
    said = [listed.get(row, (None, None, None))[1:] for row in chosen["row"]]
    telling = [
        reason not in UNREAD or (any(one) and one not in said[:at])
        for at, (reason, one) in enumerate(zip(chosen["fate"], said, strict=True))
    ]
    ranked = chosen.with_columns(telling=pl.Series(telling, dtype=pl.Boolean))
    limit = pl.col("fate").replace_strict(dict(wanted), return_dtype=pl.Int64)
    first = ranked.sort("telling", descending=True, maintain_order=True).filter(
        pl.int_range(pl.len()).over("fate") < limit
    )
    return first.drop("telling").sort("row")


def _listed(shard: Shard, recipe: Recipe, rows: pl.Series) -> dict[int, _Listed]:
    """Return some rows of a shard as the source has them; nothing if it can't be read any more."""
    last = rows.max()
    listed: dict[int, _Listed] = {}
    try:
        for batch in resolve.read(shard, recipe):
            some = batch.filter(pl.col("row").is_in(rows.implode()))
            for row, *found in some.select("row", "title", pl.col("price").cast(pl.String), "malformed").iter_rows():
                listed[row] = tuple(found)
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
