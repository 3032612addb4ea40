"""The protocol of predictors, which guess prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import polars as pl

from curator.errors import UsageError
from curator.evaluate.kinds import KINDS, parse
from curator.llm.scoring import Evidence
from curator.recipe.load import Recipe


@dataclass(frozen=True)
class Answer:
    """What a predictor said to one row.

    Attributes:
        price: The price in it (USD), or None where there is none; never 0 in its place.
        text: What it said word for word, or None if it gives numbers.
        reason: Why there is no price: one of `reading.REASONS`; None where there is one.
        evidence: What it gave the right answer, if it is a language model that reports it.
    """

    price: float | None
    text: str | None = None
    reason: str | None = None
    evidence: Evidence | None = None


class Predictor(Protocol):
    """Guesses the prices of products.

    Rows have the columns of the published config `default` (`prompt`, `completion`, `price`, `category`, `title`,
    `parent_asin`, `slot`, `tokens`) and `text`, the product text between the question and the answer words. A guess may
    depend on `prompt`, `text`, `category` and `title` alone; `completion` is there to measure how likely it was held.

    Attributes:
        name: What the results call it, as the user named it.
        learns: Whether it needs `fit`; training rows are read only for one that does.
    """

    name: str
    learns: bool

    def fit(self, train: pl.DataFrame) -> None:
        """Learn from rows with their prices; called once, before `predict`, if it learns.

        Args:
            train: Rows to learn from, in the order of the split.
        """

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """Yield one answer for each row, in their order, as they come: progress is shown by them.

        Args:
            rows: The rows; they may be asked for again in another call.

        Raises:
            CuratorError: No answers can be had at all; what a single row goes wrong with is an `Answer` with a reason.
        """


@runtime_checkable
class Preparing(Protocol):
    """A predictor that has something to report or to ask before any model is asked, such as the cost."""

    def prepare(self, rows: pl.DataFrame) -> None:
        """Look at the rows that `predict` will get.

        Raises:
            CuratorError: They can't or must not be asked for.
        """


Confirm = Callable[[str, float | None], bool]
"""Asks a question whose yes costs so much (USD; None where that is not known)."""


def nobody(question: str, usd: float | None) -> bool:
    """Agree to nothing."""
    return False


@dataclass(frozen=True)
class Setting:
    """What a predictor may know besides the rows.

    Attributes:
        folder: Where it may keep files (a cache of answers, a form to fill in); made when first written to.
        recipe: The recipe of the dataset: its question, its answer words, its system message.
        split: The split the rows are of.
        say: Shows the user one line (on standard error), such as an estimate of the cost.
        options: What `--set` gave, by name; `check_options` has let pass only what a kind takes.
        confirm: Asks whether something that may cost money is to be done; nobody agrees by default.
    """

    folder: Path
    recipe: Recipe
    split: str = "test"
    say: Callable[[str], None] = field(default=lambda line: None, repr=False)
    options: dict[str, Any] = field(default_factory=dict)
    confirm: Confirm = field(default=nobody, repr=False)


class Batched(Protocol):
    """A user's own predictor that guesses many prices at once, as estimators of scikit-learn do."""

    def predict(self, items: pl.DataFrame, /) -> Any:
        """Return a price (USD) for each row, or None or NaN where there is none."""


Factory = Callable[[str | None, Setting], Predictor]
"""Makes a predictor from what follows the colon in its name (None if nothing does) and the setting."""


Asked = str | Path | pl.DataFrame | Callable[[Any], float | None] | Batched
"""One predictor: the name of a kind, predictions as a file or a table, a function, or an object that has `predict`."""

Predictors = Asked | Sequence[Asked] | Mapping[str, Asked]
"""Predictors; those of a mapping are called as their keys say.

A function gets one `predictors.own.Item` with `title`, `category`, `text` and `prompt`, and returns a price (USD) or
None. An object's `predict` gets a Polars data frame with these columns and returns a price for each row; it is not
fitted here. A file (``.csv``, ``.jsonl``, ``.parquet``) or a table (Polars, pandas) has a column `parent_asin` or `id`,
and the price in `guess`, `prediction` or `price`.
"""


def named(predictors: Predictors) -> dict[str, Asked]:
    """Return predictors by what the results call them.

    >>> list(named(["constant", "category", Path("runs/colab.csv")]))
    ['constant', 'category', 'colab']

    Raises:
        UsageError: Two have one name.
    """
    if isinstance(predictors, Mapping):
        if wrong := [name for name in predictors if not isinstance(name, str) or not name]:
            raise UsageError(f"predictors are called {wrong[0]!r}; a name is a string")
        return dict(predictors)
    several = predictors if isinstance(predictors, Sequence) and not isinstance(predictors, str) else [predictors]
    found: dict[str, Asked] = {}
    for one in several:
        name = one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__)
        if is_file(one):
            name = Path(str(one)).stem
        if found.setdefault(name, one) is not one and not (isinstance(one, str | Path) and found[name] == one):
            raise UsageError(f"two predictors are called {name!r}: give each a name, {{'first': …, 'second': …}}")
    return found


def is_file(asked: Asked) -> bool:
    """Tell whether a predictor is a file of predictions; a name that looks like one is."""
    return isinstance(asked, str | Path) and Path(asked).suffix.lower() in (".csv", ".jsonl", ".parquet")


def make(asked: Asked, setting: Setting, *, called: str | None = None) -> Predictor:
    """Return a predictor.

    Args:
        asked: What guesses: ``kind`` or ``kind:argument``, such as ``constant:mean``, or the user's own.
        setting: What it may know besides the rows.
        called: What the results call it; by default as the kind is named.

    Raises:
        UsageError: There is no such kind, or its argument is missing or makes no sense.
        CuratorError: What it needs is not installed or can't be had.
    """
    if isinstance(asked, str) and not is_file(asked):
        kind_name, argument = parse(asked)
        kind = KINDS[kind_name]
        factory: Factory = getattr(import_module(f"curator.evaluate.predictors.{kind.module}"), kind.factory)
        predictor = factory(argument, setting)
    else:
        predictor = import_module("curator.evaluate.predictors.own").make_own(asked, called or str(asked), setting)
    predictor.name = called or str(asked)
    return predictor
