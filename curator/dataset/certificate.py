"""The certificate of a dataset: how near the rows of one split come to those of another, from the published files.

For each two splits it names the highest similarity of any two rows and how many rows of the smaller split reach the
recipe's threshold; 0 of them is what `duplicates.near = "together"` promises. Similarity is that of
`curator.duplicates.grams`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from curator.duplicates.crossing import BATCH, Highest, highest
from curator.recipe.load import Recipe
from curator.run import parts
from curator.run.ledger import SPLITS
from curator.system import interrupt
from curator.text import prompts

_DIGITS = 6
"""Decimals of a similarity in the certificate."""

MOST_COMPARED = 20_000_000_000
"""Grams that a brute-force search looks at, at most: about a minute for 10,000 million."""

Files = Mapping[str, Sequence[Path]]
"""The files of each split's config `default`, in their order."""


def certify(files: Files, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the certificate: one entry for each two splits.

    Args:
        files: The published files.
        recipe: Its `prompt` and `duplicates.similarity`.

    Returns:
        For each: `split` and `against`; `highest`, the similarity (six decimals); `row` and `other_row`, the first
        rows of the two that reach it (from 0 in their split; None where no two rows share three words in a row); and
        `reaching`, the rows of `split` that reach the threshold.
    """
    threshold = recipe.duplicates.similarity
    there = [split for split in SPLITS if files.get(split)]
    found: dict[tuple[str, str], Highest] = {}
    for against in there[:-1]:
        # Train comes first: each other split is held against every split before it.
        later = there[there.index(against) + 1 :]
        held = [pl.concat([*_texts(files[split], recipe), pl.Series([], dtype=pl.String)]) for split in later]
        answers = highest(held, lambda against=against: _texts(files[against], recipe), threshold)  # type: ignore[misc]
        found |= {(split, against): one for split, one in zip(later, answers, strict=True)}
    return [_entry(split, against, one) for (split, against), one in found.items()]


def certify_exhaustively(files: Files, recipe: Recipe, say: Callable[[str], None]) -> list[dict[str, Any]] | None:
    """Return the same certificate by brute force: every row of a split is compared with every row of the others.

    Grams are compared as the words they are, without an index and without hashes. None if that would be too much.
    """
    texts = {split: pl.concat(list(_texts(paths, recipe))) for split, paths in files.items() if paths}
    there = [split for split in SPLITS if split in texts]
    words = {split: _word_grams(texts[split]) for split in there}
    sizes = {split: sum(map(len, sets)) for split, sets in words.items()}
    work = sum(len(words[b]) * sizes[a] for n, a in enumerate(there) for b in there[n + 1 :])
    if work > MOST_COMPARED:
        say(f"{work:,} grams would be compared, {MOST_COMPARED:,} are the most")
        return None
    entries = []
    for n, against in enumerate(there):
        for split in there[n + 1 :]:
            entries.append(_entry(split, against, _brute(words[split], words[against], recipe.duplicates.similarity)))
    return entries


def _entry(split: str, against: str, one: Highest) -> dict[str, Any]:
    return {
        "split": split,
        "against": against,
        "highest": round(one.similarity, _DIGITS),
        "row": one.held,
        "other_row": one.other,
        "reaching": one.reaching,
    }


def _texts(paths: Sequence[Path], recipe: Recipe) -> Iterator[pl.Series]:
    """Yield the product texts of published files, some thousand at a time."""
    for rows in parts.batches(paths, ["prompt"]):
        text = rows.select(prompts.product_text(pl.col("prompt"), recipe.prompt)).to_series()
        for start in range(0, len(text), BATCH):
            yield text.slice(start, BATCH)


def _word_grams(texts: pl.Series) -> list[set[str]]:
    """Return the word 3-grams of each text as strings; all words where there are fewer than three."""
    found = []
    for words in texts.fill_null("").str.to_lowercase().str.extract_all(r"\w+").to_list():
        grams = {" ".join(words[at : at + 3]) for at in range(len(words) - 2)}
        found.append(grams or ({" ".join(words)} if words else set()))
    return found


def _brute(held: Sequence[set[str]], others: Sequence[set[str]], threshold: float) -> Highest:
    """Return how near the held texts come to the others, by counting the shared grams of every two."""
    numbers: dict[str, int] = {}
    flat = np.array([numbers.setdefault(gram, len(numbers)) for one in others for gram in one], np.int64)
    sizes = np.array([len(one) for one in others], np.int64)
    row = np.repeat(np.arange(len(others)), sizes)
    marked = np.zeros(len(numbers), np.bool_)
    best = Highest(0.0, None, None, 0)
    reaching = 0
    for at, grams in enumerate(held):
        interrupt.check()
        mine = [numbers[gram] for gram in grams if gram in numbers]
        marked[mine] = True
        shared = np.bincount(row[marked[flat]], minlength=len(others))
        marked[mine] = False
        measured = shared / np.maximum(len(grams) + sizes - shared, 1)
        other = int(measured.argmax()) if len(measured) else 0
        most = float(measured[other]) if len(measured) else 0.0
        reaching += most >= threshold
        if most > best.similarity:
            best = Highest(most, at, other, 0)
    return Highest(best.similarity, best.held, best.other, reaching)


def data_files(folder: Path, names: Sequence[str]) -> Files:
    """Return the files of config `default` of each split among the files of a dataset."""
    pattern = re.compile(r"data/([a-z]+)-[0-9]+-of-[0-9]+\.parquet")
    found: dict[str, list[Path]] = {}
    for name in sorted(names):
        if (match := pattern.fullmatch(name)) is not None:
            found.setdefault(match[1], []).append(folder / name)
    return found
