"""Further figures of a report: categories, price against length and weight, duplicates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from curator.report import facts, hexagons
from curator.report.figures import HALF, NARROW, beside, count_axis, drawing, number, title_axis
from curator.report.svg import COLOUR, Drawing, canvas
from curator.visible import visible

_LEVELS = 6
_LONGEST_LABEL = 24


def categories(summary: Mapping[str, Any]) -> Drawing:
    """Draw each category's share before and after the sampling."""
    rows = facts.categories(summary)
    before = facts.shares([row.items for row in rows])
    after = facts.shares([row.sampled for row in rows])

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 44 + 30 * max(len(rows), 1)), left=166, right=48, top=4, bottom=34)
        place = np.arange(len(rows))
        axes.barh(place - 0.19, before, 0.36, color=COLOUR["before"])
        axes.barh(place + 0.19, after, 0.36, color=COLOUR["after"])
        for at, (first, second) in enumerate(zip(before, after, strict=True)):
            beside(axes, (max(first, second), at), f"{second:.1f}%", 1)
        axes.set_yticks(place, [shortened(row.name) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, (max(before.max(initial=0), after.max(initial=0)) or 1) * 1.02)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}%")
        axes.locator_params(axis="x", nbins=3 if width == NARROW else 6)
        axes.grid(axis="x", color=COLOUR["grid"], linewidth=0.8)
        return figure

    told = ", ".join(
        f"{row.name} {first:.1f}% then {second:.1f}%" for row, first, second in zip(rows, before, after, strict=True)
    )
    return drawing("categories", f"Shares of categories before and after the sampling: {told or 'none'}.", HALF, plot)


def ring(summary: Mapping[str, Any]) -> Drawing:
    """Draw the categories of the sample as a ring."""
    rows = facts.slices(summary)
    share = facts.shares([row.sampled for row in rows])

    def plot(width: int) -> Figure:
        side = min(width, 300)
        figure, axes = canvas((side, side), left=4, right=4, top=4, bottom=4)
        axes.set_axis_off()
        axes.set_aspect("equal")
        if rows:
            axes.pie(
                share,
                startangle=90,
                counterclock=False,
                radius=1,
                colors=[COLOUR[slice_colour(row.name, at)] for at, row in enumerate(rows)],
                wedgeprops={"width": 0.36, "edgecolor": COLOUR["paper"], "linewidth": 2},
            )
        axes.text(0, 0.07, number(summary["sampled"]), ha="center", va="center", fontsize=22, color=COLOUR["ink"])
        axes.text(0, -0.16, "sampled", ha="center", va="center", color=COLOUR["muted"])
        axes.set_xlim(-1.02, 1.02)
        axes.set_ylim(-1.02, 1.02)
        return figure

    told = ", ".join(f"{row.name} {part:.1f}%" for row, part in zip(rows, share, strict=True))
    alt = f"Ring of the {summary['sampled']:,} sampled items by category: {told or 'none'}."
    return drawing("ring", alt, HALF, plot)


def slice_colour(name: str, place: int) -> str:
    """Return the colour's name of a slice of the ring."""
    return "before" if name == "all others" else f"slice-{place % 8 + 1}"


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


def duplicates(summary: Mapping[str, Any]) -> Drawing | None:
    """Draw how many groups of copies there are of each size, or nothing where there are none."""
    sizes = summary["duplicates"]["sizes"]
    if not sizes:
        return None
    bars = [(str(size), count) for size, count in sizes if size < 10]
    if more := sum(count for size, count in sizes if size >= 10):
        bars.append(("10+", more))

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 230), left=46, top=28)
        place = np.arange(len(bars))
        axes.bar(place, [count for _, count in bars], 0.6, color=COLOUR["after"])
        for at, (_, count) in enumerate(bars):
            axes.text(at, count, f"{count:,}", ha="center", va="bottom", color=COLOUR["ink"])
        axes.set_xticks(place, [size for size, _ in bars])
        axes.set_xlim(-0.8, max(len(bars), 5) - 0.2)
        axes.set_ylim(0, max(count for _, count in bars) * 1.15)
        count_axis(axes.yaxis, 4)
        axes.grid(axis="y", color=COLOUR["grid"], linewidth=0.8)
        axes.set_xlabel("items in a cluster")
        title_axis(axes, "clusters")
        return figure

    told = ", ".join(f"{count:,} of {size}" for size, count in bars)
    return drawing("duplicates", f"Clusters of items, by size: {told} items.", HALF, plot)


def shortened(name: str, most: int = _LONGEST_LABEL) -> str:
    """Return a label that fits beside a bar: so many characters at most."""
    name = visible(" ".join(name.replace("_", " ").split()))
    return name if len(name) <= most else f"{name[: most - 1]}…"


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
