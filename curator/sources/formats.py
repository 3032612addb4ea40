"""The formats of source files: by what each is known, how it is scanned, and how its rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import jsonl, parquet
from curator.sources.shards import Scan, Shard
from curator.sources.text_files import ENDINGS, kind_by_content
from curator.system.digest import sha256


class Format(NamedTuple):
    """One format.

    Attributes:
        endings: How names of such files end, in lower case.
        scan: Checks a file and tells where it can be cut, into pieces of so many rows if it may; raises SourceError for
            one that is not product metadata.
        read: Yields the rows of a shard: `row` (0-based in the file), the columns that the recipe needs, and where the
            file has them `main_category` and `malformed`.
    """

    endings: tuple[str, ...]
    scan: Callable[[Path, Recipe, int], Scan]
    read: Callable[[Shard, Recipe], Iterator[pl.DataFrame]]


_MOST = 4
"""A row group of up to so many pieces' rows is one piece: to read any of its rows all of it must be unpacked."""


def _scan_parquet(path: Path, recipe: Recipe, piece_rows: int) -> Scan:
    pieces: list[int] = []
    for rows in parquet.row_groups(path, recipe):
        bounds = np.linspace(0, rows, max(1, -(-rows // (_MOST * piece_rows))) + 1).astype(int)
        pieces += np.diff(bounds).tolist()
    try:
        return Scan(pieces, (), path.stat().st_size, sha256(path))
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror}") from error


FORMATS: dict[str, Format] = {
    "parquet": Format((".parquet",), _scan_parquet, parquet.read),
    "jsonl": Format(ENDINGS, jsonl.scan, jsonl.read),
}
"""Every format by its name, which is the `kind` of a source."""


def format_name(path: Path) -> str:
    """Return which of `FORMATS` a file has: by its name or, where that tells nothing, by its first bytes.

    Raises:
        SourceError: The file is of none of them, can't be read, or is empty.
    """
    if not path.is_file():
        raise SourceError(f"{path}: is not a regular file, which is read twice; write it to one first")
    by_name = (name for name, one in FORMATS.items() if path.name.lower().endswith(one.endings))
    return next(by_name, None) or kind_by_content(path)
