"""The cleaning of the course on bytes gives what its rules give, text by text."""

from __future__ import annotations

import random
import sys
from types import FrameType

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import course_scrub, scrub
from curator.course_scrub import scrub_together

# What the bytes are looked at for, and neighbours of it: noise, commas in runs, digits, words of six to eight
# characters, characters of two to four bytes, an end inside a text.
PIECES = (
    *(" ", "  ", ",", ",,", ",,,", " ,", ", ", "\n", "\t", '"', ":", "[", "}", "【", "\u3000", "\xa0", "\0", "\x1c"),
    *("a", "ab", "7", "42", "abc12", "abc123", "abc1234", "x,1234", "é", "ééé123", "ééé1234", "€", "𝟙", "²", "٣"),
    *(" " * 20, "\x01", "-", "word", "longword", "1234567", "12345678", "part-no.1", "\x80", "À"),
)
texts = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


def by_the_rules(titles: list[str], contents: list[str]) -> list[str]:
    title, text = (
        pl.Series(each, dtype=pl.String).to_frame("text").select(scrub.course_scrub(pl.col("text"))).to_series()
        for each in (titles, contents)
    )
    return [f"{one}\n{other}" for one, other in zip(title, text, strict=True)]


def together(titles: list[str], contents: list[str]) -> list[str]:
    made = scrub_together(pl.Series(titles, dtype=pl.String), pl.Series(contents, dtype=pl.String))
    return made.to_list()


@given(st.lists(st.tuples(texts, texts), max_size=8))
def test_bytes_and_rules_agree(rows: list[tuple[str, str]]) -> None:
    titles, contents = [row[0] for row in rows], [row[1] for row in rows]
    assert together(titles, contents) == by_the_rules(titles, contents)


@pytest.mark.parametrize("block", [1, 100, 1 << 30])
def test_blocks_do_not_matter(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(7)
    titles, contents = (["".join(draw.choices(PIECES, k=draw.randrange(40))) for _ in range(2_000)] for _ in range(2))
    expected = by_the_rules(titles, contents)
    monkeypatch.setattr(course_scrub, "_BLOCK", block)
    assert together(titles, contents) == expected


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
def test_long_runs_take_no_longer_than_other_texts(text: str) -> None:
    """By steps, not by the clock: a loop over the characters or words of a run would be seen."""
    together(["x"], ["y"])  # makes its patterns
    steps = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += event in ("c_call", "call")

    sys.setprofile(count)
    try:
        made = together([text], [text])
    finally:
        sys.setprofile(None)
    assert made == by_the_rules([text], [text])
    assert steps < 5_000
