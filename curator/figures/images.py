"""The figures that stand beside a dataset's card, as PNG in the colours of the light page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

from curator.figures import charts
from curator.pages.svg import COLOUR, Drawing, settings

_WIDTH = 860
_DRAWN = (charts.waterfall, charts.prices, charts.slots, charts.categories, charts.tokens)
_DOTS = 2
"""Dots a pixel of the page: sharp on dense screens."""


@dataclass(frozen=True)
class Image:
    """A figure of the card.

    Attributes:
        png: The picture.
        alt: What it shows, in words and numbers.
    """

    png: bytes
    alt: str


def images(summary: Mapping[str, Any]) -> dict[str, Image]:
    """Draw the card's figures from what `summary.summarise` counted; the same bytes for the same counts."""
    return {function.__name__: _image(function(summary)) for function in _DRAWN}


def alts(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the words of the card's figures, without drawing them."""
    return {function.__name__: function(summary).alt for function in _DRAWN}


def _image(drawing: Drawing) -> Image:
    stream = io.BytesIO()
    with settings(), _light() as paper, warnings.catch_warnings():
        # A sign that the font lacks becomes a box; the sentence beside the figure has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = drawing.plot(_WIDTH)
        figure.savefig(stream, format="png", dpi=72 * _DOTS, facecolor=paper, metadata={"Software": None})
    return Image(stream.getvalue(), drawing.alt)


@contextmanager
def _light() -> Iterator[str]:
    """Draw in the real colours of the light page meanwhile; the figures name them in `COLOUR`."""
    style = resources.files("curator").joinpath("pages", "style.css").read_text("utf-8")
    light: dict[str, str] = {}
    for name, value in re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", style):
        light.setdefault(name, value)  # The dark ones come second.
    names = dict(COLOUR)
    COLOUR.update({name: light[name] for name in COLOUR})
    try:
        yield light["paper"]
    finally:
        COLOUR.update(names)
