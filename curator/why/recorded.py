"""What a finished run holds about a row: ledger, items, selection, and where its source was."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from curator.errors import CuratorError, SourceError, UsageError
from curator.run.run import Run
from curator.sources import resolve
from curator.sources.shards import Shard, Source
from curator.why.model import OtherRow

_COPIES = ("exact_duplicate", "near_duplicate")
_PLACE = ["shard", "row"]


class RecordedRun(Run):
    """A run that is asked about single rows; only the rows and columns that are asked for are read.

    Raises:
        UsageError: There is no such folder.
        RunError: It holds no run whose last build ended, or files that can't be read.
    """

    def __init__(self, path: Path) -> None:
        # Why no row is left can be asked of a build that ended so.
        super().__init__(path, without_dataset=True)
        self._slots: dict[int, list[tuple[str | None, int]]] = {}

    @cached_property
    def sampled(self) -> int:
        """Items of the sample."""
        with self.reading():
            return int(self.selection().select(pl.col("sampled").sum()).collect().item())

    @cached_property
    def published(self) -> int:
        """Items of all splits."""
        with self.reading():
            return int(self.selection().select(pl.col("split").count()).collect().item())

    def find(self, parent_asin: str) -> pl.DataFrame:
        """Return the rows with an asin: `shard`, `row`, `fate`, in source order."""
        with self.reading():
            return self.ledger().filter(parent_asin=parent_asin).select(*_PLACE, "fate").sort(_PLACE).collect()

    def items_of(self, found: pl.DataFrame) -> dict[tuple[int, int], dict[str, Any]]:
        """Return the items among the found rows, by shard and row."""
        with self.reading():
            parts = [self.directory.items(shard) for shard in found["shard"].unique().sort()]
            return _by_place(pl.scan_parquet(parts, glob=False), found)

    def selected_of(self, found: pl.DataFrame) -> dict[tuple[int, int], dict[str, Any]]:
        """Return what the selection says of the found rows, by shard and row."""
        with self.reading():
            return _by_place(self.selection(), found)

    def same_text(self, text_hash: int) -> pl.DataFrame:
        """Return the items whose text has a hash: `shard`, `row`, `parent_asin`, in source order."""
        with self.reading():
            same = self.items().filter(pl.col("text_hash") == pl.lit(text_hash, pl.UInt64))
            return same.select(*_PLACE, "parent_asin").sort(_PLACE).collect()

    def first_of_cluster(self, cluster: int) -> dict[str, Any] | None:
        """Return `shard` and `row` of the first item of a cluster of the selection."""
        with self.reading():
            members = self.selection().filter(cluster=cluster)
            first = members.select(_PLACE).sort(_PLACE).head(1).collect()
        return first.row(0, named=True) if first.height else None

    def other(self, shard: int, row: int) -> OtherRow:
        """Return what a row is called and what became of it."""
        with self.reading():
            part = pl.scan_parquet(self.directory.ledger(shard), glob=False)
            asin, fate = part.filter(row=row).select("parent_asin", "fate").collect().row(0)
        return OtherRow(asin, self.shards[shard].source.name, row, fate)

    def slot(self, slot: int) -> list[tuple[str | None, int]]:
        """Return how many items of each category a slot had to choose from; copies are not among them."""
        if slot not in self._slots:
            with self.reading():
                items = self.items().filter(slot=slot).select(*_PLACE, "category")
                chosen_from = items.join(self._copies.lazy(), on=_PLACE, how="anti")
                self._slots[slot] = chosen_from.group_by("category").len().sort("category").collect().rows()
        return self._slots[slot]

    @cached_property
    def _copies(self) -> pl.DataFrame:
        return self.ledger().filter(pl.col("fate").is_in(_COPIES)).select(_PLACE).collect()


def _by_place(frame: pl.LazyFrame, found: pl.DataFrame) -> dict[tuple[int, int], dict[str, Any]]:
    # The filter is looked up in the statistics of the files; the join then settles the pairs.
    near = pl.col("shard").is_in(found["shard"].unique().implode()) & pl.col("row").is_in(
        found["row"].unique().implode()
    )
    rows = frame.filter(near).collect().join(found.select(_PLACE), on=_PLACE, how="semi")
    return {(one["shard"], one["row"]): one for one in rows.iter_rows(named=True)}


def source_state(source: Source, recorded: RecordedRun, *, thorough: bool = False) -> tuple[str, str]:
    """Tell whether a source is still what the run read.

    Args:
        source: The source as the run describes it.
        recorded: The run.
        thorough: Whether to hash a file even if its size and time are the same.

    Returns:
        ``unchanged``, ``changed`` or ``gone``, and a sentence about it.
    """
    if source.kind == "demo":
        try:
            [now] = resolve.resolve([source.name], recorded.recipe)
        except UsageError as error:
            return "gone", f"This version has no such catalogue: {error}"
        if now.source.sha256 == source.sha256:
            return "unchanged", "The catalogue makes the same rows."
        return "changed", "This version's demo catalogue is another one than the run read."
    path = Path(source.location)
    try:
        state = path.stat()
        if state.st_size != source.size:
            return "changed", f"The file has {state.st_size:,} bytes now; the run read {source.size:,}."
        if state.st_mtime_ns == source.modified and not thorough:
            return "unchanged", "The file has the size and the time that the run read."
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "gone", "The file is no longer there."
    except OSError as error:
        return "unreadable", f"The file can't be read: {error.strerror or error}."
    if digest != source.sha256:
        return "changed", f"The file's sha256 is {digest[:12]}… now; the run read {source.sha256[:12]}…."
    return "unchanged", "The file's sha256 is the one that the run read."


def read_rows(shard: Shard, rows: Sequence[int], recorded: RecordedRun) -> dict[int, pl.DataFrame]:
    """Read some rows of a shard again, each as a batch of its own, by their number.

    Raises:
        SourceError: A row is no longer there, or can't be read.
    """
    wanted = set(rows)
    if shard.source.kind in ("parquet", "demo"):
        # These can be read from anywhere; lines of text only along the shards they were cut into.
        shard = Shard(shard.index, shard.source, min(wanted), max(wanted) + 1, shard.offset)
    found: dict[int, pl.DataFrame] = {}
    try:
        for batch in resolve.read(shard, recorded.recipe):
            for row in batch.filter(pl.col("row").is_in(wanted)).partition_by("row"):
                found[row["row"][0]] = row
            if len(found) == len(wanted):
                return found
    except CuratorError:
        raise
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{shard.source.location}: can't be read: {error}") from error
    raise SourceError(f"{shard.source.location}: row {min(wanted - found.keys()):,} is no longer there")
