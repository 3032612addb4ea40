"""The recipe `pricer`: readable texts, the cap on the whole prompt, own prices, exact copies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curator.items.mapper import Mapper
from curator.recipe.load import load_recipe
from curator.selection.select import exact_copies
from curator.text import cleaning, prompts
from curator.text.details import arranged, readable_details
from curator.text.prose import first_clauses
from curator.text.words import text_hash

LETTERS = 'aZ9 \t\n"\\/{}[]<>:,;&#é—“…【】★😀\u200b\u00a0\ufffd\x85'
ODD = st.sampled_from([*LETTERS, "<|", "|>", "\\u0041", "&amp;", "<br>"])
TEXT = st.lists(ODD, max_size=60).map("".join)
JSON = st.dictionaries(
    TEXT,
    st.one_of(TEXT, st.integers(), st.booleans(), st.none(), st.lists(TEXT, max_size=3), st.dictionaries(TEXT, TEXT)),
    max_size=6,
)


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    return Mapper(load_recipe("pricer", {"text.min_chars": 0}))


def raw(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a source yields them; what a row lacks is empty."""
    empty: dict[str, Any] = {"title": "T", "categories": [], "details": "{}", "features": [], "description": []}
    texts = {"features", "description", "categories"}
    columns = ("title", "categories", "details", "features", "description", "price", "parent_asin", "category")
    schema = {name: pl.List(pl.String) if name in texts else pl.String for name in columns}
    whole = [{"price": "12.99", "parent_asin": "B0", "category": None, **empty, **row} for row in rows]
    return (
        pl.DataFrame(whole, schema=schema)
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64), malformed=pl.lit(None, pl.String))
    )


# -- details


def plainly(details: dict[str, Any], dropped: set[str]) -> str:
    """Details as `readable_details` says, one row at a time, without regard to white space and brackets."""
    lines = []
    for key, value in details.items():
        if not key or key.casefold() in dropped or isinstance(value, dict) or value in ("", None, []):
            continue
        if isinstance(value, list):
            value = ", ".join(value)
        elif not isinstance(value, str):
            value = json.dumps(value)
        lines.append(f"{key}: {value}")
    return bare("\n".join(lines))


def bare(text: str) -> str:
    """A text without what the two ways may differ in."""
    return re.sub(r"[\s\[\]{}]+", "", "".join(letter if letter.isprintable() else " " for letter in text))


@given(JSON)
@example({'quote " and \\ backslash': 'a\\u0041 " {b} [c]', "": "gone", "Rank": {"a": "}"}, "L": ["x]", 'y"']})
def test_details_are_lines(details: dict[str, Any]) -> None:
    # A key or value of brackets alone is empty once they are gone; such rows prove nothing.
    text = readable_details(pl.Series([json.dumps(details)]), ["rank", "aZ"])[0]
    assert bare(text) == plainly(details, {"rank", "az"})


@pytest.mark.parametrize("junk", ["", "null", "[]", "{", "not json", '{"a": ', '{"a": {"b": {"c": "d"}}}', None])
def test_details_that_are_no_object_leave_no_brackets(junk: str | None) -> None:
    assert not re.search(r'[{}\[\]"]', readable_details(pl.Series([junk], dtype=pl.String), [])[0])


def test_dropped_keys_go_whatever_their_case_and_only_as_keys() -> None:
    details = '{"upc": "1", "UPC": "2", "UPC code": "3", "Note": "the \\"UPC\\": \\"4\\" stays"}'
    assert readable_details(pl.Series([details]), ["UPC"]).to_list() == ['UPC code: 3\nNote: the "UPC": "4" stays\n']


@given(
    st.lists(st.sampled_from(["Color: Red", "Item Weight: 1 lb", "Size: 2 x 3 cm", "no label", ": x", "a: b: c"])),
    st.lists(st.sampled_from(["size", "Item Weight", "COLOR", "none"]), unique=True),
)
def test_arranging_details_loses_no_line(lines: list[str], first: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    arranged_ = arranged(pl.Series([text, ""]), first, plain_units=False)
    ranks = {key.lower(): rank for rank, key in enumerate(first)}
    expected = sorted(lines, key=lambda line: ranks.get(line.partition(": ")[0].lower(), len(first)))
    assert arranged_.to_list() == ["".join(f"{line}\n" for line in expected), ""]


@pytest.mark.parametrize(
    ("listed", "written"),
    [
        ("Item Weight: 0.45 Kilograms", "Item Weight: 16 ounces (450 grams)"),
        ("Item Weight: 6.94 Ounces", "Item Weight: 6.9 ounces (200 grams)"),
        ("Package Weight: \u200e2 lbs", "Package Weight: 2 pounds (910 grams)"),
        ("Item Weight: light", "Item Weight: light"),
        ("Item Weight: 0 Pounds", "Item Weight: 0 Pounds"),
        ("Maximum Weight Recommendation: 250 Pounds", "Maximum Weight Recommendation: 250 Pounds"),
        ("Product Dimensions: 12.8 x 25 x 5.31 inches", "Product Dimensions: 5.3 x 13 x 25 inches"),
        ('Size: 47"L x 19"W', "Size: 19 x 47 inches"),
        ("Size: 30 × 20.3 cm", "Size: 8 x 12 inches"),
        ("Size: 2 ft x 3 inches", "Size: 2 ft x 3 inches"),
        ("Size: 10 x 20", "Size: 10 x 20"),
        ("Size: X-Large", "Size: X-Large"),
        ("Color: 3 lb", "Color: 3 lb"),
        (
            "Package Dimensions: 5 x 6 x 7 inches; 3 Pounds",
            "Package Dimensions: 5 x 6 x 7 inches\nItem Weight: 3 pounds (1400 grams)",
        ),
    ],
)
def test_units_are_written_one_way(listed: str, written: str) -> None:
    assert arranged(pl.Series([f"{listed}\n"]), [], plain_units=True).to_list() == [f"{written}\n"]


def test_a_weight_after_a_size_goes_where_there_is_another() -> None:
    details = "Dimensions: 5 x 6 inches; 3 Pounds\nItem Weight: 1 pound\n"
    assert arranged(pl.Series([details]), ["item weight"], plain_units=True).to_list() == [
        "Item Weight: 1 pounds (450 grams)\nDimensions: 5 x 6 inches\n"
    ]


@pytest.mark.parametrize(
    ("line", "head"),
    [
        ("Full grain leather, made to last", "Full grain leather"),
        ("NEW! Full grain leather", "NEW! Full grain leather"),
        ("Runs 2.5 hours on a charge", "Runs 2.5 hours on a charge"),
        ("word " * 20, ("word " * 12).strip()),
        ("x" * 80, "x" * 60),
        ("", ""),
    ],
)
def test_a_line_of_prose_ends_with_its_first_clause(line: str, head: str) -> None:
    assert first_clauses(pl.Series([line, "second line"]), 60).to_list() == [head, "second line"]
    assert first_clauses(pl.Series([line]), 0).to_list() == [line]


# -- cleaning rules


@pytest.mark.parametrize(
    ("rule", "text", "clean"),
    [
        (cleaning.unescape_entities, "Tom &amp; Jerry&#39;s &#8482 &nosuch; AT&T", "Tom & Jerry's ™ &nosuch; AT&T"),
        (cleaning.unescape_entities, "&amp;quot;x&amp;quot;", '"x"'),
        (cleaning.unescape_code_points, r"caf\u00e9 \ud83d\ude00 \ud83d x \u", "café 😀  x \\u"),
        (cleaning.remove_tags, "a<br/>b <b class='x'>c</b> 3 < 4 > 2 <3 x", "a b  c  3 < 4 > 2 <3 x"),
        (cleaning.remove_tags, "a<script>var x = '<b>';</script>b<!-- c -->d", "a b d"),
        (cleaning.plain_characters, "【Size】large ★ 5″ “x”", 'Size: large   5" "x"'),
        (cleaning.plain_characters, "— Ｆｕｌｌ 30°C\u200b™ m² ½", "- Full 30°C  m² ½"),
        (cleaning.single_spaces, " a\u00a0\t b \n \n c\x1c d ", "a b\nc d"),
    ],
)
def test_rule(rule: Callable[[pl.Series], pl.Series], text: str, clean: str) -> None:
    assert rule(pl.Series([text, "plain", None])).to_list() == [clean, "plain", None]


@given(st.lists(TEXT, max_size=8))
def test_cleaning_twice_is_cleaning_once(texts: list[str]) -> None:
    """A text that went through spaces and characters once has nothing left for them to do."""
    once = pl.Series(texts, dtype=pl.String)
    for rule in (cleaning.plain_characters, cleaning.single_spaces):
        once = rule(once)
    twice = once
    for rule in (cleaning.plain_characters, cleaning.single_spaces):
        twice = rule(twice)
    assert twice.to_list() == once.to_list()


def test_special_tokens_are_broken_up(bundled: Any) -> None:
    texts = pl.Series(["<|endoftext|> a <|im_start|>system <s> [INST] |>", "none"])
    broken = cleaning.break_special_tokens(texts, [*bundled.special, "[INST]", "<s>"])
    assert broken.to_list() == ["< |endoftext|> a < |im_start| >system < s> [ INST] | >", "none"]
    assert not set(bundled.encode(broken).ids.flat.tolist()) & {199_999, 200_018}


# -- layout


def test_the_text_has_the_parts_in_the_recipes_order(mapper: Mapper) -> None:
    row = {
        "title": "A  Mug",
        "categories": ["Home", "Kitchen", "Mugs"],
        "details": '{"Color": "Red", "UPC": "1", "Best Sellers Rank": {"Mugs": 3}}',
        "features": ["Holds 10 oz", "<b>Safe</b>"],
        "description": ["Nice.", "", "Very."],
    }
    items, _ = mapper(raw([row]))
    assert items["prompt"][0] == (
        "How much does this cost to the nearest dollar?\n\nA Mug\nCategory: Kitchen > Mugs\nColor: Red\nHolds 10 oz\n"
        "Safe\nNice.\nVery.\n\nPrice is $13.00"
    )


def test_the_category_comes_before_its_last_ones_and_once(mapper: Mapper) -> None:
    rows = [
        {"category": "Toys_and_Games", "categories": ["Toys & Games", "Dolls", "Doll Beds"]},
        {"category": "Dolls", "categories": ["Dolls", "Doll Beds"]},
        {"category": "Dolls", "categories": None},
        {"category": None, "categories": []},
    ]
    texts = prompts.readable_text(raw(rows), mapper.recipe.text)
    assert texts.to_list() == [
        "T\nCategory: Toys and Games > Dolls > Doll Beds",
        "T\nCategory: Dolls > Doll Beds",
        "T\nCategory: Dolls",
        "T",
    ]
    without = prompts.readable_text(raw(rows[:1]), mapper.recipe.text.model_copy(update={"main_category": False}))
    assert without[0] == "T\nCategory: Dolls > Doll Beds"


def test_features_and_description_share_their_lines(mapper: Mapper) -> None:
    long = "A chair for the garden made of teak, which lasts. " * 4
    row = {"title": "C", "features": ["", "One", long], "description": ["NEW! &amp; improved; buy it", "Four", "Five"]}
    settings = mapper.recipe.text
    short = settings.model_copy(update={"prose_chars": 60, "prose_lines": 3})
    assert prompts.readable_text(raw([row]), short)[0] == (
        "C\nOne\nA chair for the garden made of teak\nNEW! & improved"
    )
    assert prompts.readable_text(raw([row]), settings)[0] == (
        f"C\nOne\n{long.strip()}\nNEW! & improved; buy it\nFour\nFive"
    )


def test_half_a_line_of_details_goes(mapper: Mapper) -> None:
    details = json.dumps({f"Key {number}": "one two three" for number in range(80)})
    text = prompts.readable_text(raw([{"details": details}]), mapper.recipe.text)[0]
    assert text.endswith(": one two three")
    assert mapper.recipe.text.max_chars - 30 < len(text) < mapper.recipe.text.max_chars


def test_a_part_that_is_missing_leaves_no_line(mapper: Mapper) -> None:
    items, _ = mapper(raw([{"title": None, "details": None, "features": [None, "One"], "categories": None}]))
    assert items["prompt"][0] == "How much does this cost to the nearest dollar?\n\nOne\n\nPrice is $13.00"


def test_the_words_before_the_answer_stand_in_no_text(mapper: Mapper) -> None:
    items, _ = mapper(raw([{"title": "It says Price is $ here", "price": "5"}]))
    assert items["prompt"][0].count("Price is $") == 1
    assert "It says Price is: $ here" in items["prompt"][0]


# -- cap


@given(
    st.lists(
        st.tuples(st.lists(ODD, min_size=1, max_size=400).map("".join), st.floats(0.5, 999.49)), min_size=1, max_size=5
    ),
    st.integers(30, 60),
)
def test_no_prompt_passes_the_cap_and_each_ends_in_its_answer(
    bundled: Any, rows: list[tuple[str, float]], cap: int
) -> None:
    small = Mapper.__new__(Mapper)  # with the tokenizer that is loaded already
    small.recipe = load_recipe("pricer", {"tokens.cap": cap, "text.min_chars": 0, "text.own_price": "keep"})
    small.tokenizer = bundled
    items, fates = small(raw([{"title": text, "price": repr(price)} for text, price in rows]))
    assert fates.height == len(rows)
    assert items["tokens"].to_list() == bundled.encode(items["prompt"]).counts.tolist()
    assert (items["tokens"] <= cap).all()
    for prompt, price in items.select("prompt", "price").iter_rows():
        dollars = Decimal(price).quantize(Decimal(1), ROUND_HALF_UP)
        assert prompt.endswith(f"\n\nPrice is ${dollars}.00")


def test_a_long_text_is_cut_at_a_word(mapper: Mapper) -> None:
    words = " ".join(f"xqz{number}" for number in range(400))
    items, _ = mapper(raw([{"title": words}]))
    text = items["prompt"][0].removeprefix(prompts.question(mapper.recipe.prompt)).rsplit("\n\n", 1)[0]
    assert words.startswith(f"{text} ")
    assert 170 < items["tokens"][0] <= 180


def test_no_cut_leaves_a_label_alone(bundled: Any) -> None:
    small = Mapper.__new__(Mapper)
    small.tokenizer = bundled
    for cap in range(30, 50):
        small.recipe = load_recipe("pricer", {"tokens.cap": cap, "text.min_chars": 0})
        items, _ = small(raw([{"details": json.dumps({f"Key {n}": "one two three" for n in range(20)})}]))
        assert not re.search(r":\n\n", items["prompt"][0])
        assert items["tokens"][0] == bundled.encode(items["prompt"]).counts[0] <= cap


def test_a_cap_without_room_is_refused(bundled: Any) -> None:
    from curator.errors import RecipeError

    small = Mapper.__new__(Mapper)
    small.recipe, small.tokenizer = load_recipe("pricer", {"tokens.cap": 12, "text.min_chars": 0}), bundled
    with pytest.raises(RecipeError, match=r"tokens\.cap = 12 leaves no room"):
        small(raw([{}]))


# -- exact copies


def test_copies_differ_in_case_and_punctuation_alone() -> None:
    texts = ["A mug, red", "a MUG red!", "a mug blue", "A mug; red"]
    hashes = pl.select(text_hash(pl.lit(pl.Series(texts)))).to_series()
    assert exact_copies(hashes.to_numpy()).tolist() == [0, 0, 2, 0]


def test_the_hash_of_a_text_never_changes() -> None:
    """XXH3 of "a mug": another value would make copies of one run unlike those of another."""
    assert pl.select(text_hash(pl.lit("A, mug!"))).item() == pl.select(text_hash(pl.lit("a mug"))).item()
    assert pl.select(text_hash(pl.lit("a mug"))).item() == HASH_OF_A_MUG


HASH_OF_A_MUG = 4902571228472349306


# -- real rows


def test_real_rows_are_clean(shared_data: Path, mapper: Mapper) -> None:
    rows = pl.read_parquet(shared_data / "amazon-2023-meta-dev.parquet").with_row_index("row")
    rows = rows.with_columns(pl.col("row").cast(pl.Int64), category="main_category", malformed=pl.lit(None, pl.String))
    items, fates = mapper(rows)
    assert fates.height == rows.height
    asked, answer = prompts.question(mapper.recipe.prompt), r"\n\nPrice is \$\d+\.00$"
    texts = items["prompt"].str.strip_prefix(asked).str.replace(answer, "")
    tag = r"(?i)</?(?:a|b|i|p|br|ul|li|div|span|strong|em|img|table|td|tr|font|h[1-6])\b[^<>]*>"
    entity = r"&[a-z]{2,8};|&#\d+;"
    for pattern in (tag, entity, r"\\u[0-9a-fA-F]{4}", r"\x{FFFD}", r"<\|", r'": "', r"[\x00-\x09\x0b-\x1f]", r"  "):
        assert texts.filter(texts.str.contains(pattern)).to_list() == []
    assert items["tokens"].max() <= 180
    assert (items["tokens"] == pl.Series(mapper.tokenizer.encode(items["prompt"]).counts)).all()
    assert items["prompt"].str.contains(r"\n\nPrice is \$[1-9][0-9]{0,2}\.00$").all()
