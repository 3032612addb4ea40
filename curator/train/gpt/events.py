"""A job's events and results: what they say, in lines, and in losses."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.train.loss_log import MEASURES, Row

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJobEvent

_RESULTS = {"train_accuracy": "train_mean_token_accuracy", "valid_accuracy": "valid_mean_token_accuracy"}
"""What older results files call some measures."""


def plain(text: str, most: int = 1_000) -> str:
    """Return what somebody else's server said as one line without control characters.

    >>> plain("no\\x1b[2J such\\n file ")
    'no[2J such file'
    """
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def stored(event: FineTuningJobEvent) -> dict[str, Any]:
    """Return an event as it is remembered."""
    data = dict(event.data) if isinstance(event.data, dict) else {}
    for key in ("step", "total_steps"):
        if isinstance(data.get(key), float) and data[key].is_integer():
            data[key] = int(data[key])
    return {
        "id": event.id,
        "created_at": int(event.created_at),
        "level": str(event.level),
        "message": str(event.message),
        "data": data,
    }


def line(event: Mapping[str, Any]) -> str:
    """Return an event as a line: its time, how far the job is, and what it says."""
    clock = time.strftime("%H:%M:%S", time.localtime(event["created_at"]))
    row = event["data"]
    if "step" not in row:
        level = "" if event["level"] == "info" else f"{event['level']}: "
        return f"{clock} {level}{plain(event['message'])}"
    step, total = row["step"], row.get("total_steps")
    if isinstance(step, int) and isinstance(total, int) and total:
        step = f"{step} of {total} ({100 * step // total} %)"
    return f"{clock} step {plain(str(step))}  {measured(row)}"


def measured(row: Mapping[str, Any]) -> str:
    """Return the measures of a row in words.

    >>> measured({"step": 200, "train_loss": 1.1376, "valid_loss": 1.1296})
    'train loss 1.138  validation loss 1.130'
    """
    return "  ".join(
        f"{name} {row[key]:.3f}"
        for key, name in MEASURES.items()
        if isinstance(row.get(key), int | float) and key.endswith("loss")
    )


def progress(events: Iterable[Mapping[str, Any]]) -> tuple[int, int | None]:
    """Return the last step that was told of, 0 before the first, and how many there will be, if that was told."""
    step, total = 0, None
    for event in events:
        data = event["data"]
        if isinstance(data.get("step"), int):
            step = max(step, data["step"])
        if isinstance(data.get("total_steps"), int):
            total = data["total_steps"]
    return step, total


def all_steps_done(events: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether the last step has been told of; a job is not at its end then."""
    step, total = progress(events)
    return total is not None and step >= total


def losses(events: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return what the events measured, rows for `loss.merge`."""
    return [event["data"] for event in events if "step" in event["data"]]


def results(path: Path) -> list[Row]:
    """Return the rows of a results file, for `loss.merge`; none if it is not such a file."""
    rows = []
    text = path.read_text("utf-8-sig", errors="replace")
    for found in csv.DictReader(text.splitlines()):
        row: Row = {}
        for name, value in found.items():
            key = _RESULTS.get(name, name)
            if key == "step" or key in MEASURES:
                try:
                    row[key] = float(value)
                except (TypeError, ValueError):
                    continue  # An empty field: not measured at this step.
        rows.append(row)
    return rows
