"""Work that waits on a network, done several at once beside a program that waits for the results one by one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

_Item = TypeVar("_Item")

GRACE = 20.0
"""How long others that are under way may go on once one has failed (seconds)."""

Opened = Callable[[], AbstractAsyncContextManager[Callable[[_Item], Awaitable[None]]]]
"""Opens what the work needs, and gives what does it for one item."""


def done(items: Sequence[_Item], opened: Opened[_Item], at_once: int) -> Generator[_Item]:
    """Yield items as their work is done, in any order.

    The first is done alone, so that what would fail for all fails once. Later ones go on while results are looked at.
    If one fails, no other is begun, those under way may end, and its error is raised here.

    Args:
        items: What is to be done.
        opened: Opens what the work needs, in the event loop that it is done in.
        at_once: Most items that are worked on at the same time.

    Raises:
        Exception: What the work of an item raised.
    """
    results: SimpleQueue[_Item | _End] = SimpleQueue()
    # A loop in a thread of its own: the caller may have one already, as notebooks do, and Ctrl-C reaches the caller.
    loop = asyncio.new_event_loop()
    task = loop.create_task(_all(items, opened, at_once, results))

    def run() -> None:
        error: BaseException | None = None
        try:
            loop.run_until_complete(task)
        except (Exception, asyncio.CancelledError) as raised:
            error = raised
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()
            results.put(_End(error))

    thread = threading.Thread(target=run, name="asking", daemon=True)
    thread.start()
    ended = False
    try:
        while not isinstance(result := results.get(), _End):
            yield result
        ended = True
        if result.error is not None:
            raise result.error
    finally:
        if not ended:
            with suppress(RuntimeError):  # The loop may have ended by itself just now.
                loop.call_soon_threadsafe(task.cancel)
        thread.join()


class _End:
    """Stands after the last result, with the error that ended the work if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


async def _all(items: Sequence[_Item], opened: Opened[_Item], at_once: int, results: SimpleQueue[_Item | _End]) -> None:
    failures: list[Exception] = []
    waiting = iter(items)

    async def lane(items: Iterator[_Item]) -> None:
        for item in items:
            if failures:
                return
            try:
                await work(item)
            except Exception as error:
                failures.append(error)
                raise
            results.put(item)

    async with opened() as work:
        await lane(islice(waiting, 1))
        lanes = [asyncio.create_task(lane(waiting)) for _ in range(min(at_once, len(items) - 1))]
        try:
            if lanes:
                await asyncio.wait(lanes, return_when=asyncio.FIRST_EXCEPTION)
                await asyncio.wait(lanes, timeout=GRACE)
        finally:
            for one in lanes:
                one.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        if failures:
            raise failures[0]
