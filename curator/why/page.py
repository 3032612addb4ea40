"""Write a story as plain text for a terminal, or as JSON. Product text is data: its control characters are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from curator.system.display import counted, visible
from curator.why.model import (
    CleaningStep,
    DetailsStep,
    Origin,
    Piece,
    ProseStep,
    RowStory,
    SlotStep,
    Story,
    TextStep,
    TokenStep,
)

_LONG, _SHORT, _MOST_PIECES = 480, 120, 12
_NO_LIMIT = 2**40

_Lines = list[tuple[str, str]]


def as_json(story: Story) -> str:
    """Return a story as one JSON object, in ASCII."""
    # A DEL is the only control character that JSON does not escape by itself.
    return json.dumps(_tree(story), allow_nan=False).replace("\x7f", "\\u007f")


def _tree(value: Any) -> Any:
    if isinstance(value, Piece) or (isinstance(value, tuple) and hasattr(value, "_asdict")):
        return value._asdict()
    if is_dataclass(value):
        return {one.name: _tree(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, list):
        return [_tree(one) for one in value]
    return value


def as_text(story: Story, *, full: bool = False) -> str:
    """Return a story as plain text.

    Args:
        story: What to tell.
        full: Whether long texts are shown whole.
    """
    count = len(story.rows)
    head = f"{visible(story.parent_asin)} in {visible(story.run)} (recipe {visible(story.recipe)}): "
    lines = [head + counted(count, "row")]
    for number, row in enumerate(story.rows, 1):
        dropped = "" if row.reason is None else "dropped, "
        lines += ["", f"== row {number:,} of {count:,}: {dropped}{row.fate} =="]
        lines += _Page(full).row(row)
    return "\n".join(lines)


def _quoted(text: str, limit: int = _NO_LIMIT) -> str:
    """Return text in quotes on one line, with everything that can't be seen written as an escape."""
    seen = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in _shortened(text, limit))
    return f"'{seen}'" if '"' in seen else f'"{seen}"'


def _shortened(text: str, limit: int) -> str:
    """Return text with its middle left out if it is long."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} […{len(text) - 2 * half:,} characters…] {text[-half:]}"


class _Page:
    """Writes the rows of a story."""

    def __init__(self, full: bool) -> None:
        self._long, self._short = (_NO_LIMIT, _NO_LIMIT) if full else (_LONG, _SHORT)
        self._most = _NO_LIMIT if full else _MOST_PIECES

    def row(self, row: RowStory) -> Iterator[str]:
        """Yield the lines of one row."""
        for warning in row.warnings:
            yield f"!! DOES NOT AGREE: {visible(warning)}"
        yield from self._section("Source", self._origin(row.origin))
        if row.price:
            kept = f"kept: {row.price.min} to {row.price.max} USD"
            raw = "null" if row.price.raw is None else _quoted(row.price.raw, self._short)
            lines = [("as it stood", raw)] if row.agrees is not None else []
            read = "not a number" if row.price.read is None else f"{row.price.read} USD"
            yield from self._section("Price", [*lines, ("as read", f"{read} ({kept})")])
        if row.text:
            yield from self._text(row.text)
        if row.tokens:
            yield from self._section("Tokens", self._tokens(row.tokens))
        if row.copies:
            first = row.copies.first
            named = f"the first is {_name(first.parent_asin)}, row {first.row:,} of {first.source}" if first else ""
            said = named or ("it is the first" if row.copies.items > 1 else "no other item has this text")
            yield from self._section("Copies", [("same text", f"{counted(row.copies.items, 'item')}; {said}")])
        if row.slot:
            yield from self._section("Slot", self._slot(row.slot))
        if row.draw:
            lines = [("sampled", "yes" if row.draw.sampled else "no")]
            if row.draw.position is not None:
                lines.append(("position", f"{row.draw.position:,} (from 0) of {row.draw.sample:,} in the sample"))
            yield from self._section("Draw", lines)
        told = [("dropped", row.fate), ("because", row.reason)] if row.reason else [("split", row.fate)]
        if row.agrees:
            told.append(("checked", "mapping the row again gives the same"))
        elif row.agrees is None:
            told.append(("checked", "no: the row was not mapped again, this is what the run holds"))
        yield from self._section("Fate", told)
        if row.prompt is not None:
            yield ""
            yield f"Prompt, {len(row.prompt):,} characters"
            yield from self._block(row.prompt)

    def _section(self, title: str, lines: Iterable[tuple[str, str]]) -> Iterator[str]:
        yield ""
        yield title
        yield from self._aligned(lines)

    def _aligned(self, lines: Iterable[tuple[str, str]]) -> Iterator[str]:
        for name, value in lines:
            yield f"  {name:<16}{visible(value)}"

    def _block(self, text: str) -> Iterator[str]:
        """Yield a text behind a bar, so that no line of it can be taken for one of ours."""
        for line in _shortened(text, self._long).split("\n"):
            yield f"    │ {visible(line)}"

    def _origin(self, origin: Origin) -> _Lines:
        lines = [("source", origin.source)]
        if origin.path:
            lines.append(("path", origin.path))
        if origin.repository:
            lines.append(("from the Hub", f"{origin.repository} at {origin.revision}"))
        lines.append(("row", f"{origin.row:,} (from 0), in shard {origin.shard:,}"))
        return [*lines, ("state", f"{origin.state}. {origin.note}")]

    def _text(self, text: TextStep) -> Iterator[str]:
        parts = ", ".join(f"{name} {size:,}" for name, size in text.parts.items())
        yield from self._section("Text", [("characters", parts)])
        if text.details and text.details.raw:
            yield from self._aligned(self._details(text.details))
        for prose in text.prose:
            yield from self._aligned(self._prose(prose))
        cut = len(text.before) < text.characters_uncut
        looked = f"; the first {text.max_chars:,} of {text.characters_uncut:,} are looked at" if cut else ""
        yield from self._aligned([("before", f"{len(text.before):,} characters{looked}")])
        yield from self._block(text.before)
        title = any(step.of == "title" for step in text.cleaning)
        for step in text.cleaning:
            yield from self._cleaning(step, f"{step.of}: " if title else "")
        enough = "enough" if text.characters > text.min_chars else "too few"
        when = "before cleaning, " if text.style == "course" else ""
        if text.after is not None:
            same = ", the same" if text.after == text.before else ""
            yield from self._aligned([("after", f"{len(text.after):,} characters{same}")])
            if not same:
                yield from self._block(text.after)
        counted = f"{text.characters:,}, {when}more than {text.min_chars:,} are needed: {enough}"
        yield from self._aligned([("counted", counted)])

    def _details(self, details: DetailsStep) -> Iterator[tuple[str, str]]:
        if not details.used:
            yield "details", "not looked at: what comes before them fills the text"
            return
        why: dict[str, list[str]] = {}
        for dropped in details.dropped:
            why.setdefault(dropped.why, []).append(_quoted(dropped.key, self._short))
        for reason, keys in why.items():
            yield "details", f"left out, {reason}: {self._listed(keys)}"
        if details.removed:
            yield "details", f"deleted {self._pieces(details.removed)}"
        for listed, written in details.rewritten:
            was = "added" if listed is None else f"{_quoted(listed, self._short)} is written"
            yield "details", f"{was} {_quoted(written, self._short)}"
        if details.first:
            yield "details", f"put first: {self._listed([_quoted(key, self._short) for key in details.first])}"

    def _prose(self, prose: ProseStep) -> Iterator[tuple[str, str]]:
        if not prose.listed:
            return
        most = f"at most {prose.most_lines:,} of features and description together" if prose.most_lines else "all"
        how = f", each to its first clause or {prose.most_chars:,} characters" if prose.most_chars else ""
        taken = f"{counted(len(prose.kept), 'line')} taken"
        yield prose.of, f"{counted(prose.listed, 'text')} listed, {taken}: {most}{how}"
        for line in prose.kept:
            yield "", f"→ {_quoted(line, self._short)}"

    def _cleaning(self, step: CleaningStep, of: str) -> Iterator[str]:
        change = f"{step.characters_before:,} → {step.characters_after:,} characters"
        if not step.taken and not step.put:
            # Pieces may change places without any coming or going; no rule does that.
            yield from self._aligned([(step.rule, f"{of}nothing to do")])
            return
        taken = f"took {self._pieces(step.taken)}" if step.taken else ""
        put = f"put {self._pieces(step.put)}" if step.put else ""
        yield from self._aligned([(step.rule, f"{of}{change}. {step.sentence}")])
        yield from self._aligned([("", "; ".join(filter(None, (taken, put))))])
        yield from self._aligned([("", f"→ {_quoted(step.after, self._short)}")])

    def _tokens(self, tokens: TokenStep) -> _Lines:
        lines = [("tokenizer", tokens.tokenizer)]
        if tokens.text is not None:
            need = f"; more than {tokens.min:,} are needed" if tokens.min else ""
            lines.append(("whole text", f"{tokens.text:,} tokens{need}"))
        of = "of text" if tokens.cap_of == "text" else "of the whole prompt"
        lines.append(("cap", f"{tokens.cap:,} tokens {of}"))
        if tokens.is_cut:
            lines.append(("last kept", _quoted(tokens.last_kept or "", self._short)))
            lines.append(("first cut", _quoted(tokens.first_cut or "", self._short)))
        elif tokens.is_cut is not None:
            lines.append(("cut", "nothing: the whole text fits"))
        return [*lines, ("prompt", f"{tokens.prompt:,} tokens, answer included")]

    def _slot(self, slot: SlotStep) -> _Lines:
        if slot.taken_whole and slot.slot >= slot.whole_from:
            taken = f"all taken: slots from ${slot.whole_from} on are taken whole"
        else:
            taken = "all taken" if slot.taken_whole else f"{slot.cap:,} of them drawn"
            taken += f" (cap {slot.cap:,})" if slot.taken_whole else ""
        of = f"for category {_name(slot.category)}" if slot.category else "for an item without category"
        return [
            ("slot", f"${slot.slot}"),
            ("available", f"{counted(slot.available, 'item')}, {taken}"),
            ("weight", f"{slot.weight:g} {of}"),
            ("chance", slot.in_words),
        ]

    def _pieces(self, pieces: Sequence[Piece]) -> str:
        return self._listed([_quoted(one, self._short) + (f" ×{n:,}" if n > 1 else "") for one, n in pieces])

    def _listed(self, words: Sequence[str]) -> str:
        more = len(words) - self._most
        return ", ".join(words[: self._most]) + (f" and {more:,} more (--full)" if more > 0 else "")


def _name(text: str | None) -> str:
    return _quoted(text) if text is not None else "(none)"
