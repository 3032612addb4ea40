"""The steps to one row's text before it is cleaned: the size of each part, and what became of details and prose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest

import polars as pl

from curator.recipe.settings import TextSettings
from curator.text import cleaning, prompts
from curator.text.details import readable_details
from curator.why.steps import Facts, Step

_ALL = 2**31 - 1
"""More characters than any text has."""


def course_parts(rows: pl.DataFrame, settings: TextSettings) -> list[Step]:
    """Return the steps of one row in the style of the course; columns as in `prompts.course_contents`."""
    raw: str | None = rows["details"][0]
    written, removed = raw or "", {}
    for removal in settings.removals:
        before, written = written, str(pl.select(cleaning.delete_each(pl.lit(written), [removal])).item())
        if before != written:
            removed[removal] = (len(before) - len(written)) // len(removal)
    without = rows.with_columns(details=pl.lit(None, pl.String))
    everything = settings.model_copy(update={"max_chars": _ALL})
    ahead, whole = (int(prompts.course_contents(some, everything).chars[0]) for some in (without, rows))
    lists = {name: len(rows.select(cleaning.join_lines(pl.col(name)))[name][0]) for name in ("description", "features")}
    details = {"raw": raw, "used": ahead < settings.max_chars, "removed": removed, "written": written}
    return [
        Step("parts", {"title": len(rows["title"][0] or ""), **lists, "details": len(written)}),
        Step("details", details),
        _uncleaned(prompts.course_contents(rows, settings).texts[0], whole, settings),
    ]


def readable_parts(rows: pl.DataFrame, settings: TextSettings) -> list[Step]:
    """Return the steps of one row in the readable style; columns as in `prompts.readable_text`."""
    everything = settings.model_copy(update={"max_chars": _ALL})
    parts, ahead, whole = {}, {}, ""
    for at, name in enumerate(settings.fields):
        before = whole
        whole = prompts.readable_lines(rows, everything.model_copy(update={"fields": settings.fields[: at + 1]}))[0]
        parts[name], ahead[name] = whole.removeprefix(before).removesuffix("\n"), len(before)
    steps = [Step("parts", {name: len(part) for name, part in parts.items()})]
    if "details" in parts:
        used = ahead["details"] < settings.max_chars
        steps.append(Step("details", _readable_details(rows["details"][0], used, parts["details"], settings)))
    if settings.prose_lines or settings.prose_chars:
        limits = {"max_lines": settings.prose_lines, "max_chars": settings.prose_chars}
        for name in (name for name in ("features", "description") if name in parts):
            listed = sum(bool(line) for line in rows[name].to_list()[0] or ())
            kept = [line for line in parts[name].split("\n") if line]
            steps.append(Step(name, {"listed": listed, "kept": kept, **limits}))
    return [*steps, _uncleaned(prompts.readable_lines(rows, settings)[0], len(whole), settings)]


def _uncleaned(text: str, whole: int, settings: TextSettings) -> Step:
    return Step("uncleaned", {"whole_chars": whole, "max_chars": settings.max_chars, "text": text})


def _readable_details(raw: str | None, used: bool, written: str, settings: TextSettings) -> Facts:
    listed = readable_details(pl.Series([raw or ""]), settings.detail_keys_dropped)[0]
    before, after = ([line for line in text.split("\n") if line] for text in (listed, written))
    named = {key.lower() for key in settings.detail_keys_first}
    first = [key for key in map(_key, after) if key.lower() in named]
    # Of each key the lines keep their order.
    rewritten = []
    for key in dict.fromkeys(map(_key, after)):
        of_key = ([line for line in lines if _key(line) == key] for lines in (before, after))
        pairs = [pair for pair in zip_longest(*of_key) if pair[1] is not None and pair[0] != pair[1]]
        rewritten += [{"listed": old, "written": new} for old, new in pairs]
    return {
        "raw": raw,
        "used": used,
        **_dropped_keys(raw or "", settings.detail_keys_dropped),
        "put_first": first if first != [_key(line) for line in before[: len(first)]] else [],
        "rewritten": rewritten,
        "written": written,
    }


def _dropped_keys(details: str, named: Sequence[str]) -> Facts:
    """Ask the rule about each key by itself: which leave no line, and do they leave one if no key is named?"""
    try:
        tree = json.loads(details)
    except (ValueError, RecursionError):
        tree = None
    keys = list(tree) if isinstance(tree, dict) else []
    each = pl.Series([json.dumps({key: tree[key]}) for key in keys], dtype=pl.String)
    lines, unnamed = ([line.strip() for line in readable_details(each, some)] for some in (named, ()))
    left_out = [(key, bool(other)) for key, line, other in zip(keys, lines, unnamed, strict=True) if not line]
    return {
        "dropped_by_name": [key for key, has_line in left_out if has_line],
        "dropped_empty": [key for key, has_line in left_out if not has_line],
    }


def _key(line: str) -> str:
    return line.partition(": ")[0]
