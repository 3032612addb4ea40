"""Do the same to many pieces at once, in threads: numpy and Polars let other threads compute while they do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import polars as pl

from curator.system import interrupt

# Polars 2.1 imports numpy when it first meets an array. Two threads that come to that at once break the module that it
# keeps: one of them raises, or takes row numbers for column numbers. So the first array is met here, in one thread.
pl.DataFrame({"row": [0]}).gather(np.array([0]))

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")

MOST = 8
"""Each thread holds a piece; more of them would rather take memory than save time."""


def threads() -> int:
    """Return how many threads compute: those that Polars may use (``POLARS_MAX_THREADS``), but at most `MOST`."""
    return min(MOST, pl.thread_pool_size())


def map_ordered(function: Callable[[_Piece], _Result], pieces: Iterable[_Piece]) -> Iterator[_Result]:
    """Yield the results of some pieces in the pieces' order, whatever thread is done first.

    Args:
        function: What is done to each; it must not change what another one reads.
        pieces: Taken one by one as threads fall free, so that few are held at a time.
    """
    if (count := threads()) == 1:
        yield from map(function, pieces)
        return
    with ThreadPoolExecutor(count, "curator") as pool:
        running: deque[Future[_Result]] = deque()
        try:
            for piece in pieces:
                running.append(pool.submit(function, piece))
                # One more than compute, so that none waits while the oldest is looked at.
                if len(running) > count:
                    yield running.popleft().result()
                interrupt.check()
            while running:
                yield running.popleft().result()
        finally:
            for one in running:
                one.cancel()
