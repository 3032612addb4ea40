"""What a hosted model is asked, and what goes wrong on the way."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curator.dataset import opened
from curator.errors import CuratorError, ProviderError, UsageError
from curator.evaluate.predictors.hosted import Hosted, encoding_of
from curator.evaluate.predictors.hosted_options import find_url, public_url, read_options
from hosted_tools import DROP, KEY, MODEL, ROWS, Server, cache_file, chat, price_of, prices, refused

# -- what is asked


def test_the_questions_are_those_of_the_published_lines(
    server: Server, run: Path, rows: pl.DataFrame, hosted: Callable[..., Hosted]
) -> None:
    server.play = lambda number, body: (200, chat(price_of(body)))
    found = prices(hosted(), rows)
    (path,) = (run / "dataset" / "openai").glob("test*.jsonl")
    published = [json.loads(line)["messages"][:2] for line in path.read_text("utf-8").splitlines()][:ROWS]
    by_question = {json.dumps(body["messages"]): body for body in server.requests}
    assert by_question.keys() == {json.dumps(messages) for messages in published}
    # Each row has the answer to its own question, in whatever order they came.
    assert found == [float(price_of({"messages": messages})) for messages in published]
    for body in server.requests:
        assert body.keys() == {"model", "messages", "temperature", "seed"}
        assert (body["temperature"], body["seed"]) == (0, 42)


def test_the_question_shows_no_answer(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], tmp_path: Path
) -> None:
    """What the true answer is changes nothing that is asked."""
    list(hosted().predict(rows))
    list(hosted().predict(rows.with_columns(price=pl.lit(3.0), slot=pl.lit(3), completion=pl.lit("3.00"))))
    assert len(server.requests) == ROWS


def test_options_are_sent(server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]) -> None:
    options = {"temperature": 0.5, "seed": "none", "max_tokens": 9, "reasoning_effort": "minimal", "logprobs": 5}
    list(hosted(**options).predict(rows.head(1)))
    (body,) = server.requests
    del body["messages"]
    sent = {"temperature": 0.5, "max_completion_tokens": 9, "reasoning_effort": "minimal", "top_logprobs": 5}
    assert body == {"model": MODEL, "logprobs": True, **sent}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurency": 3}, r"Did you mean 'concurrency'"),
        ({"concurrency": 0}, r"openai.concurrency=0 can't be used"),
        ({"temperature": "warm"}, r"openai.temperature=warm can't be used"),
        ({"logprobs": True}, r"openai.logprobs=True can't be used"),
        ({"input_price": 1.0}, r"give both, or neither"),
        ({"base_url": "localhost:8000"}, r"base URL 'localhost:8000' is none"),
        ({"base_url": "ftp://me:secret@x/"}, r"base URL 'ftp://x' is none"),
    ],
)
def test_wrong_options_say_what_is_right(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        find_url(read_options({f"openai.{name}": value for name, value in options.items()} | {"other": 1}))
    assert "secret" not in str(caught.value)


def test_secrets_in_a_url_are_not_shown() -> None:
    assert public_url("https://me:pass@host:8/v1?key=1#x") == "https://host:8/v1"
    assert public_url("http://host/v1") == "http://host/v1"


def test_the_encoding_of_a_fine_tuned_model_is_its_own() -> None:
    assert encoding_of("ft:gpt-4.1-nano-2025-04-14:org::id") == encoding_of("openai/gpt-oss-20b") == "o200k_base"
    assert encoding_of("ft:gpt-3.5-turbo:org::id") == encoding_of("gpt-4") == "cl100k_base"
    assert encoding_of("meta-llama/Llama-3.1-8B") is encoding_of("davinci") is None


# -- what goes wrong on the way


def test_what_passes_is_tried_again(server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]) -> None:
    slow = threading.Event()
    soon = {"retry-after-ms": "10"}
    wrongs: dict[int, tuple[Any, ...]] = {
        1: (200, DROP),
        2: (429, refused("slow down"), {"Retry-After": "1"}),
        3: (500, refused("oops"), soon),
        4: (503, b"<html>down</html>", soon),
        5: (200, b'{"choices": [{"mess'),
        # The first question is answered; the second has these, and then the third.
        7: (200, {"choices": []}),
        9: (200, refused("overloaded")),
    }

    def play(number: int, body: dict[str, Any]) -> tuple[Any, ...]:
        if number == 0:
            slow.wait(2)  # longer than the client waits
        return wrongs.get(number, (200, chat(price_of(body))))

    server.play = play
    asked = rows.head(3)
    began = time.monotonic()
    found = prices(hosted(timeout=0.3, concurrency=1), asked)
    slow.set()
    assert found == [float(price_of(server.requests[number])) for number in (6, 8, 10)]
    assert len(server.requests) == len(wrongs) + 1 + 3
    assert server.at[3] - server.at[2] >= 1  # as the server asked
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("answer", "message", "requests"),
    [
        ((401, refused(f"Incorrect API key provided: {KEY}.")), r"401: Incorrect API key provided: \[key\]", 1),
        ((404, refused("The model `x` does not exist")), r"404: The model `x` does not exist; are the name", 1),
        ((400, refused("context\n\x1b[31m is too long")), r"400: context \[31m is too long", 1),
        ((403, b"nginx"), r"403: nginx", 1),
        ((429, refused("no quota"), {"x-should-retry": "false"}), r"429: no quota", 1),
        ((500, refused("broken"), {"retry-after-ms": "1"}), r"500: broken after up to 2 attempts", 2),
        ((200, b"no JSON"), r"no valid answer after up to 2 attempts: not JSON: 'no JSON'", 2),
        ((200, DROP), r"can't be reached after up to 2 attempts", 2),
    ],
)
def test_what_stays_wrong_ends_the_run(
    server: Server,
    rows: pl.DataFrame,
    hosted: Callable[..., Hosted],
    tmp_path: Path,
    answer: tuple[Any, ...],
    message: str,
    requests: int,
) -> None:
    """One row fails, its message is told, no answer is made up, and what was answered is kept."""
    server.play = lambda number, body: answer
    with pytest.raises(ProviderError, match=message) as caught:
        prices(hosted(attempts=2), rows)
    assert len(server.requests) == requests
    assert f"0 of {ROWS} answers are kept" in str(caught.value)
    assert KEY not in str(caught.value)
    # Later, the same: those before it are kept, and what is left is asked for by the next run.
    bad = json.dumps(rows["title"][7])[1:-1]
    server.play = lambda number, body: answer if bad in json.dumps(body["messages"]) else (200, chat(price_of(body)))
    server.requests.clear()
    with pytest.raises(CuratorError, match=r"(\d+) of 12 answers are kept in .*; the same command"):
        prices(hosted(attempts=2, concurrency=2), rows)
    kept = len(cache_file(tmp_path).read_text("utf-8").splitlines())
    assert 7 <= kept < ROWS
    server.play = lambda number, body: (200, chat(price_of(body)))
    server.requests.clear()
    assert None not in prices(hosted(), rows)
    assert len(server.requests) == ROWS - kept


def test_nobody_listens(server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]) -> None:
    with pytest.raises(CuratorError, match=r"gpt-5-nano at http://127.0.0.1:9/v1 can't be reached after 1 attempt"):
        prices(hosted(base_url="http://127.0.0.1:9/v1", attempts=1), rows)


def test_no_more_are_asked_at_once(server: Server, run: Path, hosted: Callable[..., Hosted]) -> None:
    full = threading.Barrier(3)

    def play(number: int, body: dict[str, Any]) -> tuple[Any, ...]:
        if 1 <= number <= 3:
            full.wait(10)  # goes on when three are under way at once
        time.sleep(0.01)
        return 200, chat("5.00")

    server.play = play
    more = opened.open_dataset(str(run)).read("test", 0, 40)
    assert prices(hosted(concurrency=3), more) == [5.0] * 40
    assert server.most == 3


# -- parameters that an endpoint does not take


@pytest.mark.parametrize("by_name", [True, False])
def test_parameters_that_are_not_taken_are_left_out(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], by_name: bool
) -> None:
    def play(number: int, body: dict[str, Any]) -> tuple[Any, ...]:
        for name in ("logprobs", "temperature", "seed", "max_completion_tokens"):
            if name in body:
                return 400, refused(f"Unsupported parameter: '{name}'", name if by_name else None)
        return 200, chat("7.00")

    server.play = play
    said: list[str] = []
    assert prices(hosted(said=said, logprobs=5, max_tokens=10), rows) == [7.0] * ROWS
    assert len(server.requests) == 4 + ROWS  # found out once
    assert server.requests[-1].keys() == {"model", "messages", "max_tokens"}
    for name in ("logprobs", "temperature", "seed"):
        assert sum(f"Unsupported parameter: '{name}'" in line for line in said) == 1
    assert any("12 of 12 answers came without logprobs" in line for line in said)


def test_a_parameter_that_was_asked_for_is_not_left_out(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]
) -> None:
    server.play = lambda number, body: (400, refused("no temperature here", "temperature"))
    with pytest.raises(CuratorError, match="400: no temperature here"):
        prices(hosted(temperature=0), rows)
    assert len(server.requests) == 1
