"""What `curator evaluate` prints: a league table, and which differences are real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from curator.evaluate.metrics import BY_KEY

Cells = tuple[list[str], list[list[str]]]
"""Heads and rows of a table."""

SHOWN = ("mae", "median_ae", "rmsle", "r2", "hit_rate")
"""Keys of the metrics in the table that is printed."""


def number(key: str, value: float | None) -> str:
    """Return a metric's value with its unit.

    >>> number("mae", 1234.5), number("hit_rate", 0.5), number("r2", None)
    ('$1,234.50', '50.0%', '–')
    >>> number("perplexity", 40276.694), number("slot_probability", 0.00083)
    ('40,277', '0.083%')
    """
    if value is None:
        return "–"
    unit = BY_KEY[key].unit
    if unit == "share":
        return f"{100 * value:.2g}%" if 0 < abs(value) < 0.001 else f"{100 * value:.1f}%"
    if unit == "usd":
        return f"{'-' if value < 0 else ''}${abs(value):,.2f}"
    return f"{value:.3f}" if abs(value) < 1_000 else f"{value:,.0f}"


def with_interval(key: str, value: float | None, span: Sequence[float] | None) -> str:
    """Return a value and, in brackets, its interval."""
    return number(key, value) if span is None else f"{number(key, value)} [{' to '.join(number(key, x) for x in span)}]"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as Markdown, which also reads well as text."""
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(heads), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def league(summary: Mapping[str, Any]) -> Cells:
    """Return heads and rows of the table of the models, each with its intervals."""
    rows = []
    for name, one in summary["models"].items():
        cells = [with_interval(key, one[key], one["intervals"][key]) for key in SHOWN]
        rows.append([name, *cells, number("no_answer_rate", one["no_answer_rate"])])
    return ["model", *(BY_KEY[key].name for key in SHOWN), "no answer"], rows


def verdict(key: str, a: str, b: str, found: Mapping[str, Any]) -> str:
    """Return what a difference says: which is better, or that nothing is shown."""
    if found["difference"] is None:
        return "no row was answered by both"
    return f"{(a, b)[found['better']]} is better" if found["better"] is not None else "no difference is shown"


def steps(summary: Mapping[str, Any]) -> Cells:
    """Return heads and rows of the differences of each model from the one before it, with what they show."""
    names = list(summary["models"])
    by_names = {(pair["a"], pair["b"]): pair for pair in summary["pairs"]}
    rows = []
    for a, b in pairwise(names):
        pair = by_names[a, b]
        cells = []
        for key in ("mae", "rmsle", "hit_rate"):
            found = pair[key]
            cells.append(f"{_signed(key, found)}: {verdict(key, a, b, found)}")
        rows.append([f"{a} - {b}", *cells])
    return ["difference", *(BY_KEY[key].name for key in ("mae", "rmsle", "hit_rate"))], rows


def _signed(key: str, found: Mapping[str, Any]) -> str:
    return with_interval(key, found["difference"], found["interval"])


def headline(summary: Mapping[str, Any]) -> str:
    """Return what was evaluated on which rows."""
    where = summary["rows_from"]
    place = summary["split"]
    if where["split"] != summary["split"]:
        place = f"{summary['split']} (there is none: train from row {where['start']:,} on)"
    return (
        f"{summary['dataset']}, recipe {summary['recipe']}: {where['rows']:,} rows of {place};"
        f" {summary['train_rows']:,} train rows to learn from"
    )


def evaluated(summary: Mapping[str, Any]) -> str:
    """Return all that is printed after an evaluation."""
    lines = [headline(summary), "", table(*league(summary))]
    if len(summary["models"]) > 1:
        lines += ["", "Paired differences, the first minus the second, on the same rows:", "", table(*steps(summary))]
    return "\n".join([*lines, "", notes(summary)])


def notes(summary: Mapping[str, Any]) -> str:
    """Return what has to be known to read the tables."""
    said = "In brackets: 95 % intervals."
    if any(one["no_answer_rate"] for one in summary["models"].values()):
        said += (
            " Errors are over answered rows alone, the hit rate over all; differences are over rows that both answered."
        )
    return said
