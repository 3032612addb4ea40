"""Answers that were paid for, kept where the next run finds them: JSON lines, one answer each.

A line is handed to the operating system in one piece as soon as an answer is there, so a run that is killed has lost
none that it had received; at most its last line is torn, which the next run removes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from curator.errors import RunError, RunLockedError

Record = dict[str, Any]
"""What one answer holds, as it is kept as JSON."""


def key_of(question: Mapping[str, Any]) -> str:
    """Return the key of a question (sha256, hex): the same for the same JSON, whatever the order of its names."""
    plain = json.dumps(question, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(plain.encode()).hexdigest()


class AnswerCache:
    """The answers in one file that is open and locked (see `opened`)."""

    def __init__(self, path: Path, file: FileIO, records: dict[str, Record]) -> None:
        self.path = path
        self._file = file
        self._records = records

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> Record:
        return self._records[key]

    def add(self, key: str, record: Record) -> None:
        """Write an answer down.

        Raises:
            RunError: It can't be written; the file is as it was before.
        """
        line = (json.dumps({"key": key, **record}, allow_nan=False) + "\n").encode()
        end = self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(None, "no space is left")
        except OSError as error:
            self._file.truncate(end)
            raise RunError(f"can't write to {self.path}: {error.strerror or error}") from error
        self._records[key] = record


@contextmanager
def opened(path: Path) -> Iterator[AnswerCache]:
    """Open the answers in `path`, made if it isn't there, for this process alone.

    Raises:
        RunLockedError: Another process has them open.
        RunError: They can't be read or written, or a line is damaged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLockedError(
            f"another `curator evaluate` is asking this model, and holds {path}: wait for it, or choose another folder"
            " with --out"
        ) from error
    except OSError as error:
        raise RunError(f"can't write to {path.parent}: {error.strerror or error}") from error
    try:
        with _open(path) as file:
            yield AnswerCache(path, file, _read(path, file))
    finally:
        lock.release()


def _open(path: Path) -> FileIO:
    try:
        # Unbuffered: what is written is with the operating system, whatever becomes of this process.
        path.touch()
        return FileIO(path, "r+")
    except OSError as error:
        raise RunError(f"can't write to {path}: {error.strerror or error}") from error


def _read(path: Path, file: FileIO) -> dict[str, Record]:
    """Return the answers by their keys; a torn last line is cut off."""
    try:
        *lines, tail = (file.readall() or b"").split(b"\n")
        records: dict[str, Record] = {}
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if record is None:
                raise RunError(
                    f"{path} line {number} is damaged: delete that line, and its question will be asked again"
                )
            records[record.pop("key")] = record
        if (whole := _record(tail)) is not None:
            records[whole.pop("key")] = whole
            file.write(b"\n")
        elif tail:
            file.truncate(file.seek(-len(tail), os.SEEK_END))
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from error
    return records


def _record(line: bytes) -> Record | None:
    """Return what a line holds, or None if it is not a whole one."""
    try:
        record = json.loads(line)
        # An escape can spell half a character, which no file of results could hold.
        json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("key"), str):
        return None
    texts = ("content", "refusal", "finish_reason")
    if not {*texts, "logprobs"} <= record.keys() or not all(isinstance(record[one], str | None) for one in texts):
        return None
    logprobs = record["logprobs"]
    return record if logprobs is None or (isinstance(logprobs, list) and all(map(_is_place, logprobs))) else None


def _is_place(one: object) -> bool:
    """Return whether a value is what `hosted_evidence.Logprobs` holds for one token."""
    if not isinstance(one, list) or len(one) != 3 or not isinstance(one[2], list):
        return False
    listed = [one[:2], *one[2]]
    return all(isinstance(pair, list) and len(pair) == 2 and _is_probability(*pair) for pair in listed)


def _is_probability(token: object, value: object) -> bool:
    return isinstance(token, str) and type(value) in (int, float) and -math.inf < value < 1e-3  # type: ignore[operator]
