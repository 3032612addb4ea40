"""`curator why`: every fate is told, and every step on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curator.run import ledger
from curator.text.cleaning import COURSE_RULES, READABLE_RULES
from curator.why.steps import Facts, Row, Step
from curator.why.story import Story, explain
from why_tools import LOOSE, WORDS, ledger_of, only, product, write_lines

# -- every fate


def test_every_fate_is_told_as_the_ledger_has_it(odd_run: Path) -> None:
    fates = ledger_of(odd_run)
    if explain(odd_run, "FULL20").recipe == "pricer":
        never = {"near_duplicate", "no_slot"}  # half up, no price in the range is rounded to 0
    else:
        never = {"near_duplicate", "price_in_text", "exact_duplicate", "other_currency"}
    assert set(fates["fate"]) == {*ledger.FATES} - never
    for asin in fates["parent_asin"].unique():
        story = explain(odd_run, asin)
        assert [row.fate for row in story.rows] == fates.filter(parent_asin=asin)["fate"].to_list()
        for row in story.rows:
            assert row.agrees, row.warnings
            assert row.warnings == []
            assert row.facts["source"]["state"] == "unchanged"
            assert (row.reason is None) == (row.fate in ledger.SPLITS)
            if row.reason is not None:
                assert row.reason.startswith(ledger.REASONS[row.fate].rstrip("."))
            page = str(story)
            assert (row.reason or row.fate) in page


@pytest.mark.parametrize(
    ("asin", "fate", "numbers"),
    [
        ("MALFORMED", "malformed_row", ": 'title' holds a list, expected a string"),
        ("NOPRICE", "no_price", ": there is none"),
        ("ODDPRICE", "no_price", ': "from 9.99"'),
        ("DEAR", "price_out_of_range", ": 1200.0 USD, from 0.5 to 999.49 USD is kept"),
        ("INFINITE", "price_out_of_range", ": inf USD, from 0.5 to 999.49 USD is kept"),
        ("SHORT", "text_too_short", r": \d\d, more than 300 are needed"),
        ("FEWTOKENS", "too_few_tokens", r": \d\d, more than 60 are needed"),
    ],
)
def test_reasons_have_the_numbers_of_the_row(odd_run: Path, asin: str, fate: str, numbers: str) -> None:
    row = only(odd_run, asin)
    assert row.fate == fate
    assert re.fullmatch(re.escape(ledger.REASONS[fate].rstrip(".")) + numbers + r"\.", row.reason or "")


@pytest.mark.parametrize("odd_run", ["pricer"], indirect=True)
def test_reasons_of_pricer(odd_run: Path) -> None:
    assert only(odd_run, "TELLS").reason == 'The text states the item\'s own price: 24.99 USD, in "$24.99!".'
    copy = only(odd_run, "COPY")
    assert copy.reason == "Another item has the same text: FIRST, row 9 of rows.jsonl."
    assert copy.facts["copies"] == {
        "items": 2,
        "first": {"parent_asin": "FIRST", "source": "rows.jsonl", "row": 9, "fate": only(odd_run, "FIRST").fate},
    }
    assert only(odd_run, "FIRST").facts["copies"] == {"items": 2}


@pytest.mark.parametrize("odd_run", ["course-v1"], indirect=True)
def test_reasons_of_course(odd_run: Path) -> None:
    reason = "The rounded price is not a slot from 1 to 999: 0.5 USD is rounded to 0."
    assert only(odd_run, "HALF").reason == reason


def test_slot_and_draw_of_a_full_slot(odd_run: Path) -> None:
    rows = [only(odd_run, f"FULL{number}") for number in range(20, 24)]
    full = "The price slot was full and the draw took other items: 2 of the 4 items in slot $7 were drawn."
    assert [row.reason for row in rows].count(full) == 2
    for row in rows:
        draw = row.facts["draw"]
        assert row.facts["slot"] == {
            "slot": 7,
            "available": 4,
            "cap": 2,
            "whole_from": 240,
            "taken_whole": False,
            "category": "Tools",
            "weight": 5.0,
            "chance": 0.5,
        }
        assert draw["sampled"] == (row.fate != "not_sampled") == ("position" in draw)
    beyond = ledger_of(odd_run).filter(fate="beyond_splits")["parent_asin"][0]
    told = next(row for row in explain(odd_run, beyond).rows if row.fate == "beyond_splits")
    draw = told.facts["draw"]
    numbers = f"position {draw['position']} (from 0), the splits take the first 5 of {draw['sample']}."
    assert numbers in (told.reason or "")


def test_near_copy_is_told_with_the_item_it_is_like(build: Any, tmp_path: Path) -> None:
    run = build("demo:600", tmp_path / "run", "pricer", **{"duplicates.per_cluster": 1})
    dropped = ledger_of(run).filter(fate="near_duplicate")["parent_asin"].to_list()
    assert len(dropped) > 5
    selection = pl.read_parquet(run / "selection.parquet")
    told = 0
    for asin in dropped:
        row = only(run, asin)
        assert row.reason is not None
        assert row.reason.startswith("Another item has nearly the same text")
        source = row.facts["source"]
        mine = selection.filter(shard=source["shard"], row=source["row"])["cluster"][0]
        first = selection.row(mine, named=True)
        assert ("near_copy" in row.facts) == (first["row"] != source["row"])
        if "near_copy" in row.facts:
            told += 1
            assert row.facts["near_copy"]["first"]["row"] == first["row"]
            assert f", row {first['row']:,} of demo" in row.reason
    assert told > 0


def test_several_rows_with_one_asin_are_all_told(odd_run: Path) -> None:
    story = explain(odd_run, "TWICE")
    assert [row.facts["source"]["row"] for row in story.rows] == [11, 12, 13]
    assert [row.fate for row in story.rows][::2] == ["no_price", "text_too_short"]
    page = str(story)
    assert page.startswith("TWICE in ")
    assert [line for line in page.split("\n") if line.startswith("== row ")] == [
        f"== row {number} of 3: {'dropped, ' if row.reason else ''}{row.fate} =="
        for number, row in enumerate(story.rows, 1)
    ]


# -- every step


def cleaning(row: Row) -> dict[tuple[str, str], Facts]:
    """The facts of each cleaning rule, by the text that it cleans and its name."""
    return {(step.facts["of"], step.facts["rule"]): step.facts for step in row.steps if step.name == "cleaning"}


def changed(row: Row, rule: str) -> tuple[Facts, Facts]:
    """What a rule took from the text and put into it."""
    facts = cleaning(row)["text", rule]
    return facts["taken"], facts["put"]


def test_steps_of_pricer(build: Any, tmp_path: Path) -> None:
    details = '{"Color": "Red", "ASIN": "B0", "Rank": {"Toys": 3}, "Note": "", "Best Sellers Rank": {"a": 1}}'
    row = product(
        "ONE",
        1,
        title="Lamp &amp; Shade <b>new</b>",
        description=[r"caf\u00e9 ★ “fine” <|endoftext|>  " + " ".join(WORDS * 15)],
        details=details,
        price="19.50",
    )
    run = build(write_lines(tmp_path / "rows.jsonl", [row]), tmp_path / "run", "pricer", **{"split.test": 0})
    told = only(run, "ONE")
    facts = told.facts
    assert facts["price"] == {"raw": "19.50", "usd": 19.5, "min_usd": 0.5, "max_usd": 999.49, "rounded": 20}
    assert list(facts["parts"]) == ["title", "categories", "details", "features", "description"]
    assert facts["details"]["dropped_by_name"] == ["ASIN"]
    assert facts["details"]["dropped_empty"] == ["Rank", "Note", "Best Sellers Rank"]
    assert facts["uncleaned"]["whole_chars"] > 1120 == facts["uncleaned"]["max_chars"]
    assert len(facts["uncleaned"]["text"]) <= 1120
    rules = cleaning(told)
    assert list(rules) == [*(("text", rule.name) for rule in READABLE_RULES), ("text", "special tokens")]
    assert changed(told, "entities") == ({"&amp;": 1}, {"&": 1})
    assert changed(told, "code points") == ({r"\u00e9": 1}, {"é": 1})
    assert changed(told, "tags") == ({"<b>": 1, "</b>": 1}, {" ": 2})
    assert rules["text", "characters"]["taken"] == {"★": 1, "“": 1, "”": 1}
    assert next(iter(rules["text", "spaces"]["taken"])) == " "
    assert list(rules["text", "special tokens"]["taken"]) == ["<|endoftext|>"]
    assert facts["text"]["text"] == rules["text", "special tokens"]["text"]
    assert facts["text"]["chars"] == len(rules["text", "spaces"]["text"])
    tokens = facts["tokens"]
    assert tokens["is_cut"]
    assert tokens["prompt_tokens"] <= tokens["cap"] == 180
    assert tokens["kept"].endswith(tokens["last_kept"])
    assert tokens["kept"] + tokens["first_cut"] in facts["text"]["text"]
    assert told.prompt == f"How much does this cost to the nearest dollar?\n\n{tokens['kept']}\n\nPrice is $20.00"


def test_what_is_taken_of_details_and_prose_is_told(build: Any, tmp_path: Path) -> None:
    details = '{"Color": "Red", "Package Dimensions": "12.8 x 25 inches; 2 Pounds", "Brand": "Anvil"}'
    features = ["Folds flat, for small rooms", "", "Opens wide", "Made to last"]
    row = product("ONE", 1, details=details, features=features, description=["Never reached"])
    settings = {**LOOSE, "text.prose_lines": 3, "text.prose_chars": 60, "text.min_chars": 20}
    run = build(write_lines(tmp_path / "rows.jsonl", [row]), tmp_path / "run", "pricer", **settings)
    told = only(run, "ONE")
    assert told.agrees
    assert told.facts["details"]["rewritten"] == [
        {"listed": None, "written": "Item Weight: 2 pounds (910 grams)"},
        {"listed": "Package Dimensions: 12.8 x 25 inches; 2 Pounds", "written": "Package Dimensions: 13 x 25 inches"},
    ]
    assert told.facts["details"]["put_first"] == ["Item Weight", "Package Dimensions", "Brand"]
    taken = ["Folds flat, for small rooms", "Opens wide", "Made to last"]
    assert told.facts["features"] == {"listed": 3, "kept": taken, "max_lines": 3, "max_chars": 60}
    assert told.facts["description"] == {"listed": 1, "kept": [], "max_lines": 3, "max_chars": 60}
    assert all(line in (told.prompt or "") for line in taken)
    page = str(explain(run, "ONE"))
    assert 'listed none, written "Item Weight: 2 pounds (910 grams)"' in page
    assert re.search(r'^  put first +"Item Weight"\n +"Package Dimensions"\n +"Brand"$', page, re.MULTILINE)


def test_steps_of_course(parquet_run: Callable[..., Path], raw_row: Any) -> None:
    details = '{"Batteries Included?": "No", "Item Weight": "3 Ounces", "Package": "x"}'
    description = ["model AB1234567 , and 【big】 X99-12345 " + raw_row(3)["description"][0][:800]]
    run = parquet_run({"parent_asin": "ONE", "details": details, "description": description})
    told = only(run, "ONE")
    facts = told.facts
    assert facts["details"]["used"]
    assert facts["details"]["removed"] == {'"Batteries Included?": "No"': 1, "Item": 1, "Package": 1, ":": 2}
    rules = cleaning(told)
    assert list(rules) == [(of, rule.name) for of in ("title", "text") for rule in COURSE_RULES]
    noise = rules["text", "noise"]["taken"]
    assert noise["【"] == noise["】"] == 1
    assert noise['"'] == 8
    assert rules["text", "commas"]["taken"] == {" ": 3}
    assert rules["text", "part numbers"]["taken"] == {"AB1234567,": 1, "X99-12345": 1}
    title, text = (rules[of, "part numbers"]["text"] for of in ("title", "text"))
    assert facts["text"]["text"] == f"{title}\n{text}"
    assert facts["text"]["chars"] == len(facts["uncleaned"]["text"])
    assert facts["tokens"]["kept"] + facts["tokens"]["first_cut"] in facts["text"]["text"]
    assert told.agrees
    page = str(explain(run, "ONE"))
    for shown in ("AB1234567,", "last kept", "first cut", '"Batteries Included?": "No"\'', "part numbers"):
        assert shown in page


def test_details_that_nobody_looks_at(parquet_run: Callable[..., Path]) -> None:
    run = parquet_run({"parent_asin": "ONE", "description": [" ".join(WORDS * 30)]})
    assert not only(run, "ONE").facts["details"]["used"]


def test_long_texts_are_shortened_unless_full(odd_run: Path) -> None:
    story = explain(odd_run, "FULL20")
    full = story.text(full=True)
    assert "characters…]" not in full
    [row] = story.rows
    assert row.prompt is not None
    assert "\n".join(f"    │ {line}" for line in row.prompt.split("\n")) in full
    assert len(str(story)) <= len(full)


def test_long_lists_are_shortened_unless_full() -> None:
    keys = [f"Key {number}" for number in range(20)]
    step = Step("details", {"put_first": keys, "removed": dict.fromkeys(keys, 2)})
    story = Story("run", "pricer", "ONE", [Row("train", None, True, [], None, [step])])
    page, full = str(story), story.text(full=True)
    assert page.count("and 8 more (--full)") == 2
    assert '"Key 19"' not in page
    assert "more (--full)" not in full
    assert full.count('"Key 19"') == 2
    assert '"Key 19" ×2' in full
