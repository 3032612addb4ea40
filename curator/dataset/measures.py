"""What the published rows amount to: numbers that the card states and `verify` takes again from the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
from numpy.typing import NDArray

from curator.dataset.promises import Promise
from curator.recipe.load import Recipe
from curator.run.ledger import SPLITS
from curator.selection.draw import LAST
from curator.text import prompts
from curator.text.words import text_hash

MOST_CATEGORIES = 20
"""Categories that the manifest lists, the largest first."""


@dataclass
class _Split:
    """What is kept of one split: a few numbers, and a hash or two of each row (8 bytes each)."""

    rows: int = 0
    tokens: int = 0
    longest: int = 0
    lowest: float = float("inf")
    highest: float = 0.0
    slots: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LAST + 1, np.int64))
    prompts: list[NDArray[np.uint64]] = field(default_factory=list)
    texts: list[NDArray[np.uint64]] = field(default_factory=list)


class Measures:
    """Adds up published rows, batch after batch; the result depends on the rows and on what is promised of them.

    Args:
        recipe: What they were made by.
        promised: What is promised: rows that break it are counted.
    """

    def __init__(self, recipe: Recipe, promised: Sequence[Promise]) -> None:
        self._recipe, self._promised = recipe, promised
        self._splits: dict[str, _Split] = {}
        self._categories: dict[str | None, int] = {}
        self._broken = {one.id: 0 for one in promised if one.rows(recipe, "train")}
        self._once = any(one.id == "texts-once" for one in promised)

    def add(self, split: str, rows: pl.DataFrame, hashes: pl.Series | None = None) -> list[Promise]:
        """Count some rows of a split, and return the promises that they break.

        Args:
            split: The split.
            rows: Columns as `forms.beside` gives them.
            hashes: The rows' `text_hash`, where it is known; else it is taken from the prompts.
        """
        if rows.is_empty():
            return []
        mine = self._splits.setdefault(split, _Split())
        mine.rows += rows.height
        mine.tokens += int(rows["tokens"].sum())
        mine.longest = max(mine.longest, int(rows["tokens"].max() or 0))  # type: ignore[arg-type]
        mine.lowest = min(mine.lowest, float(rows["price"].min() or 0))  # type: ignore[arg-type]
        mine.highest = max(mine.highest, float(rows["price"].max() or 0))  # type: ignore[arg-type]
        mine.slots += np.bincount(rows["slot"].clip(0, LAST).to_numpy(), minlength=LAST + 1)
        mine.prompts.append(rows.select(pl.col("prompt").nchash.xxh3_64()).to_series().to_numpy())  # type: ignore[attr-defined]
        if self._once:
            if hashes is None:
                text = prompts.product_text(pl.col("prompt"), self._recipe.prompt)
                hashes = rows.select(text_hash(text)).to_series()
            mine.texts.append(hashes.fill_null(0).to_numpy())
        for name, count in rows["category"].value_counts().iter_rows():
            self._categories[name] = self._categories.get(name, 0) + count
        return [promise for promise in self._promised if self._broken_by(rows, split, promise)]

    def _broken_by(self, rows: pl.DataFrame, split: str, promise: Promise) -> int:
        if not (must := promise.rows(self._recipe, split)):
            return 0
        holds = pl.all_horizontal([true for true, _ in must]).fill_null(value=False)
        broken = rows.height - int(rows.select(holds.sum()).item())
        self._broken[promise.id] += broken
        return broken

    def shared_rows(self) -> dict[str, list[int]]:
        """Return for each split but the first the rows (from 0) whose prompt an earlier split has too."""
        seen = np.zeros(0, np.uint64)
        shared: dict[str, list[int]] = {}
        for split in SPLITS:
            if split not in self._splits:
                continue
            mine = np.concatenate(self._splits[split].prompts)
            if len(seen):
                shared[split] = np.flatnonzero(np.isin(mine, seen)).tolist()
            seen = np.concatenate([seen, mine])
        return shared

    def repeated_rows(self) -> list[tuple[tuple[str, int], tuple[str, int]]]:
        """Return split and row of each row whose text was there before, case and punctuation ignored, and of the first.

        Only where `texts-once` is promised.
        """
        texts = {split: np.concatenate(one.texts) for split in SPLITS if (one := self._splits.get(split)) and one.texts}
        _, first, group = np.unique(
            np.concatenate([np.zeros(0, np.uint64), *texts.values()]), return_index=True, return_inverse=True
        )
        ends = np.cumsum([0, *map(len, texts.values())])

        def place(at: int) -> tuple[str, int]:
            number = int(np.searchsorted(ends, at, side="right")) - 1
            return list(texts)[number], int(at - ends[number])

        return [
            (place(at), place(int(first[group[at]])))
            for at in np.flatnonzero(first[group] != np.arange(len(group))).tolist()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as JSON can hold them."""
        named = sorted(
            ((name, count) for name, count in self._categories.items() if name is not None),
            key=lambda one: (-one[1], one[0]),
        )
        slots = sum((one.slots for one in self._splits.values()), start=np.zeros(LAST + 1, np.int64))
        return {
            "splits": {
                split: {
                    "rows": one.rows,
                    "tokens": one.tokens,
                    "longest_prompt": one.longest,
                    "lowest_price": one.lowest,
                    "highest_price": one.highest,
                    "median_slot": int(np.searchsorted(np.cumsum(one.slots), (one.rows + 1) // 2)),
                    "slots": int(np.count_nonzero(one.slots)),
                }
                for split in SPLITS
                if (one := self._splits.get(split)) is not None
            },
            "most_in_a_capped_slot": int(slots[: self._recipe.slots.whole_from].max()),
            "shared_prompts": {split: len(rows) for split, rows in self.shared_rows().items()},
            "broken": self._broken | ({"texts-once": len(self.repeated_rows())} if self._once else {}),
            "categories": {
                "in_all": len(named),
                "rows_without": self._categories.get(None, 0),
                "largest": dict(named[:MOST_CATEGORIES]),
            },
        }


def memory_bytes(rows: pl.DataFrame) -> int:
    """Return the bytes that rows take as Arrow holds them: what the Hub calls `num_bytes`, offsets' ends left out."""
    return sum(_column_bytes(column) for column in rows)


def _column_bytes(column: pl.Series) -> int:
    if column.dtype == pl.String:
        return int(column.str.len_bytes().sum()) + 4 * len(column)
    if isinstance(column.dtype, pl.List):
        return 4 * len(column) + _column_bytes(column.explode())
    if isinstance(column.dtype, pl.Struct):
        return memory_bytes(column.struct.unnest())
    return (8 if column.dtype in (pl.Float64, pl.Int64) else 4) * len(column)
