"""The loops over bytes give what the rules of the course give, text by text."""

from __future__ import annotations

from functools import reduce

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.text import cleaning
from curator.text.course import contents, scrub_together

# What the bytes are looked at for, and neighbours of it: noise, commas in runs, digits, words of six to eight
# characters, characters of two to four bytes, an end inside a text.
PIECES = (
    " ",
    "  ",
    ",",
    ",,",
    ",,,",
    " ,",
    ", ",
    "\n",
    "\t",
    '"',
    ":",
    "[",
    "}",
    "【",
    "\u3000",
    "\xa0",
    "\0",
    "\x1c",
    "a",
    "ab",
    "7",
    "42",
    "abc12",
    "abc123",
    "abc1234",
    "x,1234",
    "é",
    "ééé123",
    "ééé1234",
    "€",
    "𝟙",
    "²",
    "٣",
    " " * 20,
    "\x01",
    "-",
    "word",
    "longword",
    "1234567",
    "12345678",
    "part-no.1",
    "\x80",
    "À",
)
texts = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


def by_the_rules(titles: list[str], contents: list[str]) -> list[str]:
    scrubbed = reduce(lambda text, rule: rule.clean(text), cleaning.COURSE_RULES, pl.col("text"))
    title, text = (
        pl.Series(each, dtype=pl.String).to_frame("text").select(scrubbed).to_series() for each in (titles, contents)
    )
    return [f"{one}\n{other}" for one, other in zip(title, text, strict=True)]


def together(titles: list[str], contents: list[str]) -> list[str]:
    made = scrub_together(pl.Series(titles, dtype=pl.String), pl.Series(contents, dtype=pl.String))
    return made.to_list()


@given(st.lists(st.tuples(texts, texts), max_size=8))
def test_bytes_and_rules_agree(rows: list[tuple[str, str]]) -> None:
    titles, contents = [row[0] for row in rows], [row[1] for row in rows]
    assert together(titles, contents) == by_the_rules(titles, contents)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        (" , , a", ", a"),
        ("a ,,,,,b", "a,,b"),
        ("abc123 , x", "x"),  # the comma makes a word of seven characters of it
        ("abc123 x", "abc123 x"),
        ("ABC-1234  DEF-5678   x", "x"),
        ("x ABC-1234 DEF-5678", "x"),
        ("ABC-1234", ""),
        ("éé1234 x", "éé1234 x"),  # six characters, eight bytes
    ],
)
def test_known_texts(text: str, cleaned: str) -> None:
    assert together([text], [text]) == [f"{cleaned}\n{cleaned}"]


@pytest.mark.parametrize(
    "text", [" " * 400_000 + "x", "x" + " " * 400_000 + ",y", "AB12345 " * 50_000 + "x", "AB12345" + " " * 400_000]
)
def test_long_runs(text: str) -> None:
    assert together([text], [text]) == by_the_rules([text], [text])


few_letters = st.text("ab:é", max_size=12)  # so that removals overlap, and deletions bring others together


@given(
    st.lists(st.tuples(st.lists(texts, max_size=2), st.none() | st.lists(st.none() | texts), few_letters), max_size=6),
    st.lists(st.text("ab:é", min_size=1, max_size=3), max_size=5),
    st.integers(0, 60),
)
def test_contents_are_joined_without_the_removals(
    rows: list[tuple[list[str], list[str | None] | None, str]], removals: list[str], most: int
) -> None:
    def lines(parts: list[str | None] | None) -> str:
        joined = "\n".join(part or "" for part in parts or [])
        return joined + "\n" if joined else ""

    expected = []
    for description, features, details in rows:
        left = details
        for removal in removals:
            left = left.replace(removal, "")
        whole = lines([*description]) + lines(features) + (left + "\n" if details else "")
        expected.append(whole[:most])
    schema = {"description": pl.List(pl.String), "features": pl.List(pl.String), "details": pl.String}
    frame = pl.DataFrame(rows, schema, orient="row")
    assert contents(frame, removals, np.full(len(rows), most)).texts.to_list() == expected


@pytest.mark.parametrize(
    ("removals", "details", "left"),
    [
        (["é:", "é"], "é:", ""),  # both begin here; the longer one is known by its second byte
        ([":", "abb", "a"], "a:bb", ""),  # the colon goes first, and then it is the longer one
        ([":", "Number of", "Number"], "Number: of", ""),
        (['"No"', '"Yes"'], '"Yes"No"', '"Yes'),  # the end of one is the start of an earlier one
        (["b", "aa"], "aba", ""),
    ],
)
def test_removals_are_deleted_in_their_order(removals: list[str], details: str, left: str) -> None:
    frame = pl.DataFrame({"description": [[]], "features": [[]], "details": [details]})
    assert contents(frame, removals, np.array([100])).texts.to_list() == [f"{left}\n"]


def test_more_removals_than_bits() -> None:
    removals = [f"<{number}>" for number in range(100)]
    frame = pl.DataFrame({"description": [[]], "features": [[]], "details": ["".join(reversed(removals)) + "<100>"]})
    assert contents(frame, removals, np.array([100])).texts.to_list() == ["<100>\n"]
