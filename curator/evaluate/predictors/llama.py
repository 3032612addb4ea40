"""The predictor `llama:PATH`: a language model on this machine, or a PEFT adapter on one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from curator.errors import UsageError
from curator.evaluate.predictor import Answer, Predictor, Setting
from curator.evaluate.price_in_answer import read_price
from curator.kernels.types import Floats
from curator.llm import scoring
from curator.llm.local import Found, choose_device, choose_dtype, find, library, load, one_of

_GUESSES = ("greedy", "median", "mean")


class Llama:
    """Asks a language model; it is loaded when it is first asked, and let go when it has answered."""

    learns = False

    def __init__(self, found: Found, setting: Setting) -> None:
        self.name = "llama"
        self._found = found
        self._say = setting.say
        self._words, self._money = setting.recipe.prompt.answer, setting.recipe.price.money
        self._guess = one_of(setting.options, "llama.guess", _GUESSES) or "greedy"
        self._batch = setting.options.get("llama.batch", scoring.BATCH)
        if not isinstance(self._batch, int) or self._batch < 1:
            raise UsageError(f"--set llama.batch={self._batch}: a number of rows is needed, such as {scoring.BATCH}")
        self._settings = {key: setting.options.get(f"llama.{key}") for key in ("dtype", "bits", "device")}

    def fit(self, train: pl.DataFrame) -> None:
        """Learn nothing: what it knows, it knows."""

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """Yield an answer and the evidence for each row, some batches at a time."""
        if rows.is_empty():
            return
        model, tokenizer, words = load(self._found, **self._settings)
        self._say(f"{self.name}: {words}")
        scores = scoring.score(model, tokenizer, rows, batch=self._batch)
        if self._guess == "greedy":
            said = scoring.generate(model, tokenizer, rows["prompt"].to_list(), batch=self._batch)
            for one, text in zip(scores, said, strict=True):
                yield self._answer(text, one)
            return
        for one in scores:
            if one.prices is None:
                raise UsageError(
                    f"--set llama.guess={self._guess}: this model's tokenizer has not one token for each price from $1"
                    " to $999; use greedy"
                )
            yield Answer(middle(one.prices, self._guess) * self._money.unit, None, None, one.evidence)

    def _answer(self, text: str, scores: scoring.Scores) -> Answer:
        # A model that was not taught to end goes on with another product in the next line.
        first = text.partition("\n")[0]
        # Read behind the words before it, which say which currency the amount is of.
        price, reason = read_price(f"{self._words}{first}", self._money) if first.strip() else read_price(first)
        return Answer(None if price is None else price * self._money.unit, first, reason, scores.evidence)


def middle(prices: Floats, what: str) -> float:
    """Return the median or the mean (USD) of a distribution over $1, $2 … $999, which need not add up to 1.

    >>> import numpy
    >>> chances = numpy.zeros(999)
    >>> chances[[9, 19, 99]] = 0.3, 0.4, 0.1
    >>> middle(chances, "median"), middle(chances, "mean")
    (20.0, 26.25)
    """
    if what == "mean":
        return float(prices @ np.array(scoring.SLOTS) / prices.sum())
    sums = np.cumsum(prices)
    return float(scoring.SLOTS[int(np.searchsorted(sums, sums[-1] / 2))])


def make_llama(argument: str | None, setting: Setting) -> Predictor:
    """Return the predictor for a folder or a repository; its files are found, nothing is loaded yet.

    Raises:
        UsageError: There is no such model, or an option makes no sense.
        CuratorError: torch or transformers is not installed.
    """
    assert argument is not None
    torch = library("torch")
    choose_dtype(torch, setting.options.get("llama.dtype"), choose_device(torch, setting.options.get("llama.device")))
    return Llama(find(argument, setting.options.get("llama.base")), setting)
