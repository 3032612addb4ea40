"""The records of a text file, one after another: objects in JSON or Python's notation, or rows of CSV."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from curator.sources import values
from curator.sources.text_files import BOM, LINE_LIMIT, TextFile

MAX_DEPTH = 200
"""Deepest nesting that is read. Python's own limit depends on its version and on who calls."""

_DELIMITERS = ",;\t|"
"""What may stand between cells, the likeliest first."""

_loads: Callable[[str], Any] = json.JSONDecoder().decode
_raw_decode = json.JSONDecoder().raw_decode
_SEVERAL = re.compile(rb"\}\s*(?:\xef\xbb\xbf)?\s*\{")
_NEXT = re.compile(r"\s*")
_NEXT_VALUE = re.compile(r"[\s,]*")
_SEP = re.compile(r"sep=(.)\r?\n?")
_LARGE = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) < 4_000 else digits).raw_decode
"""Reads what has a number of more digits than Python reads, which stays text."""

csv.field_size_limit(LINE_LIMIT)


class Records(ABC):
    """A way in which a text file holds its records.

    Attributes:
        path: The file.
        is_seekable: Whether reading can begin in the middle of a plain file.
    """

    is_seekable = True

    def __init__(self, path: Path) -> None:
        """Take a file, whose start may tell how the rest is to be read."""
        self.path = path

    @abstractmethod
    def all(self, file: TextFile) -> Iterator[tuple[int, Any]]:
        """Yield where each record starts (bytes of text) and the record, still unread.

        Raises:
            OSError: What comes next can't be told.
        """

    @abstractmethod
    def load(self, record: Any) -> dict[str, Any]:
        """Return the object of a record.

        Raises:
            ValueError: It holds none that can be read.
        """


class Lines(Records):
    """One object a line. Where files were joined, several may stand on one, with a byte order mark between them."""

    def all(self, file: TextFile) -> Iterator[tuple[int, bytes | None]]:
        """Yield lines; None stands for one that is too long to be read."""
        for start, line in file.lines():
            if line is None or not _SEVERAL.search(line):
                yield start, line
            else:
                yield from _objects(start, line)

    def load(self, record: bytes | None) -> dict[str, Any]:
        """Return the object of a line, in JSON or in Python's notation."""
        if record is None:
            raise ValueError("the line is too long to be read")
        line = record.decode()
        try:
            found = values.literal(line) if line.startswith("{'") else _loads(line)
        except RecursionError:
            raise _too_deep() from None
        except ValueError:
            # Python writes a key that holds an apostrophe in double quotes.
            found = values.literal_or_none(line) if line.startswith('{"') else None
            if found is None:
                raise
        # Counting brackets is quick and nearly always enough.
        return _as_object(found, checked=record.count(b"{") + record.count(b"[") <= MAX_DEPTH)


def _objects(start: int, line: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the objects that stand on one line; what can't be read is the last one, with all that follows."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        yield start, line
        return
    at = 0
    while (begun := _NEXT.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            end = _raw_decode(text, begun)[1]
        except (ValueError, RecursionError):
            end = len(text)
        piece = text[at:end].encode()
        yield start, piece
        start, at = start + len(piece), end
        if text.startswith("\ufeff", at):
            start, at = start + len(BOM), at + 1


class Values(Records):
    """Objects as the elements of a JSON array, or one after another, over any number of lines."""

    is_seekable = False

    def all(self, file: TextFile) -> Iterator[tuple[int, Any]]:
        """Yield values, each with where it starts (characters)."""
        decoder, blocks = codecs.getincrementaldecoder("utf-8-sig")(), file.blocks()
        text, before, at, number, in_array, is_whole = "", 0, 0, 0, False, False
        decode = _raw_decode
        while True:
            at = _NEXT_VALUE.match(text, at).end()  # type: ignore[union-attr]
            if text.startswith("]" if in_array else "[", at):
                in_array, at = not in_array, at + 1
                continue
            try:
                value, end = decode(text, at)
            except RecursionError:
                raise OSError(f"value {number:,} of its JSON is nested too deep") from None
            except json.JSONDecodeError as error:
                if is_whole and at == len(text) and not in_array:
                    return
                if is_whole or len(text) - at > LINE_LIMIT:
                    what = "cut short" if at == len(text) else f"cut short, or no JSON: {error}"
                    what = what if is_whole else "too long"
                    raise OSError(f"value {number:,} of its JSON is {what}") from None
                block = next(blocks, b"")
                is_whole = not block
                try:
                    text, before, at = text[at:] + decoder.decode(block, is_whole), before + at, 0
                except UnicodeDecodeError:
                    raise OSError(f"value {number:,} of its JSON, or one soon after it, is not UTF-8") from None
            except ValueError:
                decode = _LARGE
            else:
                yield before + at, value
                number, at = number + 1, end

    def load(self, record: Any) -> dict[str, Any]:
        """Return the value, if it is an object."""
        return _as_object(record, checked=False)


class Csv(Records):
    """Rows of cells below a header, quoted as spreadsheets and databases do.

    Attributes:
        header: The names of the columns; of equal ones the later get a number, as pandas gives them.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with TextFile(path) as file:
            self._delimiter = delimiter_of(file.start()) or ","
            self._escape = _escape_in(next(file.blocks(), b""), self._delimiter)
        with TextFile(path) as file:
            _, names = next(self._rows(file), (0, []))
        self.header: list[str] = []
        if isinstance(names, str):
            raise OSError(f"it has no header: {names}")
        for name in names:
            name = name.encode(errors="surrogateescape").decode(errors="replace").strip()
            again = self.header.count(name)
            self.header.append(f"{name}.{again}" if again else name)

    def all(self, file: TextFile) -> Iterator[tuple[int, list[str] | str]]:
        """Yield rows of cells, without the header."""
        at_header = file.offset == 0
        for start, cells in self._rows(file):
            if at_header:
                at_header = False
            else:
                yield start, cells

    def load(self, record: list[str] | str) -> dict[str, Any]:
        """Return the cells by their column; an empty one is null."""
        if isinstance(record, str):
            raise ValueError(record)
        extra = record[len(self.header) :]
        if len(record) < len(self.header) or any(extra):
            raise ValueError(f"the row has {len(record):,} cells, the header {len(self.header):,}")
        try:
            "".join(record).encode()
        except UnicodeEncodeError:
            raise ValueError("the row is not UTF-8; save the file as UTF-8") from None
        return {name: cell or None for name, cell in zip(self.header, record, strict=False)}

    def _rows(self, file: TextFile) -> Iterator[tuple[int, list[str] | str]]:
        """Yield rows with where they start: their cells, or why they are none."""
        position, fault = file.offset, ""

        def lines() -> Iterator[str]:
            nonlocal position, fault
            for start, line in file.lines(blank=True):
                position = start + len(line or b"")
                if line is None:
                    fault = "one of its lines is too long to be read"
                    yield "\n"
                # Bytes that are no UTF-8 stay what they are, so that the row can be told.
                elif start > len(BOM) or not _SEP.fullmatch(line.decode(errors="replace")):
                    yield line.decode(errors="surrogateescape")

        rows = csv.reader(
            lines(),
            delimiter=self._delimiter,
            escapechar=self._escape,
            doublequote=True,
            skipinitialspace=True,
            strict=True,
        )
        while True:
            start, fault = position, ""
            try:
                cells = next(rows, None)
            except csv.Error as error:
                cells = []
                fault = fault or f"the row is no CSV: {str(error).split(' - ')[0]}; is a quote open, or not doubled?"
            if cells is None:
                return
            if fault or any(cells):
                yield start, fault or cells


def delimiter_of(start: bytes) -> str | None:
    """Return what stands between the cells of a table that begins so, or None for what is no table.

    >>> delimiter_of(b'name;price\\n"Lamp, brass";12,99\\n')
    ';'
    """
    text = start.removeprefix(BOM).decode(errors="replace").lstrip("\r\n")
    if sep := _SEP.match(text):
        return sep[1]
    header = re.sub(r'"[^"]*"', "", text).split("\n", 1)[0]
    if text[:1] in ("<", "") or any(character < " " and character not in "\t\r\f" for character in header):
        return None
    best = max(_DELIMITERS, key=header.count)
    return best if best in header else None


def _escape_in(start: bytes, delimiter: str) -> str | None:
    """Return the character that stands before a quote within quotes, if quotes are not doubled there."""
    if b'\\"' not in start:
        return None
    text = start.decode(errors="replace")

    def misfits(escape: str | None) -> int:
        lines = io.StringIO(text)
        rows = csv.reader(lines, delimiter=delimiter, escapechar=escape, skipinitialspace=True, strict=True)
        widths: list[int] = []
        while True:
            try:
                widths.append(len(next(rows)))
            except csv.Error:
                widths.append(0)
            except StopIteration:
                return sum(width != widths[0] for width in widths if width != 1) if widths else 0

    return "\\" if misfits("\\") < misfits(None) else None


def _as_object(value: Any, *, checked: bool) -> dict[str, Any]:
    if not checked and _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    if type(value) is not dict:
        raise ValueError(f"it is {in_words(value)}, expected an object")
    return value


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {MAX_DEPTH}")


def _deeper_than(value: Any, limit: int) -> bool:
    """Tell whether lists and objects are nested deeper than `limit`, without recursion."""
    level = [value]
    for _ in range(limit + 1):
        level = [one for one in level if type(one) in (dict, list)]
        if not level:
            return False
        level = [inner for one in level for inner in (one.values() if type(one) is dict else one)]
    return True


def in_words(value: Any) -> str:
    """Return what JSON calls a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    if isinstance(value, bytes):
        return "bytes that are no UTF-8"
    return names.get(type(value), "a number" if isinstance(value, int | float | Decimal) else "a value of another type")
