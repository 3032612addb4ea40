"""Axes, labels and sizes that the figures of all pages share."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from curator.pages.svg import COLOUR
from curator.system.display import visible

FULL, HALF = 1030, 486
"""Widths of a figure across the page, and across half of it (pixels)."""


def number(value: float, _: object = None) -> str:
    """Return a number for an axis: short, with a comma for thousands.

    >>> number(1200), number(0.5), number(3_000_000)
    ('1,200', '0.5', '3M')
    """
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def beside(axes: Axes, place: tuple[float, float], text: str, side: int, colour: str = "ink") -> None:
    """Write beside a point, to its right (1) or left (-1)."""
    axes.annotate(
        text,
        place,
        (5 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        color=COLOUR[colour],
    )


def share_axis(axes: Axes, top: float, title: str) -> None:
    """Give the vertical axis percentages from 0 to `top`, and a title."""
    axes.set_ylim(0, (top or 1) * 1.06)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    title_axis(axes, title)


def count_axis(axis: Any, ticks: int) -> None:
    """Give an axis of counts whole numbers."""
    axis.set_major_locator(MaxNLocator(ticks, integer=True))
    axis.set_major_formatter(FuncFormatter(number))


def title_axis(axes: Axes, text: str) -> None:
    """Write what the vertical axis counts above it, where it can be read without turning the head."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.text(0.004, 0.985, text, ha="left", va="top", color=COLOUR["muted"])


_LONGEST_LABEL = 24


def shortened(name: str, most: int = _LONGEST_LABEL) -> str:
    """Return a label that fits beside a bar: so many characters at most."""
    name = visible(" ".join(name.replace("_", " ").split()))
    return name if len(name) <= most else f"{name[: most - 1]}…"
