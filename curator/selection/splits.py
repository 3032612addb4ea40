"""Shuffle the sample and divide it into train, validation and test.

Where near-copies stay together, validation and test are systematic samples of whole groups (Cochran, Sampling
Techniques, 1977, chapter 8): the groups lie in the order of category and price, and every so many of them one is taken,
so that every category and price band is there with its share.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.recipe.settings import SplitSettings


@dataclass(frozen=True)
class SplitSizes:
    """Rows of each split, and of the sample's rest."""

    train: int
    validation: int
    test: int
    beyond: int


@dataclass(frozen=True)
class Division:
    """The sample in its final order: train, validation, test, what is beyond them, and near-copies that are dropped.

    Attributes:
        order: Numbers of the items; shape (sample,).
        sizes: Rows of each split and beyond; what is left over at the end of the order is dropped.
        warnings: A line for each split that falls short.
    """

    order: NDArray[np.int64]
    sizes: SplitSizes
    warnings: list[str]

    @classmethod
    def of(
        cls,
        rest: NDArray[np.int64],
        validation: NDArray[np.int64],
        test: NDArray[np.int64],
        dropped: NDArray[np.int64],
        settings: SplitSettings,
    ) -> Division:
        """Return the division of a sample whose validation and test are chosen; train comes from the rest."""
        train = min(settings.train or len(rest), len(rest))
        sizes = SplitSizes(train, len(validation), len(test), len(rest) - train)
        order = np.concatenate([rest[:train], validation, test, rest[train:], dropped])
        return cls(order, sizes, _warnings(sizes, settings, len(order)))

    def write(self, fate: NDArray[np.uint8], codes: Mapping[str, np.uint8]) -> NDArray[np.int32]:
        """Write the fate of each item of the order; return every item's place in it, -1 where it is not in the sample.

        What is dropped as a near-copy has no place: the sample is what the splits hold, and what is beyond them.
        """
        position = np.full(len(fate), -1, np.int32)
        sample = self.order[: sum(vars(self.sizes).values())]
        position[sample] = np.arange(len(sample))
        start = 0
        for name, size in (
            ("train", self.sizes.train),
            ("validation", self.sizes.validation),
            ("test", self.sizes.test),
            ("beyond_splits", self.sizes.beyond),
            ("near_duplicate", len(self.order) - len(sample)),
        ):
            fate[self.order[start : start + size]] = codes[name]
            start += size
        return position


def sequential_split(order: NDArray[np.int64], settings: SplitSettings) -> Division:
    """Return the division of a shuffled sample in its order: train first, then validation, test, and the rest."""
    sizes = split_sizes(len(order), settings)
    return Division(order, sizes, _warnings(sizes, settings, len(order)))


def shuffle(chosen: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the sample in the order of Python's ``random.Random(seed).shuffle``.

    >>> shuffle(np.array([10, 11, 12, 13]), seed=42).tolist()
    [12, 11, 13, 10]
    """
    mixed = array("q", chosen.tobytes())
    random.Random(seed).shuffle(mixed)
    return np.array(mixed, dtype=np.int64)


def split_sizes(rows: int, settings: SplitSettings) -> SplitSizes:
    """Return the size of each split for a sample of so many rows.

    Validation and test take their rows, but at most `held_out_share` of the sample each; train comes first. With a
    fixed train size (`train` above 0) train is filled first, then validation, then test, and the rest is left over.

    >>> split_sizes(1_000, SplitSettings(train=0, validation=200, test=50, held_out_share=0.1))
    SplitSizes(train=850, validation=100, test=50, beyond=0)
    >>> split_sizes(1_000, SplitSettings(train=600, validation=0, test=50, held_out_share=1.0))
    SplitSizes(train=600, validation=0, test=50, beyond=350)
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
    return SplitSizes(train, validation, test, rows - train - validation - test)


def _warnings(sizes: SplitSizes, settings: SplitSettings, rows: int) -> list[str]:
    """Return a warning for each split that falls short of what was asked for."""
    warnings = []
    for name in ("train", "validation", "test"):
        # A train of any size was asked for, but not of none.
        wanted, got = getattr(settings, name) or (name == "train"), getattr(sizes, name)
        if got < wanted:
            state = "is empty and not written" if not got else f"has {got:,} rows"
            warnings.append(f"{name} {state}: the recipe asks for {wanted:,}, the sample has {rows:,} rows in all")
    return warnings


@dataclass(frozen=True)
class HeldOut:
    """Places in the shuffled sample that validation and test take, ascending."""

    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def hold_out(
    group: NDArray[np.int64],
    whole: NDArray[np.bool_],
    strata: Sequence[NDArray[np.int64]],
    sizes: SplitSizes,
    seed: int,
) -> HeldOut:
    """Choose the rows of validation and test: whole groups, balanced over strata.

    Args:
        group: Group of each row of the shuffled sample; no group is divided.
        whole: Whether a row's group may be held out.
        strata: What is balanced, the first before the second: such as codes of the category, and the slot.
        sizes: The rows wanted; groups are exchanged until the sizes are met, or no smaller group is left.
        seed: Seed of numpy's legacy generator.
    """
    allowed = np.flatnonzero(whole)
    _, first, number, size = np.unique(group[allowed], return_index=True, return_inverse=True, return_counts=True)
    # The first row of a group stands for it; ties are in the order of the shuffled sample.
    stands = allowed[first]
    order = np.lexsort((stands, *(one[stands] for one in reversed(strata))))
    generator = np.random.RandomState(seed)
    split = np.zeros(len(first), np.int8)
    for code, wanted in ((1, sizes.validation), (2, sizes.test)):
        free = order[split[order] == 0]
        if not wanted or not len(free):
            continue
        count = min(len(free), max(1, round(wanted / float(size[free].mean()))))
        steps = (np.arange(count) + generator.random_sample()) * (len(free) / count)
        split[free[steps.astype(np.int64)]] = code
        _meet(split, size, code, wanted, generator.permutation(len(first)))
    chosen = split[number]
    return HeldOut(allowed[chosen == 1], allowed[chosen == 2])


def _meet(split: NDArray[np.int8], size: NDArray[np.int64], code: int, wanted: int, order: NDArray[np.int64]) -> None:
    """Let groups go until there are no more rows than wanted, then take those that still fit, in a random order."""
    missing = wanted - int(size[split == code].sum())
    for one in order[split[order] == code]:
        if missing >= 0:
            break
        split[one] = 0
        missing += int(size[one])
    for one in order[split[order] == 0]:
        if not missing:
            break
        if size[one] <= missing:
            split[one] = code
            missing -= int(size[one])
