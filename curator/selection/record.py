"""Record what was decided: ``selection.parquet``, and the final fate of every row in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl
import pyarrow.parquet as pq

from curator.errors import RunError
from curator.run import ledger
from curator.run.directory import RunDirectory
from curator.selection import select
from curator.sources.shards import Shard
from curator.system.files import write_parquet, writing_parquet

_SELECTED_AT_ONCE = 1 << 18


def write_selection(run: RunDirectory, selection: select.Selection) -> None:
    """Write what was decided about each item; columns as in `select.SCHEMA`."""
    with writing_parquet(run.selection, select.SCHEMA, {}) as write:
        # The splits' names are strings, and no cluster takes no memory before: a piece at a time.
        for items in selection.items.iter_slices(_SELECTED_AT_ONCE):
            write(items.with_columns(pl.col("cluster").cast(pl.UInt32), split=select.split_of(pl.col("fate"))))


def write_ledger(run: RunDirectory, shards: Sequence[Shard], selection: select.Selection) -> dict[str, int]:
    """Give every row its final fate, and return the rows of each.

    Raises:
        RunError: A part does not account for every row of its shard.
    """
    counts: Counter[str] = Counter()
    offset = 0
    for shard in shards:
        path = run.ledger(shard.index)
        metadata = {name: text for name, text in pl.read_parquet_metadata(path).items() if name != "ARROW:schema"}
        part = pl.read_parquet(path, glob=False)
        kept = pq.read_metadata(run.items(shard.index)).num_rows
        decided = selection.items.slice(offset, kept).select("row", pl.col("fate").cast(pl.String))
        offset += kept
        final = ledger.final_fates(part, decided)
        if final.height != shard.rows or (final["fate"] == ledger.KEPT).any():
            raise RunError(f"{path}: the ledger doesn't account for every row of its shard; remove it and run again")
        write_parquet(path, final, metadata)
        counts.update(ledger.count_fates(final))
    return {fate: counts[fate] for fate in ledger.FATES if fate in counts}
