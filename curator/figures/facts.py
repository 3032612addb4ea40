"""What a summary implies: the numbers that figures and tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.run.ledger import REASONS, SPLITS
from curator.selection.draw import FIRST, LAST

SPIKES = tuple(range(99, LAST + 1, 100))
"""Prices just below a hundred (USD), where shops like to be."""

_NEIGHBOURS = 5
_BAR_CATEGORIES, _SLICES = 12, 7

SENTENCES = {
    "train": "What a model learns from.",
    "validation": "For choices made while training.",
    "test": "For the last word.",
}
"""What each split is for."""


@dataclass(frozen=True)
class Step:
    """One step from all rows to the splits.

    Attributes:
        name: The fate.
        rows: Rows that have it.
        left: Rows left after it; for a split, rows of it and the splits after it.
        is_split: Whether the rows are kept.
        sentence: What it means.
    """

    name: str
    rows: int
    left: int
    is_split: bool
    sentence: str


def steps(summary: Mapping[str, Any]) -> list[Step]:
    """Return the way from all rows to the splits: reasons first, in their order, then the splits."""
    fates = summary["fates"]
    left = int(summary["rows_in"])
    found: list[Step] = []
    for reason, sentence in REASONS.items():
        if rows := fates.get(reason, 0):
            left -= rows
            found.append(Step(reason, rows, left, False, sentence))
    for split in SPLITS:
        rows = fates.get(split, 0)
        found.append(Step(split, rows, left, True, SENTENCES[split]))
        left -= rows
    return found


def median(counts: Sequence[int]) -> int | None:
    """Return the (lower) median of what is counted by index, or null where nothing is.

    >>> median([0, 2, 1])
    1
    """
    total = sum(counts)
    return int(np.searchsorted(np.cumsum(counts), (total + 1) // 2)) if total else None


def mean(counts: Sequence[int]) -> float | None:
    """Return the mean of what is counted by index, or null where nothing is."""
    total = sum(counts)
    return round(float(np.dot(np.arange(len(counts)), counts)) / total, 2) if total else None


def shares(counts: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return counts as percentages of their sum; zeros where there is nothing."""
    numbers = np.asarray(counts, np.float64)
    total = numbers.sum()
    return 100 * numbers / total if total else numbers


@dataclass(frozen=True)
class Spike:
    """A price that many items share: how many, how many the next dollar has, and the median of the ten slots around."""

    slot: int
    items: int
    next_items: int | None
    around: float
    times: float | None


def spikes(counts: Sequence[int]) -> list[Spike]:
    """Return each of `SPIKES` beside its neighbours, the round price above it left out of them."""
    found = []
    for slot in SPIKES:
        near = [n for n in range(slot - _NEIGHBOURS, slot + _NEIGHBOURS + 2) if n not in (slot, slot + 1)]
        around = float(np.median([counts[n] for n in near if FIRST <= n <= LAST]))
        times = round(counts[slot] / around, 1) if around else None
        following = int(counts[slot + 1]) if slot < LAST else None
        found.append(Spike(slot, int(counts[slot]), following, around, times))
    return found


def slot_facts(summary: Mapping[str, Any]) -> dict[str, int]:
    """Return how many slots hold items, are over the cap, and are empty."""
    slots, settings = summary["distributions"]["slots"], summary["settings"]["slots"]
    available, sampled = (np.array(slots[name]) for name in ("items", "sampled"))
    below = np.arange(LAST + 1) < settings["whole_from"]
    return {
        "filled": int((available[FIRST:] > 0).sum()),
        "empty": int((available[FIRST:] == 0).sum()),
        "over_cap": int((below & (available > settings["cap"])).sum()),
        "left_out": int((available - sampled).sum()),
        "fullest": int(available.argmax()),
        "fullest_items": int(available.max()),
    }


@dataclass(frozen=True)
class CategoryRow:
    """A category before and after the sampling."""

    name: str
    items: int
    sampled: int


def categories(summary: Mapping[str, Any], most: int = _BAR_CATEGORIES) -> list[CategoryRow]:
    """Return the largest categories, and all others as one; what has no category is named so."""
    listed = [
        CategoryRow("(none)" if one["category"] is None else one["category"], one["items"], one["sampled"])
        for one in summary["distributions"]["categories"]
    ]
    head = listed[:most] if len(listed) > most + 1 else listed
    items = summary["items"] - sum(one.items for one in head)
    sampled = summary["sampled"] - sum(one.sampled for one in head)
    return [*head, CategoryRow("all others", items, sampled)] if items else head


def slices(summary: Mapping[str, Any]) -> list[CategoryRow]:
    """Return the categories of the sample for a ring of few slices, the largest first, all others last."""
    rows = [one for one in categories(summary, 10**6) if one.sampled]
    named = sorted((one for one in rows if one.name != "all others"), key=lambda one: (-one.sampled, one.name))
    head = named[:_SLICES] if len(named) > _SLICES + 1 else named
    rest = summary["sampled"] - sum(one.sampled for one in head)
    return [*head, CategoryRow("all others", 0, rest)] if rest else head
