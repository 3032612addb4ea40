"""The formats of source files: told by their content, scanned, and read as rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import arrow, columns, parquet, rows
from curator.sources.records import Csv, Lines, Values, delimiter_of
from curator.sources.shards import Scan, Shard
from curator.sources.text_files import BOM, TextFile, looks_like, reason


class Format(NamedTuple):
    """One format.

    Attributes:
        scan: Checks a file and tells where it can be cut, into pieces of so many rows if it may; raises SourceError for
            one that is not product metadata.
        read: Yields the rows of a shard: `row` (0-based in the file), the columns that the recipe reads, and where rows
            can be unreadable `malformed`, which says why.
        is_columnar: Whether single rows can be read from anywhere.
    """

    scan: Callable[[Path, Recipe, int], Scan]
    read: Callable[[Shard, Recipe], Iterator[pl.DataFrame]]
    is_columnar: bool = False


FORMATS: dict[str, Format] = {
    "parquet": Format(parquet.scan, parquet.read, is_columnar=True),
    "arrow": Format(arrow.scan, arrow.read, is_columnar=True),
    "jsonl": Format(partial(rows.scan, Lines), partial(rows.read, Lines)),
    "json": Format(partial(rows.scan, Values), partial(rows.read, Values)),
    "csv": Format(partial(rows.scan, Csv), partial(rows.read, Csv)),
}
"""Every format by its name, which is the `kind` of a source."""

_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
}
"""The first bytes of files that are no text."""


def format_name(path: Path) -> str:
    """Return which of `FORMATS` a file has: by its first bytes or, where these tell nothing, by its name.

    Raises:
        SourceError: The file is of none of them, can't be read, or is empty.
    """
    if not path.is_file():
        raise SourceError(f"{path}: is not a regular file, which is read twice; write it to one first")
    try:
        with path.open("rb") as file:
            first = file.read(8)
        for magic, name in _MAGIC.items():
            if first.startswith(magic):
                return name
        with TextFile(path) as text:
            start = text.start()
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {reason(error)}") from error
    if (found := _text_format(start)) is not None:
        return found
    if re.search(r"(?i)\.(jsonl|ndjson)(\.gz|\.zst)?$", path.name):
        return "jsonl"
    raise SourceError(
        f"{path}: is not product metadata: {looks_like(start)}. Expected Parquet, an Arrow file, JSON lines, a JSON"
        " array or CSV (text may be .gz or .zst)"
    )


def _text_format(start: bytes) -> str | None:
    """Return the format of a text that begins so, or None."""
    text = start.removeprefix(BOM).lstrip()
    if b"\0" in text:
        return None
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        first, _, rest = text.partition(b"\n")
        return "json" if rest and not rest.lstrip().startswith(b"{") and not _is_whole(first) else "jsonl"
    delimiter = delimiter_of(start)
    header = text.split(b"\n", 1)[0].decode(errors="replace").split(delimiter)
    if delimiter and not columns.TYPES.keys().isdisjoint(cell.strip(' "\r') for cell in header):
        return "csv"
    # Before the first object there may be lines that are none.
    if any(line.startswith(b"{") for line in text.splitlines()[1:-1]):
        return "jsonl"
    return "csv" if delimiter else None


def _is_whole(line: bytes) -> bool:
    """Tell whether a line may be a record of its own, sound or not; of one over several lines it is not."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return line.count(b"{") <= line.count(b"}")
    return True
