"""Find what a build reads, cut it into shards, and read them.

A source is ``demo[:ROWS[:SEED]]``, a category of the Hub, ``course``, any dataset of the Hub (see `hub_datasets`), a
file, a folder or a glob. Names come first: a folder called ``demo`` is ``./demo``. Files come in the order given, names
sorted; a shard is a run of consecutive rows of one file, small enough to be held in memory and large enough to be worth
a task.
"""

from __future__ import annotations

import glob
import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

from curator.errors import SourceError, UsageError, nearest
from curator.recipe.load import Recipe
from curator.sources import columns, demo, hub, hub_datasets
from curator.sources.categories import ITEMS, category_of
from curator.sources.formats import FORMATS, format_name
from curator.sources.shards import Found, Shard, Source
from curator.system.digest import sha256
from curator.system.paths import existing, is_run

__all__ = ["SHARD_ROWS", "Found", "Shard", "Source", "cut", "read", "resolve"]

SHARD_ROWS = 16_384
"""About how many raw rows a shard has. Row groups of Parquet make it up to four times as many, and a compressed text
file, which can only be read from its start, is one shard."""

DEMO_ROWS, DEMO_SEED = 20_000, 42
"""Rows and seed of the source ``demo``."""
DEMO_MOST = 1_000_000_000
"""Most rows that ``demo:ROWS`` takes."""

_TABLE = re.compile(r"(?i)\.(parquet|arrow|feather|jsonl?|ndjson|csv|tsv|gz|zst)$")
"""How the name of a file ends that can't be taken for something else than a table."""

_SUMMARIES = frozenset(
    ("_metadata", "_common_metadata", "_SUCCESS", "dataset_info.json", "state.json", "dataset_dict.json")
)
"""Files that Spark, Dask and `datasets` put beside those that hold the rows."""

_log = logging.getLogger(__name__)


def resolve(specs: Sequence[str], recipe: Recipe) -> list[Found]:
    """Find the files that `specs` name, check that they hold product metadata, count and hash them.

    Raises:
        UsageError: A name that is no path and no source, or a file named twice.
        SourceError: A file that is not product metadata, or no row at all.
        HubError: A category that can't be had.
    """
    specs = [_plain(spec) for spec in specs]
    # Every category of a build comes from one commit of the dataset.
    snapshot = hub.Snapshot([name for spec in specs for name in hub.categories(spec)])
    found = [one for spec in specs for one in _resolve_one(spec, recipe, snapshot)]
    seen: set[str] = set()
    for source in (one.source for one in found):
        if source.location in seen:
            raise UsageError(f"{source.name} is named twice, or overlaps another source; name each source once")
        seen.add(source.location)
    if not any(one.source.rows for one in found):
        raise SourceError(f"there is no row in {', '.join(specs)}")
    return found


def cut(found: Sequence[Found], shard_rows: int = SHARD_ROWS) -> list[Shard]:
    """Cut sources into shards of about `shard_rows` rows, along their pieces."""
    shards: list[Shard] = []
    for one in found:
        for start, stop, offset in _bounds(one, shard_rows):
            shards.append(Shard(len(shards), one.source, start, stop, offset))
    return shards


def _bounds(found: Found, shard_rows: int) -> Iterator[tuple[int, int, int]]:
    """Yield start, stop (rows) and offset (bytes) of the shards of one source."""
    start = stop = offset = 0
    for piece, at in zip(found.pieces, found.offsets or (0,) * len(found.pieces), strict=True):
        # A piece that would make the shard too large begins a new one.
        if stop > start and stop + piece - start > shard_rows:
            yield start, stop, offset
            start = stop
        if start == stop:
            offset = at
        stop += piece
    if stop > start:
        yield start, stop, offset


def read(shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the raw rows of a shard in batches.

    Columns: as `raw_batch`.

    Raises:
        SourceError: The source is damaged, or changed since it was resolved. That a file of as many rows came in its
            place is known after the last batch.
    """
    source = shard.source
    batches = _read_demo(shard) if source.kind == "demo" else FORMATS[source.kind].read(shard, recipe)
    for batch in batches:
        yield raw_batch(batch, source, recipe)
    if source.kind != "demo":
        _refuse_changed(source)


def raw_batch(batch: pl.DataFrame, source: Source, recipe: Recipe) -> pl.DataFrame:
    """Return rows of a source as the map step takes them.

    Columns: `row` (0-based in the source), `malformed` (why the row can't be read, or null; then all else is null),
    `category`, and those that the recipe reads. Where the source has no id, a row's is its place.
    """
    read = columns.reads(recipe)
    category = pl.lit(source.category, pl.String) if source.category is not None else pl.col("main_category")
    malformed = pl.col("malformed") if "malformed" in batch.columns else pl.lit(None, pl.String)
    place = pl.concat_str(pl.lit(f"{source.name}:"), "row")
    has_id = source.kind == "demo" or "parent_asin" in (source.columns or read)
    return batch.select(
        "row",
        *(one for one in read if one != "parent_asin"),
        parent_asin=pl.col("parent_asin") if has_id else place,
        malformed=malformed,
        category=category,
    )


def _refuse_changed(source: Source) -> None:
    """Refuse a file that is another one than was hashed; one that was merely touched, or copied to a node, is not."""
    path = Path(source.location)
    try:
        now = path.stat()
        same = (now.st_size, now.st_mtime_ns) == (source.size, source.modified) or (
            now.st_size == source.size and _digest(path, now.st_mtime_ns) == source.sha256
        )
    except OSError as error:
        raise SourceError(f"{path}: vanished during the run, or can't be read any more ({error.strerror})") from error
    if not same:
        raise SourceError(f"{path}: it changed during the run; run the same command again when it stays as it is")


@lru_cache
def _digest(path: Path, modified: int) -> str:
    """Return the digest of a file that was changed at this time; each process takes it once, not for every shard."""
    return sha256(path)


def _read_demo(shard: Shard) -> Iterator[pl.DataFrame]:
    seed = int(shard.source.location.rpartition(":")[2])
    row = pl.int_range(shard.start, shard.stop, dtype=pl.Int64).alias("row")
    yield demo.rows(seed, shard.start, shard.stop).with_columns(row)


def _resolve_one(spec: str, recipe: Recipe, snapshot: hub.Snapshot) -> list[Found]:
    if spec == "demo" or spec.startswith("demo:"):
        return [_demo(spec)]
    if categories := hub.categories(spec):
        files_of = (file for category in categories for file in snapshot.files(category))
        return [hub.described(_file(file.path, recipe), file) for file in files_of]
    if dataset := hub_datasets.named(spec):
        return [hub.described(_file(file.path, recipe), file) for file in hub_datasets.files(dataset)]
    path = existing(spec)
    if path is not None and path.is_dir():
        return _folder(path, spec, recipe)
    if path is not None:
        files = [path]
    elif glob.has_magic(spec):
        pattern = os.path.expanduser(spec)  # noqa: PTH111 -- a pattern need not be a path
        files = sorted(file for file in map(Path, glob.glob(pattern, recursive=True)) if file.is_file())  # noqa: PTH207
        if not files:
            raise UsageError(f"no file matches {spec!r}")
    else:
        raise UsageError(
            f"no source {spec!r}: it is not a file, folder or glob, nor a category (`curator categories` lists them),"
            f" a dataset of the Hub (hub:OWNER/NAME), `course` or `demo`.{nearest(spec, [*ITEMS, 'course', 'demo'])}"
        )
    return [_file(file, recipe) for file in files]


def _plain(spec: str) -> str:
    """Return a source by its shortest name: a config of Amazon Reviews 2023 is a category."""
    dataset = hub_datasets.named(spec)
    return (hub_datasets.category(dataset) or spec) if dataset else spec


def _folder(folder: Path, spec: str, recipe: Recipe) -> list[Found]:
    """Read all files of a folder; those that are no tables are named."""
    found, others = [], {}
    for path in sorted(_files(folder)):
        is_table = False
        try:
            if path.name in _SUMMARIES:
                raise SourceError(f"{path}: is a summary of other files")
            format_name(path)
            # Prose and settings may look like CSV and JSON.
            is_table = _TABLE.search(path.name) is not None
            found.append(_file(path, recipe))
        except SourceError as error:
            if is_table:
                raise
            others[path] = error
    if not found:
        raise next(iter(others.values()), SourceError(f"folder {spec!r} holds no file"))
    if others:
        names = [path.relative_to(folder).as_posix() for path in others]
        more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
        _log.warning("not read, since they hold no table: %s%s (in %s)", ", ".join(names[:10]), more, spec)
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder; hidden ones, and those of a run of curator that lies in it, are none."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not is_run(path):
                yield from _files(path)
        elif not path.exists():
            raise SourceError(f"{path}: a link to a file that isn't there")
        else:
            yield path


def _demo(spec: str) -> Found:
    """Read ``demo[:ROWS[:SEED]]``."""
    match = re.fullmatch(r"demo(?::([0-9]+(?:_[0-9]+)*))?(?::([0-9]+(?:_[0-9]+)*))?", spec)
    if not match:
        raise UsageError(f"source {spec!r} is not demo[:ROWS[:SEED]]. Example: demo:100000:7")
    rows, seed = int(match.group(1) or DEMO_ROWS), int(match.group(2) or DEMO_SEED)
    if rows > DEMO_MOST or seed >= 2**64:
        raise UsageError(f"source {spec!r}: the demo catalogue has at most {DEMO_MOST:,} rows and a seed below 2**64")
    identity = f"curator demo catalogue, version {demo.RAW_DEMO_VERSION}, seed {seed}, {rows} rows"
    digest = hashlib.sha256(identity.encode()).hexdigest()
    full, rest = divmod(rows, SHARD_ROWS)
    pieces = [SHARD_ROWS] * full + [rest] * bool(rest)
    return Found(Source("demo", f"demo:{seed}", f"demo:{rows}:{seed}", None, rows, 0, 0, digest), pieces)


def _file(path: Path, recipe: Recipe) -> Found:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{str(path)!a}: the file's name is not UTF-8; rename it") from error
    kind = format_name(path)
    modified = path.stat().st_mtime_ns
    scan = FORMATS[kind].scan(path, recipe, SHARD_ROWS)
    source = Source(
        kind,
        str(path.resolve()),
        path.name,
        category_of(path),
        sum(scan.pieces),
        scan.size,
        modified,
        scan.sha256,
        columns=scan.columns,
    )
    return Found(source, scan.pieces, scan.offsets, scan.names)
