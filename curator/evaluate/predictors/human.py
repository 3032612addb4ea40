"""The predictor `human`: a person, who is asked by a form in CSV that a spreadsheet opens.

The form is written once and never written over. It begins with a byte-order mark, without which Excel takes UTF-8 for
the old character set of the country; all cells are quoted. A product text that a spreadsheet would take for a formula
gets an apostrophe in front. What comes back may have other separators (``;`` in many countries), other line ends,
further columns and another order of the rows.

A blank cell is no answer: it counts like a model's empty answer.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curator.errors import RunError
from curator.evaluate.predictor import Answer, Predictor, Setting
from curator.evaluate.price_in_answer import DOLLARS, REASONS, Reading, read_price
from curator.recipe.currencies import Money
from curator.system.files import writing

COLUMNS = ("id", "product", "price_usd")
"""Columns of the form: the row's name, the product text (without its price), and where the answer goes (USD)."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MARK = "\N{BYTE ORDER MARK}"
_COMMA = re.compile(r"(?<![\d.,])(?P<whole>\d{1,3}(?:[. ']\d{3})+|\d+),(?P<cents>\d{1,2})(?![\d.,])")
"""A number with a decimal comma, as people write it in many countries: in a form nothing else is meant by it."""
_SHOWN = 5
_CELL = 40


class Cell(NamedTuple):
    """What a person wrote in a row of the form."""

    row: int
    product: str
    price: str


class Human:
    """A person who fills in a form."""

    learns = False

    def __init__(self, form: Path, setting: Setting) -> None:
        self.name = "human"
        self._form, self._money = form, setting.recipe.price.money
        self._say = setting.say

    def fit(self, train: pl.DataFrame) -> None:
        """Learn nothing: a person knows what things cost."""

    def prepare(self, rows: pl.DataFrame) -> None:
        """Write the form if there is none, and see whether it is filled in before any model is asked.

        Raises:
            RunError: Nothing is filled in: there is nothing to measure, and earlier results must not give way to it; or
                the form can't be read, is not of these rows, or holds what is no price.
        """
        texts = rows["text"].to_list()
        if new := not self._form.exists():
            write_form(self._form, texts)
        if all(one.price is None for one in read_form(self._form, texts, self._money)):
            raise RunError(
                f"{self.name}: {'wrote ' if new else 'nothing is filled in yet in '}{self._form}; fill in its column"
                f" {COLUMNS[2]}, and run the same again. No model was asked, and no results were written"
            )

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """Yield what is filled in, and no answer where nothing is.

        Raises:
            RunError: The form can't be read, is not of these rows, or holds what is no price.
        """
        texts = rows["text"].to_list()
        answers = read_form(self._form, texts, self._money)
        count = sum(one.price is not None for one in answers)
        self._say(f"{self.name}: {count:,} of {len(answers):,} rows are answered in {self._form}")
        for one in answers:
            yield Answer(one.price, None, one.reason)


def write_form(form: Path, texts: list[str]) -> None:
    """Write a form with nothing filled in.

    Args:
        form: Where it goes; a file that is there is left as it is.
        texts: The product texts, without their prices.

    Raises:
        RunError: It is there already, or can't be written.
    """
    lines = io.StringIO(newline="")
    table = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows((identity(row, text), harmless(text), "") for row, text in enumerate(texts))
    if form.exists():
        raise RunError(f"{form} is there already, and may be filled in: it is not written over")
    with writing(form) as temporary:
        temporary.write_text(_MARK + lines.getvalue(), "utf-8", newline="")


def read_form(form: Path, texts: list[str], money: Money = DOLLARS) -> list[Reading]:
    """Return the price (USD) in each row of a form that a person filled in, `empty` where it is blank.

    Args:
        form: The file.
        texts: The product texts it asks about, in the order of the rows; it may ask about more.
        money: That of the dataset.

    Raises:
        RunError: With the file, the rows and what to do: it can't be read, lacks columns or rows, has rows or texts
            that were changed, or something in it is no price.
    """
    cells = _cells(form)
    names = [identity(row, text) for row, text in enumerate(texts)]
    asked = dict(zip(names, texts, strict=True))
    wrong = []
    for name, cell in cells.items():
        if name in asked:
            if _plain(cell.product) != _plain(asked[name]):
                wrong.append(f"row {cell.row}: the text of {name} was changed; nobody was asked about that product")
        elif not name.startswith("r") or _number(name) <= len(texts):
            wrong.append(f"row {cell.row}: {name[:_CELL]!r} is the id of no row that is asked")
    _refuse(form, wrong, "Put back what was there, or move the file away for a new form")
    missing = [name for name in names if name not in cells]
    if missing:
        raise RunError(
            f"{form} asks about {len(names) - len(missing):,} of the {len(names):,} rows ({missing[0]} is not there):"
            " evaluate with the --limit that it was made with, or move it away for a new form"
        )
    found = []
    for name in names:
        reading = read_price(_COMMA.sub(_with_point, cells[name].price), money)
        if reading.price is None and reading.reason not in (None, "empty"):
            written = cells[name].price.strip()[:_CELL]
            why = REASONS[reading.reason or ""].removesuffix(".")
            wrong.append(f"row {cells[name].row}: {COLUMNS[2]} is {written!r}: {why}")
        found.append(reading)
    _refuse(form, wrong, "Write amounts as in 12.99, or nothing for no answer")
    return found


def identity(row: int, text: str) -> str:
    """Return the id of a row: its number from 1 on, and a digest of its text that shows which dataset it is of.

    >>> identity(6, "Brass hinge")
    'r7-dbb9a399'
    """
    return f"r{row + 1}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("Brass hinge")
    ("'=1+1", 'Brass hinge')
    """
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def make_human(argument: str | None, setting: Setting) -> Predictor:
    """Return the predictor; what follows the colon separates the forms of several people."""
    from curator.evaluate.harness import slug

    who = f"human-{slug(argument)}" if argument else "human"
    return Human(setting.folder / f"{who}-{setting.split}.csv", setting)


def _cells(form: Path) -> dict[str, Cell]:
    """Return the rows of a form by their ids."""
    try:
        text = form.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunError(f"{form} is not UTF-8 (byte {error.start}): save it as `CSV UTF-8`") from error
    except OSError as error:
        raise RunError(f"{form} can't be read: {error.strerror}") from error
    # Excel's own first line, by which a form says how its cells are separated.
    named = re.match(r'"?sep=([,;\t])"?\r?\n', text)
    head = text.partition("\n")[0]
    separator = named[1] if named else max(",;\t", key=head.count)
    table = csv.reader(io.StringIO(text[named.end() if named else 0 :], newline=""), delimiter=separator, strict=True)
    try:
        rows = list(table)
    except csv.Error as error:
        raise RunError(f"{form}, line {table.line_num}: not a CSV file ({error}); save it as `CSV UTF-8`") from error
    heads = [name.strip().lower() for name in rows[0]] if rows else []
    lacking = [name for name in COLUMNS if name not in heads]
    if lacking:
        raise RunError(
            f"{form}, row 1: there is no column {' and no '.join(lacking)}; the form has {', '.join(COLUMNS)}"
        )
    places = [heads.index(name) for name in COLUMNS]
    found: dict[str, Cell] = {}
    for number, row in enumerate(rows[1:], 3 if named else 2):
        name, product, price = (row[place] if place < len(row) else "" for place in places)
        name = name.strip()
        if not any(cell.strip() for cell in row):
            continue
        if name in found:
            raise RunError(f"{form}, row {number}: {name[:_CELL]!r} stands in row {found[name].row} too; remove one")
        found[name] = Cell(number, product, price)
    return found


def _with_point(found: re.Match[str]) -> str:
    """Return a number as it is written in the US."""
    return f"{re.sub(r'[^0-9]', '', found['whole'])}.{found['cents']}"


def _plain(text: str) -> str:
    """Return a text without what spreadsheets change: white space, and the apostrophe in front."""
    return " ".join(text.removeprefix("'").split()).removeprefix("'")


def _number(name: str) -> int:
    number = name[1:].partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 12 else 0


def _refuse(form: Path, wrong: list[str], advice: str) -> None:
    if wrong:
        more = f"; and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise RunError(f"{form}, {'; '.join(wrong[:_SHOWN])}{more}. {advice}.")
