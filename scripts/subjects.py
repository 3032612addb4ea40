"""What the benchmark times: the row-at-a-time loader and curator's map step, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from time import process_time
from typing import Any

import click
import polars as pl

RECIPES = ("course-v1", "pricer")
REPEATED_ROWS = 200_000
"""Fewer rows than these are mapped several times in a timed run."""

Made = list[tuple[int, str, int]]
"""Of each item: row, prompt, tokens of the prompt."""


def seconds_of(step: Callable[[], object], clock: Callable[[], float] = process_time) -> float:
    """Run a step and time it."""
    start = clock()
    step()
    return clock() - start


def pin(core: int | None) -> None:
    """Keep this process on one core."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if core is not None:
        os.sched_setaffinity(0, {core})


def last_core() -> int | None:
    """Return the number of the last core that this process may use, if the system tells."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def load_baseline_tokenizer(name: str) -> Any:
    """Load a tokenizer the baseline's way, or say what it needs."""
    from transformers import AutoTokenizer

    hint = "the baseline needs a tokenizer folder (or a Hub repository) that transformers.AutoTokenizer loads"
    if not Path(name).is_dir() and "/" not in name:
        raise click.UsageError(f"--tokenizer {name!r}: {hint}, so a bundled vocabulary such as o200k_base won't do")
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise click.UsageError(f"--tokenizer {name!r}: {hint}: {reason}") from error


class Baseline:
    """The row-at-a-time loader in a process of its own."""

    def __init__(self, path: Path, tokenizer: str, rows: int) -> None:
        self.path, self.tokenizer, self.rows = path, tokenizer, rows
        self.reference: Any = None
        self.made: Made = []

    def load(self) -> None:
        """Load the tokenizer anew."""
        self.reference = load_baseline_tokenizer(self.tokenizer)

    def run(self) -> None:
        """Make items of the rows."""
        import row_at_a_time as baseline

        rows = baseline.rows_of(self.path, limit=self.rows)
        items, _ = baseline.parse_rows(rows, self.reference, path=self.path)
        self.made = [(item.row or 0, item.prompt, item.token_count) for item in items]


class Curator:
    """The map step of curator, and its floor, in a process of its own."""

    def __init__(self, path: Path, tokenizer: str, folder: Path) -> None:
        from curator.items.mapper import Mapper
        from curator.recipe.load import load_recipe
        from curator.sources.resolve import cut, resolve

        self.recipes = {name: load_recipe(name, {"tokenizer": tokenizer}) for name in RECIPES}
        self.shards = cut(resolve([str(path)], self.recipes["course-v1"]))
        self.rows = sum(shard.rows for shard in self.shards)
        # After other work the first map step asks the system for its memory, which in a long run only the first of many
        # shards does.
        self.times = min(max(1, REPEATED_ROWS // self.rows), 20)
        self.folder = folder
        self.mappers: dict[str, Mapper] = {}
        self.whole: list[pl.Series] = []
        encoded = self.whole

        class Whole(Mapper):
            """Notes the whole texts that the tokenizer gets."""

            first_chars = None

            def prepare(self, texts: pl.Series) -> pl.Series:
                encoded.append(super().prepare(texts))
                return encoded[-1]

        self._map(Whole(self.recipes["course-v1"]))

    def load(self) -> None:
        """Load the tokenizers anew."""
        from curator.items.mapper import Mapper

        self.mappers = {name: Mapper(recipe) for name, recipe in self.recipes.items()}
        self.run("pricer")

    def run(self, recipe: str) -> None:
        """Map all rows."""
        self._map(self.mappers[recipe])

    def repeat(self, recipe: str) -> None:
        """Map all rows as often as makes a run long enough."""
        for _ in range(self.times):
            self.run(recipe)

    def floor(self) -> None:
        """Read the columns, and encode the whole texts once, as often."""
        from curator.sources.resolve import read

        mapper = self.mappers["course-v1"]
        for _ in range(self.times):
            for shard, texts in zip(self.shards, self.whole, strict=True):
                for _ in read(shard, mapper.recipe):
                    pass
                mapper.tokenizer.encode(texts)

    def steps(self, recipe: str) -> dict[str, float]:
        """Return the seconds of each step."""
        from steps import Steps

        watch = Steps()
        with watch.watching(self.mappers[recipe]):
            self.run(recipe)
        return watch.seconds

    def found(self) -> tuple[int, int, int, str]:
        """Return rows, items and repetitions, and the digest of the vocabulary."""
        items = sum(part.height for part in self._items())
        return self.rows, items, self.times, self.mappers["course-v1"].tokenizer.vocabulary.sha256

    def made(self, rows: int) -> Made:
        """Return the items of the first rows."""
        few = [part.filter(pl.col("row") < rows).select("row", "prompt", "tokens").rows() for part in self._items()]
        return list(chain.from_iterable(few))

    def _items(self) -> list[pl.DataFrame]:
        return [pl.read_parquet(self.folder / f"items-course-v1-{shard.index}") for shard in self.shards]

    def _map(self, mapper: Any) -> None:
        from curator.items.map_shard import map_shard

        for shard in self.shards:
            name = f"{mapper.recipe.name}-{shard.index}"
            map_shard(mapper, shard, self.folder / f"items-{name}", self.folder / f"ledger-{name}", "bench")


_subject: Any = None


def _begin(core: int | None, kind: type, *given: Any) -> None:
    global _subject
    pin(core)
    _subject = kind(*given)


def ask(name: str, *given: Any) -> Any:
    """Return what a method of this process's subject returns."""
    return getattr(_subject, name)(*given)


def timed(name: str, *given: Any) -> float:
    """Return the seconds of a method of this process's subject."""
    return seconds_of(lambda: ask(name, *given))


def baseline_items() -> Made:
    """Return what the baseline of this process made last."""
    made: Made = _subject.made
    return made


@contextmanager
def own_process(kind: type, *given: Any, **variables: str) -> Iterator[Callable[..., Any]]:
    """Make an object in a process with these variables; give what calls a function there and waits for its answer."""
    from curator.items.workers import environment

    context = multiprocessing.get_context("spawn")
    with environment(variables), ProcessPoolExecutor(1, context, _begin, (last_core(), kind, *given)) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()
