"""Map one row again, with the build's own mapper and rules, and look at each step on the way."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from curator.items.dropping import Rule, Sieve
from curator.items.mapper import Mapper
from curator.recipe.load import Recipe
from curator.run.ledger import KEPT
from curator.text import cleaning, prompts
from curator.text.own_price import MARK, mask_own_price, own_amounts
from curator.why import parts
from curator.why.model import CleaningStep, Piece, PriceStep, TextStep, TokenStep

_MASKED = "own price"
"""The cleaning step that masks the row's own price."""

# What a rule takes away in one piece, where that is more than a character.
_PIECES = {
    "entities": r"&(?:amp;)*(?:#?\w+;|#\w+)|.",
    "code points": r"(?:\\u[0-9a-fA-F]{4})+|.",
    "tags": r"(?i:<(script|style)\b.*?</\1\s*>)|<!--.*?-->|</?[A-Za-z!][^<>]*>?|.",
    "part numbers": r"[^ ]+",
    "special tokens": r"\S+",
    _MASKED: r"\S+",
}
_WORDS = 6
"""Words shown on either side of the cut."""


class _WatchedSieve(Sieve):
    """A sieve that remembers the rows as each rule found them."""

    def __init__(self, rows: pl.DataFrame) -> None:
        super().__init__(rows)
        self.seen: dict[str, pl.DataFrame] = {}

    def apply(self, *rules: Rule) -> None:
        for rule in rules:
            if not self.rows.is_empty():
                self.seen[rule.reason] = self.rows
            super().apply(rule)


@dataclass(frozen=True)
class Remapped:
    """What mapping a row again gave.

    Attributes:
        fate: ``kept``, or the reason it was dropped.
        item: The item, if it was kept.
        facts: The row's values as the last rule saw them.
        price: The price.
        text: The text, if the row got so far.
        tokens: The tokens, if the row got so far.
        faults: Steps that, one by one, don't give what the mapper gave.
    """

    fate: str
    item: dict[str, Any] | None
    facts: dict[str, Any]
    price: PriceStep
    text: TextStep | None
    tokens: TokenStep | None
    faults: list[str]


class WatchedMapper(Mapper):
    """The build's mapper, watched; it looks at whole texts, so that it can tell all their tokens."""

    first_chars = None

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._watched: _WatchedSieve | None = None

    def sieve(self, rows: pl.DataFrame) -> Sieve:
        """Return a sieve that remembers."""
        self._watched = _WatchedSieve(rows)
        return self._watched

    def trace(self, raw: pl.DataFrame) -> Remapped:
        """Map a batch of one row and tell its steps."""
        items, fates = self(raw)
        watched = self._watched
        assert watched is not None
        fate: str = fates["fate"][0]
        last = watched.rows if fate == KEPT else watched.seen[fate]
        facts = last.row(0, named=True)
        text, faults = None, []
        if "text_too_short" in watched.seen:
            text = self._text(watched, raw)
            clean = watched.seen.get("too_few_tokens")
            if clean is not None and text.after != clean["text"][0]:
                faults.append("the cleaning rules, one by one, don't give the text that the mapper made")
            # The mapper counts characters before it masks.
            masking = [one.characters_before for one in text.cleaning if one.rule == _MASKED]
            counted = masking[0] if masking else len(text.after or "")
            if text.style == "readable" and text.characters != counted:
                faults.append("the cleaning rules, one by one, don't give as many characters as the mapper counted")
        return Remapped(
            fate,
            items.row(0, named=True) if items.height else None,
            facts,
            self._price(raw, facts),
            text,
            self._tokens(facts) if "cut" in last.columns else None,
            faults,
        )

    def own_price(self, facts: dict[str, Any]) -> str | None:
        """Return the first amount that states the row's own price, to the ends of its words."""
        text = str(facts["cut"])
        found = next(own_amounts(text, facts["price"]), None)
        if found is None:
            return None
        start, end = found
        ahead, behind = re.search(r"\S*$", text[:start]), re.match(r"\S*", text[end:])
        assert ahead is not None and behind is not None
        return ahead.group() + text[start:end] + behind.group()

    def _price(self, raw: pl.DataFrame, facts: dict[str, Any]) -> PriceStep:
        read: float | str | None = facts["price"]
        if isinstance(read, float) and not math.isfinite(read):
            read = str(read)
        stood = raw["price"][0]
        return PriceStep(None if stood is None else str(stood), read, self.recipe.price.min, self.recipe.price.max)

    def _text(self, watched: _WatchedSieve, rows: pl.DataFrame) -> TextStep:
        settings, seen = self.recipe.text, watched.seen["text_too_short"]
        course = settings.style == "course"
        counted: str = prompts.course_contents(rows, settings).texts[0] if course else seen["text"][0]
        if course:
            found = parts.course_parts(rows, settings)
            before = counted
            reached = "too_few_tokens" in watched.seen
            after = watched.seen["too_few_tokens"]["text"][0] if reached else None
            cleaning = list(_course_cleaning(rows["title"][0] or "", counted)) if reached else []
            if reached:
                after = "\n".join([_last(cleaning, "title"), _last(cleaning, "text")])
        else:
            found = parts.of_readable(rows, settings)
            before = prompts.readable_lines(rows, settings)[0]
            cleaning = list(_readable_cleaning(before))
            after = cleaning[-1].after
        if after is not None and settings.own_price == "mask":
            cleaning.append(_masking(after, seen["price"]))
            after = cleaning[-1].after
        if after is not None and settings.special_tokens == "break":
            cleaning.append(self._breaking(after))
        return TextStep(
            settings.style,
            found.characters,
            found.details,
            found.prose,
            found.uncut,
            before,
            cleaning,
            after,
            len(counted),
            settings.min_chars,
            settings.max_chars,
        )

    def _breaking(self, text: str) -> CleaningStep:
        broken = self.prepare(pl.Series([text]))[0]
        return _step("text", "special tokens", "Strings that spell a special token are broken up.", text, broken)

    def _tokens(self, facts: dict[str, Any]) -> TokenStep:
        cap, kept = self.recipe.tokens, str(facts["cut"])
        whole = str(self.prepare(pl.Series([facts["text"]]))[0])
        # A cut in the middle of a character ends in U+FFFD, which is not in the text.
        shared = _shared(whole, kept)
        is_cut = shared < len(whole)
        return TokenStep(
            self.tokenizer.vocabulary.name,
            facts["text_tokens"],
            cap.min,
            cap.cap,
            cap.of,
            facts["tokens"],
            is_cut,
            kept,
            _tail(whole[:shared]),
            _head(whole[shared:]) if is_cut else None,
        )


def _course_cleaning(title: str, contents: str) -> Iterator[CleaningStep]:
    for of, text in (("title", title), ("text", contents)):
        for rule in cleaning.COURSE_RULES:
            step = _step(of, rule.name, rule.sentence, text, _each(rule.clean, text))
            text = step.after
            yield step


def _readable_cleaning(text: str) -> Iterator[CleaningStep]:
    for rule in cleaning.READABLE_RULES:
        step = _step("text", rule.name, rule.sentence, text, rule.clean(pl.Series([text]))[0])
        text = step.after
        yield step


def _step(of: str, rule: str, sentence: str, before: str, after: str) -> CleaningStep:
    pattern = re.compile(_PIECES.get(rule, "."), re.DOTALL)
    there, left = (Counter(match.group() for match in pattern.finditer(text)) for text in (before, after))
    taken = [Piece(*one) for one in (there - left).items()]
    put = [Piece(*one) for one in (left - there).items()]
    return CleaningStep(of, rule, sentence, len(before), len(after), taken, put, after)


def _masking(text: str, price: pl.Series) -> CleaningStep:
    masked, _ = mask_own_price(pl.Series([text]), price)
    return _step("text", _MASKED, f"Amounts that are the row's own price become {MARK}.", text, masked[0])


def _last(cleaning: Sequence[CleaningStep], of: str) -> str:
    return next(step.after for step in reversed(cleaning) if step.of == of)


def _each(rule: Any, text: str, *args: Any) -> str:
    """Apply a rule that takes an expression to one text."""
    return str(pl.DataFrame({"text": [text]}).select(rule(pl.col("text"), *args)).item())


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _head(text: str) -> str:
    found = re.match(rf"\s*(?:\S+\s+){{0,{_WORDS - 1}}}\S*", text)
    return found.group() if found else text


def _tail(text: str) -> str:
    return _head(text[::-1])[::-1]
