"""The line of progress of an evaluation: rows done, and the error so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

Progress = Callable[[str, int, int, float | None], None]
"""Called with the model, rows done, rows in all, mean absolute error so far (USD, None before the first answer)."""


def silent(model: str, done: int, total: int, error: float | None) -> None:
    """Show nothing."""


@contextmanager
def running_error() -> Iterator[Progress]:
    """Give a function that shows the progress on standard error, where that is a terminal."""
    bars: dict[str, tqdm[None]] = {}

    def show(model: str, done: int, total: int, error: float | None) -> None:
        if model not in bars:
            for bar in bars.values():
                bar.close()
            bars[model] = tqdm(desc=model, total=total, unit=" rows", disable=None, leave=False, dynamic_ncols=True)
        bar = bars[model]
        if error is not None:
            bar.set_postfix_str(f"mean error ${error:,.2f}", refresh=False)
        bar.update(done - bar.n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
