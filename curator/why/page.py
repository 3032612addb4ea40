"""Write a row's story as plain text. Product text is data: its control characters are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from textwrap import indent
from typing import Any

from curator.system.display import aligned, counted, visible
from curator.why.steps import Facts, Row

_LONG, _SHORT, _MAX_LISTED = 480, 120, 12
_OURS = "name kind path repository revision source state note split style tokenizer cap_of fate reason checked".split()
"""Facts whose text is no product's: it needs no quotes."""
_PIECES = ("removed", "taken", "put")
_CHECKED = {
    True: "mapping the row again gives the same",
    False: "mapping the row again gives something else",
    None: "no: the row was not mapped again, this is what the run holds",
}


def row_lines(row: Row, *, full: bool = False) -> Iterator[str]:
    """Yield the lines of one row.

    Args:
        row: The row.
        full: Whether long texts are shown whole.
    """
    yield from _Page(full).row(row)


class _Page:
    """Writes the rows of a story."""

    def __init__(self, full: bool) -> None:
        self._full = full

    def row(self, row: Row) -> Iterator[str]:
        """Yield the lines of one row."""
        for warning in row.warnings:
            yield f"!! DOES NOT AGREE: {visible(warning)}"
        for name, steps in groupby(row.steps, lambda step: step.name):
            yield from self._section(name, (step.facts for step in steps))
        reason = {} if row.reason is None else {"reason": row.reason}
        yield from self._section("fate", [{"fate": row.fate, **reason, "checked": _CHECKED[row.agrees]}])
        if row.prompt is not None:
            yield from self._section("prompt", [{"text": row.prompt}])

    def _section(self, name: str, facts: Iterable[Facts]) -> Iterator[str]:
        """Yield the title of a step, its facts, and its text behind a bar: no line of it can be taken for ours."""
        pairs: list[tuple[str, str]] = []
        texts: list[str] = []
        for each in facts:
            if name == "cleaning":
                pairs += self._cleaning(each)
                continue
            for key, value in each.items():
                is_block = key == "text"
                texts += [self._shortened(value, _LONG)] if is_block else []
                words = [counted(len(value), "character")] if is_block else self._lines(key, value)
                pairs += zip_longest([_label(key)], words, fillvalue="")
        yield from ("", _label(name).capitalize(), indent(aligned(pairs), "  "))
        for text in texts:
            yield from (f"    │ {visible(line)}" for line in text.split("\n"))

    def _cleaning(self, facts: Facts) -> Iterator[tuple[str, str]]:
        """Yield a few lines for a rule that did something: most do nothing to most texts."""
        name = f"{facts['rule']} ({facts['of']})"
        # Pieces may change places without any coming or going; no rule does that.
        if not facts["taken"] and not facts["put"]:
            yield name, "nothing to do"
            return
        yield name, f"{facts['chars_before']:,} → {facts['chars_after']:,} characters. {facts['sentence']}"
        yield "", "; ".join(f"{key} {self._words(key, facts[key])}" for key in ("taken", "put") if facts[key])
        yield "", f"→ {self._quoted(facts['text'])}"

    def _lines(self, key: str, value: Any) -> list[str]:
        """Return a fact on a line, a list on as many as it has items."""
        if isinstance(value, list) and value:
            return self._first([self._words(key, each) for each in value])
        return [self._words(key, value)]

    def _words(self, key: str, value: Any) -> str:
        """Return a fact on one line."""
        if value in (None, [], {}):
            return "none"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str):
            return value if key in _OURS else self._quoted(value)
        if key in _PIECES:
            pieces = [self._quoted(piece) + (f" ×{times:,}" if times > 1 else "") for piece, times in value.items()]
            return ", ".join(self._first(pieces))
        if isinstance(value, dict):
            return ", ".join(f"{_label(name)} {self._words(name, each)}" for name, each in value.items())
        number = f"{value:,}" if isinstance(value, int) else str(value)
        return f"{number} (from 0)" if key in ("row", "position") else number

    def _first(self, words: list[str]) -> list[str]:
        """Return the first of many words."""
        more = len(words) - _MAX_LISTED
        return words if self._full or more <= 0 else [*words[:_MAX_LISTED], f"and {more:,} more (--full)"]

    def _quoted(self, text: str) -> str:
        """Return text in quotes on one line, with everything that can't be seen written as an escape."""
        text = self._shortened(text, _SHORT)
        seen = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
        return f"'{seen}'" if '"' in seen else f'"{seen}"'

    def _shortened(self, text: str, limit: int) -> str:
        """Return text with its middle left out if it is long."""
        if self._full or len(text) <= limit:
            return text
        half = limit // 2
        return f"{text[:half]} […{len(text) - 2 * half:,} characters…] {text[-half:]}"


def _label(key: str) -> str:
    return key.replace("_", " ")
