"""Where the time of the map step goes: each step of it timed from outside, in a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from time import process_time
from typing import Any
from unittest import mock

from curator.items import map_shard
from curator.items import mapper as items
from curator.items.mapper import Mapper
from curator.text import prompts

STEPS = ("read", "price", "clean", "encode", "prompt", "write")
"""Reading rows; prices, rules and fates; putting texts together and cleaning them; encoding; cutting, counting and
putting prompts together; writing the two parts."""


class Steps:
    """Seconds of each step. A step within another one is counted as itself alone."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._inside: list[str] = []
        self._since = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the block as a step."""
        self._close()
        self._inside.append(name)
        try:
            yield
        finally:
            self._close()
            self._inside.pop()

    def _close(self) -> None:
        now = process_time()
        if self._inside:
            self.seconds[self._inside[-1]] += now - self._since
        self._since = now

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts as a step."""

        @wraps(function)
        def run(*args: Any, **options: Any) -> Any:
            with self.step(name):
                return function(*args, **options)

        return run

    def _timed_batches(self, *args: Any) -> Iterator[Any]:
        batches = self._read(*args)
        while True:
            with self.step("read"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _timed_writing(self, writing: Callable[..., Any]) -> Callable[..., Any]:
        """Return `files.writing_parquet` with opening, each batch and closing counted."""

        @contextmanager
        def timed(*args: Any) -> Iterator[Callable[[Any], None]]:
            with ExitStack() as stack:
                with self.step("write"):
                    write = stack.enter_context(writing(*args))
                yield self.timed("write", write)
                with self.step("write"):
                    stack.close()

        return timed

    @contextmanager
    def watching(self, mapper: Mapper) -> Iterator[None]:
        """Time the steps of the map step meanwhile."""
        self._read = map_shard.read
        functions = [
            (Mapper, "__call__", "price"),
            (Mapper, "_with_prompts", "prompt"),
            (Mapper, "prepare", "clean"),
            (prompts, "course_contents", "clean"),
            (prompts, "course_text", "clean"),
            (prompts, "readable_text", "clean"),
            (items, "states_own_price", "clean"),
            (mapper.tokenizer, "encode", "encode"),
        ]
        with ExitStack() as stack:
            for place, name, step in functions:
                stack.enter_context(mock.patch.object(place, name, self.timed(step, getattr(place, name))))
            stack.enter_context(mock.patch.object(map_shard, "read", self._timed_batches))
            writing = self._timed_writing(map_shard.writing_parquet)
            stack.enter_context(mock.patch.object(map_shard, "writing_parquet", writing))
            yield
