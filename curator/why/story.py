"""Tell one product's way through a finished run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from curator.errors import SourceError, TokenizerError, UsageError
from curator.items.map_shard import is_finished, shard_key
from curator.run.ledger import KEPT, REASONS
from curator.selection.select import FATES
from curator.sources.shards import Shard
from curator.why.model import (
    CopiesStep,
    DrawStep,
    Origin,
    OtherRow,
    PriceStep,
    RowStory,
    SlotStep,
    Story,
    TokenStep,
)
from curator.why.recorded import RecordedRun, read_rows, source_state
from curator.why.remap import Remapped, WatchedMapper

_COMPARED = ("category", "title", "price", "slot", "prompt", "tokens", "text_hash")


def explain(path: Path, parent_asin: str) -> Story:
    """Tell the way of every row with an asin.

    Args:
        path: The run directory.
        parent_asin: The product.

    Raises:
        RunError: There is no finished run.
        UsageError: No row has the asin.
    """
    run = RecordedRun(path)
    found = run.find(parent_asin)
    if found.is_empty():
        raise UsageError(f"none of the {run.rows:,} rows of {path} has the parent_asin {parent_asin!r}")
    teller = _Teller(run, found)
    rows = [row for shard in found["shard"].unique(maintain_order=True) for row in teller.shard(shard)]
    return Story(str(path), run.recipe.name, parent_asin, rows)


class _Teller:
    """Tells found rows, shard by shard."""

    def __init__(self, run: RecordedRun, found: pl.DataFrame) -> None:
        self._run = run
        self._found = found
        self._items = run.items_of(found)
        self._selected = run.selected_of(found)
        self._mapper: WatchedMapper | None = None

    def shard(self, index: int) -> list[RowStory]:
        """Tell the found rows of a shard."""
        shard = self._run.shards[index]
        rows = self._found.filter(shard=index)
        state, note = source_state(shard.source, self._run)
        raw: dict[int, pl.DataFrame] = {}
        if state == "unchanged":
            try:
                self._mapper = self._mapper or WatchedMapper(self._run.recipe)
                raw = read_rows(shard, rows["row"].to_list(), self._run)
            except SourceError as error:
                state, note = "unreadable", str(error)
            except TokenizerError as error:
                note = f"The row can't be mapped again: {error}"
        return [
            self._row(shard, row, fate, self._trace(raw.get(row)), state, note)
            for row, fate in rows.select("row", "fate").iter_rows()
        ]

    def _trace(self, raw: pl.DataFrame | None) -> Remapped | None:
        if raw is None:
            return None
        assert self._mapper is not None
        return self._mapper.trace(raw)

    def _row(self, shard: Shard, row: int, fate: str, again: Remapped | None, state: str, note: str) -> RowStory:
        source = shard.source
        item = self._items.get((shard.index, row))
        selected = self._selected.get((shard.index, row))
        story = RowStory(
            Origin(
                source.name,
                None if source.kind == "demo" else source.location,
                source.kind,
                source.category,
                shard.index,
                row,
                source.repository,
                source.revision,
                state,
                note,
            ),
            fate,
            None,
            again.price if again else self._recorded_price(item),
            again.text if again else None,
            again.tokens if again else self._recorded_tokens(item),
            self._copies(shard.index, row, item),
            self._slot(item, fate),
            self._draw(selected),
            item["prompt"] if item else None,
            None,
            [],
        )
        if again is not None:
            differences = [*again.faults, *_differences(fate, item, again)]
            warnings = [f"{each}." for each in differences]
            if differences:
                warnings.append(self._cause(shard))
            story = replace(story, agrees=not differences, warnings=warnings)
        if fate in REASONS:
            numbers = self._numbers(story, again if story.agrees else None, selected)
            story = replace(story, reason=f"{REASONS[fate].rstrip('.')}{f': {numbers}' if numbers else ''}.")
        return story

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

    def _recorded_price(self, item: dict[str, Any] | None) -> PriceStep | None:
        price = self._run.recipe.price
        return PriceStep(None, item["price"], price.min, price.max) if item else None

    def _recorded_tokens(self, item: dict[str, Any] | None) -> TokenStep | None:
        cap = self._run.recipe.tokens
        if item is None:
            return None
        name = self._run.recipe.tokenizer
        return TokenStep(name, None, cap.min, cap.cap, cap.of, item["tokens"], None, None, None, None)

    def _copies(self, shard: int, row: int, item: dict[str, Any] | None) -> CopiesStep | None:
        if item is None or item.get("text_hash") is None:
            return None
        same = self._run.same_text(item["text_hash"])
        first = same.row(0, named=True)
        mine = (first["shard"], first["row"]) == (shard, row)
        return CopiesStep(same.height, None if mine else self._run.other(first["shard"], first["row"]))

    def _slot(self, item: dict[str, Any] | None, fate: str) -> SlotStep | None:
        if item is None or fate == "no_slot" or fate in ("exact_duplicate", "near_duplicate"):
            return None
        settings = self._run.recipe.slots
        counts = self._run.slot(item["slot"])

        def weigh(category: str | None) -> float:
            return settings.weights.get(category or "", settings.default_weight)

        available = sum(count for _, count in counts)
        whole = item["slot"] >= settings.whole_from or available <= settings.cap
        weight = weigh(item["category"])
        taken = 1.0 if whole else chance(weight, [(weigh(name), count) for name, count in counts], settings.cap)
        return SlotStep(
            item["slot"],
            available,
            settings.cap,
            settings.whole_from,
            whole,
            item["category"],
            weight,
            round(taken, 4),
            "certain: the slot was taken whole" if whole else in_words(taken),
        )

    def _draw(self, selected: dict[str, Any] | None) -> DrawStep | None:
        if selected is None:
            return None
        return DrawStep(selected["sampled"], selected["position"], self._run.sampled, selected["split"])

    def _numbers(self, story: RowStory, again: Remapped | None, selected: dict[str, Any] | None) -> str | None:
        """Return this row's numbers for the sentence of its reason, as far as they are known."""
        recipe, fate, slot, draw = self._run.recipe, story.fate, story.slot, story.draw
        if fate in ("exact_duplicate", "near_duplicate"):
            other = self._original(story, selected)
            return f"{other.parent_asin}, row {other.row:,} of {other.source}" if other else None
        if fate == "not_sampled" and slot:
            return f"{slot.cap:,} of the {slot.available:,} items in slot ${slot.slot} were drawn"
        if fate == "beyond_splits" and draw and draw.position is not None:
            splits = self._run.published
            return f"position {draw.position:,} (from 0), the splits take the first {splits:,} of {draw.sample:,}"
        if fate == "no_slot" and selected and story.price:
            return f"{story.price.read} USD is rounded to {selected['slot']}"
        if again is None:
            return None
        if fate == "no_price":
            return "there is none" if again.price.raw is None else f'"{again.price.raw}"'
        if fate == "price_out_of_range":
            return f"{again.price.read} USD, from {recipe.price.min} to {recipe.price.max} USD is kept"
        if fate == "text_too_short" and again.text:
            return f"{again.text.characters:,}, more than {recipe.text.min_chars:,} are needed"
        if fate == "too_few_tokens":
            return f"{again.facts['text_tokens']:,}, more than {recipe.tokens.min:,} are needed"
        if fate == "price_in_text":
            assert self._mapper is not None
            said = self._mapper.own_price(again.facts)
            return f"{again.price.read} USD" + (f', in "{said}"' if said else "")
        return None

    def _original(self, story: RowStory, selected: dict[str, Any] | None) -> OtherRow | None:
        """Return the row that this one is a copy of."""
        if story.fate == "exact_duplicate" and story.copies and story.copies.first:
            return story.copies.first
        if selected is None or selected["cluster"] is None:
            return None
        first = self._run.first_of_cluster(selected["cluster"])
        if first is None or (first["shard"], first["row"]) == (selected["shard"], selected["row"]):
            return None
        return self._run.other(first["shard"], first["row"])


def _differences(fate: str, item: dict[str, Any] | None, again: Remapped) -> list[str]:
    """Return in what mapping the row again differs from what the run holds."""
    expected = KEPT if fate in FATES.categories or fate == "near_duplicate" else fate
    if again.fate != expected:
        says = f"{fate!r}, decided among the items that the rules kept" if expected == KEPT else repr(fate)
        now = "the rules keep it" if again.fate == KEPT else f"it comes to {again.fate!r} ({REASONS[again.fate]})"
        return [f"The ledger says {says}, but mapping the row again, {now}"]
    if again.item is None:
        return []
    if item is None:
        return ["The ledger says that the rules kept the row, but it is not among the items"]
    return [
        f"The run's item has another {name} than mapping the row again gives"
        for name in _COMPARED
        if item.get(name) != again.item.get(name)
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


def in_words(share: float) -> str:
    """Return a chance in words.

    >>> in_words(0.3333), in_words(0.0123), in_words(0.999), in_words(0.0002)
    ('about 33 in 100', 'about 12 in 1,000', 'more than 99 in 100', 'less than 1 in 1,000')
    """
    if share > 0.99:
        return "more than 99 in 100"
    if share >= 0.1:
        return f"about {share * 100:.0f} in 100"
    return f"about {share * 1000:.0f} in 1,000" if share >= 0.001 else "less than 1 in 1,000"
