"""Map shards on this machine: in this process, or in as many worker processes as asked for (`ray_cluster`: on many).

Workers are spawned, never forked (Polars does not survive a fork), import nothing of the script that builds, and each
computes on one thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from curator.errors import RunError
from curator.items.map_shard import map_shard
from curator.items.mapper import Mapper
from curator.recipe.load import Recipe
from curator.sources.shards import Shard
from curator.system import interrupt
from curator.system.platform import KEEP_MEMORY, peak_memory_bytes

PATIENCE = 0.2
"""Seconds between two looks for Ctrl-C."""

WORKER = {
    # Polars, and the Rust and OpenMP libraries below it, use one thread.
    **dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
    # The next shard needs the memory of the last one; given back, it would be cleared and mapped anew each time.
    **KEEP_MEMORY,
}
"""The environment of a worker process; it is read when the process starts."""


@dataclass(frozen=True)
class Task:
    """One shard to map, and where its two parts go."""

    shard: Shard
    items: Path
    ledger: Path
    key: str


@dataclass(frozen=True)
class Done:
    """A mapped shard: its raw rows, the items kept, who mapped it, and that process's peak memory (bytes) so far."""

    task: Task
    rows: int
    kept: int
    worker: str
    peak_memory: int


def run_local(tasks: Sequence[Task], recipe: Recipe, workers: int, on_done: Callable[[Done], None]) -> None:
    """Map all tasks, in any order.

    Args:
        tasks: What to do.
        recipe: The run's recipe.
        workers: Processes; 1 means this process.
        on_done: Called in this process after each shard.

    Raises:
        RunError: A worker died.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        mapper = Mapper(recipe) if tasks else None
        for task in tasks:
            assert mapper is not None
            on_done(map_task(mapper, task))
            interrupt.check()
        return
    with environment(WORKER):
        context = _Context()
        pool = ProcessPoolExecutor(workers, context, _start_worker, (recipe.model_dump_json(),))
        try:
            for done in _in_flight(pool, tasks, limit=2 * workers):
                on_done(done)
        except BrokenProcessPool as error:
            raise RunError(
                "a worker process died, most likely because memory ran out: run the same command again with fewer"
                " --workers; finished shards are kept"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            context.stop()


def _in_flight(pool: ProcessPoolExecutor, tasks: Sequence[Task], limit: int) -> Iterator[Done]:
    """Keep at most `limit` tasks submitted, so that an error or Ctrl-C leaves little behind."""
    waiting = iter(tasks)
    running: set[Future[Done]] = {pool.submit(_work, task) for task in islice(waiting, limit)}
    while running:
        finished, running = wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED)
        interrupt.check()
        for future in finished:
            yield future.result()
            if (task := next(waiting, None)) is not None:
                running.add(pool.submit(_work, task))


class _Context(SpawnContext):
    """Makes the processes of one pool, and keeps them."""

    def __init__(self) -> None:
        self._made: list[_Worker] = []

    def Process(self, *args: Any, **settings: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """Make a process of the pool, which starts it."""
        self._made.append(_Worker(*args, **settings))
        return self._made[-1]

    def stop(self) -> None:
        """End the workers at once: what they hold is either finished or a temporary file."""
        started = [process for process in self._made if process.pid is not None]
        for process in started:
            process.terminate()
        for process in started:
            process.join()


class _Worker(SpawnProcess):
    """A process that doesn't import the script that builds: without a guard the script would build again in each."""

    def start(self) -> None:
        """Start it; meanwhile the main module looks like a notebook's, which has no file."""
        main = vars(sys.modules["__main__"])
        before: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
        main.pop("__file__", None)
        main["__spec__"] = None
        try:
            super().start()
        finally:
            main.update(before)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_mapper: Mapper | None = None


def _start_worker(recipe: str) -> None:
    """Make the mapper; leave Ctrl-C to the parent, and don't outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    global _mapper
    _mapper = Mapper(Recipe.model_validate_json(recipe))


def _end_with(parent: BaseProcess) -> None:
    """Wait for the parent to end, then end this process with it."""
    parent.join()
    os._exit(1)


def _work(task: Task) -> Done:
    assert _mapper is not None
    return map_task(_mapper, task)


def map_task(mapper: Mapper, task: Task) -> Done:
    """Map one shard in this process; every engine calls this."""
    rows, kept = map_shard(mapper, task.shard, task.items, task.ledger, task.key)
    return Done(task, rows, kept, str(os.getpid()), peak_memory_bytes())
