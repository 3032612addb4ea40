"""Read OpenAI JSONL strictly: one object a line, the roles in order, no empty content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

ROLES = ("system", "user", "assistant")
"""Roles of the three messages of a line, in their order."""
FEWEST_EXAMPLES = 10
"""Lines below which OpenAI refuses a file."""
MOST_BYTES = 512 * 10**6
"""What OpenAI takes in one file."""

TOKENS_AROUND = 15
"""Tokens of a chat of three messages beside their contents, as OpenAI's own examples count them."""

_LONGEST_LINE = 64 * 2**20


def batches(path: Path, rows: int, problem: Callable[[str], None], name: str) -> Iterator[pl.DataFrame]:
    """Yield the contents of the messages of each line, columns as `ROLES`, null for a line that is not valid.

    Args:
        path: The file.
        rows: Lines of a batch.
        problem: Called with what is wrong with a line.
        name: The file's name in messages.
    """
    lines: list[tuple[str | None, ...]] = []
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            try:
                lines.append(_contents(line))
            except ValueError as error:
                problem(f"{name} line {number}: {error}")
                lines.append((None,) * len(ROLES))
            if len(lines) == rows:
                yield _frame(lines)
                lines = []
    if lines:
        yield _frame(lines)


def _frame(lines: list[tuple[str | None, ...]]) -> pl.DataFrame:
    return pl.DataFrame(lines, schema=dict.fromkeys(ROLES, pl.String), orient="row")


class _RepeatedKeyError(Exception):
    """An object has a key twice; one reader would take the first, another the last."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return found


def _contents(line: bytes) -> tuple[str, ...]:
    """Return the contents of a line's messages.

    Raises:
        ValueError: The line is not what OpenAI takes.
    """
    if not line.endswith(b"\n"):
        raise ValueError("the line has no end")
    try:
        chat = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
        # An escape can spell half a character, which is no text in any encoding.
        json.dumps(chat, ensure_ascii=False).encode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ValueError("it is not UTF-8") from error
    except _RepeatedKeyError as error:
        raise ValueError(f"the key {error} is there twice") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not one JSON object") from error
    if not isinstance(chat, dict) or chat.keys() != {"messages"} or not isinstance(chat["messages"], list):
        raise ValueError("it is not an object with `messages` alone")
    messages = chat["messages"]
    if not all(isinstance(one, dict) and one.keys() == {"role", "content"} for one in messages):
        raise ValueError("a message is not an object with `role` and `content` alone")
    if (roles := tuple(one["role"] for one in messages)) != ROLES:
        raise ValueError(f"the roles are {', '.join(map(str, roles)) or 'none'}, not {', '.join(ROLES)}")
    contents = tuple(one["content"] for one in messages)
    for role, content in zip(ROLES, contents, strict=True):
        if not isinstance(content, str) or not content.strip():
            raise ValueError(f"the content of {role} is empty")
    return contents
