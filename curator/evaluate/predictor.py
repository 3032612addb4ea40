"""What guesses prices: one small protocol, and the names that `curator evaluate --model` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import polars as pl

from curator.errors import UsageError, nearest
from curator.evaluate.predictors import hosted_options
from curator.llm.scoring import Evidence
from curator.recipe.load import Recipe


@dataclass(frozen=True)
class Answer:
    """What a predictor said to one row.

    Attributes:
        price: The price in it (USD), or None where there is none; never 0 in its place.
        text: What it said word for word, or None if it gives numbers.
        reason: Why there is no price: one of `reading.REASONS`; None where there is one.
        evidence: What it gave the right answer, if it is a language model that tells.
    """

    price: float | None
    text: str | None = None
    reason: str | None = None
    evidence: Evidence | None = None


class Predictor(Protocol):
    """Guesses the prices of products.

    Rows have the columns of the published config `default` (`prompt`, `completion`, `price`, `category`, `title`,
    `parent_asin`, `slot`, `tokens`) and `text`, the product text between the question and the answer words. A guess may
    depend on `prompt`, `text`, `category` and `title` alone; `completion` is there to tell how likely it was held.

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
    """A predictor that has something to tell or to ask before any model is asked, such as the cost."""

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
        say: Tells the user one line (on standard error), such as an estimate of the cost.
        options: What `--set` told the predictors, by name; `check_options` has let pass only what a kind takes.
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


@dataclass(frozen=True)
class Kind:
    """A kind of predictor.

    Attributes:
        module: The module of `curator.evaluate.predictors` that holds it, imported when it is first asked for.
        factory: The name of its `Factory` there.
        argument: Whether something must, may or must not follow the colon.
        sentence: What it is, for `--help`, its argument in capitals.
        options: What it may be told with `--set`, each with its sentence.
    """

    module: str
    factory: str
    argument: Literal["no", "may", "must"]
    sentence: str
    options: Mapping[str, str] = field(default_factory=dict)


_LLAMA_OPTIONS = {
    "llama.guess": "greedy (default), the price in the likeliest answer; median or mean of the next token's prices",
    "llama.batch": "rows at a time (default 8)",
    "llama.device": "cpu, cuda, cuda:1 ... (default: a GPU if there is one)",
    "llama.dtype": "float32, bfloat16 or float16 (default: bfloat16 on a GPU, else float32)",
    "llama.bits": "4 loads the weights in 4 bits, as QLoRA trains on them",
    "llama.base": "an adapter's base model, if not the one that the adapter names",
}

KINDS: dict[str, Kind] = {
    "constant": Kind(
        "classical", "make_constant", "may", "the median of the training prices; constant:mean their mean"
    ),
    "category": Kind("classical", "make_category", "no", "the median of each category"),
    "linear": Kind("classical", "make_linear", "no", "a ridge regression on simple features of the text"),
    "tfidf-ridge": Kind("classical", "make_tfidf_ridge", "no", "a ridge regression on TF-IDF of words and word pairs"),
    "gradient-boosting": Kind("classical", "make_boosting", "no", "boosted trees on tfidf-ridge and simple features"),
    "llama": Kind(
        "llama",
        "make_llama",
        "must",
        "a language model on this machine: llama:PATH of a model or of a PEFT adapter, or its name on the Hub",
        _LLAMA_OPTIONS,
    ),
    "human": Kind(
        "human",
        "make_human",
        "may",
        "a person, asked by a CSV form; human:NAME for one of several",
    ),
    "openai": Kind(
        "hosted",
        "make_hosted",
        "must",
        "openai:MODEL, a model at OpenAI or at another endpoint of chat completions",
        hosted_options.sentences(),
    ),
}
"""Every kind of predictor by its name, the simplest first."""


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


def check_options(models: Iterable[str], options: Iterable[str]) -> None:
    """Check that each option is one that a model which is asked takes: a slip must not be passed over in silence.

    Args:
        models: The predictors' names.
        options: The names of the options.

    Raises:
        UsageError: An option is unknown, or no model that was named takes it.
    """
    asked = {parse(model)[0] for model in models}
    known = {option: name for name, kind in KINDS.items() for option in kind.options}
    taken = {option: name for option, name in known.items() if name in asked}
    for option in options:
        if option in taken:
            continue
        if option in known:
            raise UsageError(f"--set {option}=…: only {known[option]} takes it, and no such --model is named")
        listed = "; ".join(f"{one}: {KINDS[kind].options[one]}" for one, kind in taken.items())
        told = f" There are {listed}." if listed else " The models that are named take none."
        raise UsageError(f"--set {option}=…: there is no such option.{nearest(option, known)}{told}")


def parse(name: str) -> tuple[str, str | None]:
    """Split a predictor's name into its kind and its argument.

    >>> parse("constant:mean")
    ('constant', 'mean')
    >>> parse("tfidf-ridge")
    ('tfidf-ridge', None)

    Raises:
        UsageError: There is no such kind, or the argument is missing or one too many.
    """
    kind_name, colon, rest = name.partition(":")
    if kind_name not in KINDS:
        raise UsageError(
            f"--model {name!r}: there is no predictor {kind_name!r}.{nearest(kind_name, KINDS)}"
            f" There are {', '.join(KINDS)}."
        )
    kind = KINDS[kind_name]
    if kind.argument == "must" and not rest:
        raise UsageError(f"--model {name!r}: {kind_name} needs something after a colon: {kind.sentence}")
    if kind.argument == "no" and colon:
        raise UsageError(f"--model {name!r}: {kind_name} takes nothing after a colon")
    if colon and not rest:
        raise UsageError(f"--model {name!r}: nothing follows the colon")
    return kind_name, rest or None
