"""Ctrl-C at a moment of our choosing.

An interrupt in the middle of a native call surfaces as whatever error that library makes of it. While interrupts are
deferred, Ctrl-C is remembered, and `check` raises it between two pieces of work; a second Ctrl-C ends at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_pending = False


@contextmanager
def deferred() -> Iterator[None]:
    """Remember Ctrl-C until `check` is called; raise it at the end at the latest."""
    global _pending
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread is ever interrupted.
        return
    _pending = False
    before = signal.signal(signal.SIGINT, _remember)
    try:
        yield
        check()
    finally:
        signal.signal(signal.SIGINT, before)
        _pending = False


def check() -> None:
    """Raise the interrupt that is pending, if one is.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    if _pending:
        raise KeyboardInterrupt


def _remember(number: int, frame: FrameType | None) -> None:
    global _pending
    if _pending:
        signal.default_int_handler(number, frame)
    _pending = True
