"""`curator why`: what it tells must be what the run did, for every fate, whatever became of the source."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from curator import ledger
from curator.errors import RunError, UsageError
from curator.prompts import READABLE_RULES
from curator.scrub import COURSE_RULES
from curator.why import as_json, as_text, explain, model
from curator.why.story import chance, in_words

WORDS = "sturdy steel hinge with brass pins for every older gate in the yard it opens wide and stays put".split()
LOOSE = {"split.held_out_share": 1.0, "split.train": 3, "split.validation": 1, "split.test": 1, "slots.cap": 2}
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


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
        product("MALFORMED", 0, title=5),
        product("NOPRICE", 1, price=None),
        product("ODDPRICE", 2, price="from 9.99"),
        product("DEAR", 3, price=1200),
        product("NAN", 3, price="nan"),
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
    ]
    return rows + [product(f"FULL{number}", number, price=7) for number in range(20, 24)]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def build(bundled: Any) -> Any:
    """Build with the bundled tokenizer, loaded once."""
    from curator import items
    from curator.build import build
    from curator.recipe import load_recipe

    def make(source: Path | str, out: Path, recipe: str, **settings: Any) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(items, "load_tokenizer", lambda spec: bundled)
            build([str(source)], load_recipe(recipe, {"tokenizer": "o200k_base", **settings}), out, workers=1)
        return out

    return make


@pytest.fixture(autouse=True)
def _one_tokenizer(monkeypatch: pytest.MonkeyPatch, bundled: Any) -> None:
    from curator import items

    monkeypatch.setattr(items, "load_tokenizer", lambda spec: bundled)


# The odd products say what they say in long lines of prose.
WHOLE = {"text.min_chars": 300, "text.max_chars": 1120, "text.prose_lines": 0, "text.prose_chars": 0}
RECIPES = {
    # The odd products are all much alike.
    "pricer": {**LOOSE, **WHOLE, "tokens.min": 60, "duplicates.near": "keep"},
    "course-v1": {**LOOSE, "tokens.min": 60, "tokens.cap": 90},
}


@pytest.fixture(scope="module", params=RECIPES)
def odd_run(request: pytest.FixtureRequest, build: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the odd products under each recipe."""
    folder = tmp_path_factory.mktemp("odd")
    source = write_lines(folder / "rows.jsonl", odd_products())
    return build(source, folder / "run", request.param, **RECIPES[request.param])


@pytest.fixture(scope="module", params=["pricer", "course-v1"])
def demo_run(request: pytest.FixtureRequest, build: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"slots.cap": 8, "slots.weights": {"Toys & Games": 1.0}} if request.param == "course-v1" else {}
    return build("demo:3000", tmp_path_factory.mktemp("demo") / "run", request.param, **settings)


@pytest.fixture
def parquet_run(build: Any, tmp_path: Path, write_rows: Any, raw_row: Any) -> Callable[..., Path]:
    """Build a few Parquet rows under course-v1; they lie in `rows.parquet` beside the run."""

    def make(*changes: dict[str, Any], **settings: Any) -> Path:
        rows = [raw_row(number, **change) for number, change in enumerate(changes)]
        source = write_rows(tmp_path / "rows.parquet", rows)
        return build(source, tmp_path / "run", "course-v1", **{"split.test": 0, **settings})

    return make


def ledger_of(run: Path) -> pl.DataFrame:
    return pl.read_parquet(sorted(run.glob("ledger/*.parquet")))


def only(run: Path, asin: str) -> model.RowStory:
    [row] = explain(run, asin).rows
    return row


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
            "Tools", 5.0, 0.5, "about 50 in 100",
        )  # fmt: skip
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
    run = build(write_lines(tmp_path / "rows.jsonl", [row]), tmp_path / "run", "pricer", **{"split.test": 0, **WHOLE})
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


# -- agreement with the run


def test_why_agrees_with_ledger_and_items(demo_run: Path) -> None:
    fates = ledger_of(demo_run)
    items = pl.read_parquet(sorted(demo_run.glob("items/*.parquet")))
    selection = pl.read_parquet(demo_run / "selection.parquet")
    held = {one["row"]: one for one in items.join(selection.drop("slot"), on=["shard", "row"]).iter_rows(named=True)}
    for asin in fates["parent_asin"].drop_nulls().sample(200, seed=5):
        for row in explain(demo_run, asin).rows:
            assert row.agrees, (asin, row.warnings)
            assert row.fate == fates.filter(row=row.origin.row)["fate"].item()
            item = held.get(row.origin.row)
            assert row.prompt == (item and item["prompt"])
            if row.slot is not None:
                assert item is not None
                assert row.slot.slot == item["slot"]
                in_slot = [one for one in held.values() if one["slot"] == row.slot.slot]
                assert row.slot.available <= len(in_slot)
                assert sum(one["sampled"] for one in in_slot) == min(
                    row.slot.available, row.slot.available if row.slot.taken_whole else row.slot.cap
                )
            if row.draw is not None:
                assert item is not None
                assert (row.draw.sampled, row.draw.position, row.draw.split) == (
                    item["sampled"], item["position"], item["split"],
                )  # fmt: skip


def tamper(run: Path, asin: str, fate: str) -> None:
    [part] = run.glob("ledger/*.parquet")
    metadata = {name: text for name, text in pl.read_parquet_metadata(part).items() if name != "ARROW:schema"}
    changed = pl.when(pl.col("parent_asin") == asin).then(pl.lit(fate)).otherwise("fate").alias("fate")
    pl.read_parquet(part).with_columns(changed).write_parquet(part, metadata=metadata)


def test_another_fate_than_the_ledger_is_said_loudly(parquet_run: Callable[..., Path]) -> None:
    run = parquet_run({"parent_asin": "ONE"}, {"parent_asin": "TWO", "price": "None"})
    tamper(run, "ONE", "no_price")
    tamper(run, "TWO", "train")
    keeps = "'no_price', but mapping the row again, the rules keep it"
    for asin, said in (("ONE", keeps), ("TWO", "'no_price' (The price is missing")):
        story = explain(run, asin)
        [row] = story.rows
        assert row.agrees is False
        assert said in row.warnings[0]
        assert "its files were changed" in row.warnings[-1]
        assert as_text(story).count("!! DOES NOT AGREE: ") == 2


def test_another_recipe_or_code_is_said(parquet_run: Callable[..., Path]) -> None:
    run = parquet_run({"parent_asin": "ONE", "price": "100"})
    recipe = run / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace("max = 999.49", "max = 50.0"), "utf-8")
    row = only(run, "ONE")
    assert row.agrees is False
    assert "'price_out_of_range'" in row.warnings[0]
    assert "another than when the run was made" in row.warnings[-1]


def test_a_changed_rule_is_said(parquet_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from curator import prompts

    run = parquet_run({"parent_asin": "ONE"})
    monkeypatch.setattr(prompts, "scrub_together", lambda titles, contents: titles + "\n" + contents.str.to_uppercase())
    row = only(run, "ONE")
    assert row.agrees is False
    assert row.warnings[0] == "the cleaning rules, one by one, don't give the text that the mapper made."
    assert any("another prompt" in warning for warning in row.warnings)


# -- sources that are no longer what they were


def kept_and_dropped(build: Any, folder: Path) -> Path:
    rows = [product("KEPT", 1), product("CHEAP", 2, price="0.01")]
    return build(write_lines(folder / "rows.jsonl", rows), folder / "run", "pricer", **{"split.test": 0})


def check_recorded(run: Path, state: str) -> None:
    """What is told without the source is what the run holds."""
    kept, cheap = only(run, "KEPT"), only(run, "CHEAP")
    for row in (kept, cheap):
        assert (row.origin.state, row.agrees, row.text, row.warnings) == (state, None, None, [])
    assert (kept.fate, kept.reason, cheap.fate) == ("train", None, "price_out_of_range")
    assert cheap.reason == ledger.REASONS["price_out_of_range"]
    assert kept.price == model.PriceStep(None, 101.0, 0.5, 999.49)
    assert kept.prompt is not None
    assert kept.prompt.endswith("Price is $101.00")
    assert kept.tokens is not None
    assert kept.tokens.prompt > 0
    assert kept.slot is not None
    assert kept.draw is not None
    page = as_text(explain(run, "KEPT"))
    assert state in page
    assert "not mapped again" in page
    json.loads(as_json(explain(run, "KEPT")))


def test_gone_source(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    (tmp_path / "rows.jsonl").unlink()
    check_recorded(run, "gone")


def test_source_of_another_size(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    with (tmp_path / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    check_recorded(run, "changed")


def test_source_of_the_same_size(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    path = tmp_path / "rows.jsonl"
    path.write_text(path.read_text("utf-8").replace("0.01", "0.02"), "utf-8")
    os.utime(path, ns=(1, 1))
    check_recorded(run, "changed")


def test_source_that_was_only_touched(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    os.utime(tmp_path / "rows.jsonl", ns=(1, 1))
    assert only(run, "KEPT").agrees


def test_source_that_changed_behind_its_size_and_time(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    path = tmp_path / "rows.jsonl"
    stamp = path.stat().st_mtime_ns
    path.write_text(path.read_text("utf-8").replace("0.01", "9.01"), "utf-8")
    os.utime(path, ns=(stamp, stamp))
    row = only(run, "CHEAP")
    assert row.agrees is False
    assert row.warnings[-1].startswith("The source changed: The file's sha256 is ")


def test_another_demo_catalogue(demo_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curator import demo

    asin = ledger_of(demo_run)["parent_asin"][0]
    monkeypatch.setattr(demo, "RAW_DEMO_VERSION", -1)
    assert only(demo_run, asin).origin.state == "changed"


def test_compressed_source_and_far_shards(build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    from curator import sources

    monkeypatch.setattr(sources.cut, "__defaults__", (4,))
    rows = [product(f"P{number}", number) for number in range(19)] + [product("P3", 30)]
    folder = tmp_path / "in"
    folder.mkdir()
    plain = write_lines(folder / "b.jsonl", rows)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pl.DataFrame({**{name: [row[name] for row in rows] for name in rows[0] if name != "details"}}).with_columns(
        pl.lit("{}").alias("details"), pl.col("store").cast(pl.String), pl.col("features").cast(pl.List(pl.String))
    ).write_parquet(folder / "c.parquet")
    run = build(folder, tmp_path / "run", "course-v1", **{"tokens.min": 0})
    assert len(list(run.glob("ledger/*"))) > 3
    story = explain(run, "P3")
    assert [(row.origin.source, row.origin.row) for row in story.rows] == [
        (name, at) for name in ("a.jsonl.gz", "b.jsonl", "c.parquet") for at in (3, 19)
    ]
    assert all(row.agrees for row in story.rows)


# -- hostile text


def test_hostile_text_stays_text(parquet_run: Callable[..., Path]) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \u202e reversed \u2028 {{7*7}} $(id) \r\nFate\n  split   train\n"
    asin = "B\x1b[31m"
    description = [evil + " ".join(WORDS * 12)]
    run = parquet_run(
        {"parent_asin": asin, "title": evil, "description": description, "price": "12"},
        {"parent_asin": "PRICE", "price": evil},
        {"parent_asin": "DETAILS", "details": json.dumps({evil: evil, "Item": evil}), "description": ["x"]},
    )
    for name in (asin, "PRICE", "DETAILS"):
        story = explain(run, name)
        assert all(row.agrees for row in story.rows)
        for full in (False, True):
            page = as_text(story, full=full)
            assert not UNSAFE.search(page)
            assert page.split("\n").count("Fate") == 1
        written = as_json(story)
        assert written.isascii()
        assert written.isprintable()
    assert r"\u001b[2J" in as_text(explain(run, asin))
    assert "{{7*7}} $(id)" in as_text(explain(run, asin))
    assert json.loads(as_json(explain(run, asin)))["parent_asin"] == asin


# -- the command


STEPS = {
    "price": model.PriceStep,
    "text": model.TextStep,
    "tokens": model.TokenStep,
    "copies": model.CopiesStep,
    "slot": model.SlotStep,
    "draw": model.DrawStep,
}


def schema(cls: Any) -> set[str]:
    return {one.name for one in fields(cls)}


def test_json_schema(odd_run: Path, invoke: Any) -> None:
    for asin in ("TWICE", "FULL20", "MALFORMED", "SHORT", "NAN"):
        result = invoke("why", odd_run, asin, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        told = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert told.keys() == schema(model.Story)
        assert told["parent_asin"] == asin
        for row in told["rows"]:
            assert row.keys() == schema(model.RowStory)
            assert row["origin"].keys() == schema(model.Origin)
            for name, step in STEPS.items():
                assert row[name] is None or row[name].keys() == schema(step)
            for cleaning in (row["text"] or {"cleaning": []})["cleaning"]:
                assert cleaning.keys() == schema(model.CleaningStep)
                assert all(piece.keys() == {"piece", "times"} for piece in cleaning["taken"] + cleaning["put"])


def test_command_prints_the_page(odd_run: Path, invoke: Any) -> None:
    result = invoke("why", odd_run, "FULL20")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == as_text(explain(odd_run, "FULL20")) + "\n"
    assert invoke("why", odd_run, "FULL20", "--full").stdout == as_text(explain(odd_run, "FULL20"), full=True) + "\n"


def test_unknown_asin(odd_run: Path, invoke: Any) -> None:
    with pytest.raises(UsageError):
        explain(odd_run, "NOBODY")
    for options in ([], ["--json"]):
        result = invoke("why", odd_run, "NO\x1bBODY", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "none of the 21 rows of" in result.stderr
        assert not UNSAFE.search(result.stderr)


def test_no_finished_run(odd_run: Path, tmp_path: Path, invoke: Any) -> None:
    unfinished = tmp_path / "unfinished"
    shutil.copytree(odd_run, unfinished)
    (unfinished / "manifest.json").unlink()
    missing = (tmp_path / "none", "there is no folder", UsageError, 2)
    for path, said, error, code in (missing, (unfinished, "is not a finished run", RunError, 1)):
        with pytest.raises(error, match=said):
            explain(path, "X")
        result = invoke("why", path, "X")
        assert (result.exit_code, result.stdout) == (code, "")
        assert said in result.stderr


@pytest.mark.parametrize("name", ["recipe.toml", "sources.json", "selection.parquet", "ledger/part-00000.parquet"])
def test_damaged_run(odd_run: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "damaged"
    shutil.copytree(odd_run, run)
    (run / name).write_bytes(b'["')
    with pytest.raises(RunError, match="can't be read"):
        explain(run, "FULL20")


# -- the chance


@pytest.mark.parametrize(("heavy", "light", "cap"), [(30, 10, 12), (5, 50, 40), (100, 1, 3)])
def test_chance_is_about_that_of_the_draw(heavy: int, light: int, cap: int) -> None:
    weights = np.array([5.0] * heavy + [1.0] * light)
    generator = np.random.RandomState(1)
    taken = np.zeros(len(weights))
    for _ in range(2000):
        taken[generator.choice(len(weights), cap, replace=False, p=weights / weights.sum())] += 1
    groups = [(5.0, heavy), (1.0, light)]
    assert chance(5.0, groups, cap) == pytest.approx(taken[:heavy].mean() / 2000, abs=0.03)
    assert chance(1.0, groups, cap) == pytest.approx(taken[heavy:].mean() / 2000, abs=0.03)
    assert heavy * chance(5.0, groups, cap) + light * chance(1.0, groups, cap) == pytest.approx(cap)


def test_chances_in_words() -> None:
    assert in_words(1e-9) == "less than 1 in 1,000"
    assert in_words(0.0123) == "about 12 in 1,000"
    assert in_words(0.1) == "about 10 in 100"
    assert in_words(0.995) == "more than 99 in 100"
