"""A line on the terminal that says what a build is doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from tqdm.auto import tqdm

Progress = Callable[[str, int, int], None]
"""Told the step (``scan``, ``map``, ``select``, ``write``) as it begins, and in ``map`` rows done and rows in all."""

_PATIENCE = 2.0
"""Seconds of a step before its line appears."""

_LINES = {
    "scan": "counting and hashing the sources",
    "map": "starting; the first time after an installation, loops are compiled",
    "select": "selecting",
    "write": "writing",
}
"""What is said of a step that counts nothing, or nothing yet."""


def silent(step: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def steps() -> Iterator[Progress]:
    """Give a function that shows the step and its time on standard error, and the rows of the map step.

    Nothing is shown of steps that take no longer than a moment, nor where standard error is no terminal.
    """
    line, ended = _Line(), Event()

    def keep_time() -> None:
        while not ended.wait(1.0):
            line.tick()

    thread = Thread(target=keep_time, daemon=True)
    thread.start()
    try:
        yield line.show
    finally:
        ended.set()
        thread.join()
        line.close()


class _Line:
    """The line of the step that is being done; it is there once the step has taken a moment."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._step, self._done, self._total = "", 0, 0
        self._began = self._counts_since = time.time()
        self._bar: tqdm[None] | None = None

    def show(self, step: str, done: int, total: int) -> None:
        """Show what is done of a step."""
        with self._lock:
            if step != self._step:
                self._end()
                self._step, self._done, self._began = step, 0, time.time()
            if done and not self._done:
                # A bar of its own, so that the wait, in which workers started, does not count for the rate.
                self._end()
                self._counts_since = time.time()
            self._done, self._total = done, total
            self._draw()

    def tick(self) -> None:
        """Show the time again."""
        with self._lock:
            self._draw()

    def close(self) -> None:
        """Take the line away."""
        with self._lock:
            self._end()

    def _draw(self) -> None:
        if not self._step or time.time() - self._began < _PATIENCE:
            return
        if self._bar is not None:
            self._bar.update(self._done - self._bar.n)
            self._bar.refresh()
        elif self._done:
            self._bar = _bar(desc="mapping", initial=self._done, total=self._total)
            self._bar.start_t = self._counts_since
            self._bar.refresh()
        else:
            self._bar = _bar(desc=_LINES[self._step], bar_format="{desc} [{elapsed}]")
            self._bar.start_t = self._began
            self._bar.refresh()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _bar(**given: Any) -> tqdm[None]:
    # Without a delay it would draw itself before it knows when the step began.
    return tqdm(unit=" rows", unit_scale=True, disable=None, leave=False, dynamic_ncols=True, delay=1e-9, **given)
