"""What a step found, as people see it: text when it is printed, HTML in a notebook, plain values for a program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from curator.pages.html import render

MAX_REPR = 1_900
"""Characters of a result at the prompt; ``print`` shows all of it."""


class Result(ABC):
    """A result; the same facts in every form."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def _repr_html_(self) -> str: ...

    def __repr__(self) -> str:
        return shortened(str(self))


@dataclass(frozen=True)
class Table:
    """A table of a result in a notebook.

    Attributes:
        rows: Its cells.
        heads: Names of the columns.
        is_text: Whether all columns are text, not only the first.
    """

    rows: Sequence[Sequence[str]]
    heads: Sequence[str] = ()
    is_text: bool = False


def shortened(text: str) -> str:
    """Return a text as it is shown at the prompt: its first lines, where it is long."""
    if len(text) <= MAX_REPR:
        return text
    return f"{text[:MAX_REPR].rpartition(chr(10))[0] or text[:MAX_REPR]}\n… print() shows all of it"


def html(
    title: str,
    lines: Iterable[str] = (),
    *,
    tables: Iterable[Table] = (),
    folded: Iterable[tuple[str, str]] = (),
    is_open: bool = False,
) -> str:
    """Return a result for a notebook, everything in it escaped.

    Args:
        title: Its first line.
        lines: Lines below.
        tables: Tables below these.
        folded: Headings with long texts that open and close on a click.
        is_open: Whether these are open at first.
    """

    return render("pages/result.html", title=title, lines=lines, tables=tables, folded=folded, is_open=is_open)


def framed(page: str, height: str = "70vh") -> str:
    """Return a whole page for a notebook, in a frame: its styles and the notebook's don't mix.

    Args:
        page: The page's HTML.
        height: Of the frame, as CSS has it.
    """
    # A link to a section would else lead to the notebook's own address.
    page = page.replace("<head>", '<head><base href="about:srcdoc">', 1)
    style = f"width: 100%; height: {height}; border: 1px solid #8884"
    return f'<iframe srcdoc="{escape(page)}" sandbox title="report" style="{style}"></iframe>'
