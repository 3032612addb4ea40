"""A finished run: what every command after the build reads it through, with one set of errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from curator.errors import RecipeError, RunError
from curator.recipe.load import Recipe, complete_settings, load_recipe
from curator.run.directory import RunDirectory
from curator.sources.shards import Shard, Source
from curator.system.paths import is_run, require_folder
from curator.tokens.vocabulary import recorded

_NEEDED = ("published", "duplicates", "samples", "checks", "verdict", "files", "versions", "distributions")
_AGAIN = "run its `curator build` again"


class FinishedRun:
    """A run whose last build ended well; its files are read when they are asked for.

    Args:
        path: The run directory.
        without_dataset: Whether a build may also have ended because no row was left.

    Raises:
        UsageError: There is no such folder.
        RunError: It holds no run, or one whose last build did not end, or files that can't be read.
    """

    def __init__(self, path: Path, *, without_dataset: bool = False) -> None:
        require_folder(path)
        self.path, self.directory = path, RunDirectory(path)
        if not is_run(path):
            raise RunError(f"{path} holds no run (recipe.toml and sources.json); build one: curator build --out {path}")
        if not self.directory.manifest.is_file():
            raise RunError(f"the last build in {path} did not finish: {_AGAIN}, which continues it")
        with self.reading():
            self.manifest: dict[str, Any] = json.loads(self.directory.manifest.read_bytes())
            self.failed: str | None = self.manifest.get("failed")
        if not without_dataset:
            self.require_dataset()

    def require_dataset(self) -> None:
        """Refuse a run whose build ended because no row was left.

        Raises:
            RunError: It did.
        """
        if self.failed:
            raise RunError(
                f"the last build in {self.path} ended without a dataset: {self.failed} Change that, and {_AGAIN}"
            )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make whatever is wrong with a file of the run one clear error.

        Raises:
            RunError: A file is not there, is damaged, or comes from another version of curator.
        """
        try:
            yield
        except (
            RecipeError,
            OSError,
            ValueError,
            LookupError,
            AttributeError,
            TypeError,
            RecursionError,
            pl.exceptions.PolarsError,
        ) as error:
            reason = str(error).partition("\n")[0][:200]
            raise RunError(
                f"the run in {self.path} can't be read ({type(error).__name__}: {reason}); its files are damaged, or"
                " another version of curator wrote them. Build it again"
            ) from error

    @cached_property
    def recipe(self) -> Recipe:
        """The settings of the build."""
        with self.reading():
            recipe = load_recipe(str(self.directory.recipe))
            if self.failed:
                return recipe
            spec = recorded(recipe.tokenizer, self.summary["tokenizer"]["name"])
            return recipe.model_copy(update={"tokenizer": spec})

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What the build counted, with everything that the report shows."""
        with self.reading():
            summary: dict[str, Any] = json.loads(self.directory.summary.read_bytes())
            if missing := [key for key in _NEEDED if key not in summary]:
                raise LookupError(f"{self.directory.summary.name} lacks {', '.join(missing)}")
            # Keys that an older version did not know have their defaults, which are what it did.
            return {**summary, "settings": complete_settings(summary["settings"])}

    @cached_property
    def shards(self) -> dict[int, Shard]:
        """The shards of all sources, by their number."""
        with self.reading():
            described = json.loads(self.directory.sources.read_bytes())
            # A table in memory is kept in the run, wherever that lies now.
            sources = [
                Source(**one | ({} if one["kind"] == "demo" else {"location": str(here / one["location"])}))
                for here in [self.path.absolute()]
                for one in described["sources"]
            ]
            return {
                shard["shard"]: Shard(
                    shard["shard"], sources[shard["source"]], shard["start"], shard["stop"], shard["offset"]
                )
                for shard in described["shards"]
            }

    @property
    def rows(self) -> int:
        """Raw rows that the build read."""
        return sum(shard.rows for shard in self.shards.values())

    def items(self) -> pl.LazyFrame:
        """Return all items; columns as in `items.mapper.SCHEMA`."""
        return pl.scan_parquet([self.directory.items(shard) for shard in self.shards], glob=False)

    def ledger(self) -> pl.LazyFrame:
        """Return every raw row with its fate; columns as in `run.ledger.SCHEMA`."""
        return pl.scan_parquet([self.directory.ledger(shard) for shard in self.shards], glob=False)

    def selection(self) -> pl.LazyFrame:
        """Return what was decided about each item; columns as in `selection.select.SCHEMA`."""
        return pl.scan_parquet(self.directory.selection, glob=False)
