"""What a build would take and give, estimated from a sample of its rows."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from curator.items.map_shard import map_shard
from curator.items.mapper import Mapper
from curator.pages.result import Result, Table, html
from curator.recipe.load import Recipe
from curator.selection import draw, splits
from curator.sources import resolve
from curator.system.display import aligned, visible

_SHARDS = 8
_SHOWN = 5


@dataclass(frozen=True, repr=False)
class Estimate(Result):
    """An estimate; all but `rows_in` and `rows_tried` are extrapolated.

    Attributes:
        rows_in: Raw rows of the sources.
        rows_tried: Raw rows that were mapped for the estimate.
        items: Items that the map step would keep.
        sampled: Rows that the draw would take.
        splits: Rows of each split.
        tokens: Tokens of all sampled prompts.
        seconds: Time of the map step, the loading of tokenizer and loops included.
        disk_bytes: Size of the run directory.
        columns: Our columns that were found, each with those of the source that hold it; of the first source.
        unused: Columns of the first source that hold none of ours.
        fates: Rows tried of each fate; items are ``kept``.
        prompts: The prompts of the first five items, as they would come out.
    """

    rows_in: int
    rows_tried: int
    items: int
    sampled: int
    splits: dict[str, int]
    tokens: int
    seconds: float
    disk_bytes: int
    columns: dict[str, list[str]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    fates: dict[str, int] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain values that JSON can hold."""
        return asdict(self)

    def __str__(self) -> str:
        prompts = "".join(
            f"\n\n{number}.\n{visible(text, keep=chr(10))}" for number, text in enumerate(self.prompts, 1)
        )
        return aligned(self._facts()) + (f"\n\nThe first items, as they would come out:{prompts}" if prompts else "")

    def _repr_html_(self) -> str:
        folded = [(f"item {number}", text) for number, text in enumerate(self.prompts, 1)]
        return html("estimate", tables=[Table(self._facts())], folded=folded)

    def _facts(self) -> list[tuple[str, str]]:
        named = [ours if theirs == [ours] else f"{ours} = {', '.join(theirs)}" for ours, theirs in self.columns.items()]
        rows = [("columns", visible("; ".join(named)))] if named else []
        rows += [("not used", visible(", ".join(self.unused)[:300]))] if self.unused else []
        rows += [("rows in", f"{self.rows_in:,}"), ("rows tried", f"{self.rows_tried:,}")]
        rows += [(f"  {fate}", f"{count:,}") for fate, count in self.fates.items()]
        rows += [("items, about", f"{self.items:,}"), ("sampled, about", f"{self.sampled:,}")]
        rows += [(f"  {split}", f"{count:,}") for split, count in self.splits.items() if count]
        rows += [("tokens, about", f"{self.tokens:,}"), ("map step, about", f"{self.seconds:,.0f} s")]
        return [*rows, ("disk, about", f"{self.disk_bytes / 2**20:,.0f} MiB")]


def estimate(specs: Sequence[str], recipe: Recipe, workers: int) -> Estimate:
    """Map a few shards, spread evenly over the sources, and extrapolate; nothing is left on disk.

    Raises:
        CuratorError: As `pipeline.build`.
    """
    found = resolve.resolve(specs, recipe)
    shards = resolve.cut(found)
    tried = [shards[at] for at in np.unique(np.linspace(0, len(shards) - 1, _SHARDS).astype(int))]
    started = time.perf_counter()
    mapper = Mapper(recipe)
    # The first rows that are mapped, of which some must be kept, have the loops loaded, or compiled.
    mapper(next(resolve.read(tried[0], recipe)).head(256))
    loading = time.perf_counter() - started
    kept: list[pl.DataFrame] = []
    fates: Counter[str] = Counter()
    size = 0
    # Time of the processor, not of the clock: here Polars uses all cores, a worker of a build one.
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for shard in tried:
            items, ledger = Path(folder, f"items-{shard.index}"), Path(folder, f"ledger-{shard.index}")
            map_shard(mapper, shard, items, ledger, key="")
            kept.append(pl.read_parquet(items, columns=["slot", "tokens", "prompt"]))
            fates.update(pl.read_parquet(ledger, columns=["fate"])["fate"].to_list())
            size += items.stat().st_size + ledger.stat().st_size
    seconds = time.process_time() - started
    rows_in, rows_tried = (sum(shard.rows for shard in some) for some in (shards, tried))
    guess = _extrapolate(pl.concat(kept), rows_in, rows_tried, size, recipe)
    mapping = seconds * rows_in / rows_tried / min(workers, len(shards))
    first = found[0]
    used = {name for theirs in first.source.columns.values() for name in theirs}
    return replace(
        guess,
        seconds=round(loading + mapping, 1),
        columns={ours: list(theirs) for ours, theirs in first.source.columns.items()},
        unused=[name for name in first.names if name not in used],
        fates=dict(fates.most_common()),
        prompts=pl.concat(kept)["prompt"].head(_SHOWN).to_list(),
    )


def _extrapolate(items: pl.DataFrame, rows_in: int, rows_tried: int, size: int, recipe: Recipe) -> Estimate:
    scale = rows_in / rows_tried
    slot = items["slot"].to_numpy()
    counts = np.bincount(slot[(slot >= draw.FIRST) & (slot <= draw.LAST)], minlength=draw.LAST + 1) * scale
    capped = np.arange(len(counts)) < recipe.slots.whole_from
    sampled = int(np.where(capped, np.minimum(counts, recipe.slots.cap), counts).sum())
    sizes = splits.split_sizes(sampled, recipe.split)
    published = sizes.train + sizes.validation + sizes.test
    # The published files hold each prompt three times: as prompt and completion, as text and, uncompressed, as chat. On
    # real rows of both recipes they come to 3.9 times the parts.
    per_item = size / max(items.height, 1)
    return Estimate(
        rows_in=rows_in,
        rows_tried=rows_tried,
        items=int(items.height * scale),
        sampled=sampled,
        splits={"train": sizes.train, "validation": sizes.validation, "test": sizes.test},
        tokens=int(items["tokens"].sum() / max(items.height, 1) * published),
        seconds=0.0,
        disk_bytes=int(size * scale + published * per_item * 4),
    )
