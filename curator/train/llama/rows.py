"""The rows that a local model is trained on, and what its own tokenizer makes of each, before the first step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.dataset import opened
from curator.dataset.manifest import NAME
from curator.dataset.opened import OpenDataset
from curator.errors import CheckError, CuratorError
from curator.llm import scoring
from curator.system.digest import sha256
from curator.system.display import aligned, visible
from curator.verify.dataset_checks import Digests, compare_file
from curator.verify.verdict import Check, Verdict

LISTED = 100
"""Refused rows that are named; the others are counted."""

_BATCH = 10_000
_COLUMNS = ("prompt", "completion", "slot", "parent_asin")


@dataclass(frozen=True)
class Rows:
    """What is learned from and what is measured on.

    Attributes:
        place: The dataset.
        splits: `train` and, if there is one, `validation`: columns `prompt`, `completion`, `slot`, `parent_asin`.
        sources: The same names, each with the split and the rows (from 0) that these are.
        sha256: Of the dataset's manifest, which holds the sha256 of every file.
    """

    place: OpenDataset
    splits: dict[str, pl.DataFrame]
    sources: dict[str, str]
    sha256: str


@dataclass(frozen=True)
class Counted:
    """What a tokenizer makes of a split; each array has an entry a row.

    Attributes:
        lengths: Tokens of prompt, answer and end-of-sequence.
        answers: Tokens of answer and end-of-sequence, which the loss falls on.
    """

    lengths: NDArray[np.int64]
    answers: NDArray[np.int64]


@dataclass(frozen=True)
class Report:
    """What the check of the rows found.

    Attributes:
        splits: Counts by split.
        max_length: What the trainer is told: the longest row, or what was asked for.
        highest: The highest token, which the model must have.
        prices: How many prices from $1 to $999 take so many tokens, with them.
        one_each: Whether each price is one token of its own.
    """

    splits: dict[str, Counted]
    max_length: int
    highest: int
    prices: dict[int, list[int]]
    one_each: bool
    warnings: list[str] = field(default_factory=list)

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return max(int(one.lengths.max()) for one in self.splits.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        found: dict[str, Any] = {"max_length": self.max_length, "longest": self.longest}
        for name, one in self.splits.items():
            found[name] = {
                "rows": len(one.lengths),
                "tokens": int(one.lengths.sum()),
                "answer_tokens": int(one.answers.sum()),
                "shortest": int(one.lengths.min()),
                "median": float(np.median(one.lengths)),
                "longest": int(one.lengths.max()),
                "tokens_of_answers": dict(sorted(Counter(one.answers.tolist()).items())),
            }
        return found | {"tokens_of_prices": {tokens: len(prices) for tokens, prices in self.prices.items()}}

    def in_words(self) -> str:
        """Return the table of tokens."""
        lines = []
        for name, one in self.splits.items():
            sizes = " or ".join(str(size) for size in sorted(set(one.answers.tolist())))
            shown = f"{one.lengths.min()} to {one.lengths.max()} tokens, median {np.median(one.lengths):g}"
            lines.append((name, f"{len(one.lengths):,} rows of {shown}; {sizes} of them answer and end-of-sequence"))
        lines.append(("max length", f"{self.max_length} tokens: no row is cut"))
        for tokens, prices in self.prices.items():
            what = "token " if tokens == 1 else "tokens"
            lines.append((f"{tokens} {what}", f"{len(prices)} of the prices $1 to $999: {_spans(prices)}"))
        return aligned(lines)


def choose(name: str, train_rows: int, validation_rows: int) -> Rows:
    """Read the rows of a run, a dataset folder or a repository of the Hub.

    A dataset without validation (course-v1) gives, in its place, the train rows after those that are used.

    Args:
        name: The dataset.
        train_rows: First rows of train; 0 for all.
        validation_rows: First rows of validation; 0 for none.

    Raises:
        UsageError: There is no such dataset, or it has too few rows.
        RunError: It can't be read.
        HubError: It can't be had.
        CheckError: A file is not the one that the manifest names.
    """
    place = opened.open_dataset(name)
    wanted = {"train": ("train", 0, min(train_rows, place.rows("train")) if train_rows else place.rows("train"))}
    if validation_rows:
        chosen = opened.choose(place, "validation", validation_rows, train_rows or None)
        wanted["train"] = ("train", 0, chosen.train)
        wanted["validation"] = (chosen.source, chosen.start, chosen.rows)
    check = Check("files", "the data files are those of the manifest")
    digests = Digests(place.dataset)
    for file, entry in place.manifest.files.items():
        if any(file.startswith(f"data/{split}-") for split, _, _ in wanted.values()):
            compare_file(check, digests, file, entry.bytes, entry.sha256)
    Verdict(name, checks=[check]).raise_for_failures()
    splits = {key: place.read(*one).select(_COLUMNS) for key, one in wanted.items()}
    sources = {key: f"{split}, rows {start:,} to {start + rows - 1:,}" for key, (split, start, rows) in wanted.items()}
    return Rows(place, splits, sources, sha256(place.dataset / NAME))


def load_tokenizer(folder: Path) -> tuple[Any, int | None]:
    """Return a model's tokenizer, which pads at the right with end-of-sequence, and the tokens the model has room for.

    Raises:
        CuratorError: It has no end-of-sequence.
    """
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tokenizer.eos_token is None:
        raise CuratorError("the tokenizer has no end-of-sequence token, which answers end with: set its eos_token")
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "right"
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).get_text_config()
    return tokenizer, getattr(config, "max_position_embeddings", None)


def check(tokenizer: Any, rows: Rows, max_length: int | None, room: int | None) -> Report:
    """Encode every row as the trainer will, and refuse what it would cut, drop or learn wrongly.

    Args:
        tokenizer: The model's own.
        rows: All rows.
        max_length: Most tokens of a row that were asked for; None for those of the longest.
        room: Tokens that the model has room for, if it says so.

    Raises:
        CheckError: A row is too long, or its answer does not come out whole; the message names the rows.
        CuratorError: The tokenizer has no end-of-sequence.
    """
    splits, highest, broken = {}, 0, []
    seen: dict[tuple[int, ...], str] = {}
    for name, frame in rows.splits.items():
        lengths, answers = [], []
        for start in range(0, frame.height, _BATCH):
            part = frame[start : start + _BATCH]
            completions = part["completion"].to_list()
            encoded = scoring.encode(tokenizer, part["prompt"].to_list(), completions)
            for at, (one, completion) in enumerate(zip(encoded, completions, strict=True)):
                ids = tuple(one.ids[one.start :])
                if ids not in seen:
                    seen[ids] = tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
                if not one.whole or seen[ids] != completion + tokenizer.eos_token:
                    broken.append((name, start + at))
                lengths.append(len(one.ids))
                answers.append(len(ids))
                highest = max(highest, *one.ids)
        splits[name] = Counted(np.array(lengths, np.int64), np.array(answers, np.int64))
    if broken:
        total = sum(frame.height for frame in rows.splits.values())
        raise CheckError(
            f"{len(broken):,} of {total:,} rows: under this tokenizer the answer is not made of tokens of its own, or"
            " does not come back as it is written, so that the model would learn something else than it is asked;"
            f" nothing was trained. {_named(rows, broken)}"
        )
    _require_short(rows, splits, max_length, room)
    words = rows.place.recipe.prompt.answer
    prices: dict[int, list[int]] = {}
    written = scoring.encode(tokenizer, [words] * len(scoring.SLOTS), [str(price) for price in scoring.SLOTS])
    for price, one in zip(scoring.SLOTS, written, strict=True):
        prices.setdefault(len(one.ids) - one.start - 1, []).append(price)
    one_each = scoring.price_tokens(tokenizer, words) is not None
    longest = max(int(one.lengths.max()) for one in splits.values())
    report = Report(splits, max_length or longest, highest, dict(sorted(prices.items())), one_each)
    if not one_each:
        more = 999 - len(prices.get(1, []))
        report.warnings.append(
            f"{more} of the prices $1 to $999 are not one token under this tokenizer: the model learns them digit by"
            " digit, and can't be asked how likely each price is"
        )
    return report


def _require_short(rows: Rows, splits: dict[str, Counted], max_length: int | None, room: int | None) -> None:
    limits = [(most, what) for most, what in ((max_length, "--max-length {}"), (room, "the model's room, {}")) if most]
    for most, what in sorted(limits):
        long = [(name, int(at)) for name, one in splits.items() for at in np.flatnonzero(one.lengths > most)]
        if long:
            total = sum(len(one.lengths) for one in splits.values())
            longest = max(int(one.lengths.max()) for one in splits.values())
            raise CheckError(
                f"{len(long):,} of {total:,} rows have more tokens than {what.format(most)}, the longest {longest:,};"
                " the trainer would cut or drop them, so nothing was trained."
                f" {_named(rows, long, lambda name, at: f', {splits[name].lengths[at]} tokens')}"
            )


def _named(rows: Rows, found: Sequence[tuple[str, int]], more: Callable[[str, int], str] | None = None) -> str:
    """Return the ids of rows, each with its place in its split."""
    shown = []
    for name, at in found[:LISTED]:
        asin = rows.splits[name]["parent_asin"][at]
        shown.append(f"{visible(asin or 'without an id')} ({name} row {at:,}{more(name, at) if more else ''})")
    left = len(found) - len(shown)
    return f"They are: {'; '.join(shown)}{f'; and {left:,} more' if left else ''}"


def _spans(numbers: Iterable[int], most: int = 4) -> str:
    """Return numbers in order as spans of dollars.

    >>> _spans([1, 2, 3, 7, 9, 10])
    '$1 to $3, $7, $9 to $10'
    """
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = [f"${first}" if first == last else f"${first} to ${last}" for first, last in spans[:most]]
    return ", ".join(shown) + (" …" if len(spans) > most else "")
