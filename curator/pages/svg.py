"""Turn figures into inline SVG that follows the page: its colours are CSS variables, its text is the page's own.

Matplotlib draws with colours that stand for names; the SVG then holds ``var(--name)`` in their place, so that one
drawing serves light and dark.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
    "svg.hashsalt": "curator",
    "font.size": FONT_SIZE,
    "text.parse_math": False,  # a category named $x$ is a name
    "axes.formatter.useoffset": False,
}


@dataclass(frozen=True)
class Drawing:
    """A figure in two shapes, one for screens and one for phones.

    Attributes:
        name: Its id in the page.
        alt: What it shows, in words and numbers.
        widths: Widths on screens and on phones (pixels).
        plot: Draws it at a width.
    """

    name: str
    alt: str
    widths: tuple[int, int]
    plot: Callable[[int], Figure]

    @cached_property
    def wide(self) -> str:
        """SVG for wide screens."""
        return self._svg(self.widths[0], "w")

    @cached_property
    def narrow(self) -> str:
        """SVG for narrow ones."""
        return self._svg(self.widths[1], "n")

    def _svg(self, width: int, shape: str) -> str:
        with settings():
            return to_svg(self.plot(width), f"{self.name}-{shape}", self.alt)


def canvas(
    size: tuple[float, float], *, left: float = 52, right: float = 12, top: float = 14, bottom: float = 40
) -> tuple[Figure, Axes]:
    """Return a figure of `size` and its axes, in pixels of the page, with margins around the axes."""
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


@contextmanager
def settings() -> Iterator[None]:
    """Draw figures the same on every machine within the block, whatever its matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcParams.update({name: value for name, value in mpl.rcParamsDefault.items() if "backend" not in name})
        mpl.rcParams.update(_SETTINGS)
        yield


def to_svg(figure: Figure, name: str, alt: str) -> str:
    """Return a figure as an SVG element for a page; matplotlib escapes the texts in it.

    Args:
        figure: The figure.
        name: A prefix for its ids, of which a page must have one each.
        alt: What a reader who can't see it is told.
    """
    stream = io.StringIO()
    with warnings.catch_warnings():
        # The page's font draws what matplotlib's own lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return visible(_adapt(stream.getvalue(), name, alt), keep="\n")


def _adapt(svg: str, name: str, alt: str) -> str:
    """Make a whole SVG document part of a page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box is not None
    body = svg[svg.index(">") + 1 :]
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', body))
    # Only tags are touched: what stands between them is text, and may look like anything.
    body = re.sub(r"<[^<>]*>", lambda tag: _adapt_tag(tag[0], name, used), body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    width, height = box[1].split()[2:]
    return (
        f'<svg viewBox="0 0 {_rounded(width)} {_rounded(height)}" role="img" aria-label="{html.escape(alt)}"'
        f' xmlns="http://www.w3.org/2000/svg">{body.strip()}'
    )


def _adapt_tag(tag: str, name: str, used: set[str]) -> str:
    """Put variables for colours and prefixes on ids, leave the font's family to the page, round coordinates."""
    tag = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", tag)
    tag = re.sub(r'(href="|url\()#', rf"\g<1>#{name}-", tag).replace("xlink:href", "href")
    tag = re.sub(r"font: (?:\w+ )*?([0-9.]+)px [^;\"]*", r"font-size: \1px", tag)
    tag = re.sub(r"#01([0-9a-f]{2})fe", lambda m: f"var(--{_NAMES[int(m[1], 16)]})", tag)
    return re.sub(r'( (?:d|x|y|width|height|transform|points)=")([^"]+)"', lambda m: f'{m[1]}{_rounded(m[2])}"', tag)


def _rounded(numbers: str) -> str:
    """Return a text with each of its numbers at no more than two decimals."""
    return re.sub(r"-?\d+\.\d{3,}(?!e)", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip(".") or "0", numbers)
