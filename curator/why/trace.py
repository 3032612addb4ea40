"""Map one row again, with the build's own mapper and rules, and note each step on the way."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from curator.items.dropping import Rule, Sieve
from curator.items.mapper import Mapper
from curator.recipe.load import Recipe
from curator.run.ledger import KEPT
from curator.text import cleaning
from curator.text.cleaning import Cleaning
from curator.text.own_price import MARK, mask_own_price, own_amounts
from curator.why import parts
from curator.why.steps import Facts, Step

# What a rule takes away in one piece, where that is more than a character.
_PIECES = {
    "entities": r"&(?:amp;)*(?:#?\w+;|#\w+)|.",
    "code points": r"(?:\\u[0-9a-fA-F]{4})+|.",
    "tags": r"(?i:<(script|style)\b.*?</\1\s*>)|<!--.*?-->|</?[A-Za-z!][^<>]*>?|.",
    "part numbers": r"[^ ]+",
    "special tokens": r"\S+",
    "own price": r"\S+",
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
class Trace:
    """What mapping a row again gave.

    Attributes:
        fate: ``kept``, or the reason it was dropped.
        item: The item, if it was kept.
        steps: The steps from ``price`` to ``own_price``, as far as the row got.
        is_explained: Whether the steps, one by one, give the text that the mapper made.
    """

    fate: str
    item: dict[str, Any] | None
    steps: list[Step]
    is_explained: bool


class WatchedMapper(Mapper):
    """The build's mapper, watched; it looks at whole texts, so that it can count all their tokens."""

    first_chars = None

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._watched: _WatchedSieve | None = None

    def sieve(self, rows: pl.DataFrame) -> Sieve:
        """Return a sieve that remembers."""
        self._watched = _WatchedSieve(rows)
        return self._watched

    def trace(self, raw: pl.DataFrame) -> Trace:
        """Map a batch of one row and note its steps."""
        items, fates = self(raw)
        watched = self._watched
        assert watched is not None
        fate: str = fates["fate"][0]
        last = (watched.rows if fate == KEPT else watched.seen[fate]).row(0, named=True)
        if (fault := raw["malformed"][0]) is not None:
            return Trace(fate, None, [Step("unreadable", {"fault": fault})], True)
        steps, is_explained = [self._price(raw["price"][0], last)], True
        if "text_too_short" in watched.seen:
            of_text, is_explained = self._text(raw, watched.seen)
            steps += of_text
        if "cut" in last:
            steps.append(self._tokens(last))
        if fate == "price_in_text":
            steps += _own_price(last["cut"], last["price"])
        return Trace(fate, items.row(0, named=True) if items.height else None, steps, is_explained)

    def _price(self, raw: Any, row: Facts) -> Step:
        usd: float | str | None = row["price"]
        if isinstance(usd, float) and not math.isfinite(usd):
            usd = str(usd)
        facts = {"raw": None if raw is None else str(raw), "usd": usd, **price_range(self.recipe)}
        return Step("price", {**facts, "rounded": row["slot"]} if "slot" in row else facts)

    def _text(self, raw: pl.DataFrame, seen: dict[str, pl.DataFrame]) -> tuple[list[Step], bool]:
        """Return the steps of the text, and whether cleaning it rule by rule gives what the mapper made."""
        settings, priced, is_explained = self.recipe.text, seen["text_too_short"], True
        is_long_enough = "too_few_tokens" in seen
        is_course = settings.style == "course"
        steps = (parts.course_parts if is_course else parts.readable_parts)(raw, settings)
        text: str = steps[-1].facts["text"]
        facts: Facts = {"style": settings.style, "chars": len(text), "min_chars": settings.min_chars}
        if is_course and not is_long_enough:
            # It is dropped before it is cleaned.
            return [*steps, Step("text", facts)], True
        if is_course:
            rules = [_on_texts(rule) for rule in cleaning.COURSE_RULES]
            title = _clean(raw["title"][0] or "", "title", rules, steps)
            text = f"{title}\n{_clean(text, 'text', rules, steps)}"
        else:
            text = _clean(text, "text", cleaning.READABLE_RULES, steps)
            facts["chars"], is_explained = len(text), text == priced["text"][0]
        if is_long_enough:
            text = _clean(text, "text", self._last_rules(priced["price"]), steps)
            is_explained &= text == self.prepare(seen["too_few_tokens"]["text"])[0]
        return [*steps, Step("text", {**facts, "text": text})], is_explained

    def _last_rules(self, price: pl.Series) -> Iterator[Cleaning[pl.Series]]:
        if self.recipe.text.own_price == "mask":
            sentence = f"Amounts that are the row's own price become {MARK}."
            yield Cleaning("own price", sentence, lambda texts: mask_own_price(texts, price)[0])
        if self.recipe.text.special_tokens == "break":
            yield Cleaning("special tokens", "Strings that spell a special token are broken up.", self.prepare)

    def _tokens(self, row: Facts) -> Step:
        whole, kept = str(self.prepare(pl.Series([row["text"]]))[0]), str(row["cut"])
        # A cut in the middle of a character ends in U+FFFD, which is not in the text.
        differ = (at for at, (a, b) in enumerate(zip(whole, kept, strict=False)) if a != b)
        shared = next(differ, min(len(whole), len(kept)))
        is_cut = shared < len(whole)
        cut = {"last_kept": _tail(whole[:shared]), "first_cut": _head(whole[shared:])} if is_cut else {}
        facts = {"tokenizer": self.tokenizer.vocabulary.name, "text_tokens": row["text_tokens"]}
        facts |= {**token_limits(self.recipe), "prompt_tokens": row["tokens"]}
        return Step("tokens", {**facts, "kept": kept, "is_cut": is_cut, **cut})


def price_range(recipe: Recipe) -> Facts:
    """Return the facts about prices that the recipe sets."""
    return {"min_usd": recipe.price.min, "max_usd": recipe.price.max}


def token_limits(recipe: Recipe) -> Facts:
    """Return the facts about tokens that the recipe sets."""
    return {"min_tokens": recipe.tokens.min, "cap": recipe.tokens.cap, "cap_of": recipe.tokens.of}


def _own_price(text: str, price: float) -> list[Step]:
    """Return the first amount that states the row's own price, to the ends of its words."""
    steps = []
    for start, end in islice(own_amounts(text, price), 1):
        ahead, behind = re.findall(r"\S*$", text[:start])[0], re.findall(r"^\S*", text[end:])[0]
        steps.append(Step("own_price", {"usd": price, "said": ahead + text[start:end] + behind}))
    return steps


def _on_texts(rule: Cleaning[pl.Expr]) -> Cleaning[pl.Series]:
    clean = rule.clean(pl.col("text"))
    return Cleaning(rule.name, rule.sentence, lambda texts: texts.to_frame("text").select(clean).to_series())


def _clean(text: str, of: str, rules: Iterable[Cleaning[pl.Series]], steps: list[Step]) -> str:
    """Return a text cleaned rule by rule, and add a step for each."""
    for name, sentence, clean in rules:
        before, text = text, str(clean(pl.Series([text]))[0])
        pattern = re.compile(_PIECES.get(name, "."), re.DOTALL)
        old, new = (Counter(match.group() for match in pattern.finditer(some)) for some in (before, text))
        facts = {"of": of, "rule": name, "sentence": sentence, "chars_before": len(before), "chars_after": len(text)}
        steps.append(Step("cleaning", {**facts, "taken": dict(old - new), "put": dict(new - old), "text": text}))
    return text


def _head(text: str) -> str:
    found = re.match(rf"\s*(?:\S+\s+){{0,{_WORDS - 1}}}\S*", text)
    return found.group() if found else text


def _tail(text: str) -> str:
    return _head(text[::-1])[::-1]
