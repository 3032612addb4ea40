"""A few narrow columns of all items, in as little memory as they need: no strings, nothing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import DTypeLike, NDArray

from curator.run.parts import batches


def read_numbers(parts: Sequence[Path], types: Mapping[str, DTypeLike]) -> dict[str, NDArray[Any]]:
    """Read columns of numbers, each of shape (items,).

    Args:
        parts: The items' parts, in the order of their shards.
        types: The columns, which hold no nulls, and the type that each is returned in.
    """
    columns = {name: np.empty(_items(parts), type_) for name, type_ in types.items()}
    start = 0
    for rows in batches(parts, list(types)):
        for name, column in columns.items():
            column[start : start + rows.height] = rows[name].to_numpy()
        start += rows.height
    return columns


def read_categories(parts: Sequence[Path]) -> tuple[NDArray[np.uint32], list[str | None]]:
    """Read the categories.

    Args:
        parts: The items' parts, in the order of their shards.

    Returns:
        The category of each item as its place among all, and all there are, ascending; the first is None.
    """
    category = np.empty(_items(parts), np.uint32)
    numbers: dict[str, int] = {}
    start = 0
    for rows in batches(parts, ["category"]):
        names = rows["category"].drop_nulls().unique().to_list()
        codes = [numbers.setdefault(name, len(numbers) + 1) for name in names]
        found = rows["category"].replace_strict(names, codes, default=0, return_dtype=pl.UInt32)
        category[start : start + rows.height] = found.to_numpy()
        start += rows.height
    ordered = sorted(numbers)
    place = np.zeros(len(numbers) + 1, np.uint32)
    place[[numbers[name] for name in ordered]] = np.arange(1, len(place))
    # Piece by piece: numbers to look up with are made eight bytes wide.
    for at in range(0, len(category), 1 << 20):
        category[at : at + (1 << 20)] = place[category[at : at + (1 << 20)]]
    return category, [None, *ordered]


def _items(parts: Sequence[Path]) -> int:
    return sum(pq.read_metadata(part).num_rows for part in parts)
