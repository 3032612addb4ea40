"""The page of a comparison, in the report's own style."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from curator.compare.compare import Comparison
from curator.figures import charts, facts
from curator.figures.charts import binned
from curator.pages import html
from curator.pages.axes import FULL, HALF, beside, count_axis, share_axis, shortened
from curator.pages.svg import COLOUR, Drawing, canvas, stairs
from curator.run.ledger import REASONS
from curator.system.files import write_text

_SECTIONS = (
    ("changes", "What changed"),
    ("settings", "Settings"),
    ("rows", "Rows"),
    ("distributions", "Distributions"),
    ("gained", "Gained"),
    ("lost", "Lost"),
)
_MOST_CATEGORIES = 12
_SENTENCES = {**REASONS, **facts.SENTENCES, "not_read": "The run has not read this row."}


def render(comparison: Comparison) -> str:
    """Return the page of what `curator.compare.compare.compare` found."""
    a, b = comparison.a, comparison.b
    return html.render(
        "compare/compare.html",
        title=f"{' against '.join(comparison.labels)}: comparison",
        sections=_SECTIONS,
        comparison=comparison,
        a=a,
        b=b,
        labels=comparison.labels,
        figures={function.__name__: function(comparison) for function in (fates, prices, tokens, categories)},
        sentences=_SENTENCES,
        published={side: sum(getattr(comparison, side)["splits"].values()) for side in "ab"},
        as_json=lambda value: json.dumps(value, ensure_ascii=False),
    )


def fates(comparison: Comparison) -> Drawing:
    """Draw the rows of each fate in both runs, side by side."""
    rows = comparison.fates
    first, second = comparison.labels
    top = max((max(row["a"], row["b"]) for row in rows), default=1) or 1

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 46 + 38 * max(len(rows), 1)), left=128, right=26, top=4, bottom=34, grid="x")
        _pairs(axes, [(row["a"], row["b"]) for row in rows], "{:,}")
        axes.set_yticks(range(len(rows)), [row["fate"] for row in rows])
        axes.set_xlim(0, top * 1.1)
        count_axis(axes.xaxis, 8)
        return figure

    told = ", ".join(f"{row['fate']} {row['a']:,} and {row['b']:,}" for row in rows)
    return Drawing("fates", f"Rows of each fate in {first} and in {second}: {told}.", FULL, plot)


def prices(comparison: Comparison) -> Drawing:
    """Draw the prices of both samples on the same axes."""
    counts = {side: getattr(comparison, side)["distributions"]["slots"]["sampled"] for side in "ab"}
    curves = {side: facts.shares(binned(one)) for side, one in counts.items()}

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 300), left=46, right=22, top=28)
        for side, curve in curves.items():
            charts.price_steps(axes, curve, side)
        share_axis(axes, max(curve.max() for curve in curves.values()), "% of the sample")
        charts.price_axis(axes)
        return figure

    told = " and ".join(f"${facts.median(one) or 0:,} in {name}" for one, name in _named(counts, comparison))
    alt = f"Prices of both samples in steps of ${charts.BIN}; the median slot is {told}."
    return Drawing("prices", alt, FULL, plot)


def tokens(comparison: Comparison) -> Drawing:
    """Draw the tokens of both samples' prompts on the same axes."""
    counts = {side: getattr(comparison, side)["distributions"]["tokens"]["sampled"] for side in "ab"}

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 270), left=46, right=22, top=28)
        starts = [next((at for at, count in enumerate(one) if count), 0) for one in counts.values()]
        for side, one in counts.items():
            share = facts.shares(one)
            stairs(axes, share, np.arange(len(share) + 1) - 0.5, side)
        axes.set_xlim(min(starts) - 1, max(max(len(one) for one in counts.values()), 1) + 1)
        share_axis(axes, max(facts.shares(one).max(initial=0) for one in counts.values()), "% of the sample")
        count_axis(axes.xaxis, 8)
        axes.set_xlabel("tokens of the whole prompt")
        return figure

    told = " and ".join(f"{facts.median(one)} in {name}" for one, name in _named(counts, comparison))
    return Drawing("tokens", f"Tokens of the prompts of both samples; the median is {told}.", HALF, plot)


def categories(comparison: Comparison) -> Drawing:
    """Draw the categories of both samples."""
    counts = {side: getattr(comparison, side)["distributions"]["categories"] for side in "ab"}
    sampled = {side: {one["category"]: one["sampled"] for one in rows} for side, rows in counts.items()}
    names = sorted({*sampled["a"], *sampled["b"]}, key=lambda name: (-sampled["a"].get(name, 0), str(name)))
    shown = names[:_MOST_CATEGORIES]
    totals = {side: getattr(comparison, side)["sampled"] for side in "ab"}
    pairs = [tuple(_percent(sampled[side].get(name, 0), totals[side]) for side in "ab") for name in shown]

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 46 + 30 * max(len(shown), 1)), left=166, right=26, top=4, bottom=34, grid="x")
        _pairs(axes, pairs, "{:.1f}%")
        axes.set_yticks(range(len(shown)), [shortened("(none)" if name is None else name) for name in shown])
        axes.set_xlim(0, max((max(pair) for pair in pairs), default=1) * 1.3 or 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}%")
        axes.locator_params(axis="x", nbins=5)
        return figure

    told = ", ".join(f"{name} {pair[0]:.1f}% and {pair[1]:.1f}%" for name, pair in zip(shown, pairs, strict=True))
    return Drawing("categories", f"Shares of the largest categories in both samples: {told or 'none'}.", HALF, plot)


def _named(counts: Mapping[str, list[int]], comparison: Comparison) -> list[tuple[list[int], str]]:
    return list(zip(counts.values(), comparison.labels, strict=True))


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _pairs(axes: Axes, pairs: list[Any], form: str) -> None:
    """Draw two bars for each pair, one below the other, each with its number."""
    for place, pair in enumerate(pairs):
        for value, shift, colour in zip(pair, (-0.2, 0.2), "ab", strict=True):
            axes.barh(place + shift, value, 0.38, color=COLOUR[colour])
            beside(axes, (value, place + shift), form.format(value), 1)
    axes.set_ylim(max(len(pairs), 1) - 0.4, -0.6)


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write the page of what `compare.compare` found.

    Raises:
        RunError: It can't be written.
    """
    write_text(out, render(comparison))
