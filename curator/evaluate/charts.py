"""The figures of an evaluation, in the report's style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from curator.evaluate.harness import Evaluation, Guessed
from curator.evaluate.metrics import colours
from curator.pages.axes import FULL, HALF, count_axis, shortened, title_axis
from curator.pages.svg import COLOUR, Drawing, canvas

SWATCHES = {"green": "test", "amber": "validation", "red": "cap"}
"""The page's colour of each verdict on a guess."""

_POINTS = 2_400  # of all scatters together, which keeps the page small
_BINS = 8
_LABEL = 18  # characters
_Z = 1.96
_TICKS = (1, 10, 100, 1_000)


def swatch(place: int) -> str:
    """Return the page's colour of a model."""
    return f"slice-{place % 8 + 1}"


def label(name: str) -> str:
    """Return a model's name so short that it fits beside a bar: of a path the end, which distinguishes models.

    >>> label("gradient-boosting"), label("llama:runs/models/prices-8b")
    ('gradient-boosting', 'llama:…prices-8b')
    """
    if len(name) <= _LABEL:
        return name
    kind, colon, rest = name.partition(":")
    end = rest.rstrip("/").rpartition("/")[2]
    whole = f"{kind}{colon}…{end}"
    return whole if colon and len(whole) <= _LABEL else f"{name[:6]}…{name[7 - _LABEL :]}"


def labels(names: Sequence[str]) -> dict[str, str]:
    """Return each model's label; two that would have the same one get numbers.

    >>> list(labels(["llama:a/prices-checkpoint-4", "llama:b/prices-checkpoint-4"]).values())
    ['llama:…heckpoint-4', 'llama:…heckpoi (2)']
    """
    found: dict[str, str] = {}
    for name in names:
        short, number = label(name), 1
        while short in found.values():
            number += 1
            short = f"{label(name)[: _LABEL - 4]} ({number})"
        found[name] = short
    return found


def errors(found: Evaluation) -> Drawing:
    """Draw each model's mean absolute error with its interval."""
    numbers = found.summary["models"]
    names = list(numbers)

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 60 + 30 * len(names)), left=128, right=30, top=6, bottom=44, grid="x")
        for place, name in enumerate(names):
            _whisker(axes, numbers[name], place, swatch(place))
        axes.set_yticks(range(len(names)), list(labels(names).values()))
        axes.set_ylim(len(names) - 0.5, -0.5)
        _dollars(axes)
        axes.set_xlabel("mean absolute error (USD)")
        return figure

    described = ", ".join(f"{name} {_usd(numbers[name]['mae'])}" for name in names)
    return Drawing("errors", f"Mean absolute error of each model with its 95 % interval: {described}.", FULL, plot)


def points(found: Evaluation) -> int:
    """Return how many rows a scatter shows at most."""
    return max(50, _POINTS // len(found.models))


def scatter(found: Evaluation, place: int) -> Drawing:
    """Draw one model's guesses against the true prices, coloured by how near they are."""
    one = found.models[place]
    most = points(found)
    price, guess = one.scored.price[:most], one.scored.guess[:most]
    named = np.array([colour or "" for colour in colours(price, guess)])
    top = max(1_000.0, float(np.nanmax(np.concatenate([price, guess, [1.0]]))))

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, min(width, 420)), left=52, right=18, top=26, bottom=44, grid="both")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.plot([0.5, top], [0.5, top], color=COLOUR["muted"], linewidth=1)
        for colour, name in SWATCHES.items():
            here = named == colour
            axes.scatter(price[here], np.maximum(guess[here], 0.5), s=14, color=COLOUR[name], alpha=0.65, linewidths=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(_TICKS, [f"${tick:,}" for tick in _TICKS])
            axis.set_ticks([], minor=True)
        axes.set_xlim(0.45, top * 1.15)
        axes.set_ylim(0.45, top * 1.15)
        axes.set_xlabel("true price")
        title_axis(axes, "guess")
        return figure

    counts = ", ".join(f"{int(np.sum(named == colour)):,} {colour}" for colour in SWATCHES)
    alt = f"Guesses of {one.name} against the true prices of {len(price):,} rows, both logarithmic: {counts}."
    return Drawing(f"scatter-{place}", alt, HALF, plot)


def running(found: Evaluation) -> Drawing:
    """Draw the mean absolute error over the rows so far, with a band of 1.96 standard errors."""
    curves = [_running(one) for one in found.models]

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 300), left=52, right=18, top=28)
        highest = 1.0
        for place, (rows, mean, band) in enumerate(curves):
            if not len(rows):
                continue
            keep = np.unique(np.linspace(0, len(rows) - 1, 200).astype(np.int64))
            colour = COLOUR[swatch(place)]
            axes.fill_between(
                rows[keep], (mean - band)[keep], (mean + band)[keep], color=colour, alpha=0.12, linewidth=0
            )
            axes.plot(rows[keep], mean[keep], color=colour, linewidth=1.7)
            highest = max(highest, float(np.max((mean + band)[len(rows) // 5 :])))
        axes.set_ylim(0, highest * 1.1)
        axes.set_xlim(0, max(len(one.answers) for one in found.models) + 1)
        count_axis(axes.xaxis, 8)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:g}"))
        axes.set_xlabel("rows so far")
        title_axis(axes, "mean absolute error")
        return figure

    described = ", ".join(
        f"{one.name} {_usd(float(mean[-1]))}"
        for one, (_, mean, _) in zip(found.models, curves, strict=True)
        if len(mean)
    )
    alt = f"Mean absolute error over the rows so far; in the end: {described or 'no answers'}."
    return Drawing("running", alt, FULL, plot)


def groups(found: Evaluation, what: str, title: str) -> Drawing:
    """Draw each model's mean absolute error in every price band or category.

    Args:
        found: The evaluation.
        what: ``bands`` or ``categories``.
        title: What they are called in words.
    """
    numbers = found.summary["models"]
    labels = [group["name"] for group in next(iter(numbers.values()))[what]]
    models = list(numbers.values())

    def plot(width: int) -> Figure:
        step = 15 + 9 * len(models)
        figure, axes = canvas((width, 60 + step * len(labels)), left=128, right=24, top=6, bottom=44, grid="x")
        for at, one in enumerate(models):
            shift = (at - (len(models) - 1) / 2) * min(0.16, 0.7 / len(models))
            for place, group in enumerate(one[what]):
                _whisker(axes, group, place + shift, swatch(at))
        axes.set_yticks(range(len(labels)), [shortened(label, 18) for label in labels])
        axes.set_ylim(len(labels) - 0.5, -0.5)
        _dollars(axes)
        axes.set_xlabel("mean absolute error (USD)")
        return figure

    alt = f"Mean absolute error of each model by {title}, with 95 % intervals: {', '.join(labels)}."
    return Drawing(what, alt, HALF, plot)


def calibration(found: Evaluation) -> Drawing:
    """Draw the mean true price of rows with about the same guess, against that guess."""
    curves = [calibrate(one) for one in found.models]

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 320), left=52, right=18, top=28, bottom=44, grid="both")
        axes.set_xscale("log")
        axes.set_yscale("log")
        ends = [value for curve in curves for row in curve for value in (row["guess"], row["price"])] or [1.0, 100.0]
        low, high = max(min(ends) / 1.3, 0.1), max(max(ends) * 1.3, 10.0)
        axes.plot([low, high], [low, high], color=COLOUR["muted"], linewidth=1)
        for place, curve in enumerate(curves):
            x, y = [row["guess"] for row in curve], [row["price"] for row in curve]
            axes.plot(x, y, color=COLOUR[swatch(place)], linewidth=1.7, marker="o", markersize=5)
        ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1_000) if low <= tick <= high]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [f"${tick:,}" for tick in ticks])
            axis.set_ticks([], minor=True)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xlabel("mean guess")
        title_axis(axes, "mean true price")
        return figure

    alt = f"Mean true price against mean guess in up to {_BINS} groups of rows with about the same guess, by model."
    return Drawing("calibration", alt, FULL, plot)


def calibrate(one: Guessed) -> list[dict[str, Any]]:
    """Return mean guess and mean true price (USD) of groups of rows with about the same guess, lowest guess first."""
    there = ~np.isnan(one.scored.guess)
    guess, price = one.scored.guess[there], one.scored.price[there]
    if not len(guess):
        return []
    # Equal guesses stay together, however many they are.
    edges = np.unique(np.quantile(guess, np.linspace(0, 1, _BINS + 1)))
    group = np.searchsorted(edges[1:-1], guess, side="right")
    inside = [group == at for at in np.unique(group)]
    return [
        {"guess": float(guess[one].mean()), "price": float(price[one].mean()), "rows": int(one.sum())} for one in inside
    ]


def _running(one: Guessed) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return row numbers, running mean error and 1.96 standard errors, for the rows with an answer."""
    error = np.abs(one.scored.guess - one.scored.price)
    rows = np.flatnonzero(~np.isnan(error))
    error = error[rows]
    count = np.arange(1, len(error) + 1)
    mean = np.cumsum(error) / count
    variance = np.maximum(np.cumsum(error**2) / count - mean**2, 0) * count / np.maximum(count - 1, 1)
    return rows + 1, mean, _Z * np.sqrt(variance / count)


def _whisker(axes: Axes, numbers: dict[str, Any], place: float, colour: str) -> None:
    value, span = numbers["mae"], numbers["intervals"]["mae"]
    if value is None:
        return
    if span is not None:
        axes.plot(span, [place, place], color=COLOUR[colour], linewidth=1.7, alpha=0.7)
    axes.plot([value], [place], color=COLOUR[colour], marker="o", markersize=6)


def _dollars(axes: Axes) -> None:
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:,g}"))


def _usd(value: float | None) -> str:
    return "unknown" if value is None else f"${value:,.2f}"


def keys(found: Evaluation) -> Sequence[tuple[str, str]]:
    """Return colour and name of each model."""
    return [(swatch(place), one.name) for place, one in enumerate(found.models)]
