"""What went into one row's text before it was cleaned: the size of each part, and what became of details and prose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import polars as pl

from curator.recipe.settings import TextSettings
from curator.text import cleaning, prompts
from curator.text.details import readable_details
from curator.why.model import DetailsStep, DroppedKey, Piece, ProseStep, Rewritten

_ALL = 2**31 - 1
"""More characters than any text has."""


class Parts(NamedTuple):
    """The parts of a text.

    Attributes:
        characters: Of each part, by its name.
        details: What became of the details; None if the recipe's text has none.
        prose: What became of features and description, where the recipe shortens them.
        uncut: Characters of all together, line ends included; in the course style the title is not among them.
    """

    characters: dict[str, int]
    details: DetailsStep | None
    prose: list[ProseStep]
    uncut: int


def course_parts(rows: pl.DataFrame, settings: TextSettings) -> Parts:
    """Return the parts of one row's text in the style of the course; columns as in `prompts.course_contents`."""
    raw: str = rows["details"][0] or ""
    after, removed = raw, []
    for removal in settings.removals:
        before, after = after, str(pl.select(cleaning.delete_each(pl.lit(after), [removal])).item())
        if before != after:
            removed.append(Piece(removal, (len(before) - len(after)) // len(removal)))
    without = rows.with_columns(details=pl.lit(None, pl.String))
    everything = settings.model_copy(update={"max_chars": _ALL})
    ahead, uncut = (int(prompts.course_contents(some, everything).chars[0]) for some in (without, rows))
    lists = {name: len(rows.select(cleaning.join_lines(pl.col(name)))[name][0]) for name in ("description", "features")}
    parts = {"title": len(rows["title"][0] or ""), **lists, "details": len(after)}
    used = ahead < settings.max_chars
    return Parts(parts, DetailsStep(rows["details"][0], used, [], [], [], removed, after), [], uncut)


def of_readable(rows: pl.DataFrame, settings: TextSettings) -> Parts:
    """Return the parts of one row's text in the readable style; columns as in `prompts.readable_text`."""
    everything = settings.model_copy(update={"max_chars": _ALL})
    parts, whole = {}, ""
    for at, name in enumerate(settings.fields):
        before = whole
        whole = prompts.readable_lines(rows, everything.model_copy(update={"fields": settings.fields[: at + 1]}))[0]
        parts[name] = whole.removeprefix(before).removesuffix("\n")
    details = None
    if "details" in parts:
        stands = settings.fields.index("details")
        ahead = sum(len(parts[name]) + 1 for name in settings.fields[:stands] if parts[name])
        raw = rows["details"][0]
        dropped = _dropped_keys(raw or "", settings.detail_keys_dropped)
        listed = readable_details(pl.Series([raw or ""]), settings.detail_keys_dropped)[0]
        first, rewritten = _arranged(listed, parts["details"], settings.detail_keys_first)
        details = DetailsStep(raw, ahead < settings.max_chars, dropped, first, rewritten, [], parts["details"])
    prose = []
    if settings.prose_lines or settings.prose_chars:
        for name in (name for name in ("features", "description") if name in parts):
            listed_lines = [line for line in rows[name].to_list()[0] or () if line]
            kept = [line for line in parts[name].split("\n") if line]
            prose.append(ProseStep(name, len(listed_lines), kept, settings.prose_lines, settings.prose_chars))
    return Parts({name: len(part) for name, part in parts.items()}, details, prose, len(whole))


def _dropped_keys(details: str, named: Sequence[str]) -> list[DroppedKey]:
    """Ask the rule about each key by itself: which leave no line, and do they leave one if no key is named?"""
    try:
        tree = json.loads(details)
    except (ValueError, RecursionError):
        return []
    if not isinstance(tree, dict) or not tree:
        return []
    each = pl.Series([json.dumps({key: value}) for key, value in tree.items()])
    lines, unnamed = readable_details(each, named), readable_details(each, ())
    return [
        DroppedKey(key, "named in text.detail_keys_dropped" if other.strip() else "empty or nested")
        for key, line, other in zip(tree, lines, unnamed, strict=True)
        if not line.strip()
    ]


def _arranged(listed: str, written: str, keys_first: Sequence[str]) -> tuple[list[str], list[Rewritten]]:
    """Return the keys that were put first, and the lines that were written another way."""
    before, after = ([line for line in text.split("\n") if line] for text in (listed, written))
    named = {key.lower() for key in keys_first}
    first = [key for key in map(_key, after) if key.lower() in named]
    # Of each key the lines keep their order.
    rewritten = []
    for key in dict.fromkeys(map(_key, after)):
        of_key = ([line for line in lines if _key(line) == key] for lines in (before, after))
        rewritten += [Rewritten(old, new) for old, new in zip_longest(*of_key) if new is not None and old != new]
    return first if first != [_key(line) for line in before[: len(first)]] else [], rewritten


def _key(line: str) -> str:
    return line.partition(": ")[0]
