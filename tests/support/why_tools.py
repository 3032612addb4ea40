"""Products for every fate, and a look at their stories: what the tests in `why` share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from curator.why.steps import Row
from curator.why.story import explain

WORDS = "sturdy steel hinge with brass pins for every older gate in the yard it opens wide and stays put".split()

LOOSE = {"split.held_out_share": 1.0, "split.train": 3, "split.validation": 1, "split.test": 1, "slots.cap": 2}


def text(number: int, words: int = 70) -> str:
    """A text of its own for each number, of about five characters a word."""
    turned = WORDS[number % len(WORDS) :] + WORDS[: number % len(WORDS)]
    return f"Number {number}. " + " ".join((turned * 12)[:words])


def product(asin: str, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "parent_asin": asin,
        "title": f"Bracket {number}",
        "description": [text(number)],
        "features": [],
        "details": {"Color": "Red", "ASIN": "B000", "Rank": {"Toys": 3}},
        "price": 100.0 + number,
        "main_category": "Tools",
        "store": None,
        "categories": ["Tools", "Hinges"],
    } | changes


def odd_products() -> list[dict[str, Any]]:
    """At least one product for each fate."""
    short = {"description": ["short"], "features": []}
    few_tokens = {"description": [" ".join(["internationalization"] * 17)]}
    rows = [
        product("MALFORMED", 0, title=["x"]),
        product("NOPRICE", 1, price=None),
        product("ODDPRICE", 2, price="from 9.99"),
        product("DEAR", 3, price=1200),
        product("INFINITE", 3, price="inf"),
        product("SHORT", 4, **short),
        product("FEWTOKENS", 5, **few_tokens),
        product("TELLS", 6, price=24.99, features=["only $24.99!"]),
        product("HALF", 7, price="0.50"),
        product("FIRST", 8),
        product("COPY", 8, title="bracket 8!"),
        product("TWICE", 9, price=""),
        product("TWICE", 10),
        product("TWICE", 11, **short),
        *(product(f"MORE{number}", number) for number in range(12, 15)),
        product("EURO", 15, price="9,99 €"),
    ]
    return rows + [product(f"FULL{number}", number, price=7) for number in range(20, 24)]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


RECIPES = {
    # The odd products are all much alike.
    "pricer": {**LOOSE, "text.min_chars": 300, "tokens.min": 60, "duplicates.near": "keep"},
    "course-v1": {**LOOSE, "tokens.min": 60, "tokens.cap": 90},
}


def ledger_of(run: Path) -> pl.DataFrame:
    return pl.read_parquet(sorted(run.glob("ledger/*.parquet")))


def only(run: Path, asin: str) -> Row:
    [row] = explain(run, asin).rows
    return row
