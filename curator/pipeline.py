"""A run: recipe and sources in, a run directory out. The only module that knows the order of the steps."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa

from curator.dataset.write import write_dataset
from curator.errors import RunError
from curator.items.map_shard import code_digest, is_finished, shard_key
from curator.items.ray_cluster import run_ray
from curator.items.workers import Done, Task, run_local
from curator.recipe.load import Recipe
from curator.report.complete import complete
from curator.report.measure import Published
from curator.report.samples import dropped_samples, unread
from curator.report.write import write_page
from curator.run import ledger
from curator.run.directory import RunDirectory
from curator.run.manifest import (
    LIBRARIES,
    finished_summary,
    own_files,
    refuse_other_sources,
    write_manifest,
    write_sources,
)
from curator.selection import select
from curator.selection.record import write_ledger, write_selection
from curator.selection.summary import cost, summarise
from curator.sources import resolve
from curator.sources.shards import Shard
from curator.system import interrupt
from curator.system.files import remove, write_json, write_text
from curator.system.platform import cores, give_back_early, peak_memory_bytes
from curator.system.progress import Progress, silent
from curator.tokens.vocabulary import Vocabulary, find_vocabulary


@dataclass
class Clock:
    """Seconds of each step, and the peak memory of the processes that took part."""

    seconds: dict[str, float] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    _peak_of_map: int = 0
    _started: float = field(default_factory=time.perf_counter)

    def lap(self, step: str) -> None:
        """Book the time since the last lap on `step`."""
        now = time.perf_counter()
        self.seconds[step] = round(now - self._started, 3)
        self._started = now
        if step == "map":
            self._peak_of_map = peak_memory_bytes()

    def peak_memory(self) -> int:
        """Return the most memory in use (bytes), at most: each process's peak while it was there.

        Workers are gone after the map step.
        """
        others = sum(peak for worker, peak in self.workers.items() if worker != str(os.getpid()))
        return max(self._peak_of_map + others, peak_memory_bytes())


ROWS_WORTH_A_WORKER = 30_000
"""Rows that take as long to map as another process takes to start and load its tokenizer."""

EngineName = Literal["local", "ray"]
"""What maps the shards."""


def build(
    specs: Sequence[str],
    recipe: Recipe,
    out: Path,
    *,
    workers: int | None = None,
    progress: Progress = silent,
    engine: EngineName = "local",
    address: str | None = None,
    replace: bool = True,
) -> dict[str, Any]:
    """Build a dataset, or continue a build that was interrupted.

    Args:
        specs: Sources: files, folders, globs, categories of the Hub, ``course``, ``demo[:ROWS[:SEED]]``.
        recipe: The settings.
        out: The run directory.
        workers: Processes for the map step; by default the cores, or fewer where the rows are too few to be worth it.
        progress: Told what is being done: as each step begins, and after each shard.
        engine: What the map step runs on: ``local``, the processes of this machine, or ``ray`` (see `ray_cluster`).
        address: The Ray cluster to join; by default Ray is started on this machine.
        replace: Whether a run of other sources in `out` may be replaced.

    Returns:
        The summary, as in ``summary.json``.

    Raises:
        CuratorError: Something is wrong with the sources, the tokenizer or the run directory.
    """
    progress("scan", 0, 0)
    vocabulary = find_vocabulary(recipe.tokenizer)
    recipe = recipe.model_copy(update={"tokenizer": vocabulary.spec})
    found = resolve.resolve(specs, recipe)
    read = [one.source for one in found]
    shards = resolve.cut(found)
    if all(source.category is not None for source in read):
        select.check_weights(recipe, (source.category for source in read if source.category is not None))
    run = RunDirectory(out)
    with run.locked(), interrupt.deferred():
        if not replace:
            refuse_other_sources(run, read)
        key = _run_key(recipe, vocabulary, shards)
        if (summary := finished_summary(run, key)) is not None:
            return summary
        remove(run.manifest)
        write_text(run.recipe, recipe.to_toml())
        write_sources(run, read, shards)
        clock = Clock()
        map_all = partial(_run, engine, address, recipe, workers)
        mapped = _map(run, shards, recipe, vocabulary, map_all, clock, progress)
        clock.lap("map")
        progress("select", 0, 0)
        give_back_early()
        parts = [run.items(shard.index) for shard in shards]
        with damaged_part_errors(run.path):
            select.check_weights(recipe, _categories(parts))
            selection = select.select(parts, recipe)
            write_selection(run, selection)
            fates = write_ledger(run, shards, selection)
        if nothing := _nothing_left(fates, run, shards, recipe):
            write_manifest(run, key, read, failed=nothing)
            raise RunError(nothing)
        summary = summarise(recipe, vocabulary, read, parts, selection, fates)
        clock.lap("select")
        progress("write", 0, 0)
        # Imports Matplotlib, which takes a moment in which Ctrl-C would surface as whatever it makes of it.
        from curator.figures.images import images

        with damaged_part_errors(run.path):
            pictures, published = images(summary), Published(recipe)
            manifest = write_dataset(
                run.dataset, parts, selection, recipe, vocabulary, read, fates, pictures, published.add
            )
        clock.lap("write")
        summary |= cost(clock.seconds, mapped, clock.peak_memory())
        summary = complete(summary, run, shards, recipe, manifest, published, LIBRARIES)
        write_json(run.summary, summary)
        write_page(summary, run.report)
        write_manifest(run, key, read, own_files(run, shards, manifest))
        return summary


def _run_key(recipe: Recipe, vocabulary: Vocabulary, shards: Sequence[Shard]) -> str:
    """Return a digest (hex) of all that a run depends on."""
    parts = [recipe.to_toml(), code_digest(), *(version(name) for name in LIBRARIES)]
    parts += [shard_key(shard, recipe, vocabulary) for shard in shards]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _map(
    run: RunDirectory,
    shards: Sequence[Shard],
    recipe: Recipe,
    vocabulary: Vocabulary,
    map_all: Callable[[list[Task], Callable[[Done], None]], None],
    clock: Clock,
    progress: Progress,
) -> int:
    """Map the shards whose parts are not there yet, remove parts that belong to no shard, return the rows mapped."""
    tasks: list[Task] = []
    mine = set()
    for shard in shards:
        task = Task(shard, run.items(shard.index), run.ledger(shard.index), shard_key(shard, recipe, vocabulary))
        mine |= {task.items, task.ledger}
        if not is_finished(task.items, task.ledger, task.key):
            tasks.append(task)
    for stale in set(run.parts()) - mine:
        remove(stale)
    total = sum(task.shard.rows for task in tasks)
    done = 0

    def on_done(result: Done) -> None:
        nonlocal done
        done += result.rows
        clock.workers[result.worker] = result.peak_memory
        progress("map", done, total)

    progress("map", 0, total)
    map_all(tasks, on_done)
    return done


def _run(
    engine: EngineName,
    address: str | None,
    recipe: Recipe,
    workers: int | None,
    tasks: list[Task],
    on_done: Callable[[Done], None],
) -> None:
    """Map the tasks on an engine."""
    if engine == "ray":
        run_ray(tasks, recipe, address, workers, on_done)
        return
    if workers is None:
        workers = min(cores(), max(1, sum(task.shard.rows for task in tasks) // ROWS_WORTH_A_WORKER))
    run_local(tasks, recipe, workers, on_done)


def _categories(parts: Sequence[Path]) -> list[str]:
    found = pl.scan_parquet(list(parts), glob=False).select(pl.col("category").drop_nulls().unique()).collect()
    return found["category"].to_list()


def _nothing_left(fates: Mapping[str, int], run: RunDirectory, shards: Sequence[Shard], recipe: Recipe) -> str:
    """Return where all rows went, if none is left for a dataset; else nothing."""
    if any(fates.get(split) for split in ledger.SPLITS):
        return ""
    most = max(fates, key=lambda fate: fates[fate])
    told = "".join(f" {text}." for text in unread(fates, dropped_samples(run, shards, recipe, fates)))
    return (
        f"no row is left for a dataset: {fates[most]:,} of {sum(fates.values()):,} rows are {most}."
        f" {ledger.REASONS[most]}{told} `curator recipes show` explains the settings."
    )


@contextmanager
def damaged_part_errors(folder: Path) -> Iterator[None]:
    """Turn what a damaged part makes of a reader into a message.

    Raises:
        RunError: A part can't be read, though it looked finished.
    """
    try:
        yield
    except (pl.exceptions.ComputeError, pa.ArrowException) as error:
        raise RunError(
            f"a part in {folder / 'items'} or {folder / 'ledger'} is damaged ({str(error).splitlines()[0][:200]}):"
            " `curator verify` names it in a finished run; remove both folders and run the same command again"
        ) from error
