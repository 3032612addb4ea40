"""The kinds of predictors, with their names and options, as `curator evaluate --help` lists them.

No predictor is imported here, and nothing that is slow to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from curator.errors import UsageError, nearest
from curator.evaluate.predictors import hosted_options


@dataclass(frozen=True)
class Kind:
    """A kind of predictor.

    Attributes:
        module: The module of `curator.evaluate.predictors` that holds it, imported when it is first asked for.
        factory: The name of its `predictor.Factory` there.
        argument: Whether something must, may or must not follow the colon.
        sentence: Its description for `--help`, the argument in capitals.
        options: Its options for `--set`, each with a sentence.
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
        "openai:MODEL, a model at OpenAI or at another endpoint of chat completions (OPENAI_BASE_URL, OPENAI_API_KEY)",
        hosted_options.sentences(),
    ),
}
"""Every kind of predictor by its name, the simplest first."""


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
        known_here = f" There are {listed}." if listed else " The models that are named take none."
        raise UsageError(f"--set {option}=…: there is no such option.{nearest(option, known)}{known_here}")


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
            f" There are {', '.join(KINDS)}; a file of predictions ends in .csv, .jsonl or .parquet."
        )
    kind = KINDS[kind_name]
    if kind.argument == "must" and not rest:
        raise UsageError(f"--model {name!r}: {kind_name} needs something after a colon: {kind.sentence}")
    if kind.argument == "no" and colon:
        raise UsageError(f"--model {name!r}: {kind_name} takes nothing after a colon")
    if colon and not rest:
        raise UsageError(f"--model {name!r}: nothing follows the colon")
    return kind_name, rest or None
