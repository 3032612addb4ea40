"""Re-read the published rows, a few at a time, and check each against what was promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.dataset import chats
from curator.dataset.columns import CONFIGS
from curator.dataset.forms import openai_form, text_form
from curator.dataset.manifest import Manifest
from curator.dataset.measures import Measures, memory_bytes
from curator.recipe.load import Recipe
from curator.selection.slots import FIRST, LAST
from curator.system.display import counted
from curator.text import prompts
from curator.text.prices import round_price
from curator.text.words import text_hash
from curator.tokens.tokenizer import REPLACEMENT, Tokenizer
from curator.verify.verdict import Check

MOST_GROUP_BYTES = 100_000_000
"""The Hub's viewer takes row groups of less than this (bytes, uncompressed)."""
_BATCH = 8_192

Unreadable = (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError)
"""What reading a damaged Parquet file raises."""


@dataclass
class RowChecks:
    """The checks of single rows; each notes the file and row (from 0) or line (from 1) where it does not hold.

    Attributes:
        recipe: What the rows were made by.
        chat_tokens: Tokens of each split's chats.
        text_hashes: For each split a hash of each row's product text, case and punctuation ignored.
        memory: What the rows of each Parquet file take in memory (bytes).
    """

    recipe: Recipe
    readable: Check = field(default_factory=lambda: Check("files are Parquet of one schema, row groups under 100 MB"))
    prompts: Check = field(default_factory=lambda: Check("prompts begin with the question and end at the answer words"))
    completions: Check = field(default_factory=lambda: Check("completions are the price, rounded by the recipe"))
    slots: Check = field(default_factory=lambda: Check("slots lie in 1 to 999, prices in the recipe's range"))
    cap: Check = field(default_factory=lambda: Check("no prompt has more tokens than the cap"))
    tokens: Check = field(default_factory=lambda: Check("tokens, counted again, are as stated"))
    text: Check = field(default_factory=lambda: Check("config text agrees with config default"))
    valid: Check = field(default_factory=lambda: Check("OpenAI lines are valid: roles in order, no empty content"))
    chats: Check = field(default_factory=lambda: Check("config openai agrees with config default"))
    chat_tokens: dict[str, int] = field(default_factory=dict)
    text_hashes: dict[str, list[NDArray[np.uint64]]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    _uneven: set[str] = field(default_factory=set, init=False, repr=False)

    def all(self) -> list[Check]:
        """Return the checks in their order."""
        first = [self.readable, self.prompts, self.completions, self.slots, self.cap, self.tokens]
        return [*first, self.text, self.valid, self.chats]

    def run(
        self, folder: Path, manifest: Manifest, split: str, tokenizer: Tokenizer | None, measures: Measures
    ) -> None:
        """Check all rows of one split.

        Args:
            folder: The dataset.
            manifest: What it says about the dataset.
            split: Whose rows.
            tokenizer: What counts, if it could be had.
            measures: Adds the rows up.
        """
        names = sorted(name for name in manifest.files if name.startswith(f"data/{split}-"))
        lines = _Lines(folder, f"openai/{split}.jsonl", self.valid)
        for name in names:
            text, chat = (f"{folder_}/{name.removeprefix('data/')}" for folder_ in ("text", "openai"))
            if not (folder / name).is_file():
                continue
            row = 0
            for mine, texts, messages in zip_longest(*(self._batches(folder, one) for one in (name, text, chat))):
                if mine is None:
                    for check, more, twin in ((self.text, texts, text), (self.chats, messages, chat)):
                        self._same_rows(check, pl.DataFrame(), more, name, twin, row)
                    break
                self._default(mine, name, row, tokenizer)
                measures.add(split, mine)
                hashed = mine.select(text_hash(self._product_text()).fill_null(0)).to_series()
                self.text_hashes.setdefault(split, []).append(hashed.to_numpy())
                self._text(mine, texts, name, text, row, split)
                self._messages(mine, messages, name, chat, row)
                self._lines(mine, lines, name, row, tokenizer, split)
                row += mine.height
        if (left := lines.left()) and names:
            self.chats.problem(f"{lines.name} has {left:,} lines more than config default has rows")

    def _batches(self, folder: Path, name: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a Parquet file, `_BATCH` at a time but for the last; note a file that can't be read."""
        schema = next(config.schema for config in CONFIGS.values() if name.startswith(f"{config.folder}/"))
        try:
            for rows in _read(folder / name, schema):
                self.memory[name] = self.memory.get(name, 0) + memory_bytes(rows)
                yield rows
        except Unreadable as error:
            first = (str(error).splitlines() or [""])[0].replace(str(folder), "")
            self.readable.problem(f"{name}: {first[:200]}")

    def _note(self, check: Check, rows: pl.DataFrame, holds: pl.Expr, where: Callable[[int], str], what: str) -> None:
        """Note the rows for which an expression is not true; `what` may name columns in braces."""
        wrong = rows.with_row_index("_at").filter(~holds.fill_null(value=False))
        shown = max(0, 5 - len(check.problems))
        for values in wrong.head(shown).iter_rows(named=True):
            check.problem(f"{where(values['_at'])}: {what.format_map({k: _short(v) for k, v in values.items()})}")
        check.found += max(0, wrong.height - shown)

    def _default(self, rows: pl.DataFrame, name: str, first: int, tokenizer: Tokenizer | None) -> None:
        recipe = self.recipe

        def where(at: int) -> str:
            return f"{name} row {first + at}"

        prompt, slot, price = pl.col("prompt"), pl.col("slot"), pl.col("price")
        framed = prompt.str.starts_with(prompts.question(recipe.prompt)) & prompt.str.ends_with(
            f"\n\n{recipe.prompt.answer}"
        )
        self._note(self.prompts, rows, framed, where, "the prompt is not question, text and answer words")
        said = pl.col("completion") == prompts.completion(slot)
        self._note(self.completions, rows, said, where, "completion {completion}, slot {slot}")
        rounded = slot == round_price(price, recipe.price)
        self._note(self.completions, rows, rounded, where, "price {price} does not round to slot {slot}")
        inside = slot.is_between(FIRST, LAST) & price.is_between(recipe.price.min, recipe.price.max)
        self._note(self.slots, rows, inside, where, "slot {slot}, price {price}")
        if recipe.tokens.of == "prompt":
            self._note(self.cap, rows, pl.col("tokens") <= recipe.tokens.cap, where, "{tokens} tokens")
        if tokenizer is None:
            return
        whole = rows.select(pl.concat_str("prompt", "completion")).to_series().fill_null("")
        counted = rows.with_columns(pl.Series("_counted", tokenizer.encode(whole).counts))
        same = pl.col("_counted") == pl.col("tokens")
        self._note(self.tokens, counted, same, where, "{tokens} tokens stated, {_counted} counted")
        if recipe.tokens.of == "text":
            text = rows.select(self._product_text()).to_series().fill_null("")
            # The cut can end inside a character: what stands for its first bytes was less than U+FFFD takes by itself.
            whole_characters = tokenizer.encode(text.str.strip_chars_end(REPLACEMENT)).counts
            least = np.minimum(tokenizer.encode(text).counts, whole_characters)
            counted = rows.with_columns(pl.Series("_counted", least))
            within = pl.col("_counted") <= recipe.tokens.cap
            self._note(self.cap, counted, within, where, "the text has {_counted} tokens")

    def _product_text(self) -> pl.Expr:
        before, after = prompts.question(self.recipe.prompt), f"\n\n{self.recipe.prompt.answer}"
        return pl.col("prompt").str.strip_prefix(before).str.strip_suffix(after)

    def _text(
        self, rows: pl.DataFrame, other: pl.DataFrame | None, name: str, twin: str, first: int, split: str
    ) -> None:
        other = self._same_rows(self.text, rows, other, name, twin, first)
        expected = text_form(rows.head(other.height), split, self.recipe)
        both = expected.select(_price="price", _text="text").hstack(other)

        def where(at: int) -> str:
            return f"{twin} row {first + at}"

        if other.height:
            same = pl.col("text") == pl.col("_text")
            self._note(self.text, both, same, where, "the text is not that of config default")
            same = pl.col("price") == pl.col("_price")
            self._note(self.text, both, same, where, "price {price}, in default {_price}")

    def _same_rows(
        self, check: Check, rows: pl.DataFrame, other: pl.DataFrame | None, name: str, twin: str, first: int
    ) -> pl.DataFrame:
        """Return the rows of a twin that have their fellow in `rows`; note it if there are fewer or more."""
        got = 0 if other is None else other.height
        if got != rows.height and twin not in self._uneven:
            self._uneven.add(twin)
            shorter, longer = (twin, name) if got < rows.height else (name, twin)
            check.problem(f"{shorter} ends after {counted(first + min(got, rows.height), 'row')}, {longer} goes on")
        return rows.clear() if other is None else other.head(rows.height)

    def _messages(self, rows: pl.DataFrame, other: pl.DataFrame | None, name: str, twin: str, first: int) -> None:
        other = self._same_rows(self.chats, rows, other, name, twin, first)
        if other.is_empty():
            return
        messages = pl.col("messages")
        roles = messages.list.eval(pl.element().struct.field("role")).list.join(" ") == " ".join(chats.ROLES)

        def where(at: int) -> str:
            return f"{twin} row {first + at}"

        self._note(self.valid, other, roles, where, "the roles are not system, user, assistant")
        contents = {role: messages.list.get(n, null_on_oob=True) for n, role in enumerate(chats.ROLES)}
        found = other.select(**{role: one.struct.field("content") for role, one in contents.items()})
        full = pl.all_horizontal(pl.col(chats.ROLES).str.strip_chars() != "")
        self._note(self.valid, found, full, where, "a content is empty")
        self._agree(rows.head(other.height), found, where)

    def _lines(
        self, rows: pl.DataFrame, lines: _Lines, name: str, first: int, tokenizer: Tokenizer | None, split: str
    ) -> None:
        start = lines.taken
        found = lines.take(rows.height)
        if found.height < rows.height:
            self.chats.problem(f"{lines.name} has no line for {name} row {first + found.height}")
        if found.is_empty():
            return
        # A line that is not valid has been noted as such.
        self._agree(rows.head(found.height), found, lambda at: f"{lines.name} line {start + at + 1}", skip_null=True)
        if tokenizer is not None:
            contents = pl.concat([found[role] for role in chats.ROLES]).fill_null("")
            total = int(tokenizer.encode(contents).counts.sum()) + chats.TOKENS_AROUND * found.height
            self.chat_tokens[split] = self.chat_tokens.get(split, 0) + total

    def _agree(
        self, rows: pl.DataFrame, found: pl.DataFrame, where: Callable[[int], str], *, skip_null: bool = False
    ) -> None:
        """Note the chats that are not what the rows of config `default` make."""
        made = rows.select(pl.col("price").fill_null(0), pl.col("prompt").fill_null(""))
        messages = openai_form(made, self.recipe)["messages"]
        expected = {f"_{role}": messages.list.get(n).struct.field("content") for n, role in enumerate(chats.ROLES)}
        both = found.with_columns(**expected)
        for role in chats.ROLES:
            same = pl.col(role) == pl.col(f"_{role}")
            what = "says {assistant}, default {_assistant}" if role == "assistant" else f"the {role} message differs"
            self._note(self.chats, both, same | pl.col(role).is_null() if skip_null else same, where, what)


class _Lines:
    """The lines of one JSONL file, taken as many at a time as asked for."""

    def __init__(self, folder: Path, name: str, check: Check) -> None:
        self.name = name
        self.taken = 0
        path = folder / name
        self._batches = chats.batches(path, _BATCH, check.problem, name) if path.is_file() else iter(())
        self._waiting: pl.DataFrame = pl.DataFrame(schema=dict.fromkeys(chats.ROLES, pl.String))

    def take(self, rows: int) -> pl.DataFrame:
        """Return the next `rows` lines, or as many as there are."""
        while self._waiting.height < rows and (more := next(self._batches, None)) is not None:
            self._waiting = pl.concat([self._waiting, more])
        taken, self._waiting = self._waiting.head(rows), self._waiting.slice(rows)
        self.taken += taken.height
        return taken

    def left(self) -> int:
        """Return how many lines nobody took."""
        return self._waiting.height + sum(more.height for more in self._batches)


def _read(path: Path, schema: pa.Schema) -> Iterator[pl.DataFrame]:
    """Yield a Parquet file's rows in batches of `_BATCH`, whatever its row groups.

    Raises:
        ValueError: Other columns or types, row groups that are too large, broken content.
    """
    with pq.ParquetFile(path) as file:
        found = file.schema_arrow
        if found != schema:
            raise ValueError(f"its columns are {_columns(found)}, not {_columns(schema)}")
        for number in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(number).total_byte_size
            if size >= MOST_GROUP_BYTES:
                raise ValueError(f"its row group {number} has {size:,} bytes; the Hub's viewer takes under 100 MB")
        waiting: list[pl.DataFrame] = []
        for batch in file.iter_batches(_BATCH):
            # What was damaged must not reach Polars, which believes Arrow.
            batch.validate(full=True)
            waiting.append(pl.DataFrame(pl.from_arrow(batch)))
            if sum(one.height for one in waiting) >= _BATCH:
                joined = pl.concat(waiting)
                yield joined.head(_BATCH)
                waiting = [joined.slice(_BATCH)]
        joined = pl.concat(waiting) if waiting else pl.DataFrame()
        if joined.height:
            yield joined


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def locate(files: Sequence[tuple[str, int]], at: int) -> str:
    """Return file and row of a split's row.

    >>> locate([("a", 10), ("b", 5)], 12)
    'b row 2'
    """
    for name, rows in files:
        if at < rows:
            return f"{name} row {at}"
        at -= rows
    return f"row {at} after the last file"
