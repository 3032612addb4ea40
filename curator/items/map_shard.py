"""One shard from its source to its two parts: items and ledger."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import polars as pl

from curator.errors import SourceError
from curator.items import mapper as items
from curator.items.mapper import Mapper
from curator.recipe.load import Recipe
from curator.run import ledger
from curator.sources.resolve import read
from curator.sources.shards import Shard
from curator.system import interrupt
from curator.system.files import writing_parquet
from curator.tokens.vocabulary import Vocabulary

_KEY = "curator.key"
_CODE = (
    "items/dropping.py",
    "items/mapper.py",
    "items/map_shard.py",
    "kernels",
    "run/ledger.py",
    "sources",
    "text",
    "tokens",
)
"""What a part depends on besides settings and rows; a part made by other code is not reused."""
_LIBRARIES = ("polars", "polars-hash", "fastokens", "tokenizers")


def map_shard(mapper: Mapper, shard: Shard, items_path: Path, ledger_path: Path, key: str) -> tuple[int, int]:
    """Map a shard and write its parts; the items come last and mark the shard as finished.

    Args:
        mapper: The recipe at work.
        shard: The rows to map.
        items_path: Where the items go; columns as in `mapper.SCHEMA`.
        ledger_path: Where the fate of every row goes; columns as in `ledger.SCHEMA`.
        key: What `shard_key` gave; stored in both files.

    Returns:
        Rows read and items kept.
    """
    number = pl.lit(shard.index, pl.UInt32).alias("shard")
    rows = kept = 0
    # The ledger is renamed first, the items last.
    with (
        writing_parquet(items_path, items.SCHEMA, {_KEY: key}, ("shard", "category")) as write_items,
        writing_parquet(ledger_path, ledger.SCHEMA, {_KEY: key}, ("shard", "fate")) as write_fates,
    ):
        for batch in read(shard, mapper.recipe):
            some, fates = mapper(batch)
            write_items(some.with_columns(number))
            write_fates(fates.with_columns(number))
            rows += fates.height
            kept += some.height
            interrupt.check()
        if rows != shard.rows:
            raise SourceError(f"{shard.source.name}: {rows:,} rows came from a shard of {shard.rows:,}; it changed")
    return rows, kept


def shard_key(shard: Shard, recipe: Recipe, vocabulary: Vocabulary) -> str:
    """Return a digest (hex) of all that the parts of a shard depend on."""
    source = shard.source
    parts: list[str | int | None] = [recipe.mapping_key(), vocabulary.sha256, code_digest(_CODE)]
    parts += [version(name) for name in _LIBRARIES]
    parts += [source.sha256, source.kind, source.category, shard.index, shard.start, shard.stop]
    parts.append(json.dumps(source.columns) if source.columns else None)
    # A row without an id has its place for one.
    parts.append(None if "parent_asin" in source.columns else source.name)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def is_finished(items_path: Path, ledger_path: Path, key: str) -> bool:
    """Tell whether both parts of a shard are there and were made for this key."""
    return all(_stored_key(path) == key for path in (items_path, ledger_path))


def _stored_key(path: Path) -> str | None:
    try:
        return pl.read_parquet_metadata(path).get(_KEY)
    except (OSError, pl.exceptions.PolarsError):
        # Not there, or cut short by a power failure: the shard is done again.
        return None


@lru_cache
def code_digest(names: tuple[str, ...] = ("",)) -> str:
    """Return a digest (hex) of the package's code and TOML files under the given names; all of them by default."""
    digest = hashlib.sha256()
    root = Path(str(resources.files("curator")))
    for name in names:
        path = root / name
        files = sorted(file for file in path.rglob("*") if file.suffix in (".py", ".toml")) if path.is_dir() else [path]
        for file in files:
            digest.update(f"{file.relative_to(root).as_posix()}\n".encode())
            digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()
