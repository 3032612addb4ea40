"""The oracle's own steps, worked by hand, and the oracle against what the original course code made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repository import DATA, load_script

GOLDEN_ROWS = 1_500


oracle = load_script("row_at_a_time")


class Words:
    """A tokenizer for which each character is a token."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert add_special_tokens is False
        return [ord(character) for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Lamp",
        "description": ["d" * 400],
        "features": [],
        "details": None,
        "price": "12.50",
        "parent_asin": "B1",
    } | changes


def item(price: float, category: str | None = None, prompt: str = "") -> Any:
    return oracle.Item("t", price, category, prompt, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  a  b ", "a b"),
        ('x[y]z {a}: "b" 【c】', "x y z a b c"),
        ("a\x1c\x1d\x1e\x1f\x85\xa0\u2028\u3000b", "a b"),
        ("a\u200bb\u180ec\x00d", "a\u200bb\u180ec\x00d"),
        ("a , b", "a, b"),
        # " , , ," strips to ", , ,", then " ," becomes "," twice: ",,,", then ","
        (" , , ,", ","),
        (",,,,", ","),
        (",,,,,", ",,"),
        # eight commas: ",,," becomes "," twice and leaves ",,", four in all, then two
        (",,,,,,,,", ",,"),
        (", ,", ","),
        ("a , , b", "a, b"),
        ("abcde1 abcdef1", "abcde1"),
        ("123456 1234567", "123456"),
        ("abcdef² abcdef① abcdef٣ abcdef𝟗 abcdef½", "abcdef½"),
        ("ééééé1 éééééé1", "ééééé1"),
        ("abcde\u03011 abcd\u03011", "abcd\u03011"),
        ("12345678", ""),
        # a colon splits the word before its length counts
        ("1234:5678", "1234 5678"),
        # the comma joins the word before it and makes it long
        ("12345 ,6", ""),
    ],
)
def test_scrub(text: str, expected: str) -> None:
    assert oracle.scrub(text) == expected


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ('"Batteries Included?": "No"', ""),
        ('{"Batteries Included?": "Yes", "Color": "Red"}', '{, "Color" "Red"}'),
        ('"Batteries Included?":"No"', '"Batteries Included?""No"'),
        # one pass each, in order: what a later removal makes is only seen by those after it
        ("ItItemem", "Item"),
        ("Num:ber of x", " x"),
        ("Pack:age", "Package"),
        ("NumNumber ofber", ""),
        ("Product Products", "Products"),
        ("item number", "item number"),
    ],
)
def test_strip_details(details: str, expected: str) -> None:
    assert oracle.strip_details(details) == expected


@pytest.mark.parametrize(
    ("columns", "form", "expected"),
    [
        ({"description": None, "features": None, "details": None}, "parquet", ""),
        ({"description": [], "features": [""], "details": ""}, "parquet", ""),
        ({"description": ["", ""], "features": ["a", None], "details": "x"}, "parquet", "\n\na\n\nx\n"),
        # deleted to nothing, its newline stays
        ({"description": ["a"], "features": ["b", "c"], "details": "Item"}, "parquet", "a\nb\nc\n\n"),
        ({"description": [], "features": [], "details": None}, "jsonl", "null\n"),
        ({"description": [], "features": [], "details": {}}, "jsonl", "{}\n"),
        ({"description": [], "features": [], "details": {"é": [1, None]}}, "jsonl", '{"\\u00e9" [1, null]}\n'),
    ],
)
def test_contents(columns: dict[str, Any], form: str, expected: str) -> None:
    assert oracle.contents_of(columns, form=form) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.99", (12.99, None)),
        (" 1_0.5\n", (10.5, None)),
        ("1２.５", (12.5, None)),
        ("0.5", (0.5, None)),
        ("999.49", (999.49, None)),
        (12, (12.0, None)),
        ("0.49999", (None, "price_out_of_range")),
        ("999.5", (None, "price_out_of_range")),
        ("nan", (None, "price_out_of_range")),
        ("inf", (None, "price_out_of_range")),
        ("0.0", (None, "price_out_of_range")),
        ("", (None, "no_price")),
        (None, (None, "no_price")),
        (0, (None, "no_price")),
        ("None", (None, "no_price")),
        ("from 9.99", (None, "no_price")),
        ("$5", (None, "no_price")),
        ("1__0", (None, "no_price")),
        ("\x1c5", (None, "no_price")),
        ("²", (None, "no_price")),
    ],
)
def test_price(value: Any, expected: tuple[float | None, str | None]) -> None:
    assert oracle.price_of(value) == expected


@pytest.mark.parametrize(
    ("price", "answer"),
    [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.51", 3), ("998.5", 998), ("999.49", 999)],
)
def test_prompts_round_half_to_even(price: str, answer: int) -> None:
    made, fate = oracle.parse(raw(price=price), Words(), None)
    assert fate is None
    assert made.slot == answer
    assert made.prompt.endswith(f"\n\nPrice is ${answer}.00")


def test_prompt_cuts_the_text_at_160_tokens() -> None:
    made, _ = oracle.parse(raw(), Words(), "Tools")
    text = "Lamp\n" + "d" * 155
    assert made.prompt == f"How much does this cost to the nearest dollar?\n\n{text}\n\nPrice is $12.00"
    assert made.token_count == len(made.prompt)
    assert (made.title, made.price, made.category, made.parent_asin) == ("Lamp", 12.5, "Tools", "B1")


@pytest.mark.parametrize(
    ("columns", "fate"),
    [
        # the newline after the description counts
        ({"description": ["d" * 299]}, "text_too_short"),
        ({"description": ["d" * 300]}, None),
        ({"description": ["日" * 300]}, None),
        ({"description": [" " * 400], "title": "t" * 150}, None),
        ({"description": [" " * 400], "title": "t" * 149}, "too_few_tokens"),
        ({"description": ["1234567 " * 60], "title": None}, "too_few_tokens"),
        # only the first 1,120 characters are looked at
        ({"description": [" " * 1120 + "d" * 400]}, "too_few_tokens"),
        ({"description": [" " * (1120 - 146) + "d" * 400]}, None),
        ({"description": [" " * (1120 - 145) + "d" * 400]}, "too_few_tokens"),
    ],
)
def test_limits(columns: dict[str, Any], fate: str | None) -> None:
    made, got = oracle.parse(raw(**columns), Words(), None)
    assert got == fate
    assert (made is None) == (fate is not None)


def test_cut_comes_before_scrub() -> None:
    """A word loses its digit to the cut, and so stays."""
    text = "d" * 200 + " " * (1120 - 207) + "abcdef7gh"
    assert oracle.text_of(raw(description=[text])).endswith("d")
    assert oracle.text_of(raw(description=[text[1:]])).endswith("d")
    assert oracle.text_of(raw(description=["x" + text])).endswith(" abcdef")


def test_missing_column_is_an_error() -> None:
    row = raw()
    del row["features"]
    with pytest.raises(KeyError, match="features"):
        oracle.parse(row, Words(), None)


def test_price_prefix_in_the_text_ends_the_test_prompt() -> None:
    prompt = "How much does this cost to the nearest dollar?\n\nWas Price is $9 now\nless\n\nPrice is $8.00"
    made = item(8.0, prompt=prompt)
    assert made.test_prompt == "How much does this cost to the nearest dollar?\n\nWas Price is $"


def test_openai_messages() -> None:
    prompt = "How much does this cost to the nearest dollar?\n\nA clock\nto the minute\n\nPrice is $8.00"
    assert oracle.openai_messages(item(7.5, prompt=prompt)) == {
        "messages": [
            {
                "role": "system",
                "content": "You estimate prices of items. Reply only with the price, no explanation",
            },
            {"role": "user", "content": "How much does this cost?\n\nA clock\nto the minute"},
            {"role": "assistant", "content": "Price is $7.50"},
        ]
    }


def test_openai_messages_of_text_that_holds_the_phrases() -> None:
    prompt = (
        "How much does this cost to the nearest dollar?\n\nRound it to the nearest dollar Price is $9\n\nPrice is $8.00"
    )
    user = oracle.openai_messages(item(8.125, prompt=prompt))["messages"][1]["content"]
    # no blank line before the first prefix: it stays
    assert user == "How much does this cost?\n\nRound it Price is $"
    assert oracle.openai_messages(item(8.125))["messages"][2]["content"] == "Price is $8.12"


def test_sample_takes_small_and_dear_slots_whole() -> None:
    items = [item(300.2), item(2.0), item(1.5), item(0.5), item(2.5), item(300.0), item(300.4), item(1.0)]
    chosen = oracle.sample(items, cap=3)
    assert [made.price for made in chosen] == [1.0, 2.0, 1.5, 2.5, 300.2, 300.0, 300.4]


def test_sample_chooses_by_weight_with_one_generator() -> None:
    items = [item(price, category) for price in (5.0, 7.0) for category in ("Automotive", "Tools", None, "Toys")]
    chosen = oracle.sample(items, cap=2)
    generator = np.random.RandomState(42)
    weights = np.array([1, 5, 5, 5]) / 16
    first, second = (generator.choice(4, size=2, replace=False, p=weights) for _ in range(2))
    assert chosen == [*(items[index] for index in first), *(items[4 + index] for index in second)]


def test_split() -> None:
    # random.Random(42).shuffle of 0 … 9
    shuffled = [7, 3, 2, 8, 5, 6, 9, 4, 0, 1]
    train, test, beyond = oracle.split(list(range(10)), train=6, test=3)
    assert [*train, *test, *beyond] == shuffled
    assert (len(train), len(test), len(beyond)) == (6, 3, 1)
    assert oracle.split(list(range(10)), train=12, test=3)[1:] == ([], [])


def test_select_gives_every_item_a_fate() -> None:
    items = [item(0.5), item(3.0), item(3.2), item(2.9), item(400.0)]
    selection = oracle.select(items, cap=1, train=1, test=1)
    assert selection.fates[0] == "no_slot"
    assert sorted(selection.fates[1:]) == ["not_sampled", "not_sampled", "test", "train"]
    assert [position is None for position in selection.positions] == [
        fate in ("no_slot", "not_sampled") for fate in selection.fates
    ]


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("meta_Toys_and_Games.parquet", "Toys_and_Games"),
        ("raw_meta_Appliances/full-00000-of-00001.parquet", "Appliances"),
        ("rows/sample.parquet", "Home"),
    ],
)
def test_category(path: str, category: str) -> None:
    assert oracle.category_of(Path(path), {"main_category": "Home"}) == category


@pytest.mark.skipif(not DATA.is_dir(), reason="the real rows are not here: no folder ../shared/data")
def test_golden() -> None:
    """The first rows: what is included, the prompts and their token counts."""
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(DATA / "llama-3-tokenizer")
    path = DATA / "amazon-2023-meta-dev.parquet"
    items, fates = oracle.parse_rows(oracle.rows_of(path, limit=GOLDEN_ROWS), tokenizer, path=path)
    assert len(fates) == GOLDEN_ROWS
    assert len(items) > 1_000
    assert not oracle.compare(DATA / "course-v1-golden.parquet", items, None, rows=GOLDEN_ROWS)
