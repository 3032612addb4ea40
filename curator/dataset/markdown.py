"""Texts that come from products, files and people, written so that Markdown shows them and nothing more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import jinja2

from curator.system.display import visible

# The dot after www: GitHub's Markdown makes a link of what begins with that.
_SPECIAL = re.compile(r"[\\`*\[\](){}#+!|~\"'$@:=]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|(?i:(?<=www)\.)")


def md(text: str) -> str:
    r"""Return a text as Markdown shows it literally, in a line or a table's cell.

    >>> print(md("<b>*5|6*</b> Toys_and_Games"))
    &lt;b&gt;\*5\|6\*&lt;/b&gt; Toys_and_Games
    >>> print(md("www.example.org \u202edna"))
    www\.example.org \\u202edna
    """
    plain = visible(" ".join(text.split())).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", plain)


def code(text: str, in_table: bool = False) -> str:
    """Return a text as a Markdown code span."""
    plain = visible(" ".join(text.split()))
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain.replace('|', chr(92) + '|') if in_table else plain}{pad}{fence}"


def fence_for(texts: Sequence[str]) -> str:
    """Return a fence for code blocks that none of the texts can close."""
    longest = max((len(run) for text in texts for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@cache
def template(name: str) -> jinja2.Template:
    """Return a template of Markdown among curator's files; what comes from others goes through `md` or `code` there."""
    environment = jinja2.Environment(
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": md, "code": code, "number": "{:,}".format}
    environment.globals |= {"table": lambda *args: f"\n\n{table(*args)}\n"}
    return environment.from_string(resources.files("curator").joinpath(name).read_text("utf-8"))
