"""Explain one product's way through a finished run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from curator.errors import SourceError, TokenizerError, UsageError
from curator.items.map_shard import is_finished, shard_key
from curator.pages.result import Result, html, shortened
from curator.recipe.currencies import Money
from curator.run.ledger import KEPT, REASONS
from curator.selection.select import FATES
from curator.sources.shards import Shard
from curator.system.display import counted, visible
from curator.why.page import row_lines
from curator.why.recorded import RecordedRun, read_rows, source_state
from curator.why.steps import Facts, Row, Step
from curator.why.trace import Trace, WatchedMapper, price_range, token_limits

_COMPARED = ("category", "title", "price", "slot", "prompt", "tokens", "text_hash")

_COPY = "{first[parent_asin]}, row {first[row]:,} of {first[source]}"
_NUMBERS = {
    "malformed_row": ("unreadable", "{fault}"),
    "no_price": ("price", '"{raw}"'),
    "other_currency": ("price", '"{raw}"'),
    "price_out_of_range": ("price", "{usd} {code}, from {min_usd} to {max_usd} {code} is kept"),
    "text_too_short": ("text", "{chars:,}, more than {min_chars:,} are needed"),
    "too_few_tokens": ("tokens", "{text_tokens:,}, more than {min_tokens:,} are needed"),
    "price_in_text": ("own_price", '{usd} {code}, in "{said}"'),
    "exact_duplicate": ("copies", _COPY),
    "near_duplicate": ("near_copy", _COPY),
    "no_slot": ("price", "{usd} {code} is rounded to {rounded}"),
    "not_sampled": ("slot", "{cap:,} of the {available:,} items in slot {amount} were drawn"),
    "beyond_splits": ("draw", "position {position:,} (from 0), the splits take the first {published:,} of {sample:,}"),
}
"""A row's numbers after the sentence of its reason: the step that has them, and the words around them."""


@dataclass(frozen=True, repr=False)
class Story(Result):
    """What became of all rows with one asin.

    Attributes:
        run: The run directory.
        recipe: The name of its recipe.
        parent_asin: The product.
        rows: Its rows, each with its steps (see `steps`).
    """

    run: str
    recipe: str
    parent_asin: str
    rows: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return asdict(self)

    def text(self, *, full: bool = False) -> str:
        """Return the story as plain text; `full` shows long texts whole."""
        lines = [self._head()]
        for number, row in self._rows():
            lines += ["", f"== {self._fate(number, row)} ==", *row_lines(row, full=full)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        rows = (f"  {self._fate(number, row)}{f': {row.reason}' if row.reason else ''}" for number, row in self._rows())
        return shortened("\n".join([self._head(), *map(visible, rows), "print() shows every step"]))

    def _rows(self) -> Iterator[tuple[int, Row]]:
        return enumerate(self.rows, 1)

    def _repr_html_(self) -> str:
        folded = [(self._fate(number, row), "\n".join(row_lines(row)).strip()) for number, row in self._rows()]
        return html(self._head(), [row.reason for row in self.rows if row.reason], folded=folded, is_open=True)

    def _head(self) -> str:
        return visible(f"{self.parent_asin} in {self.run} (recipe {self.recipe}): {counted(len(self.rows), 'row')}")

    def _fate(self, number: int, row: Row) -> str:
        return f"row {number:,} of {len(self.rows):,}: {'' if row.reason is None else 'dropped, '}{row.fate}"


def explain(path: Path, parent_asin: str) -> Story:
    """Explain what became of every row with an asin.

    Args:
        path: The run directory.
        parent_asin: The product; or a row's place, ``FILE:ROW``.

    Raises:
        RunError: There is no finished run.
        UsageError: No row has the asin.
    """
    run = RecordedRun(path)
    found = run.find(parent_asin)
    if found.is_empty():
        raise UsageError(
            f"none of the {run.rows:,} rows of {path} has the parent_asin {parent_asin!r}; a row without one is found"
            " by its place, such as rows.jsonl:17"
        )
    narrator = _Narrator(run)
    rows = [row for [shard], some in found.group_by("shard", maintain_order=True) for row in narrator.rows(shard, some)]
    return Story(str(path), run.recipe.name, parent_asin, rows)


class _Narrator:
    """Explains rows, shard by shard."""

    def __init__(self, run: RecordedRun) -> None:
        self._run = run
        self._mapper: WatchedMapper | None = None

    def rows(self, index: int, found: pl.DataFrame) -> list[Row]:
        """Explain found rows of a shard."""
        shard = self._run.shards[index]
        state, note = source_state(shard.source, self._run)
        traces: dict[int, Trace] = {}
        if state == "unchanged":
            try:
                self._mapper = self._mapper or WatchedMapper(self._run.recipe)
                raw = read_rows(shard, found["row"].to_list(), self._run)
                traces = {row: self._mapper.trace(batch) for row, batch in raw.items()}
            except SourceError as error:
                state, note = "unreadable", str(error)
            except TokenizerError as error:
                note = f"The row can't be mapped again: {error}"
        return [
            self._row(shard, row, fate, traces.get(row), {"state": state, "note": note})
            for row, fate in found.select("row", "fate").iter_rows()
        ]

    def _row(self, shard: Shard, row: int, fate: str, trace: Trace | None, state: Facts) -> Row:
        item = self._run.item(shard.index, row)
        recorded = self._recorded(item) if item else []
        selected = self._selected(shard.index, row, fate, item) if item else []
        differences = _differences(fate, item, trace) if trace else []
        agrees = None if trace is None else not differences
        warnings = [*differences, self._cause(shard)] if differences else []
        steps = [_source(shard, row, state), *(trace.steps if trace else recorded), *selected]
        # What does not agree is no reason.
        known = [*recorded, *(trace.steps if trace and agrees else []), *selected]
        reason = _reason(fate, known, self._run.recipe.price.money) if fate in REASONS else None
        return Row(fate, reason, agrees, warnings, item["prompt"] if item else None, steps)

    def _recorded(self, item: Facts) -> list[Step]:
        """Return what the run holds of the steps that mapping the row again would show."""
        recipe = self._run.recipe
        price = {"usd": item["price"], **price_range(recipe), "rounded": item["slot"]}
        tokens = {"tokenizer": recipe.tokenizer, **token_limits(recipe), "prompt_tokens": item["tokens"]}
        return [Step("price", price), Step("tokens", tokens)]

    def _selected(self, shard: int, row: int, fate: str, item: Facts) -> list[Step]:
        """Return the steps that the selection took."""
        steps = []
        if item.get("text_hash") is not None:
            same = self._run.same_text(item["text_hash"])
            steps.append(Step("copies", {"items": same.height, **self._first(same, shard, row)}))
        decision = self._run.decision(shard, row)
        if decision and fate == "near_duplicate" and decision["cluster"] is not None:
            near = self._first(self._run.cluster(decision["cluster"]), shard, row)
            steps += [Step("near_copy", near)] if near else []
        if fate not in ("no_slot", "exact_duplicate", "near_duplicate"):
            steps.append(self._slot(item))
        if decision:
            draw = {name: decision[name] for name in ("sampled", "position", "split") if decision[name] is not None}
            steps.append(Step("draw", {**draw, **self._run.sizes}))
        return steps

    def _first(self, items: pl.DataFrame, shard: int, row: int) -> Facts:
        """Return the first of some items as a fact, unless it is the row itself."""
        first = items.row(0)
        return {} if first == (shard, row) else {"first": self._run.name(*first)}

    def _slot(self, item: Facts) -> Step:
        settings, slot, category = self._run.recipe.slots, item["slot"], item["category"]

        def weigh(category: str | None) -> float:
            return settings.weights.get(category or "", settings.default_weight)

        weights = [(weigh(name), count) for name, count in self._run.slot(slot)]
        available = sum(count for _, count in weights)
        whole = slot >= settings.whole_from or available <= settings.cap
        share = 1.0 if whole else float(f"{chance(weigh(category), weights, settings.cap):.3g}")
        facts = {"slot": slot, "available": available, "cap": settings.cap, "whole_from": settings.whole_from}
        facts |= {"taken_whole": whole, "category": category, "weight": weigh(category), "chance": share}
        return Step("slot", facts)

    def _cause(self, shard: Shard) -> str:
        """Say why a row may come out otherwise than in the run."""
        assert self._mapper is not None
        state, note = source_state(shard.source, self._run, thorough=True)
        if state != "unchanged":
            return f"The source changed: {note}"
        directory = self._run.directory
        key = shard_key(shard, self._run.recipe, self._mapper.tokenizer.vocabulary)
        if not is_finished(directory.items(shard.index), directory.ledger(shard.index), key):
            return "The code of curator, a library or the tokenizer is another than when the run was made."
        return "Code, libraries, tokenizer and source are those of the run: its files were changed after it was made."


def _source(shard: Shard, row: int, state: Facts) -> Step:
    source = shard.source
    facts = {"name": source.name, "kind": source.kind, "path": None if source.kind == "demo" else source.location}
    facts |= {"repository": source.repository, "revision": source.revision, "category": source.category}
    known = {name: value for name, value in facts.items() if value is not None}
    return Step("source", {**known, "shard": shard.index, "row": row, **state})


def _reason(fate: str, steps: Sequence[Step], money: Money) -> str:
    """Return the sentence of a reason, with the row's numbers as far as they are known."""
    sentence = REASONS[fate].rstrip(".")
    name, words = _NUMBERS.get(fate, ("", ""))
    facts = {step.name: step.facts for step in steps}.get(name, {})
    if fate == "no_price" and facts.get("raw", "") is None:
        return f"{sentence}: there is none."
    try:
        written = {"code": money.code, "amount": money.slot(facts.get("slot", 0))}
        return f"{sentence}: {words.format(**facts, **written)}." if words else f"{sentence}."
    except KeyError:
        # A run whose files were changed may hold a reason without its numbers.
        return f"{sentence}."


def _differences(fate: str, item: Facts | None, trace: Trace) -> list[str]:
    """Return in what mapping the row again differs from what the run holds."""
    differences = (
        [] if trace.is_explained else ["The cleaning rules, one by one, don't give the text that the mapper made."]
    )
    expected = KEPT if fate in FATES.categories or fate == "near_duplicate" else fate
    if trace.fate != expected:
        says = f"{fate!r}, decided among the items that the rules kept" if expected == KEPT else repr(fate)
        now = "the rules keep it" if trace.fate == KEPT else f"it comes to {trace.fate!r} ({REASONS[trace.fate]})"
        return [*differences, f"The ledger says {says}, but mapping the row again, {now}."]
    if trace.item is None:
        return differences
    if item is None:
        return [*differences, "The ledger says that the rules kept the row, but it is not among the items."]
    return differences + [
        f"The run's item has another {name} than mapping the row again gives."
        for name in _COMPARED
        if item.get(name) != trace.item.get(name)
    ]


def chance(weight: float, others: Sequence[tuple[float, int]], cap: int) -> float:
    """Return about how likely an item is to be among `cap` drawn one after the other without replacement.

    Args:
        weight: The item's weight.
        others: The weights of all items, itself included, each with how many have it.
        cap: Items drawn, fewer than there are.

    >>> round(chance(1, [(1, 100)], 25), 4)
    0.25
    """

    def drawn(time: float) -> float:
        return sum(count * -math.expm1(-each * time) for each, count in others)

    # Each item as a clock that rings at a rate of its weight: the draw is over when `cap` are expected to have rung.
    low, high = 0.0, 1.0
    while drawn(high) < cap and high < 1e300:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if drawn(middle) < cap else (low, middle)
    return -math.expm1(-weight * high)
