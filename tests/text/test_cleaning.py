"""Each cleaning and dropping rule by its name, on made-up rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curator.items import dropping, mapper
from curator.recipe.load import Recipe, load_recipe
from curator.recipe.settings import PriceSettings
from curator.run import ledger
from curator.text import cleaning, course, prompts
from curator.text.prices import read_prices, round_price

LISTS = pl.List(pl.String)
COURSE = load_recipe("course-v1", {"tokenizer": "o200k_base"})
PRICER = load_recipe("pricer")


def apply(rule: Callable[..., pl.Expr], values: list[Any], *args: Any, dtype: Any = pl.String) -> list[Any]:
    return pl.DataFrame({"x": pl.Series(values, dtype=dtype)}).select(rule(pl.col("x"), *args)).to_series().to_list()


def course_scrub(text: pl.Expr) -> pl.Expr:
    return reduce(lambda text, rule: rule.clean(text), cleaning.COURSE_RULES, text)


# -- cleaning rules


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (None, ""),
        ([], ""),
        ([""], ""),
        ([None], ""),
        (["", ""], "\n"),
        ([None, None], "\n"),
        (["a", "b"], "a\nb"),
        (["a", None, "b"], "a\n\nb"),
        (["a\n", " b "], "a\n\n b "),
    ],
)
def test_join_lines(texts: list[str | None] | None, joined: str) -> None:
    assert apply(cleaning.join_lines, [texts, ["z"]], dtype=pl.List(pl.String)) == [joined, "z"]


def test_delete_each_deletes_one_after_the_other() -> None:
    assert apply(cleaning.delete_each, ["xaby", "aabb", "ab", None], ["ab", "xy"]) == ["", "ab", "", None]
    # not the other way round: what the last deletion brings together stays
    assert apply(cleaning.delete_each, ["axyb"], ["ab", "xy"]) == ["ab"]
    assert apply(cleaning.delete_each, ["a.b$1", "a+b"], [".", "+"]) == ["ab$1", "ab"]
    for odd in [*map(chr, range(0x20, 0x7F)), "\n", "\t", "\\d", "é", "&&", "#~", "(?x)"]:
        assert apply(cleaning.delete_each, [f"日{odd}本"], [odd]) == ["日本"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("", ""),
        (" ", ""),
        ("a b", "a b"),
        (" a  b\t\nc ", "a b c"),
        ('x[y]z {a}: "b" 【c】', "x y z a b c"),
        (':[]"{}【】', ""),
        ("a\x1c\x1d\x1e\x1fb\x85c\xa0d\u2028e\u3000f\x0bg\x0ch", "a b c d e f g h"),
        ("a\u200bb\u180ec\x00d\ufeffe", "a\u200bb\u180ec\x00d\ufeffe"),
        ("(a)：［b］‘c’", "(a)：［b］‘c’"),
        (None, None),
    ],
)
def test_course_noise(text: str | None, clean: str | None) -> None:
    assert apply(cleaning.course_noise, [text]) == [clean]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a , b", "a, b"),
        ("a,b", "a,b"),
        (",,", ","),
        (",,,", ","),
        (",,,,", ","),
        (",,,,,", ",,"),
        (",,,,,,,,", ",,"),
        (" , , ,", ","),
        ("a ,, b", "a, b"),
        (None, None),
    ],
)
def test_course_commas(text: str | None, clean: str | None) -> None:
    assert apply(cleaning.course_commas, [text]) == [clean]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("", ""),
        ("123456", "123456"),
        ("1234567", ""),
        ("a 1234567", "a"),
        ("1234567 a", "a"),
        ("a 1234567 8901234 b", "a b"),
        ("abcdef7", ""),
        ("7abcdef", ""),
        ("abc7def", ""),
        ("abcde7", "abcde7"),
        ("abcdefghi", "abcdefghi"),
        ("abcdefghijkl7mnop", ""),
        ("abcdef² abcdef① abcdef٣ abcdef𝟗 abcdef½ abcdefⅧ", "abcdef½ abcdefⅧ"),
        ("日本語日本1 日本語日本語1", "日本語日本1"),
        ("😀😀😀😀😀1 😀😀😀😀😀😀1", "😀😀😀😀😀1"),
        ("12345,6", ""),
        ("123\u200b4567 12\u00a034567", ""),
        (None, None),
    ],
)
def test_course_part_numbers(text: str | None, clean: str | None) -> None:
    assert apply(cleaning.course_part_numbers, [text]) == [clean]


def test_course_part_numbers_knows_every_digit_of_python() -> None:
    """`str.isdigit` depends on the Unicode tables of the interpreter, the regex engine's classes on its own."""
    digits = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000 and chr(code).isdigit()]
    assert apply(cleaning.course_part_numbers, [f"a abcdef{digit} b" for digit in digits]) == ["a b"] * len(digits)
    others = [chr(code) for code in range(0x3000) if not chr(code).isdigit() and chr(code) != " "]
    words = [f"a abcdef{other} b" for other in others]
    assert apply(cleaning.course_part_numbers, words) == words


ODD = st.text(st.sampled_from(list(' ,:[]"{}【】\t\n\x1c\x85\xa0\u3000\u200bab71²٣𝟗日😀é\u0301')), max_size=60)


@given(st.lists(st.one_of(ODD, st.text(max_size=40)), min_size=1, max_size=12))
def test_course_scrub_is_that_of_the_course(oracle: Any, texts: list[str]) -> None:
    assert apply(course_scrub, texts) == [oracle.scrub(text) for text in texts]


WORDY = st.text(st.sampled_from(list(' ,:"\n\t\0\xa0ab7²é日x,1 ')), max_size=40)


@given(st.lists(st.tuples(st.one_of(ODD, WORDY), st.one_of(ODD, WORDY, st.text(max_size=40))), max_size=12))
@example([("", ""), (" ,a", ", ,b"), ("1234567", "a 1234567"), ("a ,123456 b", "a,,12345 c,,123456"), ("\0", "a \0 b")])
def test_titles_and_contents_together_are_cleaned_by_the_rules(oracle: Any, pairs: list[tuple[str, str]]) -> None:
    titles, contents = (pl.Series([pair[at] for pair in pairs], dtype=pl.String) for at in (0, 1))
    made = course.scrub_together(titles, contents).to_list()
    assert made == [f"{oracle.scrub(title)}\n{oracle.scrub(text)}" for title, text in pairs]


@given(st.lists(st.text(st.sampled_from(list('ItemPackgNubrofBst elrPdc:DaFyM"?,')), max_size=60), min_size=1))
def test_deletions_are_those_of_the_course(oracle: Any, texts: list[str]) -> None:
    done = apply(cleaning.delete_each, texts, COURSE.text.removals)
    assert done == [oracle.strip_details(text) for text in texts]
    assert COURSE.text.removals == oracle.REMOVALS


def test_course_contents() -> None:
    rows = [
        ([], [], None, ""),
        (None, None, "", ""),
        (["a", "b"], ["c"], "d:e", "a\nb\nc\nde\n"),
        (None, [None, "c"], "Item", "\nc\n\n"),
        ([""], [""], ":", "\n"),
        (["", ""], [], None, "\n\n"),
    ]
    frame = pl.DataFrame(
        rows, {"description": LISTS, "features": LISTS, "details": pl.String, "expected": pl.String}, orient="row"
    )
    assert prompts.course_contents(frame, COURSE.text).texts.to_list() == frame["expected"].to_list()


def test_course_contents_end_at_max_chars_wherever_that_falls() -> None:
    details = '{"Item": "Number of pins: 12", "Color": "Brass日"}'
    rows = [
        {"description": ["d" * length, "e"], "features": ["f", None], "details": details}
        for length in range(1040, 1125)
    ]
    frame = pl.DataFrame(rows)
    whole = COURSE.text.model_copy(update={"max_chars": 10_000})
    made = prompts.course_contents(frame, COURSE.text).texts.to_list()
    assert made == [text[:1120] for text in prompts.course_contents(frame, whole).texts]
    assert {len(text) for text in made} >= {1119, 1120}
    assert prompts.course_contents(frame.clear(), COURSE.text).texts.to_list() == []


def test_course_text() -> None:
    frame = pl.DataFrame({"title": [None, "", " [x] ", "a\nb"], "contents": ["", "c", " c\n", "d: e"]})
    made = course.scrub_together(frame["title"], frame["contents"]).to_list()
    assert made == ["\n", "\nc", "x\nc", "a b\nd e"]


def test_question_answer_and_completion() -> None:
    assert prompts.question(COURSE.prompt) == "How much does this cost to the nearest dollar?\n\n"
    slots = pl.DataFrame({"x": [0, 1, 999]})
    assert slots.select(prompts.answer(COURSE.prompt, pl.col("x"))).to_series().to_list() == [
        f"\n\nPrice is ${price}.00" for price in (0, 1, 999)
    ]
    assert slots.select(prompts.completion(pl.col("x"))).to_series().to_list() == ["0.00", "1.00", "999.00"]


def test_before_completion_cuts_at_the_last_prefix_and_test_prompt_at_the_first() -> None:
    frame = pl.DataFrame({"p": ["Q\n\nPrice is $5 日\n\nPrice is $12.00", "Q\n\nt\n\nPrice is $7.00"], "slot": [12, 7]})
    before = frame.select(prompts.before_completion(pl.col("p"), pl.col("slot"))).to_series().to_list()
    assert before == ["Q\n\nPrice is $5 日\n\nPrice is $", "Q\n\nt\n\nPrice is $"]
    tests = pl.DataFrame({"p": before}).select(prompts.test_prompt(pl.col("p"), COURSE)).to_series().to_list()
    assert tests == ["Q\n\nPrice is $", "Q\n\nt\n\nPrice is $"]
    assert pl.DataFrame({"p": before}).select(prompts.test_prompt(pl.col("p"), PRICER)).to_series().to_list() == before


@pytest.mark.parametrize(
    ("recipe", "rounded", "priced"),
    [(COURSE, "Round it", "a Price is $"), (PRICER, "Round it to the nearest dollar", "a Price is $9 b")],
)
def test_only_the_course_changes_the_text_in_a_chat_question(recipe: Recipe, rounded: str, priced: str) -> None:
    texts = pl.Series("text", ["Round it to the nearest dollar", "a Price is $9 b"])
    prompt = pl.format("How much does this cost to the nearest dollar?\n\n{}\n\nPrice is $", "text")
    made = texts.to_frame().select(prompts.chat_question(prompt, recipe)).to_series().to_list()
    assert made == [f"How much does this cost?\n\n{text}" for text in (rounded, priced)]


# -- prices

NUMERALS = st.text(st.sampled_from(list("0123456789.+-eE_ infaty\t\n\x1c\xa0１２٣𝟗²,$")), max_size=12)
DECIMALS = st.from_regex(r"\A[0-9]{0,40}\.?[0-9]{0,60}\Z")


def as_python(text: str | None) -> float | None:
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def same(found: list[float | None], expected: list[float | None]) -> bool:
    """Equal, NaN and the sign of zero included."""
    return list(map(repr, found)) == list(map(repr, expected))


def read_floats(raw: pl.Series) -> pl.Series:
    return read_prices(raw, COURSE.price).price


@given(st.lists(st.one_of(st.none(), NUMERALS, DECIMALS, st.floats().map(repr), st.text(max_size=8)), min_size=1))
def test_read_prices_reads_what_float_reads(texts: list[str | None]) -> None:
    assert same(read_floats(pl.Series(texts, dtype=pl.String)).to_list(), [as_python(text) for text in texts])


def test_read_prices_of_every_edge(edges: Any) -> None:
    texts = list(edges.PRICES)
    assert same(read_floats(pl.Series(texts, dtype=pl.String)).to_list(), [as_python(text) for text in texts])


def test_read_prices_halfway_between_two_floats() -> None:
    """Digits far behind the point decide which neighbour is nearest."""
    exact = Decimal("0.5") - Decimal(math.ulp(0.4999)) / 2  # between 0.5 and the float before it
    texts = [str(exact), f"{exact}0000001", f"{exact}{'0' * 900}1", str(exact)[:-1], "9007199254740993", "1" * 400]
    assert read_floats(pl.Series(texts)).to_list() == [float(text) for text in texts]


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int64, pl.UInt8, pl.Null])
def test_read_prices_of_numbers(dtype: Any) -> None:
    values = [None, None] if dtype == pl.Null else [12, None]
    found = read_floats(pl.Series(values, dtype=dtype))
    assert found.dtype == pl.Float64
    assert found.to_list() == ([None, None] if dtype == pl.Null else [12.0, None])


def test_nan_is_missing_in_a_column_of_numbers_and_a_price_in_no_range_as_a_string() -> None:
    assert read_floats(pl.Series([float("nan"), 1.5])).to_list() == [None, 1.5]
    prices = read_floats(pl.Series(["nan", " -NaN ", "1.5"]))
    assert prices.is_nan().to_list() == [True, True, False]
    assert dropped(dropping.price_in_range(COURSE), prices.to_list())[1] == {"price_out_of_range"}


def rounded(prices: list[float], rounding: Any) -> list[int]:
    settings = PriceSettings(rounding=rounding)
    return pl.DataFrame({"x": prices}).select(round_price(pl.col("x"), settings)).to_series().to_list()


PRICES = st.one_of(
    st.floats(0, 1e6),
    st.integers(0, 2000).map(lambda whole: whole + 0.5),
    st.integers(0, 2000).map(lambda whole: math.nextafter(whole + 0.5, 0)),
    st.integers(0, 2000).map(lambda whole: math.nextafter(whole + 0.5, math.inf)),
    st.integers(0, 100_000).map(lambda cents: cents / 100),
)


@given(st.lists(PRICES, min_size=1))
def test_round_price_half_even_is_pythons_round(prices: list[float]) -> None:
    assert rounded(prices, "half_even") == [round(price) for price in prices]


@given(st.lists(PRICES, min_size=1))
def test_round_price_half_up_is_that_of_the_exact_value(prices: list[float]) -> None:
    expected = [int(Decimal(price).quantize(Decimal(1), ROUND_HALF_UP)) for price in prices]
    assert rounded(prices, "half_up") == expected


def test_round_price_edges() -> None:
    prices = [0.5, 0.49999999999999994, 1.49, 1.5, 2.5, 998.5, 999.49]
    assert rounded(prices, "half_even") == [0, 0, 1, 2, 2, 998, 999]
    assert rounded(prices, "half_up") == [1, 0, 1, 2, 3, 999, 999]


# -- dropping rules


def dropped(rule: dropping.Rule, values: list[Any], dtype: Any = None) -> tuple[list[Any], set[str]]:
    """What the rule keeps of values of the one column it looks at, and the reasons it gives for the rest."""
    (column,) = rule.keep.meta.root_names()
    frame = pl.DataFrame({column: pl.Series(values, dtype=dtype)}).with_row_index("row")
    sieve = dropping.Sieve(frame.with_columns(parent_asin=pl.lit("B"), row=pl.col("row").cast(pl.Int64)))
    sieve.apply(rule)
    fates = sieve.fates()
    assert fates["row"].to_list() == list(range(len(values)))
    return sieve.rows[column].to_list(), set(fates["fate"]) - {ledger.KEPT}


def test_well_formed() -> None:
    assert dropped(dropping.well_formed(), [None, "no JSON"]) == ([None], {"malformed_row"})


def test_own_currency() -> None:
    assert dropped(dropping.own_currency(), [False, True]) == ([False], {"other_currency"})


def test_has_price() -> None:
    assert dropped(dropping.has_price(), [None, 0.0, 5.0]) == ([0.0, 5.0], {"no_price"})


def test_price_in_range_keeps_both_ends() -> None:
    values = [-1.0, 0.0, math.nextafter(0.5, 0), 0.5, 7.0, 999.49, math.nextafter(999.49, 1000), 999.5, math.inf]
    kept, reasons = dropped(dropping.price_in_range(COURSE), values)
    assert kept == [0.5, 7.0, 999.49]
    assert reasons == {"price_out_of_range"}


def test_enough_text_counts_code_points() -> None:
    values = [letter * length for letter in ("x", "é", "日", "😀") for length in (300, 301)]
    kept, reasons = dropped(dropping.enough_text(COURSE, pl.col("text").str.len_chars()), [*values, "", None])
    assert kept == [value for value in values if len(value) == 301]
    assert reasons == {"text_too_short"}


def test_enough_tokens() -> None:
    kept, reasons = dropped(dropping.enough_tokens(COURSE), [0, 149, 150, 151, 160, 5000], pl.Int64)
    assert kept == [151, 160, 5000]
    assert reasons == {"too_few_tokens"}


def test_a_row_has_the_fate_of_the_first_rule_that_drops_it() -> None:
    frame = pl.DataFrame({"row": [0, 1, 2], "parent_asin": ["a", None, "c"], "x": [1, 2, 3]})
    sieve = dropping.Sieve(frame)
    sieve.apply(dropping.Rule("no_price", pl.col("x") > 1))
    sieve.apply(dropping.Rule("text_too_short", pl.col("x") > 2))
    sieve.apply(dropping.Rule("too_few_tokens", pl.col("x") > 0))
    assert sieve.fates().rows() == [(0, "a", "no_price"), (1, None, "text_too_short"), (2, "c", "kept")]


def test_an_unknown_answer_drops_the_row() -> None:
    assert dropped(dropping.Rule("no_price", pl.col("x") > 0), [None, 1])[0] == [1]


def test_every_reason_of_a_rule_is_one_of_the_ledger() -> None:
    rules = [
        dropping.well_formed(),
        dropping.own_currency(),
        dropping.has_price(),
        dropping.price_in_range(COURSE),
        dropping.enough_text(COURSE, pl.col("text").str.len_chars()),
        dropping.enough_tokens(COURSE),
    ]
    assert {rule.reason for rule in rules} <= set(ledger.REASONS)


def test_the_mapper_gives_each_row_its_fate(bundled: Any, raw_row: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapper, "load_tokenizer", lambda spec: bundled)
    rows = {
        "kept": raw_row(1),
        "malformed_row": raw_row(2),
        "no_price": raw_row(3, price="from 14.61"),
        "price_out_of_range": raw_row(4, price="999.50"),
        "text_too_short": raw_row(5, description=["d" * 200], features=[], details=None),
        "too_few_tokens": raw_row(6, description=[" " * 400], features=None),
    }
    frame = pl.DataFrame(list(rows.values()), infer_schema_length=None).select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        pl.lit(pl.Series(["no JSON" if fate == "malformed_row" else None for fate in rows])).alias("malformed"),
        pl.col("main_category").alias("category"),
        *("parent_asin", "title", "description", "features", "details", "price", "store", "categories"),
    )
    kept, fates = mapper.Mapper(COURSE)(frame)
    assert fates["fate"].to_list() == list(rows)
    assert fates["parent_asin"].to_list() == [row["parent_asin"] for row in rows.values()]
    assert kept["row"].to_list() == [0]
    assert list(kept.columns) == [name for name in mapper.SCHEMA if name != "shard"]
