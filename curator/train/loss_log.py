"""The losses of a training: rows of numbers by step, kept as JSONL, drawn as one self-contained page.

A row has `step` (int, from 1) and whatever of these was measured there: `train_loss`, `valid_loss` (of a part of the
validation rows), `full_valid_loss` (of all of them), `train_mean_token_accuracy`, `valid_mean_token_accuracy`,
`full_valid_mean_token_accuracy` (shares of tokens); losses are means over tokens, in nats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from curator.errors import RunError
from curator.system.files import write_text

MEASURES = {
    "train_loss": "train loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "validation loss, all rows",
    "train_mean_token_accuracy": "train accuracy",
    "valid_mean_token_accuracy": "validation accuracy",
    "full_valid_mean_token_accuracy": "validation accuracy, all rows",
}
"""What may be measured at a step, and what it is called."""

Row = dict[str, Any]
"""One line of the losses: a step and what was measured at it."""


def merge(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return one row for each step, in the order of the steps; of two values of one measure the later stays.

    What is no finite number is left out, and so is a row without a step or without any measure.

    >>> merge([{"step": 2, "train_loss": 1.5}, {"step": 1, "train_loss": 2.0}, {"step": 2, "valid_loss": 1.75}])
    [{'step': 1, 'train_loss': 2.0}, {'step': 2, 'train_loss': 1.5, 'valid_loss': 1.75}]
    """
    by_step: dict[int, Row] = {}
    for row in rows:
        step = _number(row.get("step"))
        found = {key: value for key in MEASURES if (value := _number(row.get(key))) is not None}
        if step is not None and found:
            by_step.setdefault(int(step), {"step": int(step)}).update(found)
    return [by_step[step] for step in sorted(by_step)]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as JSONL, all or nothing.

    Raises:
        RunError: They can't be written.
    """
    write_text(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


def read(path: Path) -> list[Row]:
    """Return the rows of a JSONL file, merged; none if it isn't there. A last line that was cut off is left out.

    Raises:
        RunError: It can't be read, or a line is not a JSON object.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} can't be read: {error}") from error
    rows = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RunError(f"{path} line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise RunError(f"{path} line {number} is not a JSON object")
        rows.append(row)
    return merge(rows)
