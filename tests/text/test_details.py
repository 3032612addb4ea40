"""The loops over the bytes of details give what the patterns give, whatever the text."""

from __future__ import annotations

import json
import time
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.kernels.buffers import to_series
from curator.text.details import arranged, detail_lines, readable_details

DROPPED = ["UPC", "Best Sellers Rank", "Is Discontinued?", 'a"b', "größe", "\u212a", "{x}", ""]
FIRST = ["Item Weight", "Brand", "size", "Product Dimensions", "BRAND", "Größe", "a: b"]

# What the bytes are looked at for: quotes, brackets, escapes, what ends a key, spaces and marks, letters in two cases.
PIECES = (
    '"',
    "\\",
    "/",
    "[",
    "]",
    "{",
    "}",
    ":",
    ": ",
    ",",
    ", ",
    " ",
    "\n",
    "\t",
    "\0",
    "\x7f",
    "\x85",
    "a",
    "B",
    "9",
    "null",
    "",
    "é",
    "×",
    "”",
    "\u200e",
    "\u2003",
    "\u3000",
    "\u212a",
    "ſ",
    "😀",
    "\U00020000",
    "\ufffd",
    "\\u0041",
)
NUMBERS = ("1", "0", ".5", "12.8", "5.", "47", "0.001", "9.95", "15.96", "1000000", "0.00004", "1234567890.12345678")
UNITS = ('"', "in", "Inches", "inche", "cm", "MM", "ft.", "feet", "lbs", "Pounds", "oz.", "ounce", "Kg", "grams", "g")
MARKS = (" x ", "x", " × ", "*", "X ", "; ", ";", "L", " W", "H", "d", "D ", ".", "\u200e", "\xa0", "ſ", "\u212a", "”")
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
measures = st.lists(st.sampled_from((*NUMBERS, *UNITS, *MARKS, *NUMBERS, " ")), max_size=12).map("".join)
sizes = st.tuples(
    st.sampled_from(("", " ", "\u200e")),
    st.lists(
        st.tuples(
            st.sampled_from(NUMBERS),
            st.sampled_from(("", " ")),
            st.sampled_from(("", '"', "cm", "in")),
            st.sampled_from(("", "L", " W")),
        ).map("".join),
        min_size=1,
        max_size=4,
    ).map(" x ".join),
    st.sampled_from(("", " inches", " cm", " inches; 2 Pounds", ";3 oz", "inch;;.9 kg ", "; 1 foot", " \xa0")),
).map("".join)
weights = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(("", " ", "  ")), st.sampled_from(UNITS)).map("".join)
scalars = st.one_of(texts, measures, sizes, weights, st.integers(), st.floats(), st.booleans(), st.none())
keys = st.one_of(
    texts,
    st.sampled_from(
        (
            "Item Weight",
            "package weight",
            "WEIGHT",
            "Weight limit",
            "Dimensions",
            "Product Dimensions LxWxH",
            "SIZE",
            "Size",
            "dimension weight",
            "brand",
            "Brand",
            "upc",
            "Upc",
            "best sellers rank",
            "is discontinued?",
            'A"B',
            "GRÖSSE",
            "größe",
            "k",
            "K",
            "Color",
            "a",
            "a: b",
            "{x}",
            "Dimen[sions",
            "sizes",
            "we\\ight",
        )
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=4,
)
objects = st.lists(st.tuples(keys, values), max_size=7).map(dict)
whole = st.tuples(
    objects, st.booleans(), st.sampled_from((None, (",", ":"), (", ", " : "))), st.sampled_from((None, None, None, 1))
).map(lambda made: json.dumps(made[0], ensure_ascii=made[1], separators=made[2], indent=made[3]))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Details that somebody cut, or in which characters were deleted and put."""
    text = draw(whole)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        end = draw(st.sampled_from((place, place, place + 1, place + 2, len(text))))
        put = draw(st.sampled_from((*'{}[]":,\\ \nx', "", '"', '""', '\\"', "null", "\\ud83d")))
        text = text[:place] + put + text[end:]
    return text.encode(errors="replace").decode()


def by_the_patterns(details: list[str | None], dropped: list[str], first: list[str], *, plain: bool) -> list[str]:
    column = pl.Series(details, dtype=pl.String)
    return arranged(readable_details(column, dropped), first, plain_units=plain).to_list()


def by_the_loops(details: list[str | None], dropped: list[str], first: list[str], *, plain: bool) -> list[str]:
    return to_series(detail_lines(pl.Series(details, dtype=pl.String), dropped, first, plain_units=plain)).to_list()


@given(
    st.lists(st.one_of(whole, broken(), texts.map(lambda text: text.encode(errors="replace").decode())), max_size=6),
    st.sampled_from(([], DROPPED)),
    st.sampled_from(([], FIRST)),
    st.booleans(),
)
def test_loops_and_patterns_agree(details: list[str], dropped: list[str], first: list[str], plain: bool) -> None:
    assert by_the_loops(details, dropped, first, plain=plain) == by_the_patterns(details, dropped, first, plain=plain)


@given(st.lists(st.tuples(st.sampled_from(("Item Weight", "Size")), st.one_of(sizes, weights, measures)), max_size=20))
def test_units_agree(listed: list[tuple[str, str]]) -> None:
    details: list[str | None] = [json.dumps({key: value}) for key, value in listed]
    assert by_the_loops(details, [], [], plain=True) == by_the_patterns(details, [], [], plain=True)


def read_by_the_loops(details: dict[str, Any]) -> bool:
    from curator.kernels.buffers import to_buffers
    from curator.text.details import _keys, _printable
    from curator.text.kernels.details import read

    *_, unread = read(to_buffers(pl.Series([json.dumps(details)])), _keys(tuple(DROPPED), tuple(FIRST)), _printable())
    return not unread[0]


@pytest.mark.parametrize(
    ("details", "read"),
    [
        ({}, True),
        ({"Color": "Red", "Rank": {"Toys": 3, "In [all]": [1]}, "For": ["a", "b {c}"], "Count": 3, "None": None}, True),
        ({"Note": 'a "quote", \\ and / and é 😀\n'}, True),
        ({"UPC": ["a", {"b": "c"}], "": ":"}, True),
        ({"k": "no Kelvin sign", "K": "nor this"}, True),
        ({'Driver "Path"': "C:\\x", 'A"B': "left out", "Net \\ weight": "2 lb", "\\": "a", '"': "b"}, True),
        ({"Rank": {"Toys": {"Dolls": 3}}}, False),
        ({"For": [["a"]]}, False),
        ({"Größe": "L"}, False),
        ({"Scale": ":1"}, False),
        ({"Half": "\ud83d"}, False),
    ],
)
def test_what_pages_hold_is_read_by_the_loops(details: dict[str, Any], read: bool) -> None:
    assert read_by_the_loops(details) == read
    text: list[str | None] = [json.dumps(details)]
    assert by_the_loops(text, DROPPED, FIRST, plain=True) == by_the_patterns(text, DROPPED, FIRST, plain=True)


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({"Cast": [{"Name": "Ann", "Role": "Smith"}, {"Name": "Bo"}]}, ["Cast: Name: Ann, Role: Smith, Name: Bo"]),
        ({"Cast": [{"Lead": ["Ann", {"Age": 1}]}, [["Bo"]]], "A": 1}, ["Cast: Lead: Ann, Age: 1, Bo", "A: 1"]),
        ({"For": [{"a": None, "b": "", "UPC": "1", "": 2, "c": {"d": 3}, "e": True}, None]}, ["For: e: true, null"]),
        ({"For": [{}], "To": [[], ["x"]], "A": 1.50}, ["To: x", "A: 1.5"]),
        ({"Rank": {"Toys": {"Dolls": {"a": 1}, "Cars": [1, {"b": [2]}]}}, "A": "[b] {c}"}, ["A: b c"]),
    ],
)
def test_what_is_nested_makes_one_line_a_key(details: dict[str, Any], lines: list[str]) -> None:
    text: list[str | None] = [json.dumps(details)]
    for way in (by_the_loops, by_the_patterns):
        assert way(text, DROPPED, [], plain=False)[0].splitlines() == lines


words = st.sampled_from(("red", "brass", "a b", "[c]", "{d", "x]"))
plain_values = st.recursive(
    words | st.integers(0, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=9,
)


@given(st.dictionaries(st.sampled_from(("Ann", "Bo", "Cy")), plain_values, max_size=3))
def test_each_line_begins_with_a_key_of_the_page(details: dict[str, Any]) -> None:
    for way in (by_the_loops, by_the_patterns):
        lines = way([json.dumps(details)], [], [], plain=False)[0].splitlines()
        assert [line.partition(": ")[0] for line in lines] == [
            key for key, value in details.items() if value is not None and type(value) is not dict and _holds(value)
        ]


def _holds(value: Any) -> bool:
    """Tell whether a list has an element that is written, if it is a list."""
    if type(value) is list:
        return any(_holds(one) for one in value)
    if type(value) is dict:
        return any(one is not None and type(one) is not dict and _holds(one) for one in value.values())
    return True


def test_rows_without_details() -> None:
    assert by_the_loops([None, "", "{}", None], DROPPED, FIRST, plain=True) == [""] * 4
    assert by_the_loops([], DROPPED, FIRST, plain=True) == []


@pytest.mark.parametrize("digits", ["%d", "0.%03d", "%d.5", "1%d"])
@pytest.mark.parametrize("unit", ["oz", "lb", "kg", "g"])
def test_many_weights_agree(digits: str, unit: str) -> None:
    details: list[str | None] = [json.dumps({"Item Weight": f"{digits % number} {unit}"}) for number in range(1200)]
    assert by_the_loops(details, [], [], plain=True) == by_the_patterns(details, [], [], plain=True)


@pytest.mark.parametrize("unit", ["inches", "cm", "mm", "ft"])
def test_many_sizes_agree(unit: str) -> None:
    sides = [f"{number * 7 % 1009 / 8} x {number / 100} x {number * 3 % 1013 / 10} {unit}" for number in range(1, 3000)]
    details: list[str | None] = [json.dumps({"Size": side}) for side in sides]
    assert by_the_loops(details, [], [], plain=True) == by_the_patterns(details, [], [], plain=True)


def test_real_details_agree(shared_data: Any) -> None:
    from curator.recipe.load import load_recipe

    text = load_recipe("pricer").text
    details = pl.read_parquet(shared_data / "amazon-2023-meta-dev.parquet")["details"].to_list()
    dropped, first = list(text.detail_keys_dropped), list(text.detail_keys_first)
    assert by_the_loops(details, dropped, first, plain=True) == by_the_patterns(details, dropped, first, plain=True)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' + '"' * 1_000_000,
        '{"a": ' + "[" * 1_000_000,
        '{"a": ' * 150_000,
        "{" + '"a": 1, ' * 120_000 + '"b": 2}',
        '{"Size": "' + ";" * 1_000_000 + '"}',
        '{"' + "dimension" * 100_000 + '": "' + "1" * 1_000_000 + '"}',
        '{"Size": "1' + " " * 1_000_000 + 'x"}',
        '{"a": "' + "\\" * 1_000_000 + '"}',
    ],
    ids=["quotes", "lists", "objects", "entries", "semicolons", "digits", "spaces", "backslashes"],
)
def test_long_texts_take_no_longer(text: str) -> None:
    by_the_loops(["{}"], DROPPED, FIRST, plain=True)
    begun = time.process_time()
    by_the_loops([text], DROPPED, FIRST, plain=True)
    assert time.process_time() - begun < 5
