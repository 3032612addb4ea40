"""Shuffle the sample and divide it into train, validation and test."""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.recipe import SplitSettings


@dataclass(frozen=True)
class SplitSizes:
    """Rows of each split, and of the sample's rest."""

    train: int
    validation: int
    test: int
    beyond: int


def shuffle(chosen: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the sample in the order of Python's ``random.Random(seed).shuffle``."""
    mixed = array("q", chosen.tobytes())
    random.Random(seed).shuffle(mixed)
    return np.array(mixed, dtype=np.int64)


def split_sizes(rows: int, settings: SplitSettings) -> tuple[SplitSizes, list[str]]:
    """Return the size of each split for a sample of so many rows, and a warning for each that falls short.

    Validation and test take their rows, but at most `held_out_share` of the sample each; train comes first. With a
    fixed train size (`train` above 0) train is filled first, then validation, then test, and the rest is left over.
    """
    limit = int(rows * settings.held_out_share)
    validation = min(settings.validation, limit)
    test = min(settings.test, limit)
    if settings.train:
        train = min(settings.train, rows)
        validation = min(validation, rows - train)
        test = min(test, rows - train - validation)
    else:
        # Shares above a half: validation comes first, and train is what both leave.
        test = min(test, rows - validation)
        train = rows - validation - test
    sizes = SplitSizes(train, validation, test, rows - train - validation - test)
    warnings = []
    for name in ("train", "validation", "test"):
        # A train of any size was asked for, but not of none.
        wanted, got = getattr(settings, name) or (name == "train"), getattr(sizes, name)
        if got < wanted:
            state = "is empty and not written" if not got else f"has {got:,} rows"
            warnings.append(f"{name} {state}: the recipe asks for {wanted:,}, the sample has {rows:,} rows in all")
    return sizes, warnings
