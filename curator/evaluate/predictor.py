"""The protocol of predictors, which guess prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import polars as pl

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


@dataclass(frozen=True)
class Setting:
    """What a predictor may know besides the rows.

    Attributes:
        folder: Where it may keep files (a cache of answers, a form to fill in); made when first written to.
        recipe: The recipe of the dataset: its question, its answer words, its system message.
        split: The split the rows are of.
        say: Shows the user one line (on standard error), such as an estimate of the cost.
        options: What `--set` gave, by name; `check_options` has let pass only what a kind takes.
        confirm: Asks the user whether something that may cost money is to be done; nobody agrees by default.
    """

    folder: Path
    recipe: Recipe
    split: str = "test"
    say: Callable[[str], None] = field(default=lambda line: None, repr=False)
    options: dict[str, Any] = field(default_factory=dict)
    confirm: Callable[[str], bool] = field(default=lambda question: False, repr=False)


Factory = Callable[[str | None, Setting], Predictor]
"""Makes a predictor from what follows the colon in its name (None if nothing does) and the setting."""


def make(name: str, setting: Setting) -> Predictor:
    """Return the predictor of a name, ``kind`` or ``kind:argument``.

    Args:
        name: The name, such as ``constant:mean``.
        setting: What it may know besides the rows.

    Raises:
        UsageError: There is no such kind, or its argument is missing or makes no sense.
        CuratorError: What it needs is not installed or can't be had.
    """
    kind_name, argument = parse(name)
    kind = KINDS[kind_name]
    factory: Factory = getattr(import_module(f"curator.evaluate.predictors.{kind.module}"), kind.factory)
    predictor = factory(argument, setting)
    predictor.name = name
    return predictor
