"""`openai:MODEL`: a model behind an endpoint that speaks OpenAI's chat completions, zero-shot or fine-tuned.

It is asked exactly what the published OpenAI lines ask, and what it says is only ever read as a price.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, closing

import polars as pl

from curator.errors import CuratorError, TokenizerError
from curator.evaluate.harness import slug
from curator.evaluate.predictor import Answer, Predictor, Setting
from curator.evaluate.predictors import hosted_asking
from curator.evaluate.predictors.hosted_cache import AnswerCache, Record, key_of, opened
from curator.evaluate.predictors.hosted_endpoint import Endpoint, Messages
from curator.evaluate.predictors.hosted_evidence import evidence
from curator.evaluate.predictors.hosted_options import PREFIX, find_key, find_url, public_url, read_options
from curator.evaluate.price_in_answer import DOLLARS, read_price
from curator.recipe.currencies import Money
from curator.text import prompts
from curator.tokens.vocabulary import BUNDLED

TOKENS_AROUND = 11
"""Tokens of a question beside its two contents: four a message and three that begin the answer (OpenAI's cookbook)."""

_CUT_IN_PRICE = re.compile(r"(?:\d[.,]?|\d\.\d|[$~-]|\b(?:to|or|and|up))\s*\Z")
_WHOLE_PRICE = re.compile(r"\.\d\d\s*\Z")


def make_hosted(argument: str | None, setting: Setting) -> Predictor:
    """Return the predictor of the model of that name."""
    assert argument is not None
    return Hosted(argument, setting)


class Hosted:
    """A hosted model. Answers are kept in ``cache/`` of the setting's folder, and nothing is asked twice.

    Args:
        model: The model's name at the endpoint.
        setting: Its options `openai.*` are those of `hosted_options.HostedOptions`.

    Raises:
        UsageError: An option or the base URL makes no sense.
    """

    learns = False

    def __init__(self, model: str, setting: Setting) -> None:
        self.name = f"{PREFIX}:{model}"
        self._model = model
        self._setting = setting
        self._options = read_options(setting.options)
        self._url = find_url(self._options)
        self._path = setting.folder / "cache" / f"{slug(self.name)}.jsonl"
        self._agreed: set[str] = set()

    def fit(self, train: pl.DataFrame) -> None:
        """Learn nothing: a hosted model was trained elsewhere."""

    def prepare(self, rows: pl.DataFrame) -> None:
        """Report what asking about rows will take, and have it agreed to if it may cost something.

        Raises:
            CuratorError: There is no key, or it was not agreed to.
            RunError: The answers so far can't be read, or another process is asking.
        """
        questions = self._questions(rows)
        asked = dict(questions)
        with opened(self._path) as cache:
            new = {key: messages for key, messages in asked.items() if key not in cache}
        if not new:
            self._setting.say(f"{self.name}: all {len(asked):,} questions are answered already; nothing is asked")
            return
        find_key()
        estimate, cost = self._estimate(new)
        self._setting.say(
            f"{self.name}: {len(asked):,} questions, {len(asked) - len(new):,} answered already, {len(new):,} to ask of"
            f" {public_url(self._url)}; {estimate}"
        )
        price = "" if cost is None else f" for {_usd(cost)}"
        if cost != 0 and not self._setting.confirm(f"Ask {self._model} {len(new):,} questions{price}?", cost):
            raise CuratorError(
                f"{self.name}: nothing was asked, for nobody agreed to what it costs: --yes does, from Python max_usd="
                f" with {PREFIX}.input_price and {PREFIX}.output_price among the settings"
            )
        self._agreed |= new.keys()

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """See `Predictor.predict`.

        Raises:
            ProviderError: The endpoint refuses, or a question has no answer after all attempts; answers are kept.
        """
        questions = self._questions(rows)
        with opened(self._path) as cache:
            left = {key: messages for key, messages in questions if key not in cache}
        if not left.keys() <= self._agreed:
            self.prepare(rows)
        columns = rows.select("price", "slot").iter_rows()
        reported = 0
        with opened(self._path) as cache:
            left = {key: messages for key, messages in questions if key not in cache}
            with closing(self._ask(left, cache)) as coming:
                for (key, _), (price, slot) in zip(questions, columns, strict=True):
                    while key not in cache:
                        self._next(coming, cache, questions)
                    answer = self._answer(cache[key], price, slot)
                    reported += cache[key]["logprobs"] is not None
                    yield answer
                # All is answered; the connections are closed before the rest goes on.
                for _ in coming:
                    pass
            self._say_what_it_took([cache[key] for key in left])
        if self._options.logprobs and reported < rows.height:
            self._setting.say(
                f"{self.name}: {rows.height - reported:,} of {rows.height:,} answers came without logprobs"
            )

    def _questions(self, rows: pl.DataFrame) -> list[tuple[str, Messages]]:
        """Return key and messages for each row; equal questions have one key."""
        recipe = self._setting.recipe
        asked = rows.select(prompts.chat_question(pl.col("prompt"), recipe)).to_series()
        about = {"endpoint": self._url, "model": self._model, "sampling": self._options.sampling}
        questions: list[tuple[str, Messages]] = []
        for text in asked:
            messages = [{"role": "system", "content": recipe.openai.system}, {"role": "user", "content": text}]
            questions.append((key_of({**about, "messages": messages}), messages))
        return questions

    def _ask(self, left: Mapping[str, Messages], cache: AnswerCache) -> Generator[str]:
        """Ask what is left, and yield each key once its answer is in the cache."""
        if not left:
            return
        endpoint = Endpoint(self._model, self._url, find_key(), self._options, self._setting.say)

        @asynccontextmanager
        async def connected() -> AsyncIterator[Callable[[str], Awaitable[None]]]:
            async with endpoint.connected() as ask:

                async def answer(key: str) -> None:
                    cache.add(key, await ask(left[key]))

                yield answer

        yield from hosted_asking.done(list(left), connected, self._options.concurrency)

    def _next(self, coming: Iterator[str], cache: AnswerCache, questions: list[tuple[str, Messages]]) -> None:
        """Wait for the next answer, whichever it is."""
        try:
            next(coming)
        except CuratorError as error:
            keys = {key for key, _ in questions}
            raise type(error)(
                f"{self.name}: {error}. {sum(key in cache for key in keys):,} of {len(keys):,} answers are kept in"
                f" {self._path}; the same command asks for the rest"
            ) from error

    def _answer(self, record: Record, price: float, slot: int) -> Answer:
        answer = read_answer(record, self._setting.recipe.price.money)
        if record["logprobs"] is None or answer.price is None:
            return answer
        found = evidence(record["logprobs"], answer.price, price, slot, self._setting.recipe.price)
        return Answer(answer.price, answer.text, answer.reason, found)

    def _estimate(self, new: Mapping[str, Messages]) -> tuple[str, float | None]:
        """Return what the tokens of questions come to, in words, and the cost (USD) if prices were given."""
        from curator.tokens.tokenizer import load_tokenizer

        spec = encoding_of(self._model) or self._setting.recipe.tokenizer
        try:
            tokenizer = load_tokenizer(spec)
        except TokenizerError:
            counted = f"counted with o200k_base: the tokenizer {spec} is not here"
            tokenizer = load_tokenizer("o200k_base")
        else:
            counted = f"counted with {tokenizer.vocabulary.name}"
        texts = [one["content"] for messages in new.values() for one in messages]
        example = f"{self._setting.recipe.prompt.answer}100.00"
        counts = tokenizer.encode(pl.Series([*texts, example])).counts
        asked = int(counts[:-1].sum()) + TOKENS_AROUND * len(new)
        each = self._options.max_tokens or int(counts[-1])
        said = f"at most {each:,} an answer" if self._options.max_tokens else f"{each} an answer if it is only a price"
        words = f"{asked:,} input tokens ({counted}), {each * len(new):,} output tokens ({said})"
        cost = self._cost(asked, each * len(new))
        if cost is None:
            hint = f"--set {PREFIX}.input_price=USD --set {PREFIX}.output_price=USD (of a million tokens)"
            return f"{words}; for the cost add {hint}", None
        return f"{words}: {_usd(cost)}", cost

    def _cost(self, asked: int, answered: int) -> float | None:
        if self._options.input_price is None or self._options.output_price is None:
            return None
        return (asked * self._options.input_price + answered * self._options.output_price) / 1_000_000

    def _say_what_it_took(self, records: list[Record]) -> None:
        if not records:
            return
        if any(None in record["tokens"] for record in records):
            self._setting.say(f"{self.name}: asked {len(records):,} questions; the endpoint does not report all tokens")
            return
        asked, answered = (sum(record["tokens"][at] for record in records) for at in (0, 1))
        cost = self._cost(asked, answered)
        self._setting.say(
            f"{self.name}: asked {len(records):,} questions, {asked:,} input and {answered:,} output tokens"
            + ("" if cost is None else f": {_usd(cost)}")
        )


def read_answer(record: Record, money: Money = DOLLARS) -> Answer:
    """Return the price that a response holds, or why there is none."""
    text: str | None = record["content"]
    if record["refusal"] or record["finish_reason"] == "content_filter":
        return Answer(None, record["refusal"] or text, "refused")
    if record["finish_reason"] == "length" and _is_cut(text or ""):
        return Answer(None, text, "cut_off")
    reading = read_price(text, money)
    return Answer(reading.price, text, reading.reason)


def _is_cut(text: str) -> bool:
    """Return whether a text that was cut off may have lost a part of its price: $1 may have become $129.99."""
    return not text.strip() or (_CUT_IN_PRICE.search(text) is not None and _WHOLE_PRICE.search(text) is None)


def encoding_of(model: str) -> str | None:
    """Return the vocabulary of a model of OpenAI, if it is known and installed with curator.

    >>> encoding_of("gpt-5-nano"), encoding_of("ft:gpt-4.1-nano:org::id"), encoding_of("llama-3")
    ('o200k_base', 'o200k_base', None)
    """
    import tiktoken

    # tiktoken takes every fine-tuned model that begins with gpt-4 for one of the first gpt-4.
    base = model.removeprefix("ft:").partition(":")[0].rpartition("/")[2]
    try:
        name = tiktoken.encoding_name_for_model(base)
    except KeyError:
        return None
    # The harmony vocabulary differs in special tokens alone.
    name = "o200k_base" if name == "o200k_harmony" else name
    return name if name in BUNDLED else None


def _usd(cost: float) -> str:
    """Return a cost with two digits that count, in cents or below."""
    return f"${cost:,.2f}" if cost >= 0.1 or cost == 0 else f"${cost:.2g}" if cost >= 0.0001 else "less than $0.0001"
