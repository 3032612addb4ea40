"""`curator why`: every fate is told, and every step on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curator.run import ledger
from curator.text.cleaning import COURSE_RULES, READABLE_RULES
from curator.why import as_json, as_text, explain, model
from why_tools import LOOSE, WORDS, ledger_of, only, product, write_lines

# -- every fate


def test_every_fate_is_told_as_the_ledger_has_it(odd_run: Path) -> None:
    fates = ledger_of(odd_run)
    if explain(odd_run, "FULL20").recipe == "pricer":
        never = {"near_duplicate", "no_slot"}  # half up, no price in the range is rounded to 0
    else:
        never = {"near_duplicate", "price_in_text", "exact_duplicate"}
    assert set(fates["fate"]) == {*ledger.FATES} - never
    for asin in fates["parent_asin"].unique():
        story = explain(odd_run, asin)
        assert [row.fate for row in story.rows] == fates.filter(parent_asin=asin)["fate"].to_list()
        for row in story.rows:
            assert row.agrees, row.warnings
            assert row.warnings == []
            assert row.origin.state == "unchanged"
            assert (row.reason is None) == (row.fate in ledger.SPLITS)
            if row.reason is not None:
                assert row.reason.startswith(ledger.REASONS[row.fate].rstrip("."))
            page = as_text(story)
            assert (row.reason or row.fate) in page


@pytest.mark.parametrize(
    ("asin", "fate", "numbers"),
    [
        ("MALFORMED", "malformed_row", ""),
        ("NOPRICE", "no_price", ": there is none"),
        ("ODDPRICE", "no_price", ': "from 9.99"'),
        ("DEAR", "price_out_of_range", ": 1200.0 USD, from 0.5 to 999.49 USD is kept"),
        ("NAN", "price_out_of_range", ": nan USD, from 0.5 to 999.49 USD is kept"),
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
    assert copy.copies is not None
    assert (copy.copies.items, copy.copies.first and copy.copies.first.parent_asin) == (2, "FIRST")
    first = only(odd_run, "FIRST")
    assert first.copies == model.CopiesStep(2, None)


@pytest.mark.parametrize("odd_run", ["course-v1"], indirect=True)
def test_reasons_of_course(odd_run: Path) -> None:
    reason = "The rounded price is not a slot from 1 to 999: 0.5 USD is rounded to 0."
    assert only(odd_run, "HALF").reason == reason


def test_slot_and_draw_of_a_full_slot(odd_run: Path) -> None:
    rows = [only(odd_run, f"FULL{number}") for number in range(20, 24)]
    full = "The price slot was full and the draw took other items: 2 of the 4 items in slot $7 were drawn."
    assert [row.reason for row in rows].count(full) == 2
    for row in rows:
        assert row.slot is not None
        assert row.draw is not None
        assert (row.slot.slot, row.slot.available, row.slot.cap, row.slot.taken_whole) == (7, 4, 2, False)
        assert (row.slot.category, row.slot.weight, row.slot.chance, row.slot.in_words) == (
            "Tools",
            5.0,
            0.5,
            "about 50 in 100",
        )
        assert row.draw.sampled == (row.fate != "not_sampled") == (row.draw.position is not None)
    beyond = ledger_of(odd_run).filter(fate="beyond_splits")["parent_asin"][0]
    told = next(row for row in explain(odd_run, beyond).rows if row.fate == "beyond_splits")
    assert told.draw is not None
    assert told.reason is not None
    assert f"position {told.draw.position} (from 0), the splits take the first 5 of {told.draw.sample}." in told.reason


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
        mine = selection.filter(shard=row.origin.shard, row=row.origin.row)["cluster"][0]
        first = selection.row(mine, named=True)
        if first["row"] != row.origin.row:
            told += 1
            assert f", row {first['row']:,} of demo" in row.reason
    assert told > 0


def test_several_rows_with_one_asin_are_all_told(odd_run: Path) -> None:
    story = explain(odd_run, "TWICE")
    assert [row.origin.row for row in story.rows] == [11, 12, 13]
    assert [row.fate for row in story.rows][::2] == ["no_price", "text_too_short"]
    page = as_text(story)
    assert page.startswith("TWICE in ")
    assert [line for line in page.split("\n") if line.startswith("== row ")] == [
        f"== row {number} of 3: {'dropped, ' if row.reason else ''}{row.fate} =="
        for number, row in enumerate(story.rows, 1)
    ]


# -- every step


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
    assert told.text is not None
    assert told.price == model.PriceStep("19.50", 19.5, 0.5, 999.49)
    assert list(told.text.parts) == ["title", "categories", "details", "features", "description"]
    assert told.text.details is not None
    assert told.text.details.dropped == [
        ("ASIN", "named in text.detail_keys_dropped"),
        ("Rank", "empty or nested"),
        ("Note", "empty or nested"),
        ("Best Sellers Rank", "empty or nested"),
    ]
    assert told.text.characters_uncut > 1120 >= len(told.text.before)
    steps = {step.rule: step for step in told.text.cleaning}
    assert list(steps) == [*(rule.name for rule in READABLE_RULES), "special tokens"]
    assert (steps["entities"].taken, steps["entities"].put) == ([("&amp;", 1)], [("&", 1)])
    assert (steps["code points"].taken, steps["code points"].put) == ([(r"\u00e9", 1)], [("é", 1)])
    assert (steps["tags"].taken, steps["tags"].put) == ([("<b>", 1), ("</b>", 1)], [(" ", 2)])
    assert steps["characters"].taken == [("★", 1), ("“", 1), ("”", 1)]
    assert steps["spaces"].taken[0].piece == " "
    assert [piece for piece, _ in steps["special tokens"].taken] == ["<|endoftext|>"]
    assert told.text.after == steps["spaces"].after
    assert told.text.characters == len(told.text.after)
    assert told.tokens is not None
    assert told.tokens.is_cut
    assert told.tokens.kept is not None
    assert told.tokens.last_kept is not None
    assert told.tokens.first_cut is not None
    assert told.tokens.prompt <= told.tokens.cap == 180
    assert told.tokens.kept.endswith(told.tokens.last_kept)
    assert told.tokens.kept + told.tokens.first_cut in steps["special tokens"].after
    assert told.prompt == f"How much does this cost to the nearest dollar?\n\n{told.tokens.kept}\n\nPrice is $20.00"


def test_what_is_taken_of_details_and_prose_is_told(build: Any, tmp_path: Path) -> None:
    details = '{"Color": "Red", "Package Dimensions": "12.8 x 25 inches; 2 Pounds", "Brand": "Anvil"}'
    features = ["Folds flat, for small rooms", "", "Opens wide", "Made to last"]
    row = product("ONE", 1, details=details, features=features, description=["Never reached"])
    settings = {**LOOSE, "text.prose_lines": 3, "text.prose_chars": 60, "text.min_chars": 20}
    run = build(write_lines(tmp_path / "rows.jsonl", [row]), tmp_path / "run", "pricer", **settings)
    told = only(run, "ONE")
    assert told.agrees
    assert told.text is not None
    assert told.text.details is not None
    assert told.text.details.rewritten == [
        (None, "Item Weight: 2 pounds (910 grams)"),
        ("Package Dimensions: 12.8 x 25 inches; 2 Pounds", "Package Dimensions: 13 x 25 inches"),
    ]
    assert told.text.details.first == ["Item Weight", "Package Dimensions", "Brand"]
    assert told.text.prose == [
        model.ProseStep("features", 3, ["Folds flat, for small rooms", "Opens wide", "Made to last"], 3, 60),
        model.ProseStep("description", 1, [], 3, 60),
    ]
    assert all(line in (told.prompt or "") for step in told.text.prose for line in step.kept)
    page = as_text(explain(run, "ONE"))
    assert 'details         added "Item Weight: 2 pounds (910 grams)"' in page
    assert 'inches; 2 Pounds" is written "Package Dimensions: 13 x 25 inches"' in page
    assert 'put first: "Item Weight", "Package Dimensions", "Brand"' in page
    assert "features        3 texts listed, 3 lines taken: at most 3 of features and description together" in page
    assert "description     1 text listed, 0 lines taken" in page
    assert json.loads(as_json(explain(run, "ONE")))["rows"][0]["text"]["prose"][1]["kept"] == []


def test_steps_of_course(parquet_run: Callable[..., Path], raw_row: Any) -> None:
    details = '{"Batteries Included?": "No", "Item Weight": "3 Ounces", "Package": "x"}'
    description = ["model AB1234567 , and 【big】 X99-12345 " + raw_row(3)["description"][0][:800]]
    run = parquet_run({"parent_asin": "ONE", "details": details, "description": description})
    told = only(run, "ONE")
    assert told.text is not None
    assert told.text.details is not None
    assert told.text.details.used
    assert told.text.details.removed == [('"Batteries Included?": "No"', 1), ("Item", 1), ("Package", 1), (":", 2)]
    steps = {(step.of, step.rule): step for step in told.text.cleaning}
    assert list(steps) == [(of, rule.name) for of in ("title", "text") for rule in COURSE_RULES]
    noise = dict(steps["text", "noise"].taken)
    assert noise["【"] == noise["】"] == 1
    assert noise['"'] == 8
    assert steps["text", "commas"].taken == [(" ", 3)]
    assert steps["text", "part numbers"].taken == [("AB1234567,", 1), ("X99-12345", 1)]
    assert told.text.after == f"{steps['title', 'part numbers'].after}\n{steps['text', 'part numbers'].after}"
    assert told.tokens is not None
    assert told.tokens.kept is not None
    assert told.tokens.first_cut is not None
    assert told.tokens.kept + told.tokens.first_cut in told.text.after
    assert told.agrees
    page = as_text(explain(run, "ONE"))
    for shown in ("AB1234567,", "last kept", "first cut", 'deleted \'"Batteries Included?": "No"\'', "part numbers"):
        assert shown in page


def test_details_that_nobody_looks_at(parquet_run: Callable[..., Path]) -> None:
    run = parquet_run({"parent_asin": "ONE", "description": [" ".join(WORDS * 30)]})
    told = only(run, "ONE")
    assert told.text is not None
    assert told.text.details is not None
    assert not told.text.details.used
    assert "not looked at" in as_text(explain(run, "ONE"))


def test_long_texts_are_shortened_unless_full(odd_run: Path) -> None:
    story = explain(odd_run, "FULL20")
    full = as_text(story, full=True)
    assert "characters…]" not in full
    [row] = story.rows
    assert row.prompt is not None
    assert "\n".join(f"    │ {line}" for line in row.prompt.split("\n")) in full
    assert len(as_text(story)) <= len(full)
