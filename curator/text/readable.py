"""Readable texts: put together from the parts of rows, cut and cleaned, many rows in one pass over their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from curator.kernels.buffers import (
    ListBuffers,
    StringBuffers,
    as_single_lists,
    empty_lists,
    to_buffers,
    to_list_buffers,
)
from curator.recipe.settings import TextSettings
from curator.text import cleaning, prose
from curator.text.characters import rewritten, table_of
from curator.text.details import detail_lines

if TYPE_CHECKING:
    from curator.text.kernels.readable import Table

_ALL = 2**31 - 1
"""More lines than any text has."""

_PARTS = {"title": "", "categories": "Category: ", "store": "Store: ", "details": "", "features": "", "description": ""}
"""The parts of a text, with what stands before each."""

_BETWEEN = " > "
"""What stands between categories."""


def lines(rows: pl.DataFrame, settings: TextSettings) -> StringBuffers:
    """Return the parts as lines, in the recipe's order, uncleaned, cut to `text.max_chars`.

    A part without text leaves no line. What the cut went through goes: a last line of at most 80 characters that is
    left, such as half of `Key: value`, or else a word. Only shortened prose is clean already.

    Columns in: those that `text.fields` names, and `category`.
    """
    from curator.text.kernels import readable

    prose_lines = _prose(rows, settings)
    none = empty_lists(rows.height)
    names, numbers = settings.fields, {name: number for number, name in enumerate(_PARTS)}
    parts = tuple(_part(rows, name, settings, prose_lines) if name in names else none for name in _PARTS)
    category = none
    if settings.main_category and "categories" in names:
        # Names of the Hub's files have underscores: Toys_and_Games.
        category = as_single_lists(rows["category"].str.replace_all("_", " ", literal=True))
    return StringBuffers(
        *readable.lines(
            parts,
            to_buffers(pl.Series([*_PARTS.values(), _BETWEEN])),
            np.array([numbers[name] for name in names]),
            category,
            numbers["categories"],
            settings.main_category,
            settings.max_chars,
        )
    )


def _part(rows: pl.DataFrame, name: str, settings: TextSettings, prose_lines: Mapping[str, pl.Series]) -> ListBuffers:
    """Return the lines of a part."""
    if name in prose_lines:
        return as_single_lists(prose_lines[name])
    if name == "details":
        return as_single_lists(_details(rows["details"], settings))
    if name == "categories":
        # A null is no category; of a list's lines it is an empty one.
        last = rows["categories"].list.tail(settings.categories)
        return to_list_buffers(last.list.drop_nulls() if last.explode(empty_as_null=False).has_nulls() else last)
    return as_single_lists(rows[name]) if name in ("title", "store") else to_list_buffers(rows[name])


def clean(texts: pl.Series | StringBuffers) -> pl.Series:
    """Clean texts; `cleaning.READABLE_RULES` say what the cleaning is."""
    cleaned = rewritten(texts, _table(), lambda some: _by_rules(some, cleaning.ONE_PASS_RULES))
    return _by_rules(cleaned, cleaning.READABLE_RULES[len(cleaning.ONE_PASS_RULES) :])


def _by_rules(texts: pl.Series, rules: Sequence[cleaning.Cleaning[pl.Series]]) -> pl.Series:
    for rule in rules:
        texts = rule.clean(texts)
    return texts


@lru_cache(maxsize=1)
def _table() -> Table:
    from curator.text.kernels.readable import ASK, CLOSE, OPEN

    # Entities, tags and escapes begin with these; brackets of this kind stand around a label.
    special = {"&": ASK, "<": ASK, "\\": ASK, "【": OPEN, "】": CLOSE}
    return table_of(lambda characters: cleaning.white_spaces(cleaning.plain_characters(characters)), special)


def _prose(rows: pl.DataFrame, settings: TextSettings) -> dict[str, pl.Series]:
    """Return the heads of features and description, cleaned, if the recipe shortens them; they share their lines."""
    heads: dict[str, pl.Series] = {}
    if settings.prose_lines or settings.prose_chars:
        left = pl.repeat(settings.prose_lines or _ALL, rows.height, dtype=pl.Int64, eager=True)
        for name in settings.fields:
            if name in ("features", "description"):
                heads[name], written = prose.heads(rows[name], left, settings.prose_chars, clean)
                left = left - written
    return heads


def _details(details: pl.Series, settings: TextSettings) -> StringBuffers:
    dropped, first = settings.detail_keys_dropped, settings.detail_keys_first
    return detail_lines(details, dropped, first, plain_units=settings.units == "plain")
