"""What `curator why` tells, as data: the steps of each row with one asin, in the order of the pipeline.

A step that a row never reached, or that can't be told because its source is gone, is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Piece(NamedTuple):
    """A piece of text that a rule took away or put in, and how often."""

    piece: str
    times: int


class DroppedKey(NamedTuple):
    """A key of the details that the text leaves out, and why."""

    key: str
    why: str


class Rewritten(NamedTuple):
    """A line of the details that is written another way than the page lists it, such as a weight.

    Attributes:
        listed: The line as the page lists it; null for one that was added, a weight that stood after a size.
        written: The line in the text.
    """

    listed: str | None
    written: str


@dataclass(frozen=True)
class Origin:
    """Where a row came from.

    Attributes:
        source: The source's name.
        path: Where it was read; null for the demo catalogue.
        kind: ``parquet``, ``jsonl`` or ``demo``.
        category: The category that file or folder name.
        shard: Number of the shard.
        row: Number of the row in its source, from 0.
        repository: The Hub dataset, if it came from there.
        revision: That dataset's commit.
        state: ``unchanged``, ``changed``, ``gone`` or ``unreadable``; only an unchanged source is read again.
        note: What was found, in a sentence.
    """

    source: str
    path: str | None
    kind: str
    category: str | None
    shard: int
    row: int
    repository: str | None
    revision: str | None
    state: str
    note: str


@dataclass(frozen=True)
class PriceStep:
    """The price.

    Attributes:
        raw: As it stands in the source; null also where the source is not read.
        read: As a number (USD); ``nan`` and ``inf`` as strings, which JSON has no numbers for.
        min: Lowest price kept (USD).
        max: Highest price kept (USD).
    """

    raw: str | None
    read: float | str | None
    min: float
    max: float


@dataclass(frozen=True)
class DetailsStep:
    """What became of the details.

    Attributes:
        raw: As they stand in the source.
        used: Whether the text has room for any of them.
        dropped: Keys left out (readable style).
        first: Keys put before those that the page lists ahead of them (readable style).
        rewritten: Lines written another way (readable style).
        removed: Substrings deleted, in the recipe's order (course style).
        after: As they go into the text, before cleaning.
    """

    raw: str | None
    used: bool
    dropped: list[DroppedKey]
    first: list[str]
    rewritten: list[Rewritten]
    removed: list[Piece]
    after: str


@dataclass(frozen=True)
class ProseStep:
    """What was taken of what the seller wrote.

    Attributes:
        of: ``features`` or ``description``.
        listed: How many texts the page lists.
        kept: The lines that were taken, clean.
        most_lines: Most lines of features and description together; 0 for all.
        most_chars: Each line ends with its first clause, or after so many characters; 0 for whole lines.
    """

    of: str
    listed: int
    kept: list[str]
    most_lines: int
    most_chars: int


@dataclass(frozen=True)
class CleaningStep:
    """One cleaning rule at work.

    Attributes:
        of: ``text`` or, in the course style, which cleans it by itself, ``title``.
        rule: The rule's name.
        sentence: What it does.
        characters_before: Characters before it.
        characters_after: Characters after it.
        taken: What is no longer there, in the order of the text.
        put: What is there instead.
        after: The text after it.
    """

    of: str
    rule: str
    sentence: str
    characters_before: int
    characters_after: int
    taken: list[Piece]
    put: list[Piece]
    after: str


@dataclass(frozen=True)
class TextStep:
    """The text.

    Attributes:
        style: The recipe's `text.style`.
        parts: Characters of each part of the text, uncut.
        details: What became of the details.
        prose: What was taken of features and description, where the recipe shortens them.
        characters_uncut: Characters of all parts together, line ends included.
        before: The text before cleaning, cut to at most `max_chars`.
        cleaning: Every rule in its order; none if the row was dropped before.
        after: The clean text; null if the row was dropped before.
        characters: What is held against `min_chars`: the clean text, in the course style the one before cleaning.
        min_chars: A row is kept only with more characters.
        max_chars: Characters that are looked at.
    """

    style: str
    parts: dict[str, int]
    details: DetailsStep | None
    prose: list[ProseStep]
    characters_uncut: int
    before: str
    cleaning: list[CleaningStep]
    after: str | None
    characters: int
    min_chars: int
    max_chars: int


@dataclass(frozen=True)
class TokenStep:
    """The token cap.

    Attributes:
        tokenizer: Its name.
        text: Tokens of the whole text; null where the source is not read.
        min: An item is kept only with more tokens of text.
        cap: Most tokens.
        cap_of: What the cap counts: ``text`` or ``prompt``.
        prompt: Tokens of the whole prompt, answer included.
        is_cut: Whether the cap took anything away.
        kept: The text that is kept.
        last_kept: Its last words.
        first_cut: The first words behind the cut.
    """

    tokenizer: str
    text: int | None
    min: int
    cap: int
    cap_of: str
    prompt: int
    is_cut: bool | None
    kept: str | None
    last_kept: str | None
    first_cut: str | None


@dataclass(frozen=True)
class OtherRow:
    """Another row of the run."""

    parent_asin: str | None
    source: str
    row: int
    fate: str


@dataclass(frozen=True)
class CopiesStep:
    """Items with the same text.

    Attributes:
        items: How many there are, this one included.
        first: The one that stands for all; null if it is this one.
    """

    items: int
    first: OtherRow | None


@dataclass(frozen=True)
class SlotStep:
    """The price slot and how full it was.

    Attributes:
        slot: Whole dollars.
        available: Items of this slot that could be chosen.
        cap: Most items taken from a slot below `whole_from`.
        whole_from: Slots from here on are taken whole.
        taken_whole: Whether all of them were taken; else `cap` of them were drawn.
        category: The item's category.
        weight: Its weight in the draw.
        chance: About how likely the draw was to take it.
        in_words: That chance in words.
    """

    slot: int
    available: int
    cap: int
    whole_from: int
    taken_whole: bool
    category: str | None
    weight: float
    chance: float
    in_words: str


@dataclass(frozen=True)
class DrawStep:
    """What the draw, the shuffle and the division made of it.

    Attributes:
        sampled: Whether the draw took it.
        position: Its place in the shuffled sample, from 0.
        sample: Items in the sample.
        split: Its split.
    """

    sampled: bool
    position: int | None
    sample: int
    split: str | None


@dataclass(frozen=True)
class RowStory:
    """One row's way through the run.

    Attributes:
        fate: Its split, or the reason it was dropped, as the ledger has it.
        reason: Why it was dropped, in the rule's own sentence with this row's numbers; null for a row in a split.
        agrees: Whether mapping the row again gives what the run holds; null if it could not be tried.
        warnings: What does not agree.
    """

    origin: Origin
    fate: str
    reason: str | None
    price: PriceStep | None
    text: TextStep | None
    tokens: TokenStep | None
    copies: CopiesStep | None
    slot: SlotStep | None
    draw: DrawStep | None
    prompt: str | None
    agrees: bool | None
    warnings: list[str]


@dataclass(frozen=True)
class Story:
    """All rows with one asin."""

    run: str
    recipe: str
    parent_asin: str
    rows: list[RowStory]
