"""The recipe `course-v1`, row at a time: oracle of the differential tests, baseline of the benchmark.

Deliberately plain: one Python object a row, `re.sub`, `str.replace` and a Hugging Face tokenizer that
encodes and decodes each text, the way the original course code works. It is written from the description of
the recipe and shares no code with the package, so that an agreement of the two means something.

    python scripts/row_at_a_time.py ROWS.parquet TOKENIZER_FOLDER --cap 30 --train 2500 --test 500

prints how many rows meet each fate; `--golden FILE` compares the outcome with the expected one, row by row.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow.parquet as pq

QUESTION = "How much does this cost to the nearest dollar?"
PREFIX = "Price is $"
SYSTEM = "You estimate prices of items. Reply only with the price, no explanation"
REMOVALS = (
    '"Batteries Included?": "No"',
    '"Batteries Included?": "Yes"',
    '"Batteries Required?": "No"',
    '"Batteries Required?": "Yes"',
    "By Manufacturer",
    "Item",
    "Date First",
    "Package",
    ":",
    "Number of",
    "Best Sellers",
    "Number",
    "Product ",
)
REQUIRED = ("title", "description", "features", "details", "price")
OPTIONAL = ("main_category", "parent_asin")

Form = Literal["parquet", "jsonl"]
Row = dict[str, Any]


class Tokenizer(Protocol):
    """The two calls that the recipe makes of a tokenizer."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Turn a text into ids."""

    def decode(self, ids: list[int]) -> str:
        """Turn ids into a text."""


@dataclass(eq=False)
class Item:
    """A row that the map step keeps."""

    title: str
    price: float
    category: str | None
    prompt: str
    token_count: int
    parent_asin: str | None = None
    row: int | None = None

    @property
    def slot(self) -> int:
        """The price in whole dollars, rounded half to even."""
        return round(self.price)

    @property
    def test_prompt(self) -> str:
        """The prompt up to the first `Price is $`, answer left out."""
        return self.prompt.split(PREFIX)[0] + PREFIX


def price_of(value: Any, *, low: float = 0.5, high: float = 999.49) -> tuple[float | None, str | None]:
    """Read a price as Python's `float` does: the price and no fate, or no price and the fate code."""
    if not value:
        return None, "no_price"
    try:
        price = float(value)
    except (TypeError, ValueError, OverflowError):
        return None, "no_price"
    if low <= price <= high:
        return price, None
    return None, "price_out_of_range"


def details_string(details: Any, form: Form) -> str:
    """Write details as in the Hub's Parquet; only in JSONL are they anything but a string or null."""
    if isinstance(details, str):
        return details
    if details is None and form == "parquet":
        return ""
    return json.dumps(details)


def strip_details(details: str) -> str:
    """Delete the thirteen substrings, each everywhere, one after the other."""
    for removal in REMOVALS:
        details = details.replace(removal, "")
    return details


def contents_of(row: Row, *, form: Form = "parquet") -> str:
    """Join description, features and details, each followed by a newline if there was any."""
    contents = ""
    for column in ("description", "features"):
        joined = "\n".join("" if element is None else element for element in row[column] or [])
        if joined:
            contents += joined + "\n"
    details = details_string(row["details"], form)
    if details:
        contents += strip_details(details) + "\n"
    return contents


def scrub(text: str) -> str:
    """Collapse brackets, quotes, colons and white space, mend commas, drop long words that hold a digit."""
    text = re.sub(r'[:\[\]"{}【】\s]+', " ", text).strip()
    text = text.replace(" ,", ",").replace(",,,", ",").replace(",,", ",")
    words = text.split(" ")
    return " ".join(word for word in words if len(word) < 7 or not any(char.isdigit() for char in word))


def text_of(row: Row, *, form: Form = "parquet", min_chars: int = 300, max_chars: int = 1120) -> str | None:
    """The scrubbed title and contents, before any tokenizer; None if the contents are too short."""
    contents = contents_of(row, form=form)
    if len(contents) <= min_chars:
        return None
    return f"{scrub(row['title'] or '')}\n{scrub(contents[:max_chars])}"


def parse(
    row: Row,
    tokenizer: Tokenizer,
    category: str | None,
    *,
    form: Form = "parquet",
    low: float = 0.5,
    high: float = 999.49,
    min_chars: int = 300,
    max_chars: int = 1120,
    min_tokens: int = 150,
    max_tokens: int = 160,
) -> tuple[Item | None, str | None]:
    """Make an item of a raw row.

    Returns the item and None, or None and the fate: `no_price`, `price_out_of_range`, `text_too_short` or
    `too_few_tokens`.
    Raises KeyError if a required column is absent.
    """
    missing = [column for column in REQUIRED if column not in row]
    if missing:
        message = f"the row lacks the required column(s) {', '.join(missing)}"
        raise KeyError(message)
    price, fate = price_of(row["price"], low=low, high=high)
    if price is None:
        return None, fate
    text = text_of(row, form=form, min_chars=min_chars, max_chars=max_chars)
    if text is None:
        return None, "text_too_short"
    ids = tokenizer.encode(text, add_special_tokens=False)
    if len(ids) <= min_tokens:
        return None, "too_few_tokens"
    text = tokenizer.decode(ids[:max_tokens])
    prompt = f"{QUESTION}\n\n{text}\n\n{PREFIX}{round(price)}.00"
    token_count = len(tokenizer.encode(prompt, add_special_tokens=False))
    item = Item(row["title"] or "", price, category, prompt, token_count, parent_asin=row.get("parent_asin"))
    return item, None


def sample(
    items: Iterable[Item],
    cap: int = 1200,
    *,
    whole_from: int = 240,
    slots: int = 999,
    seed: int = 42,
    light: str = "Automotive",
    light_weight: int = 1,
    weight: int = 5,
) -> list[Item]:
    """Choose items slot by slot: all of a small or a dear slot, else `cap` of it; not yet shuffled."""
    by_slot: dict[int, list[Item]] = {slot: [] for slot in range(1, slots + 1)}
    for item in items:
        if item.slot in by_slot:
            by_slot[item.slot].append(item)
    generator = np.random.RandomState(seed)
    chosen: list[Item] = []
    for slot, members in by_slot.items():
        if slot >= whole_from or len(members) <= cap:
            chosen.extend(members)
            continue
        weights = np.array([light_weight if item.category == light else weight for item in members])
        indices = generator.choice(len(members), size=cap, replace=False, p=weights / np.sum(weights))
        chosen.extend(members[index] for index in indices)
    return chosen


def split(
    chosen: list[Item], *, train: int = 400_000, test: int = 2_000, seed: int = 42
) -> tuple[list[Item], list[Item], list[Item]]:
    """Shuffle a sample and cut it into train, test and what is beyond the splits, each in its final order."""
    shuffled = list(chosen)
    random.Random(seed).shuffle(shuffled)
    return shuffled[:train], shuffled[train : train + test], shuffled[train + test :]


def openai_messages(item: Item) -> dict[str, list[dict[str, str]]]:
    """One line of the OpenAI files: the price estimate as a chat."""
    user = item.test_prompt.replace(" to the nearest dollar", "").replace(f"\n\n{PREFIX}", "")
    return {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": user},
            {"role": "assistant", "content": f"{PREFIX}{item.price:.2f}"},
        ]
    }


def category_of(path: Path, row: Row) -> str | None:
    """The category of a row of a local file: named by file or folder, else the row's `main_category`."""
    for name, pattern in (
        (path.name, r"meta_([^.]+?)(?:\.[^/]*)?"),
        (path.parent.name, r"raw_meta_(.+)"),
    ):
        match = re.fullmatch(pattern, name)
        if match:
            return match[1]
    return row.get("main_category")


def rows_of(path: Path, *, limit: int | None = None, batch_size: int = 1024) -> Iterator[Row]:
    """Read a Parquet file as one dict a row, only the columns that the recipe needs."""
    file = pq.ParquetFile(path)
    names = set(file.schema_arrow.names)
    columns = [*REQUIRED, *(column for column in OPTIONAL if column in names)]
    missing = [column for column in REQUIRED if column not in names]
    if missing:
        message = f"the file lacks the required column(s) {', '.join(missing)}"
        raise KeyError(message)
    left = file.metadata.num_rows if limit is None else limit
    for batch in file.iter_batches(batch_size=batch_size, columns=columns):
        if left <= 0:
            return
        yield from batch.slice(0, left).to_pylist()
        left -= batch.num_rows


def parse_rows(
    rows: Iterable[Row], tokenizer: Tokenizer, *, path: Path, form: Form = "parquet"
) -> tuple[list[Item], list[str | None]]:
    """Parse rows of one file: the items, and for each row its fate (None for those that became an item)."""
    items: list[Item] = []
    fates: list[str | None] = []
    for number, row in enumerate(rows):
        item, fate = parse(row, tokenizer, category_of(path, row), form=form)
        if item is not None:
            item.row = number
            items.append(item)
        fates.append(fate)
    return items, fates


@dataclass
class Selection:
    """What became of the items, in their order: the fate of each, the position of the sampled ones."""

    fates: list[str]
    positions: list[int | None]


def select(items: list[Item], *, cap: int = 1200, train: int = 400_000, test: int = 2_000, seed: int = 42) -> Selection:
    """Sample, shuffle and split items in source order; give each its fate and its position."""
    parts = split(sample(items, cap, seed=seed), train=train, test=test, seed=seed)
    place = {id(item): number for number, item in enumerate(items)}
    fates = ["not_sampled" if 1 <= item.slot <= 999 else "no_slot" for item in items]
    positions: list[int | None] = [None] * len(items)
    position = 0
    for name, part in zip(("train", "test", "beyond_splits"), parts, strict=True):
        for item in part:
            number = place[id(item)]
            fates[number], positions[number] = name, position
            position += 1
    return Selection(fates, positions)


def compare(path: Path, items: list[Item], selection: Selection | None, *, rows: int | None = None) -> Counter[str]:
    """Count the differences from a golden file, by column; without a selection only those of `parse`."""
    golden = pq.read_table(path).to_pylist()[:rows]
    number_of = {item.row: number for number, item in enumerate(items)}
    differences: Counter[str] = Counter()
    for expected in golden:
        number = number_of.get(expected["row"])
        item = None if number is None else items[number]
        got = {
            "included": item is not None,
            "prompt": item.prompt if item else None,
            "token_count": item.token_count if item else None,
        }
        if selection is not None:
            fate = None if number is None else selection.fates[number]
            got["sample_position"] = None if number is None else selection.positions[number]
            got["split"] = fate if fate in ("train", "test") else None
        differences.update(column for column, value in got.items() if value != expected[column])
    return differences


def main() -> int:
    """Run the recipe on one Parquet file and print the fates, and the differences from a golden file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=Path, help="a Parquet file of raw rows")
    parser.add_argument("tokenizer", help="a tokenizer that transformers.AutoTokenizer loads")
    parser.add_argument("--cap", type=int, default=1200)
    parser.add_argument("--train", type=int, default=400_000)
    parser.add_argument("--test", type=int, default=2_000)
    parser.add_argument("--golden", type=Path, help="expected outcome, row by row")
    options = parser.parse_args()

    from transformers import AutoTokenizer  # slow to import

    tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
    items, fates = parse_rows(rows_of(options.source), tokenizer, path=options.source)
    selection = select(items, cap=options.cap, train=options.train, test=options.test)
    counts = Counter(fate for fate in fates if fate) + Counter(selection.fates)
    for fate, count in counts.most_common():
        print(f"{count:>10,}  {fate}")
    print(f"{len(fates):>10,}  rows")
    if options.golden is None:
        return 0
    differences = compare(options.golden, items, selection)
    for column in ("included", "prompt", "token_count", "sample_position", "split"):
        print(f"{differences[column]:>10,}  differences in {column}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
