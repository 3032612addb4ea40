"""Ask predictors for the prices of the same rows, and measure what they say."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from curator.dataset import opened
from curator.dataset.opened import Chosen, OpenDataset
from curator.errors import CuratorError, UsageError
from curator.evaluate import metrics, printed
from curator.evaluate.intervals import RESAMPLES
from curator.evaluate.kinds import check_options
from curator.evaluate.metrics import Scored
from curator.evaluate.predictor import (
    Answer,
    Confirm,
    Predictor,
    Predictors,
    Preparing,
    Setting,
    is_file,
    make,
    named,
    nobody,
)
from curator.evaluate.price_in_answer import REASONS
from curator.evaluate.progress import Progress, silent
from curator.pages.result import Result, Table, html
from curator.system.display import visible
from curator.system.files import write_json, write_text
from curator.system.version import VERSION

BANDS = (0.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1_000_000.0)
"""Limits of the price bands (USD); each band has its lower limit and not its upper one."""

MOST_CATEGORIES = 12
"""Categories that get a line of their own; the others are one line."""
_GROUP_METRICS = ("mae", "bias", "hit_rate")


@dataclass(frozen=True)
class Guessed:
    """One model's answers.

    Attributes:
        name: The model.
        answers: One answer for each row.
        scored: The same as arrays, with the true prices.
        seconds: Time for `fit` and for `predict`.
    """

    name: str
    answers: list[Answer]
    scored: Scored
    seconds: dict[str, float]


@dataclass(frozen=True, repr=False)
class Evaluation(Result):
    """Models on the same rows: the league.

    Attributes:
        place: The dataset.
        chosen: Which rows were learned from and guessed.
        rows: The rows that were guessed; columns as in `Predictor`.
        models: What each model said.
        summary: Every number, as JSON can hold it (see `summarise`).
        files: Where the results were written: `folder`, `results` and `page`.
    """

    place: OpenDataset
    chosen: Chosen
    rows: pl.DataFrame
    models: list[Guessed]
    summary: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)

    def answers(self, model: str) -> pl.DataFrame:
        """Return the rows with what a model said.

        Columns: `parent_asin`, `category`, `title`, `price`, `guess` and `error`, how far the guess is off (USD; null
        without a guess), `text`, its answer word for word, `reason`, why there is no guess.

        Raises:
            UsageError: No model has that name.
        """
        by_name = {one.name: one.answers for one in self.models}
        if model not in by_name:
            raise UsageError(f"no model {model!r} was evaluated; there are {', '.join(by_name)}")
        said = by_name[model]
        return self.rows.select("parent_asin", "category", "title", "price").with_columns(
            guess=(guess := pl.Series([one.price for one in said], dtype=pl.Float64)),
            error=(guess - self.rows["price"]).abs(),
            text=pl.Series([one.text for one in said], dtype=pl.String),
            reason=pl.Series([one.reason for one in said], dtype=pl.String),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every number as plain values that JSON can hold."""
        return {**self.summary, "files": self.files}

    def __str__(self) -> str:
        files = [f"results  {self.files['results']}", f"page     {self.files['page']}"] if self.files else []
        return visible("\n".join([printed.evaluated(self.summary), *([""] if files else []), *files]), keep="\n")

    def _repr_html_(self) -> str:
        tables = [Table(rows, heads) for heads, rows in (printed.league(self.summary), printed.steps(self.summary))]
        lines = [printed.notes(self.summary), *([f"Page: {self.files['page']}"] if self.files else [])]
        return html(printed.headline(self.summary), lines, tables=[one for one in tables if one.rows])


def evaluate(
    name: str,
    models: Predictors,
    *,
    split: str = "test",
    limit: int | None = 250,
    most_train: int | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda line: None,
    confirm: Confirm = nobody,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate models on the first rows of a split.

    Args:
        name: A run's folder, a dataset folder or a repository of the Hub.
        models: What guesses (see `predictor.Predictors`).
        split: Whose rows are guessed.
        limit: Most rows that are guessed; None for all.
        most_train: Most rows that are learned from; None for all.
        folder: Where predictors keep files; by default where the results go.
        options: Options of the predictors.
        say: Shows the user a line.
        confirm: Asks whether something that may cost money is to be done.
        progress: Called after each answer.

    Raises:
        UsageError: A name, an option or a split makes no sense.
        CuratorError: A predictor can't answer at all.
    """
    asked = named(models)
    if not asked:
        raise UsageError("no predictor is named; for a start: constant, category, tfidf-ridge (each by --model)")
    check_options([one for one in asked.values() if isinstance(one, str) and not is_file(one)], options or ())
    place = opened.open_dataset(name)
    chosen = opened.choose(place, split, limit, most_train)
    setting = Setting(folder or place.results, place.recipe, split, say, dict(options or {}), confirm)
    # All names are looked at before the first model is asked: a slip in the last must not cost the first one's time.
    predictors = [make(model, setting, called=called) for called, model in asked.items()]
    train = None
    if any(predictor.learns for predictor in predictors):
        train = place.read("train", 0, chosen.train)
        if train.is_empty():
            raise UsageError(f"{place.name} has no train rows to learn from")
    rows = place.read(chosen.source, chosen.start, chosen.rows)
    for predictor in predictors:
        if isinstance(predictor, Preparing):
            predictor.prepare(rows)
    guessed = [ask(predictor, train, rows, progress) for predictor in predictors]
    return Evaluation(place, chosen, rows, guessed, summarise(place, chosen, rows, guessed))


def ask(predictor: Predictor, train: pl.DataFrame | None, rows: pl.DataFrame, progress: Progress = silent) -> Guessed:
    """Let a predictor learn, if it does, and return its answers.

    Args:
        predictor: The predictor.
        train: What it learns from.
        rows: What it is asked.
        progress: Called after each answer.

    Raises:
        CuratorError: It gave more or fewer answers than rows.
    """
    began = time.perf_counter()
    if predictor.learns and train is not None:
        predictor.fit(train)
    learned = time.perf_counter()
    prices = rows["price"].to_list()
    answers: list[Answer] = []
    total, count = 0.0, 0
    for answer in predictor.predict(rows):
        answers.append(_sound(answer))
        if len(answers) > len(prices):
            break
        if (guess := answers[-1].price) is not None:
            total, count = total + abs(guess - prices[len(answers) - 1]), count + 1
        progress(predictor.name, len(answers), len(prices), total / count if count else None)
    if len(answers) != len(prices):
        raise CuratorError(f"{predictor.name} gave {len(answers):,} answers or more to {len(prices):,} rows")
    seconds = {"fit": round(learned - began, 3), "predict": round(time.perf_counter() - learned, 3)}
    return Guessed(predictor.name, answers, metrics.scored(prices, answers), seconds)


def _sound(answer: Answer) -> Answer:
    """Return an answer whose price is a finite number from 0 on, or which has none and says why."""
    if answer.price is None:
        return answer if answer.reason in REASONS else Answer(None, answer.text, "no_number", answer.evidence)
    if not math.isfinite(answer.price):
        return Answer(None, answer.text, "no_number", answer.evidence)
    return Answer(None, answer.text, "negative", answer.evidence) if answer.price < 0 else answer


def summarise(place: OpenDataset, chosen: Chosen, rows: pl.DataFrame, models: Sequence[Guessed]) -> dict[str, Any]:
    """Return every number of an evaluation.

    Returns:
        `models` (by name: the metrics, `intervals`, `rows`, `answered`, `reasons`, `bands`, `categories`, `seconds`),
        `pairs` (of models: `a`, `b`, and by metric what `metrics.differences` gives), and what was evaluated.
    """
    return {
        "curator": VERSION,
        "dataset": place.name,
        "recipe": place.recipe.name,
        "split": chosen.split,
        "rows_from": {"split": chosen.source, "start": chosen.start, "rows": chosen.rows},
        "train_rows": chosen.train,
        "resamples": RESAMPLES,
        "models": {one.name: _model(one, rows) for one in models},
        "pairs": [
            {"a": a.name, "b": b.name, **metrics.differences(a.scored, b.scored)} for a, b in combinations(models, 2)
        ],
    }


def _model(one: Guessed, rows: pl.DataFrame) -> dict[str, Any]:
    reasons = [answer.reason for answer in one.answers if answer.price is None]
    return {
        **metrics.measure(one.scored),
        "rows": len(one.answers),
        "answered": len(one.answers) - len(reasons),
        "reasons": {code: reasons.count(code) for code in REASONS if code in reasons},
        "bands": _groups(one.scored, _bands(rows)),
        "categories": _groups(one.scored, _categories(rows)),
        "seconds": one.seconds,
    }


def _bands(rows: pl.DataFrame) -> list[tuple[str, np.ndarray[Any, np.dtype[np.int64]]]]:
    price = rows["price"].to_numpy()
    named = []
    for low, high in pairwise(BANDS):
        name = f"from ${low:,.0f}" if high == BANDS[-1] else f"${low:,.0f} to ${high:,.0f}"
        named.append((name, np.flatnonzero((price >= low) & (price < high))))
    return named


def _categories(rows: pl.DataFrame) -> list[tuple[str, np.ndarray[Any, np.dtype[np.int64]]]]:
    """Return the largest categories, the largest first, with their rows; what is left comes last."""
    filled = rows["category"].fill_null("(none)")
    counts = filled.value_counts().sort(["count", "category"], descending=[True, False])
    names = counts["category"].to_list()
    shown = names if len(names) <= MOST_CATEGORIES else names[: MOST_CATEGORIES - 1]
    named = [(name, (filled == name).arg_true().to_numpy().astype(np.int64)) for name in shown]
    if len(shown) < len(names):
        rest = (~filled.is_in(shown)).arg_true().to_numpy().astype(np.int64)
        named.append((f"{len(names) - len(shown):,} others", rest))
    return named


def _groups(rows: Scored, named: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "rows": len(places_), **metrics.measure(rows.take(places_), _GROUP_METRICS)}
        for name, places_ in named
        if len(places_)
    ]


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write ``results.json`` and each model's answers as ``answers-MODEL.jsonl``.

    Raises:
        RunError: They can't be written.
    """
    for one in evaluation.models:
        write_text(folder / f"answers-{slug(one.name)}.jsonl", "".join(_lines(one, evaluation.rows)))
    write_json(folder / "results.json", evaluation.summary)


def _lines(one: Guessed, rows: pl.DataFrame) -> list[str]:
    colours = metrics.colours(one.scored.price, one.scored.guess)
    columns = rows.select("parent_asin", "category", "price").iter_rows(named=True)
    lines = []
    for row, (about, answer, colour) in enumerate(zip(columns, one.answers, colours, strict=True)):
        said: dict[str, Any] = {"row": row, **about, "guess": answer.price, "colour": colour}
        said |= {"text": answer.text, "reason": answer.reason}
        if answer.evidence is not None:
            said |= asdict(answer.evidence)
        lines.append(json.dumps(said, ensure_ascii=False, allow_nan=False) + "\n")
    return lines


def slug(name: str) -> str:
    """Return a file name for a model's name; two names have two.

    >>> slug("constant:mean"), slug("tfidf-ridge")
    ('constant-mean-01191f', 'tfidf-ridge')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]
    if plain == name:
        return name
    import hashlib

    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
