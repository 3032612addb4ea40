"""Figures of price against length and weight, as clouds of cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.transforms import Bbox, BboxTransformTo
from numpy.typing import NDArray

from curator.pages.axes import HALF, number, title_axis
from curator.pages.svg import COLOUR, Drawing, canvas

_LEVELS = 6
_COLUMNS, _ROWS = 30, 21

_Range = tuple[float, float]


def count(
    x: NDArray[Any], y: NDArray[Any], x_range: _Range, y_range: _Range, rows: NDArray[Any] | None = None
) -> dict[str, Any]:
    """Count points in the cells of a grid, so that a cloud of any size becomes a few hundred numbers.

    Args:
        x: Positions; those outside `x_range` count at its ends.
        y: Positions; those outside `y_range` count at its ends.
        x_range: What the columns span.
        y_range: What the rows of cells span.
        rows: How many rows lie at each point, if not one.

    Returns:
        `x` and `y`, the ranges; `counts`, a list of columns from left to right, each of its cells from below.
    """
    inside = np.clip(x, *x_range), np.clip(y, *y_range)
    counts, _, _ = np.histogram2d(*inside, bins=(_COLUMNS, _ROWS), range=(x_range, y_range), weights=rows)
    return {"x": list(x_range), "y": list(y_range), "counts": counts.astype(int).tolist()}


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
        f"Price against the length of the text, {found['rows']:,} rows counted in cells; texts have {found['min']:,}"
        f" to {found['max']:,} characters. Rank correlation {_correlation(found)}."
    )
    return _cloud("length", alt, found, scale)


def weight(summary: Mapping[str, Any]) -> Drawing | None:
    """Draw the price against the weight, or nothing where no text states one."""
    found = summary["published"]["weight"]
    if found is None:
        return None

    def scale(axes: Axes) -> None:
        powers = range(-4, 4)
        axes.set_xticks(powers, [number(10.0**power) for power in powers])
        axes.set_xlabel("pounds (logarithmic)")

    alt = (
        f"Price against weight, {found['rows']:,} rows whose text states one, counted in cells; the median is"
        f" {found['median']:,} pounds. Rank correlation {_correlation(found)}."
    )
    return _cloud("weight", alt, found, scale)


def heat_limits(found: Mapping[str, Any]) -> list[int]:
    """Return the least number of rows of each shade that a cloud has, in steps of equal ratio."""
    most = np.max(_grid(found)["counts"])
    return sorted({max(1, round(most ** (level / _LEVELS))) for level in range(_LEVELS)})


def _grid(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of a cloud. Curator 0.1.0 made them in hexagons; each goes into the cell of its centre."""
    if "grid" in found:
        return dict(found["grid"])
    old = found["hexagons"]
    half_columns, half_rows, rows = np.array(old["cells"]).reshape(-1, 3).T
    (left, right), (low, high) = old["x"], old["y"]
    x = left + (half_columns + 0.5) / 60 * (right - left)
    return count(x, low + half_rows * 3**0.5 / 36 * (high - low), (left, right), (low, high), rows)


def _cloud(name: str, alt: str, found: Mapping[str, Any], scale: Any) -> Drawing:
    grid, limits = _grid(found), heat_limits(found)
    shades = np.searchsorted(limits, grid["counts"], side="right")
    (left, right), (low, high) = grid["x"], grid["y"]
    columns, rows = shades.shape
    x, y = np.linspace(left, right, columns + 1), np.linspace(low, high, rows + 1)

    def plot(width: int) -> Figure:
        inner = width - 52 - 26
        figure, axes = canvas((width, inner * 0.6 + 30 + 42), left=52, right=26, top=30, bottom=42, grid="both")
        for shade in range(1, len(limits) + 1):
            cells = [Bbox([[x[i], y[j]], [x[i + 1], y[j + 1]]]) for i, j in np.argwhere(shades == shade)]
            # All cells of a shade are one path: edges that touch don't show.
            outlines = [Outline.unit_rectangle().transformed(BboxTransformTo(cell)) for cell in cells]
            path = Outline.make_compound_path(*outlines)
            axes.add_artist(PathPatch(path, color=COLOUR[f"heat-{shade}"], linewidth=0))
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(y[0], y[-1])
        axes.set_yticks(range(4), ["$1", "$10", "$100", "$1,000"])
        scale(axes)
        title_axis(axes, "price (logarithmic)")
        return figure

    return Drawing(name, alt, HALF, plot)


def _correlation(found: Mapping[str, Any]) -> str:
    value = found["rank_correlation"]
    return "unknown" if value is None else f"{value:.2f}"
