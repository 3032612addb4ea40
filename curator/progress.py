"""A line of progress on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_PATIENCE = 2.0
"""Seconds before a line appears."""


@contextmanager
def rows_progress() -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows rows done and in all, rows per second and time left, on standard error.

    Nothing is shown in the first seconds, nor where standard error is no terminal.
    """
    bar = tqdm(
        desc="mapping",
        unit=" rows",
        unit_scale=True,
        delay=_PATIENCE,
        disable=None,
        leave=False,
        dynamic_ncols=True,
    )

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield show
    finally:
        bar.close()
