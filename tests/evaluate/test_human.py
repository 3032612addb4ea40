"""`--model human`: a form for people, what comes back from their spreadsheets, and their slips."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.dataset import opened
from curator.errors import RunError
from curator.evaluate.predictor import Setting, make
from curator.evaluate.predictors import human
from curator.pipeline import build
from curator.recipe.load import load_recipe

TEXTS = [
    "Brass hinge\nfits most doors",
    '=HYPERLINK("http://x","y")',
    'Tin, of; grease\t"x"',
    "Größe 家 – café",
    "- bolt",
]


def form_of(folder: Path, prices: list[str], texts: list[str] | None = None) -> Path:
    """A form that is filled in."""
    form = folder / "human-test.csv"
    human.write_form(form, texts or TEXTS)
    return fill(form, prices)


def cells(form: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(form.read_text("utf-8-sig"), newline="")))


def save(form: Path, rows: list[list[str]], separator: str = ",", end: str = "\n", encoding: str = "utf-8") -> Path:
    """What a spreadsheet writes: quotes only where they are needed, the country's separator."""
    lines = io.StringIO(newline="")
    csv.writer(lines, delimiter=separator, lineterminator=end).writerows(rows)
    form.write_bytes(lines.getvalue().encode(encoding))
    return form


def fill(form: Path, prices: list[str]) -> Path:
    head, *rows = cells(form)
    return save(form, [head, *([*row[:2], price] for row, price in zip(rows, prices, strict=True))])


def prices_of(form: Path, texts: list[str] | None = None) -> list[float | None]:
    return [reading.price for reading in human.read_form(form, texts or TEXTS)]


# -- the form


def test_the_form_is_for_excel_and_holds_no_formula(tmp_path: Path) -> None:
    form = tmp_path / "form.csv"
    human.write_form(form, TEXTS)
    assert form.read_bytes().startswith(b"\xef\xbb\xbf")
    head, *rows = cells(form)
    assert head == ["id", "product", "price_usd"]
    assert [row[0] for row in rows] == [human.identity(at, text) for at, text in enumerate(TEXTS)]
    assert [row[1] for row in rows] == [TEXTS[0], f"'{TEXTS[1]}", TEXTS[2], TEXTS[3], f"'{TEXTS[4]}"]
    assert {row[2] for row in rows} == {""}


@given(st.text(max_size=30))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = human.harmless(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert not cell.startswith(("\t", "\r", "\n"))
    assert cell in (text, f"'{text}")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory: Any, texts: list[str]) -> None:
    form = form_of(tmp_path_factory.mktemp("form"), [str(at) for at in range(len(texts))], texts)
    assert prices_of(form, texts) == list(range(len(texts)))


def test_a_form_is_never_written_over(tmp_path: Path) -> None:
    form = form_of(tmp_path, ["1", "", "", "", ""])
    before = form.read_bytes()
    with pytest.raises(RunError, match="not written over"):
        human.write_form(form, TEXTS)
    assert form.read_bytes() == before


# -- what comes back


def test_answers_are_read_and_blanks_are_none(tmp_path: Path) -> None:
    found = human.read_form(form_of(tmp_path, ["12.99", "$1,299", " ", "about 45", ""]), TEXTS)
    assert [one.price for one in found] == [12.99, 1299, None, 45, None]
    assert [one.reason for one in found] == [None, None, "empty", None, "empty"]


@pytest.mark.parametrize(
    ("separator", "end", "encoding"),
    [(",", "\r\n", "utf-8-sig"), (";", "\r\n", "utf-8-sig"), ("\t", "\n", "utf-8"), (";", "\n", "utf-8")],
)
def test_what_spreadsheets_change_does_no_harm(tmp_path: Path, separator: str, end: str, encoding: str) -> None:
    form = form_of(tmp_path, ["1", "2", "3", "4", "5"])
    head, *rows = cells(form)
    # Other order, a note beside, an empty row, Windows line ends inside a cell, an apostrophe that was eaten.
    changed = [[row[0], row[1].replace("\n", "\r\n").removeprefix("'"), row[2], "note"] for row in rows[::-1]]
    save(form, [[*head, "why"], *changed[:2], [""] * 4, *changed[2:]], separator, end, encoding)
    assert prices_of(form) == [1, 2, 3, 4, 5]


def test_excels_first_line_and_decimal_commas(tmp_path: Path) -> None:
    form = form_of(tmp_path, ["12,99", "1.299,50", "1 299,5", "$7,5", "1,299"])
    save(form, cells(form), ";")
    form.write_text("sep=;\n" + form.read_text("utf-8"), "utf-8")
    assert prices_of(form) == [12.99, 1299.5, 1299.5, 7.5, 1299]
    form.write_text(form.read_text("utf-8").replace("12,99", "no idea"), "utf-8")
    with pytest.raises(RunError, match="row 3: price_usd is 'no idea'"):
        prices_of(form)


def test_a_form_may_ask_more_than_is_evaluated(tmp_path: Path) -> None:
    form = form_of(tmp_path, ["1", "2", "3", "4", "5"])
    assert prices_of(form, TEXTS[:2]) == [1, 2]


# -- slips


def with_row(rows: list[list[str]], number: int, column: int, value: str) -> list[list[str]]:
    """Rows with one cell changed; `number` as a spreadsheet counts."""
    changed = [list(row) for row in rows]
    changed[number - 1][column] = value
    return changed


@pytest.mark.parametrize(
    ("number", "column", "value", "message"),
    [
        (3, 0, "r2-00000000", r"row 3: 'r2-00000000' is the id of no row"),
        (3, 0, "7", "row 3: '7' is the id of no row"),
        (4, 0, "", "row 4: '' is the id of no row"),
        (2, 1, "Steel hinge", "row 2: the text of r1-.* was changed"),
        (5, 2, "1,2,3", "row 5: price_usd is '1,2,3'.*could be read in two ways.*12.99"),
        (5, 2, "cheap", "row 5: price_usd is 'cheap'"),
        (6, 2, "20-30", "row 6: price_usd is '20-30'.*range"),
        (6, 2, "-4", "row 6: price_usd is '-4'.*below zero"),
        (6, 2, "20 €", "row 6: price_usd is '20 €'.*in another currency"),
        (1, 2, "price", "row 1: there is no column price_usd"),
        (1, 0, "", "row 1: there is no column id"),
    ],
)
def test_a_slip_is_named_with_file_and_row(tmp_path: Path, number: int, column: int, value: str, message: str) -> None:
    form = form_of(tmp_path, ["1", "2", "3", "4", "5"])
    save(form, with_row(cells(form), number, column, value))
    before = form.read_bytes()
    with pytest.raises(RunError, match=message) as caught:
        human.read_form(form, TEXTS)
    assert str(form) in str(caught.value)
    assert form.read_bytes() == before


def test_many_slips_are_one_message(tmp_path: Path) -> None:
    texts = [f"Hinge {at}" for at in range(9)]
    form = form_of(tmp_path, ["x"] * 9, texts)
    with pytest.raises(RunError, match=r"row 2: .*row 6: .*and 4 more\. Write amounts") as caught:
        human.read_form(form, texts)
    assert "\n" not in str(caught.value)


def test_forms_that_are_none(tmp_path: Path) -> None:
    form = form_of(tmp_path, ["1", "2", "3", "4", "5"])
    rows = cells(form)
    for content, message in {
        b"": "no column id",
        "id;product;price_usd\r\nr1;Größe;1".encode("cp1252"): "not UTF-8.*CSV UTF-8",
        "id,product".encode("utf-16"): "not UTF-8",
        b'id,product,price_usd\n"a"b,c,d\n': "line 2: not a CSV file",
    }.items():
        form.write_bytes(content)
        with pytest.raises(RunError, match=message):
            human.read_form(form, TEXTS)
    save(form, [*rows, rows[1]])
    with pytest.raises(RunError, match=r"row 7: 'r1-.*' stands in row 2 too"):
        human.read_form(form, TEXTS)
    save(form, rows[:4])
    with pytest.raises(RunError, match=r"asks about 3 of the 5 rows .*--limit"):
        human.read_form(form, TEXTS)
    with pytest.raises(RunError, match="can't be read"):
        human.read_form(tmp_path, TEXTS)


# -- the command


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> Path:
    out: Path = tmp_path_factory.mktemp("human") / "run"
    build(["demo:1500:7"], load_recipe("pricer"), out, workers=1)
    return out


def test_a_person_is_asked_and_scored(run: Path, invoke: Callable[..., Any], tmp_path: Path) -> None:
    arguments = ("evaluate", run, "--model", "human", "--model", "constant", "--limit", 6, "--out", tmp_path, "--json")
    form = tmp_path / "human-test.csv"
    first = invoke(*arguments)
    assert first.exit_code == 1
    assert f"wrote {form}" in first.stderr
    assert "fill in its column price_usd" in first.stderr
    again = invoke(*arguments)
    assert (again.exit_code, f"nothing is filled in yet in {form}" in again.stderr) == (1, True)
    assert not (tmp_path / "results.json").exists()
    rows = opened.open_dataset(str(run)).read("test", 0, 6)
    assert [row[1] for row in cells(form)[1:]] == [human.harmless(text) for text in rows["text"]]
    # Neither the price nor the whole prompt stands in what a person sees.
    assert "Price is $" not in form.read_text("utf-8-sig")
    truth = rows["price"].to_list()
    fill(form, [str(truth[0] + 10), "", "", str(truth[3]), "", ""])
    filled = form.read_bytes()
    second = invoke(*arguments)
    assert "2 of 6 rows are answered" in second.stderr
    found = json.loads(second.stdout)["models"]["human"]
    assert (found["answered"], found["rows"], found["reasons"]) == (2, 6, {"empty": 4})
    assert found["mae"] == pytest.approx(5)
    assert form.read_bytes() == filled
    fill(form, ["x"] * 6)
    third = invoke(*arguments)
    assert third.exit_code == 1
    assert f"Error: {form}, row 2: price_usd is 'x'" in third.stderr


def test_several_people_have_a_form_each(run: Path, tmp_path: Path) -> None:
    place = opened.open_dataset(str(run))
    rows = place.read("test", 0, 3)
    for name, file in {"human:ann": "human-ann-test.csv", "human": "human-test.csv", "human:../x": None}.items():
        predictor = make(name, Setting(tmp_path / "forms", place.recipe))
        with pytest.raises(RunError, match=r"wrote .*forms"):
            predictor.prepare(rows)
        assert [answer.reason for answer in predictor.predict(rows)] == ["empty"] * 3
        if file is not None:
            assert (tmp_path / "forms" / file).is_file()
    assert len(list(tmp_path.rglob("*.csv"))) == 3
    assert {path.parent.name for path in tmp_path.rglob("*.csv")} == {"forms"}
