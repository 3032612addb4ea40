"""The page of a training: one self-contained HTML file in the report's look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from curator.pages import html
from curator.pages.axes import FULL, count_axis, title_axis
from curator.pages.svg import COLOUR, Drawing, canvas
from curator.system.files import write_text
from curator.train.loss_log import MEASURES

_SECTIONS = (("loss", "Loss"), ("numbers", "The numbers"), ("made", "How it was trained"))
_COLOURS = {"train": "train", "valid": "validation", "full": "test"}
_POINTS = 600
"""Points of a line; a longer one is drawn from the means of as many stretches."""

_SMOOTH_FROM = 30
"""Steps from which on a running mean is drawn, over a fifteenth of them but at least five."""

_LISTED = 60
"""Steps listed on a page, evenly spread; the rest is in the JSONL file."""


def render(
    rows: Sequence[Mapping[str, Any]], *, title: str, status: str, facts: Sequence[tuple[str, str]], source: str
) -> str:
    """Return the page; the same rows and facts give the same page.

    Args:
        rows: What `loss.merge` returns.
        title: What is trained, in a few words.
        status: How far it is, in a sentence.
        facts: Names and values for the table of how it was trained.
        source: The name of the file that holds the rows.
    """
    keys = [key for key in MEASURES if any(key in row for row in rows)]
    losses = [key for key in keys if key.endswith("loss")]
    shares = [key for key in keys if key.endswith("accuracy")]
    return html.render(
        "train/training.html",
        title=title,
        status=status,
        sections=_SECTIONS,
        facts=facts,
        rows=rows,
        listed=_spread(rows),
        source=source,
        names=MEASURES,
        keys=keys,
        tiles=_tiles(rows, losses),
        loss=_lines("loss", "Loss", rows, losses) if losses else None,
        accuracy=_lines("accuracy", "Share of tokens guessed right", rows, shares) if shares else None,
        smooth=_window(len(_series(rows, "train_loss")[0])),
        colours={"loss": _keys(losses), "accuracy": _keys(shares)},
    )


def _colour(key: str) -> str:
    return _COLOURS[key.partition("_")[0]]


def _keys(keys: Sequence[str]) -> list[tuple[str, str]]:
    return [(_colour(key), MEASURES[key]) for key in keys]


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[Any, Any]:
    """Return steps and values of a measure, two arrays of one shape, (n,)."""
    found = [(row["step"], row[key]) for row in rows if key in row]
    array = np.array(found, float).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _window(steps: int) -> int:
    """Return how many steps a running mean takes, or 0 where the line is short enough to be drawn as it is."""
    return max(5, steps // 15) if steps >= _SMOOTH_FROM else 0


def _smoothed(values: Any, window: int) -> Any:
    """Return the mean of the `window` values around each place, of fewer at both ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    starts = np.maximum(0, places - window // 2)
    ends = np.minimum(len(values), places + window // 2 + 1)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _thinned(steps: Any, values: Any) -> tuple[Any, Any]:
    if len(steps) <= _POINTS:
        return steps, values
    pieces = np.array_split(np.arange(len(steps)), _POINTS)
    return np.array([steps[one].mean() for one in pieces]), np.array([values[one].mean() for one in pieces])


def _lines(name: str, what: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Drawing:
    """Draw measures by step: a train line of many steps pale with its running mean, the others with their points."""
    series = {key: _series(rows, key) for key in keys}

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 330), left=46, right=14, top=28)
        for key, (steps, values) in series.items():
            _line(axes, key, steps, values)
        highest = max(float(np.quantile(values, 0.99)) for _, values in series.values())
        # One wild step at the beginning must not press the rest flat.
        top = min(max(float(values.max()) for _, values in series.values()), 1.6 * highest)
        axes.set_ylim(0, 1.06 * top or 1)
        axes.set_xlim(0, rows[-1]["step"] * 1.02 + 0.5)
        count_axis(axes.xaxis, 8)
        axes.set_xlabel("step")
        title_axis(axes, what.lower())
        return figure

    told = "; ".join(
        f"{MEASURES[key]} from {values[0]:.2f} at step {steps[0]:,.0f} to {values[-1]:.2f} at step {steps[-1]:,.0f}"
        for key, (steps, values) in series.items()
    )
    return Drawing(name, f"{what} by step: {told}.", FULL, plot)


def _line(axes: Axes, key: str, steps: Any, values: Any) -> None:
    colour = COLOUR[_colour(key)]
    if key.startswith("train") and (window := _window(len(steps))):
        axes.plot(*_thinned(steps, values), color=colour, linewidth=1, alpha=0.3)
        axes.plot(*_thinned(steps, _smoothed(values, window)), color=colour, linewidth=2)
        return
    marker = "D" if key.startswith("full") else "o"
    few = len(steps) <= 80
    axes.plot(*_thinned(steps, values), color=colour, linewidth=1.7, marker=marker if few else "", markersize=4.5)


def _tiles(rows: Sequence[Mapping[str, Any]], losses: Sequence[str]) -> list[tuple[str, str, float, str]]:
    """Return name, key, value and form of the numbers that stand on top."""
    tiles: list[tuple[str, str, float, str]] = []
    if rows:
        tiles.append(("steps", "steps", rows[-1]["step"], "{:,}"))
    for key in losses:
        _, values = _series(rows, key)
        window = _window(len(values)) if key == "train_loss" else 0
        name = f"{MEASURES[key]}, last {window} steps" if window else f"last {MEASURES[key]}"
        tiles.append((name, key, round(float(np.mean(values[-(window or 1) :])), 4), "{:.3f}"))
    return tiles


def _spread(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rows evenly spread, the last among them, and every one with a loss of all validation rows."""
    chosen = {round(at) for at in np.linspace(0, len(rows) - 1, min(len(rows), _LISTED))}
    return [row for at, row in enumerate(rows) if at in chosen or "full_valid_loss" in row]


def write_page(path: Path, rows: Sequence[Mapping[str, Any]], **facts: Any) -> None:
    """Write the page of a training, all or nothing.

    Args:
        path: Where it goes.
        rows: What `merge` returns.
        facts: What `page.render` takes besides.

    Raises:
        RunError: It can't be written.
    """
    write_text(path, render(rows, **facts))
