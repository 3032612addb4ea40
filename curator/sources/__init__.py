"""Find what a build reads, cut it into shards, and read them.

A source is a file, a folder, a glob or ``demo[:ROWS[:SEED]]``. Its files come in the order given, names sorted; a shard
is a run of consecutive rows of one file, small enough to be held in memory and large enough to be worth a task.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from curator import demo
from curator.errors import SourceError, UsageError
from curator.recipe import Recipe
from curator.sources import parquet
from curator.sources.categories import category_of
from curator.sources.model import Shard, Source

__all__ = ["SHARD_ROWS", "Shard", "Source", "cut", "read", "resolve"]

SHARD_ROWS = 16_384
"""About how many raw rows a shard has."""

DEMO_ROWS, DEMO_SEED = 20_000, 42
_ENDINGS = (".parquet",)


def resolve(specs: Sequence[str], recipe: Recipe) -> list[tuple[Source, list[int]]]:
    """Find the files that `specs` name, check that they hold product metadata, count and hash them.

    Returns:
        Each source with the sizes (rows) of the pieces it can be cut between.

    Raises:
        UsageError: A name that is no path and no source, or a file named twice.
        SourceError: A file that is not product metadata, or no row at all.
    """
    found = [pair for spec in specs for pair in _resolve_one(spec, recipe)]
    seen: set[str] = set()
    for source, _ in found:
        if source.location in seen:
            raise UsageError(f"{source.location} is named twice; name each source once")
        seen.add(source.location)
    if not any(source.rows for source, _ in found):
        raise SourceError(f"there is no row in {', '.join(specs)}")
    return found


def cut(found: Sequence[tuple[Source, list[int]]], shard_rows: int = SHARD_ROWS) -> list[Shard]:
    """Cut sources into shards of about `shard_rows` rows, along their pieces where these are smaller."""
    shards: list[Shard] = []
    for source, pieces in found:
        start = stop = 0
        bounds: list[tuple[int, int]] = []
        for piece in pieces:
            # A piece that would make the shard too large begins a new one; one that is too large itself is divided.
            if stop > start and stop + piece - start > shard_rows:
                bounds.append((start, stop))
                start = stop
            stop += piece
            while stop - start > shard_rows:
                bounds.append((start, start + shard_rows))
                start += shard_rows
        if stop > start:
            bounds.append((start, stop))
        shards += [Shard(len(shards) + n, source, *bound) for n, bound in enumerate(bounds)]
    return shards


def read(shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the raw rows of a shard in batches: `row` (0-based in the source), `category`, and the recipe's columns.

    Raises:
        SourceError: The source is damaged, or changed since it was resolved.
    """
    if shard.source.kind == "demo":
        rows = demo.rows(int(shard.source.location.rpartition(":")[2]), shard.start, shard.stop)
        batches = iter([rows.with_columns(pl.int_range(shard.start, shard.stop, dtype=pl.Int64).alias("row"))])
    else:
        batches = parquet.read(shard, recipe)
    for batch in batches:
        if shard.source.category is not None:
            category = pl.lit(shard.source.category)
        else:
            category = pl.col("main_category") if "main_category" in batch.columns else pl.lit(None, pl.String)
        yield batch.with_columns(category=category)


def _resolve_one(spec: str, recipe: Recipe) -> list[tuple[Source, list[int]]]:
    path = Path(spec).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.name.endswith(_ENDINGS) and file.is_file())
        if not files:
            raise SourceError(f"folder {spec!r} holds no file that ends in {' or '.join(_ENDINGS)}")
    elif path.exists():
        files = [path]
    elif spec == "demo" or spec.startswith("demo:"):
        return [_demo(spec)]
    elif glob.has_magic(spec):
        files = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())
        if not files:
            raise UsageError(f"no file matches {spec!r}")
    else:
        raise UsageError(f"no source {spec!r}: it is not a file, folder or glob; `demo` is the built-in catalogue")
    return [_file(file, recipe) for file in files]


def _demo(spec: str) -> tuple[Source, list[int]]:
    """Read ``demo[:ROWS[:SEED]]``."""
    match = re.fullmatch(r"demo(?::([0-9_]+))?(?::([0-9_]+))?", spec)
    if not match:
        raise UsageError(f"source {spec!r} is not demo[:ROWS[:SEED]]. Example: demo:100000:7")
    rows, seed = (int(text) if text else default for text, default in zip(match.groups(), (DEMO_ROWS, DEMO_SEED), strict=True))
    identity = f"curator demo catalogue, version {demo.RAW_DEMO_VERSION}, seed {seed}, {rows} rows"
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return Source("demo", f"demo:{seed}", f"demo:{rows}:{seed}", None, rows, 0, 0, digest), [rows]


def _file(path: Path, recipe: Recipe) -> tuple[Source, list[int]]:
    if not path.name.endswith(_ENDINGS):
        raise SourceError(f"{path}: its name ends in none of {', '.join(_ENDINGS)}")
    pieces = parquet.row_groups(path, recipe)
    state = path.stat()
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror}") from error
    location = str(path.resolve())
    category = category_of(path)
    return (
        Source("parquet", location, path.name, category, sum(pieces), state.st_size, state.st_mtime_ns, digest),
        pieces,
    )
