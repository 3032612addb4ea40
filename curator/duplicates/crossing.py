"""Which of many texts are near-copies of some texts held apart: exact, by an inverted index of the held texts.

Two texts of similarity *t* share at least ``ceil(t n)`` of the *n* grams of either. So the most frequent grams of a
text need not be looked up, as long as what is left over of that number is met by the others (the MergeOpt algorithm of
Sarawagi and Kirpal 2004). What many sellers paste into their texts thus costs nothing, and no pair is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.duplicates.grams import GRAM_BITS, Grams, grams, offsets, similarity
from curator.system import interrupt

_LEAST_SHARED = 8
"""So many of the rarer grams must be shared, where a text has as many: chance seldom gets that far."""

_FURTHER_DOWN = (0.1, 0.25)
"""The highest similarity is looked for so far below the threshold, and then anywhere."""


@dataclass(frozen=True)
class Matches:
    """Pairs that reach a similarity: `held` and `other` are places among the texts, `similarity` is exact."""

    held: NDArray[np.int64]
    other: NDArray[np.int64]
    similarity: NDArray[np.float64]


@dataclass(frozen=True)
class Highest:
    """How near texts that are held apart come to others.

    Attributes:
        similarity: The highest of all pairs; 0 where no two share a gram.
        held: The first held text that reaches it, and
        other: the first other text that it is reached with; both None where no two share a gram.
        reaching: Held texts that reach the threshold with any other text.
    """

    similarity: float
    held: int | None
    other: int | None
    reaching: int


class Held:
    """An inverted index of some texts that finds every text similar to one of them.

    Args:
        sets: The texts' gram sets.
        threshold: The similarity that counts; above 0 and at most 1.
    """

    def __init__(self, sets: Grams, threshold: float) -> None:
        from curator.duplicates.kernels import index

        self.sets = sets
        self.threshold = threshold
        order = np.argsort(sets.hashes, kind="stable")
        known, texts = np.unique(sets.hashes, return_counts=True)
        self._bits = max(10, (2 * len(known)).bit_length())
        self._index = index.Index(
            known,
            index.directory(known, GRAM_BITS - self._bits, self._bits),
            GRAM_BITS - self._bits,
            np.frexp(texts)[1].astype(np.uint8),
            offsets(texts),
            np.repeat(np.arange(len(sets), dtype=np.uint32), sets.sizes)[order],
        )

    def near(self, others: Grams) -> Matches:
        """Return every pair of a held text and one of the others that reaches the threshold."""
        from curator.duplicates.kernels import index

        interrupt.check()
        needed = np.ceil(others.sizes * self.threshold - 1e-9).astype(np.int64)
        pairs = index.sharing(self._index, len(self.sets), others.hashes, others.bounds, needed, _LEAST_SHARED)
        pairs.sort()
        other, held = (pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF))
        return self._measured(others, other.astype(np.int64), held.astype(np.int64))

    def _measured(self, others: Grams, other: NDArray[np.int64], held: NDArray[np.int64]) -> Matches:
        """Return those pairs that reach the threshold."""
        mine, theirs = self.sets.sizes[held], others.sizes[other]
        possible = np.minimum(mine, theirs) >= self.threshold * np.maximum(mine, theirs) - 1e-9
        other, held = other[possible], held[possible]
        measured = similarity(self.sets, others, (held, other))
        reached = measured >= self.threshold
        return Matches(held[reached], other[reached], measured[reached])


def near_copies(texts: pl.Series, others: pl.Series, threshold: float) -> pl.Series:
    """Tell which texts have a similarity of at least `threshold` with one of the others.

    Args:
        texts: The texts asked about.
        others: The texts they are compared with.
        threshold: A similarity above 0 and at most 1.

    Returns:
        A boolean for each text.
    """
    held = Held(grams(texts), threshold)
    hit = np.zeros(len(texts), np.bool_)
    for start in range(0, len(others), BATCH):
        hit[held.near(grams(others.slice(start, BATCH))).held] = True
    return pl.Series("near_copy", hit)


BATCH = 8_192
"""Other texts looked up at a time."""


def highest(held: Sequence[pl.Series], others: Callable[[], Iterable[pl.Series]], threshold: float) -> list[Highest]:
    """Return how near some texts come to any of the others, exactly.

    Args:
        held: Groups of texts that are held apart.
        others: Gives the other texts, a few thousand at a time; asked again where a search finds nothing for a group.
        threshold: The similarity that none should reach; above 0 and at most 1.

    Returns:
        One answer for each group.
    """
    sets = grams(pl.concat([pl.Series([], dtype=pl.String), *held]))
    bounds = offsets(np.array([len(group) for group in held], np.int64))
    best = [Highest(0.0, None, None, 0)] * len(held)
    for level in (*(threshold - less for less in _FURTHER_DOWN if threshold > less), 1e-6):
        missing = [n for n, one in enumerate(best) if not one.similarity and len(held[n])]
        if not missing:
            break
        # Texts of the groups that have their answer are looked up again with the others', and change nothing.
        found = list(_found(Held(sets, level), others()))
        held_at, other_at, measured = (
            np.concatenate([one[part] for one in found]) if found else np.empty(0) for part in range(3)
        )
        for n in missing:
            mine = (held_at >= bounds[n]) & (held_at < bounds[n + 1])
            if mine.any():
                best[n] = _highest(held_at[mine] - bounds[n], other_at[mine], measured[mine], threshold)
    return best


def _highest(
    held: NDArray[np.int64], other: NDArray[np.int64], measured: NDArray[np.float64], threshold: float
) -> Highest:
    first = np.lexsort((other, held, -measured))[0]
    reaching = len(np.unique(held[measured >= threshold]))
    return Highest(float(measured[first]), int(held[first]), int(other[first]), reaching)


def _found(
    held: Held, others: Iterable[pl.Series]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield for each batch the best match of each held text, the first of equals: held, other, similarity."""
    start = 0
    for texts in others:
        found = held.near(grams(texts))
        start += len(texts)
        order = np.lexsort((found.other, -found.similarity, found.held))
        _, once = np.unique(found.held[order], return_index=True)
        top = order[once]
        yield found.held[top], found.other[top] + start - len(texts), found.similarity[top]
