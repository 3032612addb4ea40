"""What a finished run holds about a row: ledger, items, selection, and where its source was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from curator.errors import CuratorError, SourceError, UsageError
from curator.run.finished import FinishedRun
from curator.sources import resolve
from curator.sources.formats import FORMATS
from curator.sources.shards import Shard, Source
from curator.why.steps import Facts

_COPIES = ("exact_duplicate", "near_duplicate")
_PLACE = ["shard", "row"]


class RecordedRun(FinishedRun):
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
    def sizes(self) -> Facts:
        """Items in the `sample`, and those `published` in all splits together."""
        sizes = {"sample": pl.col("sampled").sum(), "published": pl.col("split").count()}
        return self._collect(lambda: self.selection().select(**sizes)).row(0, named=True)

    def find(self, parent_asin: str) -> pl.DataFrame:
        """Return the rows with an asin, or else the one at a place: `shard`, `row`, `fate`, in source order."""
        found = self._collect(lambda: self.ledger().filter(parent_asin=parent_asin))
        name, _, row = parent_asin.rpartition(":")
        if found.is_empty() and row.isdecimal():
            shards = [shard.index for shard in self.shards.values() if shard.source.name == name]
            found = self._collect(lambda: self.ledger().filter(pl.col("shard").is_in(shards), row=int(row)))
        return found.select(*_PLACE, "fate").sort(_PLACE)

    def item(self, shard: int, row: int) -> Facts | None:
        """Return a row's item, if it is one."""
        part = self.directory.items(shard)
        return _first(self._collect(lambda: pl.scan_parquet(part, glob=False).filter(row=row)))

    def decision(self, shard: int, row: int) -> Facts | None:
        """Return what the selection decided about a row, if it is an item."""
        return _first(self._collect(lambda: self.selection().filter(shard=shard, row=row)))

    def same_text(self, text_hash: int) -> pl.DataFrame:
        """Return the items whose text has a hash: `shard` and `row`, in source order."""
        same = pl.col("text_hash") == pl.lit(text_hash, pl.UInt64)
        return self._collect(lambda: self.items().filter(same).select(_PLACE)).sort(_PLACE)

    def cluster(self, number: int) -> pl.DataFrame:
        """Return the items of a cluster of the selection: `shard` and `row`, in source order."""
        return self._collect(lambda: self.selection().filter(cluster=number).select(_PLACE)).sort(_PLACE)

    def name(self, shard: int, row: int) -> Facts:
        """Return what a row is called and what became of it: `parent_asin`, `source`, `row` and `fate`."""
        part = self.directory.ledger(shard)
        found = self._collect(lambda: pl.scan_parquet(part, glob=False).filter(row=row)).row(0, named=True)
        source = self.shards[shard].source.name
        return {"parent_asin": found["parent_asin"], "source": source, "row": row, "fate": found["fate"]}

    def slot(self, slot: int) -> list[tuple[str | None, int]]:
        """Return how many items of each category a slot had to choose from; copies are not among them."""
        if slot not in self._slots:
            items = self._collect(lambda: self.items().filter(slot=slot).select(*_PLACE, "category"))
            chosen_from = items.join(self._copies, on=_PLACE, how="anti")
            self._slots[slot] = chosen_from.group_by("category").len().sort("category").rows()
        return self._slots[slot]

    @cached_property
    def _copies(self) -> pl.DataFrame:
        return self._collect(lambda: self.ledger().filter(pl.col("fate").is_in(_COPIES)).select(_PLACE))

    def _collect(self, query: Callable[[], pl.LazyFrame]) -> pl.DataFrame:
        with self.reading():
            return query().collect()


def _first(rows: pl.DataFrame) -> Facts | None:
    return rows.row(0, named=True) if rows.height else None


def source_state(source: Source, recorded: RecordedRun, *, thorough: bool = False) -> tuple[str, str]:
    """Find out whether a source is still what the run read.

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
    if shard.source.kind == "demo" or FORMATS[shard.source.kind].is_columnar:
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
