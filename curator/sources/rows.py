"""Text files of product metadata as rows: JSON lines, JSON arrays, Python's notation, CSV; plain or compressed.

An absent key is null. A row is malformed, and the run goes on, if its record can't be read (`Records.load`), if it has
none of the columns that are read, or if one of these holds a value that can't be read as what it must be
(`curator.sources.values`), or a lone surrogate, which no UTF-8 file can hold. Null is of every type; so a row without
price, text or id is no malformed one. Columns that are not read may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import columns, values
from curator.sources.arrow import as_arrow
from curator.sources.columns import Columns
from curator.sources.records import Records, in_words
from curator.sources.shards import Scan, Shard
from curator.sources.text_files import TextFile, looks_like, reason

BATCH_ROWS, BATCH_BYTES = 8_192, 32 * 2**20
"""A batch ends after so many rows, or so many bytes of lines."""

FIRST_ROWS = 1_000
"""How many rows decide whether a file is product metadata, and which columns it has."""

_TRIED = 100
"""Of the first rows one of so many must be readable."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def scan(kind: type[Records], path: Path, recipe: Recipe, piece_rows: int) -> Scan:
    """Read a file once: check that it is product metadata, count its rows, hash it, and find where to cut it.

    Args:
        kind: How it holds its records.
        path: The file.
        recipe: Tells which columns are read.
        piece_rows: Rows of each piece of a plain file.

    Raises:
        SourceError: The file is empty, damaged, or not product metadata.
    """
    rows = 0
    offsets: list[int] = []
    try:
        records = kind(path)
        with TextFile(path, hashed=True) as file:
            start = file.start()
            evidence = _Evidence(path, recipe, records)
            is_cut = records.is_seekable and not file.compressed
            for position, record in records.all(file):
                if is_cut and not rows % piece_rows:
                    offsets.append(position)
                rows += 1
                if not evidence.complete:
                    evidence.add(record)
            if not rows:
                raise SourceError(f"{path}: is empty: it holds no row ({file.size:,} bytes)")
            matched = evidence.columns(start)
            size, sha256 = file.size, file.sha256
    except OSError as error:
        raise SourceError(f"{path}: can't be read beyond row {rows:,}: {reason(error)}") from error
    if not is_cut:
        return Scan([rows], (), size, sha256, matched, tuple(evidence.names))
    full, rest = divmod(rows, piece_rows)
    return Scan([piece_rows] * full + [rest] * bool(rest), tuple(offsets), size, sha256, matched, tuple(evidence.names))


class _Evidence:
    """Looks at the first rows until they show which columns a file has.

    Attributes:
        complete: Whether they do.
        names: The columns found.
    """

    def __init__(self, path: Path, recipe: Recipe, records: Records) -> None:
        self.complete = False
        self.names: dict[str, None] = {}
        self._path, self._recipe, self._records = path, recipe, records
        self._rows = 0
        self._some: list[dict[str, Any]] = []
        self._fault = ""

    def add(self, record: Any) -> None:
        """Look at one more row."""
        self._rows += 1
        try:
            row = self._records.load(record)
            # Keys are gathered over rows: some tools leave out those whose value is null.
            self.names |= dict.fromkeys(row)
            if len(self._some) < _TRIED:
                self._some.append(row)
        except ValueError as error:
            self._note(error)
        wanted = columns.reads(self._recipe)
        self.complete = self._rows == FIRST_ROWS or (len(self._some) == _TRIED and self.names.keys() >= {*wanted})

    def columns(self, start: bytes) -> dict[str, Sequence[str]]:
        """Return which columns hold ours.

        Args:
            start: The beginning of the file, for the message.

        Raises:
            SourceError: What was looked at is no product metadata.
        """
        rows = f"none of its first {self._rows:,} rows" if self._rows > 1 else "not even its first row"
        where = f"{self._path}: is not product metadata: {rows}"
        if not self._some:
            expected = ", ".join(columns.reads(self._recipe))
            raise SourceError(
                f"{where} is an object: {looks_like(start)}. Expected objects (JSON lines, a JSON array), or CSV, with"
                f" the columns {expected} ({self._fault})"
            )
        matched = columns.match(self.names, str(self._path), self._recipe)
        parse = RowParser(self._records, matched, self._recipe)
        for row in self._some:
            try:
                parse.values(row)
            except ValueError as error:
                self._note(error)
            else:
                return matched
        raise SourceError(f"{where} can be read ({self._fault})")

    def _note(self, error: ValueError) -> None:
        self._fault = self._fault or f"row {self._rows - 1}: {error}"


class RowParser:
    """Turns records into rows with the columns that a recipe reads, or says what is wrong with them.

    Attributes:
        names: The columns read, in the order of `columns.TYPES`.
    """

    def __init__(self, records: Records, matched: Columns, recipe: Recipe) -> None:
        self.names = columns.reads(recipe)
        self._load = records.load
        # A key that the first rows left out may come later.
        theirs = {name: matched.get(name, (name,)) for name in self.names}
        self._read = frozenset(one for several in theirs.values() for one in several)
        self._getters = [(name, _getter(name, theirs[name]), values.reader(name, recipe)) for name in self.names]
        self._asin = theirs["parent_asin"][0]

    def values(self, row: dict[str, Any], *, escaped: bool = True) -> list[Any]:
        r"""Return the values of `names`.

        Args:
            row: The object.
            escaped: Whether its line holds surrogates as ``\ud83d``, so that there may be lone ones.

        Raises:
            ValueError: None of the columns is there, or one holds what it can't.
        """
        if self._read.isdisjoint(row):
            raise ValueError(f"it has none of the keys {', '.join(sorted(self._read))}")
        read = []
        for name, get, reader in self._getters:
            value = get(row)
            try:
                value = reader(value)
            except TypeError:
                raise ValueError(f"{name!r} holds {in_words(value)}, expected {columns.TYPES[name]}") from None
            if escaped:
                _check_surrogates(name, value)
            read.append(value)
        return read

    def __call__(self, record: Any) -> tuple[str | None, list[Any]]:
        """Return why a row is malformed, or None, and its values; a malformed one has none but a readable id."""
        row: dict[str, Any] = {}
        try:
            row = self._load(record)
            escaped = not isinstance(record, bytes) or _SURROGATE.search(record) is not None
            return None, self.values(row, escaped=escaped)
        except ValueError as error:
            asin = row.get(self._asin)
            readable = type(asin) is str and not any("\ud800" <= character <= "\udfff" for character in asin)
            return str(error), [asin if name == "parent_asin" and readable else None for name in self.names]


def _getter(name: str, theirs: Sequence[str]) -> Callable[[dict[str, Any]], Any]:
    """Return the function that takes our value from a row."""
    first = theirs[0]
    if len(theirs) == 1:
        return lambda row: row.get(first)
    return lambda row: values.joined(name, {one: row.get(one) for one in theirs})


def read(kind: type[Records], shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the rows of a shard in batches: `row`, `malformed`, and what the recipe reads (String, List(String)).

    `malformed` says why a row can't be read; it is null where a row can.
    """
    path = Path(shard.source.location)
    row = shard.start
    try:
        records = kind(path)
        parse = RowParser(records, shard.source.columns, recipe)
        if path.stat().st_size != shard.source.size:
            raise SourceError(f"{path}: its size changed during the run")
        with TextFile(path, shard.offset) as file:
            is_whole = file.compressed or not records.is_seekable
            found = islice(records.all(file), shard.start if is_whole else 0, None)
            for batch in _batches(islice(found, shard.rows)):
                yield frame(batch, row, parse)
                row += len(batch)
    except OSError as error:
        raise SourceError(
            f"{path}: rows {row:,} to {shard.stop - 1:,} can't be read; the file is damaged, or it changed or vanished"
            f" during the run: {reason(error)}"
        ) from error
    if row != shard.stop:
        raise SourceError(f"{path}: ends at row {row:,}, expected {shard.stop:,}; it changed during the run")


def _batches(records: Iterator[tuple[int, Any]]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    begun = 0
    for position, record in records:
        if batch and (len(batch) == BATCH_ROWS or position - begun >= BATCH_BYTES):
            yield batch
            batch = []
        begun = begun if batch else position
        batch.append(record)
    if batch:
        yield batch


def frame(records: list[Any], first: int, parse: RowParser) -> pl.DataFrame:
    """Return records as rows numbered from `first`."""
    malformed, rows = zip(*map(parse, records), strict=True)
    # Arrow makes columns of Python lists several times as fast as Polars does.
    arrays = [as_arrow(name, column) for name, column in zip(parse.names, zip(*rows, strict=True), strict=True)]
    made = pl.from_arrow(pa.Table.from_arrays(arrays, list(parse.names)))
    assert isinstance(made, pl.DataFrame)
    return made.with_columns(
        row=pl.int_range(first, first + len(records), dtype=pl.Int64), malformed=pl.Series(malformed, dtype=pl.String)
    )


def _check_surrogates(name: str, value: str | list[str | None] | None) -> None:
    """Raise a ValueError if there is a lone surrogate."""
    try:
        for text in value if isinstance(value, list) else (value,):
            if text is not None:
                text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name!r} holds half a character (a lone surrogate)") from None
