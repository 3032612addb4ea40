"""What a run did, in one object: ``summary.json``, which the closing table, the report and comparisons read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.errors import RunError
from curator.recipe.load import Recipe
from curator.run import ledger
from curator.run.parts import batches
from curator.selection import draw
from curator.selection.select import Selection
from curator.sources.shards import Source
from curator.system.version import VERSION
from curator.tokens.vocabulary import Vocabulary

MOST_CATEGORIES = 100
"""Categories that a summary lists, the largest first."""

BANDS = (1, 20, 50, 100, 200, 400)
"""Where the price bands begin whose balance is told (USD); the last one ends with the slots."""


def summarise(
    recipe: Recipe,
    vocabulary: Vocabulary,
    read: Sequence[Source],
    parts: Sequence[Path],
    selection: Selection,
    fates: Mapping[str, int],
) -> dict[str, Any]:
    """Return what a run counted: its summary but for time and memory.

    Args:
        recipe: The run's recipe.
        vocabulary: The tokenizer that counted.
        read: What was read.
        parts: The items' parts, in the order of the selection.
        selection: What was decided.
        fates: Rows of each fate.

    Raises:
        RunError: The fates don't add up to the rows read.
    """
    rows = sum(source.rows for source in read)
    if sum(fates.values()) != rows:
        raise RunError(f"the ledger holds {sum(fates.values()):,} rows, the sources {rows:,}")
    counted = _Counted()
    start = 0
    for items in batches(parts, ["category", "tokens", "masked"]):
        counted.add(items.hstack(selection.items.slice(start, items.height).select("slot", "sampled", "fate")))
        start += items.height
    return {
        "curator": VERSION,
        "recipe": recipe.name,
        "settings": {**recipe.model_dump(mode="json"), "tokenizer": vocabulary.name},
        "tokenizer": {"name": vocabulary.name, "sha256": vocabulary.sha256},
        "sources": [{"name": one.name, "category": one.category, "rows": one.rows} for one in read],
        "rows_in": rows,
        "items": selection.items.height,
        "sampled": int(selection.items["sampled"].sum()),
        "masked": counted.masked,
        "fates": dict(fates),
        "splits": {name: fates.get(name, 0) for name in ledger.SPLITS},
        "warnings": selection.warnings,
        "distributions": {
            "slots": {"items": selection.available.tolist(), "sampled": counted.slots.tolist()},
            "categories": counted.categories(),
            "tokens": {"items": counted.tokens.tolist(), "sampled": counted.sampled_tokens.tolist()},
        },
        "balance": counted.balance(),
    }


def cost(seconds: Mapping[str, float], rows_mapped: int, peak_memory_bytes: int) -> dict[str, Any]:
    """Return what a run took, for its summary.

    Args:
        seconds: Time of each step.
        rows_mapped: Raw rows mapped this time; the others' parts were there already.
        peak_memory_bytes: The most memory in use, at most.
    """
    return {
        "seconds": dict(seconds),
        "rows_mapped": rows_mapped,
        "rows_per_second": round(rows_mapped / seconds["map"], 1) if rows_mapped else None,
        "peak_memory_bytes": peak_memory_bytes,
    }


class _Counted:
    """Adds items up, some thousand at a time: all categories' names together would be the largest thing of the step."""

    def __init__(self) -> None:
        self.masked = 0
        self.slots, self.tokens, self.sampled_tokens = (np.zeros(size, np.int64) for size in (draw.LAST + 1, 0, 0))
        # Items by category, fate and whether they are sampled; published rows by price band and split. In frames the
        # few names would hold on to the buffers of all rows.
        self._categories: Counter[tuple[str | None, str, bool]] = Counter()
        self._prices: Counter[tuple[int, str]] = Counter()

    def add(self, items: pl.DataFrame) -> None:
        """Count some items; columns `category`, `tokens`, `masked`, `slot`, `sampled` and `fate`."""
        fate = pl.col("fate").cast(pl.String)
        for *kind, count in items.group_by("category", fate, "sampled").len().iter_rows():
            self._categories[tuple(kind)] += count
        published = items.filter(fate.is_in(ledger.SPLITS))
        self.masked += int(published["masked"].sum())
        low = pl.Series("low", np.array(BANDS)[np.digitize(published["slot"].to_numpy(), BANDS) - 1])
        for *kind, count in published.select(low, fate).group_by("low", "fate").len().iter_rows():
            self._prices[tuple(kind)] += count
        self.tokens = _added(self.tokens, items["tokens"])
        sampled = items.filter("sampled")
        self.sampled_tokens = _added(self.sampled_tokens, sampled["tokens"])
        self.slots = _added(self.slots, sampled["slot"])

    def categories(self) -> list[dict[str, Any]]:
        """Return the largest categories: all their items, and the sampled ones."""
        sampled = pl.col("len").filter("sampled").sum().alias("sampled")
        found = _frame(self._categories, _CATEGORIES).group_by("category").agg(pl.col("len").sum(), sampled)
        listed = found.sort("len", "category", descending=[True, False]).head(MOST_CATEGORIES)
        return [{"category": name, "items": count, "sampled": taken} for name, count, taken in listed.iter_rows()]

    def balance(self) -> dict[str, list[dict[str, Any]]]:
        """Return how validation and test are balanced: by category and by price (`low`: where its band begins, USD).

        The aim is the share that a category or a price band has of all splits together, in rows of the split.
        """
        found = _frame(self._categories, _CATEGORIES).filter(pl.col("fate").is_in(ledger.SPLITS))
        named = found.group_by("category", "fate").agg(pl.col("len").sum())
        prices = _frame(self._prices, _PRICES)
        listed = named.group_by("category").agg(pl.col("len").sum())
        listed = listed.sort("len", "category", descending=[True, False]).head(MOST_CATEGORIES)
        return {
            "categories": _aims(named, "category", listed["category"].to_list()),
            "prices": _aims(prices, "low", BANDS),
        }


_CATEGORIES = {"category": pl.String, "fate": pl.String, "sampled": pl.Boolean}
_PRICES = {"low": pl.Int64, "fate": pl.String}


def _frame(counts: Counter[Any], columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return counts as a frame: these columns, and `len`."""
    rows = [(*kind, count) for kind, count in counts.items()]
    return pl.DataFrame(rows, schema={**columns, "len": pl.Int64}, orient="row")


def _added(counts: NDArray[np.int64], values: pl.Series) -> NDArray[np.int64]:
    """Return counts by value with some more values counted, as long as the highest value needs."""
    more = np.bincount(values.to_numpy(), minlength=len(counts))
    more[: len(counts)] += counts
    return more


def _aims(counts: pl.DataFrame, column: str, values: Sequence[str | int | None]) -> list[dict[str, Any]]:
    """Return for each value of a column the rows of each split that have it, and those aimed at where held out.

    Columns in: the column, `fate` (a split) and `len`, the rows of both.
    """
    total = max(int(counts["len"].sum()), 1)
    sizes = dict(counts.group_by("fate").agg(pl.col("len").sum()).iter_rows())
    found = []
    for value in values:
        mine = dict(counts.filter(pl.col(column).eq_missing(value)).select("fate", "len").iter_rows())
        share = sum(mine.values()) / total
        one: dict[str, Any] = {column: value, "train": mine.get("train", 0)}
        for split in ("validation", "test"):
            one |= {split: mine.get(split, 0), f"{split}_aim": round(share * sizes.get(split, 0), 1)}
        found.append(one)
    return found
