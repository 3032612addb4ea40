"""The loops over bytes give what the rules give, text by text."""

from __future__ import annotations

from typing import Any

import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.recipe.load import load_recipe
from curator.recipe.settings import TextSettings
from curator.text import cleaning, details, prompts, prose, readable, words
from curator.text.words import text_hash

# What the bytes are looked at for, and neighbours of it: white space, entities and tags whole and cut, escapes,
# typographic characters, brackets, marks that no one sees, characters of two to four bytes, unassigned ones.
PIECES = (
    *(" ", "  ", "\n", " \n", "\t", "\r", "\0", "\x1c", "\x7f", "\x80", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"),
    *("&", "&amp;", "&amp;quot;", "&#39;", "&#x2019;", "&#", "&lt;b&gt;", "&nosuch;", "&amp", "AT&T", "&a", ";", "x;"),
    *("<b>", "</b>", "<br/>", "<!-- x -->", "<!--", "<script>", "</script>", "<", "< 3", "<\u017f>", "<a " + "x" * 41),
    *("\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\u", "\\", "\\n", "u00e9", "2019", ";"),
    *("“", "’", "—", "…", "，", "：", "￥", "×", "•", "Ａ", "＜", "【", "】", "【】", "〖", "★", "°", "^", "`", "¥"),
    *("\u200b", "\u200d", "\ufe0f", "\xad", "\ufeff", "\ufffd", "\ue000", "\u0378", "\U0001f600", "\U000e0041"),
    *("a", "A", "Word", "7", "_", "-", "é", "É", "ß", "ẞ", "İ", "Σ", "ΑΣ", "ς", "ǅ", "٣", "½", "\u0301", "中"),
    *("\U0001d400", "\U00010400", "\U00020000", "\U0010ffff", "<|end|>", "|>", "Price is $", "$5"),
)
texts = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


def series(given: list[Any]) -> pl.Series:
    return pl.Series(given, dtype=pl.String)


def by_the_rules(texts: list[str]) -> list[str]:
    cleaned = series(texts)
    for rule in cleaning.READABLE_RULES:
        cleaned = rule.clean(cleaned)
    return cleaned.to_list()


@given(st.lists(texts, max_size=6))
def test_cleaning_is_what_the_rules_say(given: list[str]) -> None:
    assert readable.clean(series(given)).to_list() == by_the_rules(given)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        (" \n ", ""),
        ("a \u200b\n\t b\u00a0", "a\nb"),
        ("【Size】 L 【x【y】】z", "Size: L xy: z"),
        ("wait…，so", "wait..., so"),
        ("R&B; AT&T &c", "R&B; AT&T &c"),
        ("2 < 3 &lt; 4", "2 < 3 < 4"),
    ],
)
def test_known_texts(text: str, cleaned: str) -> None:
    assert readable.clean(series([text])).to_list() == by_the_rules([text]) == [cleaned]


@pytest.mark.parametrize("piece", ["【", "&", "&a", "<", "\\u", " \n", "\u200b", "…", "ſ", "İ"])
def test_long_texts(piece: str) -> None:
    text = f"x{piece * 100_000}x"
    assert readable.clean(series([text])).to_list() == by_the_rules([text])
    assert words.words(series([text])).to_list() == words.by_patterns(series([text])).to_list()


@given(st.lists(st.none() | texts, max_size=6))
def test_words_are_what_the_patterns_say(given: list[str | None]) -> None:
    column = series(given).to_frame("text")
    by_patterns = words.by_patterns(series(given))
    assert words.words(series(given)).to_list() == by_patterns.to_list()
    hashed = by_patterns.to_frame("text").select(pl.col("text").nchash.xxh3_64())  # type: ignore[attr-defined]
    assert column.select(text_hash(pl.col("text"))).to_series().to_list() == hashed.to_series().to_list()


# -- the lines of a text


def parts_of(row: dict[str, Any], settings: TextSettings) -> list[str]:
    """Return the parts of a text, each as the recipe's keys describe it."""
    main = row["category"] and row["category"].replace("_", " ")
    categories = [name for name in (row["categories"] or [])[-settings.categories :] if name is not None]
    if settings.main_category:
        categories = list(dict.fromkeys([*([main] if main is not None else []), *categories]))
    written = details.readable_details(series([row["details"]]), settings.detail_keys_dropped)
    made = {
        "title": row["title"] or "",
        "store": f"Store: {row['store']}" if row["store"] else "",
        "categories": f"Category: {' > '.join(categories)}" if " > ".join(categories) else "",
        "details": details.arranged(written, settings.detail_keys_first, plain_units=settings.units == "plain")[0],
    }
    left = settings.prose_lines or 1000
    for name in sorted(("features", "description"), key=[*settings.fields, "features", "description"].index):
        made[name] = "\n".join(line or "" for line in row[name] or [])
        if settings.prose_lines or settings.prose_chars:
            heads, count = prose.heads(
                pl.Series([row[name]], dtype=pl.List(pl.String)),
                pl.Series([left]),
                settings.prose_chars,
                readable.clean,
            )
            made[name], left = heads[0], left - count[0]
    return [made[name] for name in settings.fields]


def lines_of(row: dict[str, Any], settings: TextSettings) -> str:
    text = "".join(f"{part}\n" for part in parts_of(row, settings) if part)[: settings.max_chars]
    if len(text) == settings.max_chars:
        return str(series([text]).str.replace(r"(?:\n[^\n]{0,80}|\s\S*)$", "")[0])
    return text


some = st.none() | texts
lists = st.none() | st.lists(some, max_size=4)
names = st.sampled_from(["A", "B", "A & B", "", "é", "C_D", "C D"])
rows = st.fixed_dictionaries(
    {
        "category": st.none() | names,
        "categories": st.none() | st.lists(st.none() | names, max_size=5),
        "title": some,
        "store": some,
        "details": st.sampled_from([None, "", '{"Color": "Red", "Item Weight": "1 lb"}', "{", "é" * 90]),
        "features": lists,
        "description": lists,
    }
)
SCHEMA = {
    **dict.fromkeys(("category", "title", "store", "details"), pl.String),
    **dict.fromkeys(("categories", "features", "description"), pl.List(pl.String)),
}


@given(
    st.lists(rows, max_size=4),
    st.permutations(("title", "categories", "store", "details", "features", "description")),
    st.integers(1, 6),
    st.integers(1, 200),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([0, 2]),
)
def test_the_lines_of_a_text(
    given: list[dict[str, Any]],
    order: list[str],
    parts: int,
    most: int,
    categories: int,
    main: bool,
    prose_lines: int,
) -> None:
    changed = {
        "fields": tuple(order[:parts]),
        "max_chars": most,
        "categories": categories,
        "main_category": main,
        "prose_lines": prose_lines,
    }
    settings = load_recipe("pricer").text.model_copy(update=changed)
    frame = pl.DataFrame(given, schema=SCHEMA)
    whole = [lines_of(row, settings) for row in given]
    assert prompts.readable_lines(frame, settings).to_list() == whole
    assert prompts.readable_text(frame, settings).to_list() == by_the_rules(whole)
