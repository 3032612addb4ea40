"""The files that a fine-tuning job gets: the first lines of a run's OpenAI JSONL, checked before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from curator.dataset import chats
from curator.dataset.manifest import Manifest, ManifestError, read
from curator.errors import RunError, UsageError
from curator.run.directory import RunDirectory
from curator.run.finished import FinishedRun
from curator.system.digest import sha256
from curator.system.files import writing
from curator.tokens.tokenizer import load_tokenizer
from curator.verify.dataset_checks import Digests, compare_file
from curator.verify.verdict import Check, Verdict

TOKENIZER = "o200k_base"
"""The encoding of GPT-4o, GPT-4.1 and their small ones, which tokens are counted with."""

_BATCH = 10_000


@dataclass(frozen=True)
class Examples:
    """One file of chats.

    Attributes:
        path: The file; its name holds the beginning of its sha256.
        source: Which lines of the dataset they are.
        rows: How many there are.
        bytes: The size of the file.
        sha256: Of its bytes, in hex.
    """

    path: Path
    source: str
    rows: int
    bytes: int
    sha256: str


def prepare(run: RunDirectory, folder: Path, train_rows: int, validation_rows: int) -> dict[str, Examples]:
    """Write and check the files of a job.

    A dataset without validation (course-v1) gives, in its place, the train rows after those that are used, as the
    course does.

    Args:
        run: A finished run.
        folder: Where the files go.
        train_rows: The first so many rows of train; 0 for all.
        validation_rows: The first so many rows of validation; 0 for no validation.

    Returns:
        ``train`` and, if there is one, ``validation``.

    Raises:
        RunError: There is no finished run, or its files can't be read.
        UsageError: These rows are too few for a job, or none are left for validation.
        CheckError: A file is not the one that was built, or not one that OpenAI takes.
    """
    manifest = _manifest(run)
    if 0 < train_rows < chats.FEWEST_EXAMPLES:
        raise UsageError(f"--train-rows {train_rows}: a job takes {chats.FEWEST_EXAMPLES} examples or more (0 for all)")
    there = {split: _rows(manifest, split) for split in ("train", "validation")}
    train = min(train_rows or there["train"], there["train"])
    wanted = {"train": ("train", 0, train)}
    if validation_rows and there["validation"]:
        wanted["validation"] = ("validation", 0, min(validation_rows, there["validation"]))
    elif validation_rows:
        wanted["validation"] = ("train", train, min(validation_rows, there["train"] - train))
        if train == there["train"]:
            raise UsageError(
                f"{run.path} has no validation split, and training on {train:,} of its {there['train']:,} train rows"
                " leaves none in its place; use fewer --train-rows, or --validation-rows 0"
            )
    _check_built(run, manifest, {split for split, _, _ in wanted.values()})
    try:
        found = {name: _write(run, folder, name, *lines) for name, lines in wanted.items()}
    except OSError as error:
        raise RunError(f"{error.filename or folder} can't be read or written: {error.strerror or error}") from error
    _check_chats(run, found)
    return found


def count_tokens(examples: Examples) -> int:
    """Return the tokens of a file's chats under `TOKENIZER`, with `chats.TOKENS_AROUND` for the frame of each."""
    tokenizer = load_tokenizer(TOKENIZER)
    total = 0
    for batch in chats.batches(examples.path, _BATCH, Check("", "").problem, examples.source):
        contents = pl.concat([batch[role] for role in chats.ROLES])
        total += int(tokenizer.encode(contents).counts.sum()) + chats.TOKENS_AROUND * batch.height
    return total


def _manifest(run: RunDirectory) -> Manifest:
    directory = FinishedRun(run.path).directory
    try:
        return read(directory.dataset)[0]
    except ManifestError as error:
        raise RunError(f"the dataset of {run.path} can't be read ({error}): build it again") from error


def _file(split: str) -> str:
    return f"openai/{split}.jsonl"


def _rows(manifest: Manifest, split: str) -> int:
    entry = manifest.files.get(_file(split))
    return entry.rows if entry else 0


def _check_built(run: RunDirectory, manifest: Manifest, splits: set[str]) -> None:
    check = Check("files", "the OpenAI files are those that were built")
    digests = Digests(run.dataset)
    for split in sorted(splits):
        entry = manifest.files.get(_file(split))
        if entry is None:
            check.problem(f"the dataset has no {_file(split)}: no row is in {split}")
        else:
            compare_file(check, digests, _file(split), entry.bytes, entry.sha256)
    Verdict(str(run.path), checks=[check]).raise_for_failures()


def _write(run: RunDirectory, folder: Path, name: str, split: str, start: int, rows: int) -> Examples:
    """Write lines of a split under a name that tells their content, unless they lie there already."""
    digest, size, source = hashlib.sha256(), 0, run.dataset / _file(split)
    with _lines(source, start, rows) as lines:
        for line in lines:
            digest.update(line)
            size += len(line)
    path = folder / f"{name}-{digest.hexdigest()[:16]}.jsonl"
    # What lies there may have been changed since; it is what will be sent.
    if not path.is_file() or sha256(path) != digest.hexdigest():
        with writing(path) as temporary, temporary.open("wb") as file, _lines(source, start, rows) as lines:
            file.writelines(lines)
    said = f"{_file(split)} lines {start + 1:,} to {start + rows:,}"
    return Examples(path, said, rows, size, digest.hexdigest())


@contextmanager
def _lines(path: Path, start: int, rows: int) -> Iterator[Iterator[bytes]]:
    with path.open("rb") as file:
        yield islice(file, start, start + rows)


def _check_chats(run: RunDirectory, found: dict[str, Examples]) -> None:
    valid = Check("chats", "each line is a chat that OpenAI takes")
    limits = Check("sizes", "OpenAI takes files of this size")
    for name, one in found.items():
        rows = sum(batch.height for batch in chats.batches(one.path, _BATCH, valid.problem, f"{name} ({one.source}),"))
        if rows != one.rows:
            valid.problem(f"{name} ({one.source}) has {rows:,} lines, not {one.rows:,}")
        if name == "train" and rows < chats.FEWEST_EXAMPLES:
            limits.problem(f"train has {rows} examples; a job takes {chats.FEWEST_EXAMPLES} or more")
        if one.bytes > chats.MOST_BYTES:
            limits.problem(f"{name} has {one.bytes:,} bytes of at most {chats.MOST_BYTES:,}: use fewer rows")
    Verdict(str(run.path), checks=[valid, limits]).raise_for_failures()
