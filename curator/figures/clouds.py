"""Figures of price against length and weight, as clouds of hexagons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from curator.figures import hexagons
from curator.pages.axes import HALF, NARROW, drawing, number, title_axis
from curator.pages.svg import COLOUR, Drawing, canvas

_LEVELS = 6


def length(summary: Mapping[str, Any]) -> Drawing | None:
    """Draw the price against the length of the text, or nothing where there are no rows."""
    found = summary["published"]["length"]
    if found is None:
        return None

    def scale(axes: Axes) -> None:
        axes.locator_params(axis="x", nbins=6)
        axes.xaxis.set_major_formatter(number)
        axes.set_xlabel("characters of product text")

    alt = (
        f"Price against the length of the text, {found['rows']:,} rows counted in hexagons; texts have {found['min']:,}"
        f" to {found['max']:,} characters. Rank correlation {_correlation(found)}."
    )
    return _cloud("length", alt, found["hexagons"], scale)


def weight(summary: Mapping[str, Any]) -> Drawing | None:
    """Draw the price against the weight, or nothing where no text states one."""
    found = summary["published"]["weight"]
    if found is None:
        return None

    def scale(axes: Axes) -> None:
        powers = (-4, -3, -2, -1, 0, 1, 2, 3) if axes.bbox.width > NARROW else (-4, -2, 0, 2)
        axes.set_xticks(powers, [number(10.0**power) for power in powers])
        axes.set_xlabel("pounds (logarithmic)")

    alt = (
        f"Price against weight, {found['rows']:,} rows whose text states one, counted in hexagons; the median is"
        f" {found['median']:,} pounds. Rank correlation {_correlation(found)}."
    )
    return _cloud("weight", alt, found["hexagons"], scale)


def heat_limits(grid: dict[str, Any]) -> list[int]:
    """Return the least number of points of each shade that a cloud has, in steps of equal ratio."""
    most = max((count for *_, count in grid["cells"]), default=1)
    return sorted({max(1, round(most ** (level / _LEVELS))) for level in range(_LEVELS)})


def _cloud(name: str, alt: str, grid: dict[str, Any], scale: Any) -> Drawing:
    x, y, points = hexagons.centres(grid)
    limits = heat_limits(grid)
    level = np.searchsorted(limits, points, side="right")
    shape = hexagons.corners(grid)

    def plot(width: int) -> Figure:
        inner = width - 52 - 26
        figure, axes = canvas((width, inner * 0.6 + 30 + 42), left=52, right=26, top=30, bottom=42)
        for shade in range(1, len(limits) + 1):
            chosen = np.stack([x, y], axis=1)[level == shade]
            cells = [Outline([*(shape + centre), (0, 0)], closed=True) for centre in chosen]
            if cells:
                path = Outline.make_compound_path(*cells)
                axes.add_artist(PathPatch(path, color=COLOUR[f"heat-{shade}"], linewidth=0))
        (x_low, x_high), (y_low, y_high) = grid["x"], grid["y"]
        axes.set_xlim(x_low, x_high)
        axes.set_ylim(y_low, y_high)
        axes.set_yticks(range(4), ["$1", "$10", "$100", "$1,000"])
        axes.grid(color=COLOUR["grid"], linewidth=0.8)
        scale(axes)
        title_axis(axes, "price (logarithmic)")
        return figure

    return drawing(name, alt, HALF, plot)


def _correlation(found: Mapping[str, Any]) -> str:
    value = found["rank_correlation"]
    return "unknown" if value is None else f"{value:.2f}"
