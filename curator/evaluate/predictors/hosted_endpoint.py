"""An endpoint that speaks OpenAI's chat completions: how it is asked, and what it answered."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from curator.errors import ProviderError
from curator.evaluate.predictors.hosted_cache import Record
from curator.evaluate.predictors.hosted_evidence import compact
from curator.evaluate.predictors.hosted_options import PREFIX, HostedOptions, public_url

if TYPE_CHECKING:
    import openai

Messages = Sequence[Mapping[str, str]]
"""The messages of a chat, each with `role` and `content`."""
Ask = Callable[[Messages], Awaitable[Record]]
"""Sends a chat and gives what was answered."""

_LONGEST_MESSAGE = 500
_SHORTEST_SECRET = 8  # shorter ones are words for an endpoint that takes any, and could be part of an answer
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0  # seconds, as the client has them


class Endpoint:
    """One model behind an endpoint.

    Args:
        model: Its name there.
        url: The base URL.
        key: The key, which goes into the requests' header and nowhere else.
        options: Its options.
        say: Shows the user a line.
    """

    def __init__(self, model: str, url: str, key: str, options: HostedOptions, say: Callable[[str], None]) -> None:
        self.model = model
        self.url = url
        self._key = key
        self._options = options
        self._say = say
        self._settled = False
        self._sent = _parameters(options)
        asked_for = options.model_fields_set
        # What was not asked for by name may go if the endpoint does not take it; what was, may not.
        self._optional = [name for name in ("temperature", "seed") if name not in asked_for]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Ask]:
        """Give what asks a question and returns the record of its answer; one connection pool for all.

        Raises:
            ProviderError: (when asking) The endpoint refuses, or gives no answer after all attempts.
        """
        import openai

        timeout = openai.Timeout(self._options.timeout, connect=min(10.0, self._options.timeout))
        client = openai.AsyncOpenAI(
            api_key=self._key, base_url=self.url, timeout=timeout, max_retries=self._options.attempts - 1
        )
        async with client:
            yield lambda messages: self._ask(client, messages)

    async def _ask(self, client: openai.AsyncOpenAI, messages: Messages) -> Record:
        import openai

        create: Any = client.chat.completions.with_raw_response.create
        attempt = 0
        while True:
            try:
                raw = await create(model=self.model, messages=messages, **self._sent)
            except openai.APIStatusError as error:
                message = self._clean(_message(error))
                if not self._settled and error.status_code in (400, 403, 422) and self._give_way(error.param, message):
                    continue
                raise ProviderError(self._refused(error.status_code, message)) from None
            except openai.APIConnectionError as error:
                why = "no answer in time" if isinstance(error, openai.APITimeoutError) else error.__cause__ or error
                raise ProviderError(
                    f"{self._name()} can't be reached after {self._attempts()}: {self._clean(str(why))}"
                ) from None
            try:
                record = read_response(self._without_key(raw.http_response.content))
            except ValueError as error:
                # The client tries again what fails on the way; an answer that is none is tried again here.
                attempt += 1
                if attempt == self._options.attempts:
                    raise ProviderError(
                        f"{self._name()} gave no valid answer after {self._attempts()}: {self._clean(str(error))}"
                    ) from None
                await asyncio.sleep(min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE))
                continue
            self._settled = True
            return record

    def _give_way(self, param: str | None, message: str) -> bool:
        """Drop or rename the parameter that the endpoint refuses; return whether there is one."""
        if self._names(param, message, "logprobs", "top_logprobs") and "logprobs" in self._sent:
            del self._sent["logprobs"], self._sent["top_logprobs"]
            self._say(f"{self._name()} gives no log probabilities ({message}); going on without")
            return True
        if self._names(param, message, "max_completion_tokens") and "max_completion_tokens" in self._sent:
            self._sent["max_tokens"] = self._sent.pop("max_completion_tokens")
            return True
        for name in self._optional:
            if self._names(param, message, name) and name in self._sent:
                del self._sent[name]
                self._say(f"{self._name()} does not take {name} ({message}); going on without")
                return True
        return False

    @staticmethod
    def _names(param: str | None, message: str, *names: str) -> bool:
        return param in names if param else any(re.search(rf"\b{name}\b", message) for name in names)

    def _refused(self, status: int, message: str) -> str:
        advice = {
            401: "; is OPENAI_API_KEY a key of this endpoint?",
            404: "; are the name of the model and the base URL right?",
            429: f" after {self._attempts()}; ask fewer at once with --set {PREFIX}.concurrency=N, or wait",
        }.get(status, f" after {self._attempts()}" if status >= 500 or status in (408, 409) else "")
        return f"{self._name()} answered {status}: {message}{advice}"

    def _attempts(self) -> str:
        count = self._options.attempts
        return "1 attempt" if count == 1 else f"up to {count} attempts"

    def _name(self) -> str:
        return f"{self.model} at {public_url(self.url)}"

    def _clean(self, text: str) -> str:
        """Return what an endpoint said as it may be shown: one line, no key, no control characters, not too long."""
        plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
        if len(self._key) >= _SHORTEST_SECRET:
            plain = plain.replace(self._key, "[key]")
        return plain.replace(self.url, public_url(self.url))[:_LONGEST_MESSAGE]

    def _without_key(self, content: bytes) -> bytes:
        """Return a response without the key, should an endpoint echo it: nothing of it may be kept."""
        key = self._key.encode()
        return content.replace(key, b"[key]") if len(key) >= _SHORTEST_SECRET else content


def _parameters(options: HostedOptions) -> dict[str, Any]:
    wanted = {
        "temperature": options.temperature,
        "seed": options.seed,
        "max_completion_tokens": options.max_tokens,
        "reasoning_effort": options.reasoning_effort,
    }
    sent = {name: value for name, value in wanted.items() if value not in (None, "none")}
    return sent | ({"logprobs": True, "top_logprobs": options.logprobs} if options.logprobs else {})


def _message(error: openai.APIStatusError) -> str:
    """Return the provider's own words."""
    body = error.body
    if isinstance(body, dict):
        message = body.get("message") or body.get("detail")
        return message if isinstance(message, str) and message else json.dumps(body, ensure_ascii=False)
    return str(body) if body else error.response.reason_phrase or "no message"


def read_response(content: bytes) -> Record:
    """Return what is kept of a response: the answer's text, refusal, end and log probabilities, and the tokens used.

    Raises:
        ValueError: It is no chat completion; the message says what it is instead.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError(f"not JSON: {content[:200].decode('utf-8', 'replace')!r}") from None
    if isinstance(body, dict) and body.get("error"):
        error = body["error"]
        raise ValueError(str(error.get("message") or error) if isinstance(error, dict) else str(error))
    try:
        choice = body["choices"][0]
        message = choice["message"]
        text, refusal = _text(message.get("content")), message.get("refusal")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ValueError(f"not a chat completion: {content[:200].decode('utf-8', 'replace')!r}") from None
    end = choice.get("finish_reason")
    usage = body.get("usage")
    return {
        "content": _whole(text),
        "refusal": _whole(refusal) if isinstance(refusal, str) else None,
        "finish_reason": end if isinstance(end, str) else None,
        "logprobs": compact(choice.get("logprobs")),
        "model": body["model"] if isinstance(body.get("model"), str) else None,
        "tokens": [_count(usage, "prompt_tokens"), _count(usage, "completion_tokens")],
    }


def _text(content: object) -> str | None:
    """Return the text of a message; some endpoints give it in parts.

    Raises:
        TypeError: It is something else.
    """
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise TypeError
    return "".join(part["text"] for part in content if part["type"] == "text")


def _whole(text: str | None) -> str | None:
    """Return a text without halves of characters, which no file could hold."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _count(usage: object, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
