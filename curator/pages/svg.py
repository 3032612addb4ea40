"""Turn figures into inline SVG that follows the page: its colours are CSS variables, its text is the page's own.

Matplotlib draws with colours that stand for names; the SVG then holds ``var(--name)`` in their place, so that one
drawing serves light and dark.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from numpy.typing import NDArray

from curator.system.display import visible

_NAMES = (
    "ink",
    "muted",
    "grid",
    "paper",
    "before",
    "after",
    "drop",
    "cap",
    "train",
    "validation",
    "test",
    "a",
    "b",
    *(f"heat-{level}" for level in range(1, 7)),
    *(f"slice-{number}" for number in range(1, 9)),
)
COLOUR = {name: f"#01{number:02x}fe" for number, name in enumerate(_NAMES)}
"""Colours to draw with, by the name of the CSS variable that takes their place."""

FONT_SIZE = 11.5
"""Size of the text in figures (CSS pixels)."""

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text, in the page's font
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.parse_math": False,  # a category named $x$ is a name
    "axes.formatter.useoffset": False,
}


@dataclass(frozen=True)
class Drawing:
    """A figure of a page.

    Attributes:
        name: Its id in the page.
        alt: What it shows, in words and numbers.
        width: Its width on a screen that has room (pixels).
        plot: Draws it at a width.
    """

    name: str
    alt: str
    width: int
    plot: Callable[[int], Figure]

    @cached_property
    def svg(self) -> str:
        """An SVG element for a page, with colours and font of the page; matplotlib escapes the texts in it."""
        stream = io.StringIO()
        with settings(**{"svg.hashsalt": self.name}), warnings.catch_warnings():
            # The page's font draws what matplotlib's own lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure = self.plot(self.width)
            figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        _, _, body = stream.getvalue().partition("<svg")[2].partition(">")
        width, height = (f"{72 * inches:.0f}" for inches in figure.get_size_inches())
        # Only tags are touched: what stands between them is text, and may look like anything.
        body = re.sub(r"<[^<>]*>", lambda tag: _adapt(tag[0]), re.sub(r"\s*\n\s*", "\n", body))
        head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(self.alt)}">'
        return visible(head + body.strip(), keep="\n")


def _adapt(tag: str) -> str:
    """Put variables for colours, leave out ids that nothing refers to, round coordinates."""
    tag = re.sub(r'^<g id="[^"]+"', "<g", tag)
    tag = re.sub(r"#01([0-9a-f]{2})fe", lambda m: f"var(--{_NAMES[int(m[1], 16)]})", tag)
    return re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), tag)


def canvas(
    size: tuple[float, float],
    *,
    left: float = 52,
    right: float = 12,
    top: float = 14,
    bottom: float = 40,
    grid: Literal["x", "y", "both"] = "y",
) -> tuple[Figure, Axes]:
    """Return a figure of `size` and its axes, in pixels of the page, with margins around the axes.

    `grid` says from which ticks lines are drawn across.
    """
    width, height = size
    figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box, facecolor="none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(COLOUR["muted"])
    axes.tick_params(colors=COLOUR["muted"], length=0, pad=6)
    axes.tick_params(axis="x", length=3)
    axes.xaxis.label.set_color(COLOUR["muted"])
    axes.yaxis.label.set_color(COLOUR["muted"])
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=COLOUR["grid"], linewidth=0.8)
    return figure, axes


def stairs(
    axes: Axes, values: Sequence[float] | NDArray[Any], edges: NDArray[Any], colour: str, *, fill: bool = False
) -> None:
    """Draw steps, as an outline or filled. Unlike `Axes.stairs`, it leaves the limits of the axes alone, which is fast.

    Args:
        axes: Where to.
        values: The height of each step.
        edges: Where each begins, and the last ends.
        colour: A name of `COLOUR`.
        fill: Whether the area below is filled.
    """
    style: dict[str, Any] = {"linewidth": 0} if fill else {"linewidth": 1.7}
    axes.add_artist(StepPatch(values, edges, fill=fill, color=COLOUR[colour], **style))


def settings(**more: Any) -> AbstractContextManager[None]:
    """Draw figures the same on every machine within the block, whatever its matplotlibrc says."""
    defaults = {name: value for name, value in mpl.rcParamsDefault.items() if "backend" not in name}
    return mpl.rc_context(defaults | _SETTINGS | more)
