"""A line on the terminal that says what a build is doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from tqdm import tqdm

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
    """The line of the step that is being done."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._step, self._counts = "", False
        self._bar: tqdm[None] | None = None

    def show(self, step: str, done: int, total: int) -> None:
        """Show what is done of a step."""
        with self._lock:
            if self._bar is None or step != self._step:
                self._end()
                self._step, self._counts = step, False
                self._bar = _bar(desc=_LINES[step], bar_format="{desc} [{elapsed}]", delay=_PATIENCE)
            if done and not self._counts:
                # A bar of its own, so that the wait, in which workers started, does not count for the rate.
                delay = max(_PATIENCE - self._bar.format_dict["elapsed"], 0)
                self._end()
                self._counts = True
                self._bar = _bar(desc="mapping", initial=done, total=total, delay=delay)
            self._bar.update(done - self._bar.n)

    def tick(self) -> None:
        """Show the time again."""
        with self._lock:
            if self._bar is not None and self._bar.format_dict["elapsed"] > _PATIENCE:
                self._bar.refresh()

    def close(self) -> None:
        """Take the line away."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _bar(**given: Any) -> tqdm[None]:
    return tqdm(unit=" rows", unit_scale=True, disable=None, leave=False, dynamic_ncols=True, **given)
