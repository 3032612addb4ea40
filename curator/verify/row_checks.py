"""Re-read the published rows, a few at a time, and check each against what was promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curator.dataset import chats
from curator.dataset.columns import CONFIGS
from curator.dataset.forms import beside, openai_form
from curator.dataset.manifest import Manifest
from curator.dataset.measures import Measures, memory_bytes
from curator.system.display import counted
from curator.text import prompts
from curator.tokens.tokenizer import REPLACEMENT, Tokenizer
from curator.verify.verdict import MOST_PROBLEMS, Check

MOST_GROUP_BYTES = 100_000_000
"""The Hub's viewer takes row groups of less than this (bytes, uncompressed)."""
_BATCH = 8_192
_SAME_CHAT, _OTHER_CHAT = pl.col("messages") == pl.col("_messages"), "the chat is not that of config default"

Unreadable = (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError)
"""What reading a damaged Parquet file raises."""


class RowChecks:
    """The checks of single rows; each notes the file and row (from 0) or line (from 1) where it does not hold.

    Attributes:
        readable: Whether all files are Parquet as they should be.
        chat_tokens: Tokens of each split's chats.
        memory: What the rows of each Parquet file take in memory (bytes).
    """

    def __init__(
        self, folder: Path, manifest: Manifest, checks: Mapping[str, Check], tokenizer: Tokenizer | None
    ) -> None:
        """Take a dataset's folder, its manifest, the checks of its promises, and what counts, if it could be had."""
        self._folder, self._manifest, self._recipe = folder, manifest, manifest.recipe
        self._checks, self._tokenizer = checks, tokenizer
        self.readable = Check("parquet", "files are Parquet of one schema, row groups under 100 MB")
        self.chat_tokens: dict[str, int] = {}
        self.memory: dict[str, int] = {}
        self._uneven: set[str] = set()

    def check(self, promise: str) -> Check:
        """Return the check of a promise; what is not promised is noted nowhere."""
        return self._checks.get(promise) or Check(promise, "")

    def run(self, split: str, measures: Measures) -> None:
        """Check all rows of one split, and add them up."""
        names = self._manifest.data_files(split)
        lines = _Lines(self._folder, f"openai/{split}.jsonl", self.check("config-openai"))
        for name in names:
            text, chat = (f"{config}/{name.removeprefix('data/')}" for config in ("text", "openai"))
            if not (self._folder / name).is_file():
                continue
            row = 0
            for mine, texts, messages in zip_longest(*(self._batches(one) for one in (name, text, chat))):
                if mine is None:
                    for promise, more, twin in (("config-text", texts, text), ("config-openai", messages, chat)):
                        self._same_rows(promise, pl.DataFrame(), more, name, twin, row)
                    break
                self._same_rows("config-text", mine, texts, name, text, row)
                rows = beside(mine, None if texts is None else texts.head(mine.height))
                for broken in measures.add(split, rows):
                    for holds, what in broken.rows(self._recipe, split):
                        self._note(broken.id, rows, holds, _rows_of(name, row), what)
                self._tokens(mine, name, row)
                self._messages(mine, messages, name, chat, row)
                self._lines(mine, lines, name, row, split)
                row += mine.height
        if (left := lines.left()) and names:
            self.check("config-openai").problem(f"{lines.name} has {left:,} lines more than config default has rows")

    def _batches(self, name: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a Parquet file, `_BATCH` at a time but for the last; note a file that can't be read."""
        schema = next(config.schema for config in CONFIGS.values() if name.startswith(f"{config.folder}/"))
        try:
            for rows in _read(self._folder / name, schema):
                self.memory[name] = self.memory.get(name, 0) + memory_bytes(rows)
                yield rows
        except Unreadable as error:
            first = (str(error).splitlines() or [""])[0].replace(str(self._folder), "")
            self.readable.problem(f"{name}: {first[:200]}")

    def _note(self, promise: str, rows: pl.DataFrame, holds: pl.Expr, where: Callable[[int], str], what: str) -> None:
        """Note the rows for which an expression is not true; `what` may name columns in braces."""
        check = self.check(promise)
        wrong = rows.with_row_index("_at").filter(~holds.fill_null(value=False))
        shown = max(0, MOST_PROBLEMS - len(check.problems))
        for values in wrong.head(shown).iter_rows(named=True):
            check.problem(f"{where(values['_at'])}: {what.format_map({k: _short(v) for k, v in values.items()})}")
        check.found += max(0, wrong.height - shown)

    def _tokens(self, rows: pl.DataFrame, name: str, first: int) -> None:
        """Count tokens again."""
        if self._tokenizer is None:
            return
        where, count = _rows_of(name, first), self._tokenizer.encode
        whole = rows.select(pl.concat_str("prompt", "completion")).to_series().fill_null("")
        counted = rows.with_columns(pl.Series("_counted", count(whole).counts))
        same = pl.col("_counted") == pl.col("tokens")
        self._note("tokens", counted, same, where, "{tokens} tokens stated, {_counted} counted")
        if self._recipe.tokens.of == "text":
            before, after = prompts.question(self._recipe.prompt), f"\n\n{self._recipe.prompt.answer}"
            product = pl.col("prompt").str.strip_prefix(before).str.strip_suffix(after)
            text = rows.select(product).to_series().fill_null("")
            # The cut can end inside a character: what stands for its first bytes was less than U+FFFD takes by itself.
            least = np.minimum(count(text).counts, count(text.str.strip_chars_end(REPLACEMENT)).counts)
            counted = rows.with_columns(pl.Series("_counted", least))
            within = pl.col("_counted") <= self._recipe.tokens.cap
            self._note("token-cap", counted, within, where, "the text has {_counted} tokens")

    def _same_rows(
        self, promise: str, rows: pl.DataFrame, other: pl.DataFrame | None, name: str, twin: str, first: int
    ) -> pl.DataFrame:
        """Return the rows of a twin that have their fellow in `rows`; note it if there are fewer or more."""
        got = 0 if other is None else other.height
        if got != rows.height and twin not in self._uneven:
            self._uneven.add(twin)
            shorter, longer = (twin, name) if got < rows.height else (name, twin)
            self.check(promise).problem(
                f"{shorter} ends after {counted(first + min(got, rows.height), 'row')}, {longer} goes on"
            )
        return rows.clear() if other is None else other.head(rows.height)

    def _messages(self, rows: pl.DataFrame, other: pl.DataFrame | None, name: str, twin: str, first: int) -> None:
        other = self._same_rows("config-openai", rows, other, name, twin, first)
        if other.height:
            both = self._chats(rows.head(other.height)).hstack(other)
            self._note("config-openai", both, _SAME_CHAT, _rows_of(twin, first), _OTHER_CHAT)

    def _lines(self, rows: pl.DataFrame, lines: _Lines, name: str, first: int, split: str) -> None:
        start = lines.taken
        found = lines.take(rows.height)
        if found.height < rows.height:
            self.check("config-openai").problem(f"{lines.name} has no line for {name} row {first + found.height}")
        if found.is_empty():
            return
        said = pl.concat_list([pl.struct(role=pl.lit(role), content=role) for role in chats.ROLES])
        # A line that is not valid has been noted as such.
        said = pl.when(pl.col("system").is_null()).then("_messages").otherwise(said)
        both = self._chats(rows.head(found.height)).hstack(found).with_columns(messages=said)
        self._note("config-openai", both, _SAME_CHAT, lambda at: f"{lines.name} line {start + at + 1}", _OTHER_CHAT)
        if self._tokenizer is not None:
            contents = pl.concat([found[role] for role in chats.ROLES]).fill_null("")
            total = int(self._tokenizer.encode(contents).counts.sum()) + chats.TOKENS_AROUND * found.height
            self.chat_tokens[split] = self.chat_tokens.get(split, 0) + total

    def _chats(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the chats that the rows of config `default` make, as `_messages`."""
        made, recipe = rows.select(pl.col("price").fill_null(0), pl.col("prompt").fill_null("")), self._recipe
        if "promises" not in self._manifest.model_fields_set:
            # 0.1.0 made the chats of every style as the course does.
            recipe = recipe.model_copy(update={"text": recipe.text.model_copy(update={"style": "course"})})
        return openai_form(made, recipe).rename({"messages": "_messages"})


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


def _rows_of(name: str, first: int) -> Callable[[int], str]:
    """Return what names the rows of a batch of a file."""
    return lambda at: f"{name} row {first + at}"
