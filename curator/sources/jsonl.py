"""JSONL files of product metadata: one JSON object a line, in the Hub's form or the raw form, mixed freely.

The Hub's form has `details` as a string of JSON and `price` as a string; the raw form has `details` as an object and
`price` as a number, a string or null. An absent key is null.

A row is malformed, and the run goes on, if its line is longer than `text_files.LINE_LIMIT`, is not UTF-8, not JSON (a
number of more than 4,300 digits, which Python does not read, included), not an object, or nested deeper than
`MAX_DEPTH`; if it has none of the needed keys; or if one of the columns that are read has a value of another type than
in `columns.TYPES`, or a lone surrogate, which no UTF-8 file can hold. Null is of every type, as a list's element too;
so a row without price, text or `parent_asin` is no malformed one. Columns that are not read may hold anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from curator.errors import SourceError
from curator.recipe.load import Recipe
from curator.sources import columns
from curator.sources.shards import Scan, Shard
from curator.sources.text_files import TextFile, is_array, looks_like, reason

BATCH_ROWS, BATCH_BYTES = 8_192, 32 * 2**20
"""A batch ends after so many rows, or so many bytes of lines."""

MAX_DEPTH = 200
"""Deepest nesting that is read. Python's own limit depends on its version and on who calls."""

FIRST_ROWS = 1_000
"""How many rows decide whether a file is product metadata."""

# What json.loads and json.dumps call when they are given nothing but the value.
_loads: Callable[[str], Any] = json.JSONDecoder().decode
_dumps: Callable[[Any], str] = json.JSONEncoder().encode
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_TEXTS = frozenset((str, type(None)))


def scan(path: Path, recipe: Recipe, piece_rows: int) -> Scan:
    """Read a file once: check that it is product metadata, count its rows, hash it, and find where to cut it.

    Args:
        path: The file.
        recipe: Tells which columns are needed.
        piece_rows: Rows of each piece of a plain file.

    Raises:
        SourceError: The file is empty, damaged, or not product metadata.
    """
    rows = 0
    offsets: list[int] = []
    try:
        with TextFile(path, hashed=True) as file:
            start = file.start()
            evidence = _Evidence(path, recipe)
            for position, line in file.lines():
                if not rows % piece_rows and not file.compressed:
                    offsets.append(position)
                rows += 1
                if not evidence.complete:
                    evidence.add(line, start)
            if not rows:
                raise SourceError(f"{path}: is empty: it holds no row ({file.size:,} bytes)")
            if not evidence.complete:
                evidence.fail(start)
            size, sha256 = file.size, file.sha256
    except OSError as error:
        raise SourceError(f"{path}: can't be read beyond row {rows:,}: {reason(error)}") from error
    if file.compressed:
        return Scan([rows], (), size, sha256)
    full, rest = divmod(rows, piece_rows)
    return Scan([piece_rows] * full + [rest] * bool(rest), tuple(offsets), size, sha256)


class _Evidence:
    """Looks at the first rows until they show that a file is product metadata."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.complete = False
        self._path = path
        self._recipe = recipe
        self._parse = RowParser(recipe)
        self._keys: dict[str, None] = {}
        self._rows = self._objects = self._whole = 0
        self._fault = ""

    def add(self, line: bytes | None, start: bytes) -> None:
        """Look at one more row; `start` is the beginning of the file, for the message.

        Raises:
            SourceError: `FIRST_ROWS` rows have been looked at and are no product metadata.
        """
        self._rows += 1
        try:
            row = self._parse.load(line)
            self._objects += 1
            self._keys |= dict.fromkeys(row)
            self._parse.values(row)
            self._whole += 1
        except ValueError as error:
            self._fault = self._fault or f"row {self._rows - 1}: {error}"
            # Of an array over many lines the last would be a whole row.
            if self._rows == 1 and isinstance(error, json.JSONDecodeError) and is_array(start):
                self.fail(start)
        # Keys are gathered over rows: some tools leave out those whose value is null.
        self.complete = self._whole > 0 and self._keys.keys() >= set(columns.needed(self._recipe))
        if not self.complete and self._rows >= FIRST_ROWS:
            self.fail(start)

    def fail(self, start: bytes) -> None:
        """Raise the error that says what was found and what was expected."""
        rows = f"none of its first {self._rows:,} rows" if self._rows > 1 else "not even its first row"
        where = f"{self._path}: is not product metadata: {rows}"
        if not self._objects:
            expected = ", ".join(columns.needed(self._recipe))
            raise SourceError(
                f"{where} is a JSON object: {looks_like(start)}. Expected one object a line, with the keys {expected}"
                f" ({self._fault})"
            )
        columns.require(self._keys, str(self._path), self._recipe)
        raise SourceError(f"{where} can be read ({self._fault})")


class RowParser:
    """Turns lines into rows with the columns that a recipe reads, or says what is wrong with them.

    Attributes:
        names: The columns read, in the order of `columns.TYPES`: the needed ones and `main_category`.
    """

    def __init__(self, recipe: Recipe) -> None:
        needed = columns.needed(recipe)
        self.names = tuple(name for name in columns.TYPES if name in needed or name == "main_category")
        self._needed = frozenset(needed)
        self._readers = [(name, _reader(name)) for name in self.names]

    def load(self, line: bytes | None) -> dict[str, Any]:
        """Return the object of a line; None stands for a line too long to read.

        Raises:
            ValueError: The line holds no object that can be read.
        """
        if line is None:
            raise ValueError("the line is too long to be read")
        try:
            row = _loads(line.decode())
            # Counting brackets is quick and nearly always enough.
            too_deep = line.count(b"{") + line.count(b"[") > MAX_DEPTH and _deeper_than(row, MAX_DEPTH)
        except RecursionError:
            too_deep = True
        if too_deep:
            raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH}")
        if type(row) is not dict:
            raise ValueError(f"the line holds {_in_words(row)}, expected an object")
        return row

    def values(self, row: dict[str, Any], *, escaped: bool = True) -> list[Any]:
        r"""Return the values of `names`.

        Args:
            row: The object.
            escaped: Whether its line holds surrogates as ``\ud83d``, so that there may be lone ones.

        Raises:
            ValueError: None of the needed keys is there, or a value has another type than its column.
        """
        if self._needed.isdisjoint(row):
            raise ValueError(f"the object has none of the keys {', '.join(sorted(self._needed))}")
        values = []
        for name, reader in self._readers:
            try:
                value = reader(row.get(name))
            except TypeError:
                expected = "a string or an object" if name == "details" else columns.TYPES[name]
                raise ValueError(f"{name!r} holds {_in_words(row[name])}, expected {expected}") from None
            if escaped:
                _check_surrogates(value)
            values.append(value)
        return values

    def __call__(self, line: bytes | None) -> tuple[bool, list[Any]]:
        """Return whether a row is malformed, and its values; a malformed one has none but a readable `parent_asin`."""
        row: dict[str, Any] = {}
        try:
            row = self.load(line)
            assert line is not None
            return False, self.values(row, escaped=_SURROGATE.search(line) is not None)
        except ValueError:
            asin = row.get("parent_asin")
            readable = type(asin) is str and not any("\ud800" <= character <= "\udfff" for character in asin)
            return True, [asin if name == "parent_asin" and readable else None for name in self.names]


def read(shard: Shard, recipe: Recipe) -> Iterator[pl.DataFrame]:
    """Yield the rows of a shard in batches: `row`, `malformed`, and what the recipe needs (String, List(String)).

    `main_category` is always there, null where a row has none.
    """
    parse = RowParser(recipe)
    path = Path(shard.source.location)
    row = shard.start
    try:
        if path.stat().st_size != shard.source.size:
            raise SourceError(f"{path}: its size changed during the run")
        with TextFile(path, shard.offset) as file:
            lines = islice(file.lines(), shard.start if file.compressed else 0, None)
            for batch in _batches(islice(lines, shard.rows)):
                yield _frame(batch, row, parse)
                row += len(batch)
    except OSError as error:
        raise SourceError(
            f"{path}: rows {row:,} to {shard.stop - 1:,} can't be read; the file is damaged, or it changed or vanished"
            f" during the run: {reason(error)}"
        ) from error
    if row != shard.stop:
        raise SourceError(f"{path}: ends at row {row:,}, expected {shard.stop:,}; it changed during the run")


def _batches(lines: Iterator[tuple[int, bytes | None]]) -> Iterator[list[bytes | None]]:
    batch: list[bytes | None] = []
    size = 0
    for _, line in lines:
        batch.append(line)
        size += len(line or b"")
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _frame(lines: list[bytes | None], first: int, parse: RowParser) -> pl.DataFrame:
    """Return lines as rows numbered from `first`."""
    malformed, rows = zip(*map(parse, lines), strict=True)
    # Arrow makes columns of Python lists several times as fast as Polars does.
    arrays = [
        pa.array(column, pa.large_list(pa.large_string()) if columns.is_list(name) else pa.large_string())
        for name, column in zip(parse.names, zip(*rows, strict=True), strict=True)
    ]
    frame = pl.from_arrow(pa.Table.from_arrays(arrays, list(parse.names)))
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(
        row=pl.int_range(first, first + len(lines), dtype=pl.Int64), malformed=pl.Series(malformed, dtype=pl.Boolean)
    )


def _reader(name: str) -> Callable[[Any], Any]:
    if name in ("details", "price"):
        return _details if name == "details" else _price
    return _texts if columns.is_list(name) else _text


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    raise TypeError


def _texts(value: Any) -> list[str | None] | None:
    if value is None or (type(value) is list and _TEXTS.issuperset(map(type, value))):
        return value
    raise TypeError


def _details(value: Any) -> str:
    """Return details as the Hub's form has them: what is not text is written by `json` with its defaults."""
    if type(value) is str:
        return value
    if value is None or type(value) is dict:
        return _dumps(value)
    raise TypeError


def _price(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) in (int, float):
        return str(value)
    raise TypeError


def _check_surrogates(value: str | list[str | None] | None) -> None:
    """Raise a ValueError (UnicodeEncodeError) if there is a lone surrogate."""
    for text in value if isinstance(value, list) else (value,):
        if text is not None:
            text.encode()


def _deeper_than(value: Any, limit: int) -> bool:
    """Tell whether lists and objects are nested deeper than `limit`, without recursion."""
    level = [value]
    for _ in range(limit + 1):
        level = [one for one in level if type(one) in (dict, list)]
        if not level:
            return False
        level = [inner for one in level for inner in (one.values() if type(one) is dict else one)]
    return True


def _in_words(value: Any) -> str:
    """Return what JSON calls a value."""
    if type(value) is list:
        return "a list of other things than strings" if value else "a list"
    names = {dict: "an object", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
