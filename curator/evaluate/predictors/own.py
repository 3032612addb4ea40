"""Predictors of the user's own: a function of one item, an object that guesses many, a file of predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from curator.errors import CuratorError, UsageError
from curator.evaluate.predictor import Answer, Asked, Predictor, Setting, is_file
from curator.evaluate.price_in_answer import read_price
from curator.sources.tables import is_table

COLUMNS = ("title", "category", "text", "prompt")
"""What a predictor may know of a row; the price is not among it."""
_IDS, _GUESSES = ("parent_asin", "id"), ("guess", "prediction", "price")


@dataclass(frozen=True)
class Item:
    """What a function is asked about.

    Attributes:
        title: The product's title.
        category: Its category, or None.
        text: The text between the question and the answer.
        prompt: The whole prompt; it ends before the price.
    """

    title: str
    category: str | None
    text: str
    prompt: str


def make_own(asked: Asked, name: str, setting: Setting) -> Predictor:
    """Return the predictor that a user's own function, object or file is.

    Raises:
        UsageError: It is none of these, or the file can't be used.
    """
    if is_file(asked):
        path = Path(str(asked))
        return _Own(name, lambda rows: _predicted(_read_file(path), str(path), rows, setting))
    if is_table(asked):
        given: Any = asked
        table = pl.DataFrame(given)
        return _Own(name, lambda rows: _predicted(table, name, rows, setting))
    if callable(predict := getattr(asked, "predict", None)):
        return _Own(name, lambda rows: _from_batch(predict, name, rows))
    if callable(asked):
        return _Own(name, lambda rows: _one_by_one(asked, name, rows))
    raise UsageError(
        f"predictor {name!r} is {type(asked).__name__}: it can be the name of a kind, predictions as a file (.csv,"
        " .jsonl, .parquet) or a table, a function of an item, or an object with `predict`"
    )


@dataclass
class _Own:
    """A predictor that learns nothing here."""

    name: str
    answers: Callable[[pl.DataFrame], Iterator[Answer]]
    learns: bool = False

    def fit(self, train: pl.DataFrame) -> None:
        """Learn nothing: it comes as it is."""

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """See `Predictor.predict`."""
        return self.answers(rows)


def _one_by_one(function: Callable[[Any], Any], name: str, rows: pl.DataFrame) -> Iterator[Answer]:
    for at, values in enumerate(rows.select(COLUMNS).iter_rows(named=True)):
        try:
            value = function(Item(**values))
        except Exception as error:  # whatever the user's own code raises
            raise CuratorError(f"{_row(name, rows, at)}: {_said(error)}") from error
        yield _answer(value, name, rows, at)


def _from_batch(predict: Callable[[pl.DataFrame], Any], name: str, rows: pl.DataFrame) -> Iterator[Answer]:
    try:
        given = predict(rows.select(COLUMNS))
        # Estimators that were fitted on a column give a column.
        values = list(np.ravel(given) if getattr(given, "ndim", 1) == 2 else given)
    except Exception as error:  # whatever the user's own code raises
        raise CuratorError(
            f"{name}: predict failed on a Polars data frame with {', '.join(COLUMNS)}: {_said(error)}"
        ) from error
    if len(values) != rows.height:
        raise CuratorError(f"{name}: predict gave {len(values):,} prices for {rows.height:,} rows")
    for at, value in enumerate(values):
        yield _answer(value, name, rows, at)


def _answer(value: Any, name: str, rows: pl.DataFrame, at: int) -> Answer:
    if value is None:
        return Answer(None, None, "no_number")
    try:
        # A tensor or a number of numpy is a number too; text and truth are not.
        if isinstance(value, str | bytes | bool):
            raise TypeError
        price = float(value)
    except (TypeError, ValueError, OverflowError):
        raise CuratorError(
            f"{_row(name, rows, at)}: it returned {value!r:.100} ({type(value).__name__}), where a price (USD) or None"
            " is expected"
        ) from None
    return Answer(price) if math.isfinite(price) else Answer(None, None, "no_number")


def _row(name: str, rows: pl.DataFrame, at: int) -> str:
    return f"{name}: row {at:,} ({rows['parent_asin'][at]})"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error!s:.300}"


def _predicted(frame: pl.DataFrame, where: str, rows: pl.DataFrame, setting: Setting) -> Iterator[Answer]:
    guesses = read_predictions(frame, where)
    asked = rows["parent_asin"].to_list()
    if not guesses.keys() & set(asked):
        raise UsageError(
            f"{where}: none of its {len(guesses):,} ids is among the {len(asked):,} rows that are evaluated, such as"
            f" {asked[0]!r}; are they of another dataset or split?"
        )
    missing = sum(asin not in guesses for asin in asked)
    if missing:
        setting.say(f"{where}: it has no row for {missing:,} of {len(asked):,} products, which count as not answered")
    for asin in asked:
        yield guesses.get(asin, Answer(None, None, "not_predicted"))


def _read_file(path: Path) -> pl.DataFrame:
    """Read a file of predictions.

    Raises:
        UsageError: It can't be read.
    """
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        # Without a schema: an id of digits keeps its zeros.
        ".csv": lambda file: pl.read_csv(file, infer_schema=False),
        ".jsonl": lambda file: pl.read_ndjson(file, infer_schema_length=None),
        ".parquet": lambda file: pl.read_parquet(file, glob=False),
    }
    try:
        return readers[path.suffix.lower()](path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise UsageError(f"{path}: it can't be read as predictions: {reason}") from error


def read_predictions(frame: pl.DataFrame, where: str) -> dict[str, Answer]:
    """Return predictions by id.

    Columns in: `parent_asin` or `id`; `guess`, `prediction` or `price`, the first that is there (USD).

    Args:
        frame: The predictions.
        where: What a message calls them.

    Raises:
        UsageError: A column is not there, or a product has two prices.
    """
    if frame.is_empty():
        raise UsageError(f"{where}: it has no rows")
    columns = []
    for wanted in (_IDS, _GUESSES):
        there = [name for name in wanted if name in frame.columns]
        if not there:
            listed = ", ".join(frame.columns[:20])
            raise UsageError(f"{where}: it has no column {' or '.join(wanted)}; it has {listed}")
        columns.append(there[0])
    found: dict[str, Answer] = {}
    for line, (asin, value) in enumerate(frame.select(columns).iter_rows()):
        answer = _read(value)
        if found.setdefault(str(asin), answer) != answer:
            raise UsageError(f"{where}: row {line:,} gives {asin} another price than a row before it; keep one of them")
    return found


def _read(value: Any) -> Answer:
    """Return the answer in a cell: a number, or a text as a model writes it."""
    if value is None:
        return Answer(None, None, "empty")
    try:
        return Answer(float(value), str(value) if isinstance(value, str) else None)
    except (TypeError, ValueError):
        reading = read_price(str(value))
        return Answer(reading.price, str(value), reading.reason)
