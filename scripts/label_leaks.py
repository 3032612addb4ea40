"""Measure the rule for label leaks (a text that states its item's own price) on real rows labelled by hand.

    python scripts/label_leaks.py [--data ../shared/data] [--json leaks.json]

The labels are in tests/data/label_leaks.csv: `file`, `parent_asin`, `number`, `label`. The text of a row is its title,
details as `Key: value` lines, features and description, whole and uncleaned: no label depends on a layout or a cap.

- `number` 0 asks about the price that the row lists.
- `number` n asks: if the item cost as many dollars as the n-th number of its text says, would the text give that away?
  Real rows seldom state their own price, so this is how most of the real wordings of money come to be asked about.

`label` is 1 if the text states the price, to the cent or rounded to the dollar, in US dollars, as what the item (or one
size, edition, pack or unit of it) costs or is said to be worth. It is 0 for all else: no money, another currency, a
part of a larger amount, an amount of something else (savings, shipping, a part, another product, a story).

Rows are halved by the SHA-256 of `parent_asin`: its first byte even, tuning; odd, held out. Ends with 3 if precision or
recall of all rows is below 0.95.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import polars as pl

from curator.text.own_price import states_own_price

ROOT = Path(__file__).resolve().parents[1]
LABELS = ROOT / "tests" / "data" / "label_leaks.csv"
DATA = ROOT.parent / "shared" / "data"
LEAST = 0.95
NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
KINDS = ("listed price", "number of the text")
HALVES = ("tuning", "held out")


@dataclass(frozen=True)
class Asked:
    """One labelled question: its row, the price asked about (USD), the label, and what the rule says."""

    file: str
    parent_asin: str
    number: int
    price: float
    label: bool
    says: bool

    @property
    def kind(self) -> str:
        """What the question asks about."""
        return KINDS[self.number > 0]

    @property
    def half(self) -> str:
        """The half that its row belongs to."""
        return HALVES[hashlib.sha256(self.parent_asin.encode()).digest()[0] % 2]


@dataclass(frozen=True)
class Score:
    """How often the rule says what the label says."""

    found: int
    false: int
    missed: int
    left: int

    @property
    def precision(self) -> float | None:
        """Share of the texts that the rule names that are labelled so; None if it names none."""
        return self.found / (self.found + self.false) if self.found + self.false else None

    @property
    def recall(self) -> float | None:
        """Share of the texts labelled so that the rule names; None if there are none."""
        return self.found / (self.found + self.missed) if self.found + self.missed else None


def ask(data: Path) -> list[Asked]:
    """Ask the rule about every labelled row.

    Args:
        data: The folder with the real rows.

    Raises:
        SystemExit: A labelled row is not there.
    """
    with LABELS.open(encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    rows: dict[tuple[str, str], tuple[str, Any]] = {}
    for name in dict.fromkeys(label["file"] for label in labels):
        for row in _rows(data / name):
            key = (name, str(row.get("parent_asin") or row.get("asin")))
            rows.setdefault(key, (text_of(row), row.get("price")))
    texts, prices = [], []
    for label in labels:
        if (key := (label["file"], label["parent_asin"])) not in rows:
            sys.exit(f"{LABELS.name}: {key[0]} has no row {key[1]}")
        text, price = rows[key]
        numbers = [match.group() for match in NUMBER.finditer(text)] if label["number"] != "0" else []
        texts.append(text)
        prices.append(float(numbers[int(label["number"]) - 1].replace(",", "") if numbers else price))
    says = states_own_price(pl.Series(texts), pl.Series(prices))
    return [
        Asked(one["file"], one["parent_asin"], int(one["number"]), price, one["label"] == "1", said)
        for one, price, said in zip(labels, prices, says, strict=True)
    ]


def text_of(row: dict[str, Any]) -> str:
    """Return the text that the labels are about."""
    details = row.get("details")
    if isinstance(details, dict):
        details = [f"{key}: {value}" for key, value in details.items()]
    lists = (details, row.get("features", row.get("feature")), row.get("description"))
    parts = [row.get("title") or "", *(part for some in lists for part in _list(some))]
    return "\n".join(parts)


def score(asked: list[Asked]) -> Score:
    """Count how often the rule is right."""
    pairs = [(one.label, one.says) for one in asked]
    return Score(*(pairs.count(pair) for pair in ((True, True), (False, True), (True, False), (False, False))))


def _list(some: Any) -> list[str]:
    if some is None:
        return []
    return [some] if isinstance(some, str) else [str(one) for one in some if one is not None]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        columns = ["parent_asin", "title", "details", "features", "description", "price"]
        for row in pl.read_parquet(path, columns=columns).iter_rows(named=True):
            yield {**row, "details": json.loads(row["details"] or "{}")}
    else:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--data", default=DATA, type=click.Path(exists=True, file_okay=False, path_type=Path), show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures, too.")
def main(data: Path, json_path: Path | None) -> None:
    """Print a table of precision and recall, and the rows that the rule gets wrong."""
    asked = ask(data)
    groups = {
        (kind, half): [one for one in asked if kind in (one.kind, "all") and half in (one.half, "all")]
        for kind in (*KINDS, "all")
        for half in (*HALVES, "all")
    }
    scores = {group: score(some) for group, some in groups.items()}
    print("| asked about | half | questions | labelled 1 | found | false | missed | precision | recall |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for (kind, half), one in scores.items():
        counts = (len(groups[kind, half]), one.found + one.missed, one.found, one.false, one.missed)
        cells = [kind, half, *map(str, counts), _share(one.precision), _share(one.recall)]
        print(f"| {' | '.join(cells)} |")
    print(f"\n{len({(one.file, one.parent_asin) for one in asked})} rows")
    for one in asked:
        if one.says != one.label:
            what = "missed" if one.label else "false"
            print(f"{what}: {one.parent_asin} ({one.file}), number {one.number}, {one.price:.2f} USD, {one.half}")
    if json_path is not None:
        made = {
            f"{kind}, {half}": {**vars(one), "precision": one.precision, "recall": one.recall}
            for (kind, half), one in scores.items()
        }
        json_path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    everything = scores["all", "all"]
    if min(everything.precision or 0.0, everything.recall or 0.0) < LEAST:
        sys.exit(3)


if __name__ == "__main__":
    main()
