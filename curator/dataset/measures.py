"""What the published rows amount to: numbers that the card states and `verify` takes again from the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
from numpy.typing import NDArray

from curator.run.ledger import SPLITS
from curator.selection.slots import LAST

MOST_CATEGORIES = 20
"""Categories that the manifest lists, the largest first."""


@dataclass
class _Split:
    """What is kept of one split: a few numbers, and 16 bytes a row."""

    rows: int = 0
    tokens: int = 0
    longest: int = 0
    lowest: float = float("inf")
    highest: float = 0.0
    slots: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LAST + 1, np.int64))
    prompts: list[NDArray[np.uint64]] = field(default_factory=list)


class Measures:
    """Adds up the rows of config `default`, batch after batch; the result depends on the rows alone."""

    def __init__(self) -> None:
        self._splits: dict[str, _Split] = {}
        self._categories: dict[str | None, int] = {}

    def add(self, split: str, rows: pl.DataFrame) -> None:
        """Count some rows of a split; columns as `forms.default_form` gives them."""
        if rows.is_empty():
            return
        mine = self._splits.setdefault(split, _Split())
        mine.rows += rows.height
        mine.tokens += int(rows["tokens"].sum())
        mine.longest = max(mine.longest, int(rows["tokens"].max() or 0))  # type: ignore[arg-type]
        mine.lowest = min(mine.lowest, float(rows["price"].min() or 0))  # type: ignore[arg-type]
        mine.highest = max(mine.highest, float(rows["price"].max() or 0))  # type: ignore[arg-type]
        mine.slots += np.bincount(rows["slot"].clip(0, LAST).to_numpy(), minlength=LAST + 1)
        mine.prompts.append(rows.select(pl.col("prompt").nchash.xxh3_64()).to_series().to_numpy())  # type: ignore[attr-defined]
        for name, count in rows["category"].value_counts().iter_rows():
            self._categories[name] = self._categories.get(name, 0) + count

    def slot_counts(self) -> NDArray[np.int64]:
        """Return the rows of each slot from 0 to 999 over all splits; shape (1000,)."""
        return sum((one.slots for one in self._splits.values()), start=np.zeros(LAST + 1, np.int64))

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

    def to_dict(self, whole_from: int) -> dict[str, Any]:
        """Return all numbers as JSON can hold them.

        Args:
            whole_from: The recipe's `slots.whole_from`: slots below it (USD) are capped.
        """
        named = sorted(
            ((name, count) for name, count in self._categories.items() if name is not None),
            key=lambda one: (-one[1], one[0]),
        )
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
            "most_in_a_capped_slot": int(self.slot_counts()[:whole_from].max()),
            "shared_prompts": {split: len(rows) for split, rows in self.shared_rows().items()},
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
