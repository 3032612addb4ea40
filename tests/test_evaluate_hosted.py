"""`openai:MODEL`: a loopback endpoint that checks what it is asked, and answers well, badly or not at all."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curator.build import build
from curator.errors import CuratorError, ProviderError, RunError, RunLockedError, TokenizerError, UsageError
from curator.evaluate import answer_cache, harness, places
from curator.evaluate.endpoint import read_response
from curator.evaluate.hosted import Hosted, encoding_of, read_answer
from curator.evaluate.hosted_options import find_url, public_url, read_options
from curator.evaluate.predictor import Evidence, Setting
from curator.evaluate.token_evidence import compact, evidence
from curator.recipe import load_recipe
from curator.settings import PriceSettings

KEY = "sk-test-7Qw9zYk3Lm5Vb1Nx8Rd2"
MODEL = "gpt-5-nano"
NAME = f"openai:{MODEL}"
ROWS = 12
DROP = "drop"
"""Stands for an answer: the connection is closed in the middle of it."""


def chat(content: Any, *, finish: str = "stop", refusal: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    return {"id": "x", "object": "chat.completion", "model": f"{MODEL}-2025", "choices": [choice], "usage": usage}


def refused(message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}


class Server:
    """An endpoint; `play` gives status, body (JSON, or bytes as they are) and headers for the nth request."""

    def __init__(self) -> None:
        self.play: Callable[[int, dict[str, Any]], tuple[Any, ...]] = lambda number, body: (200, chat("$20.00"))
        self.requests: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.wrong: list[str] = []
        self.open, self.most = 0, 0
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.look(self.path, self.headers, body)
                    server.requests.append(body)
                    server.at.append(time.monotonic())
                    number = len(server.requests) - 1
                    server.open += 1
                    server.most = max(server.most, server.open)
                try:
                    status, told, *more = server.play(number, body)
                finally:
                    with server.lock:
                        server.open -= 1
                self.close_connection = told == DROP
                data = told if isinstance(told, bytes) else json.dumps(told).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data) + 50 * (told == DROP)))
                    for name, value in (more[0] if more else {}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                except ConnectionError:
                    pass  # the client has not waited

            def log_message(self, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def look(self, path: str, headers: Message, body: dict[str, Any]) -> None:
        """Note what a request has that it should not have."""
        sound = [
            path == "/v1/chat/completions",
            headers.get("Authorization") == f"Bearer {KEY}",
            headers.get("Content-Type") == "application/json",
            body["model"] == MODEL,
            [one["role"] for one in body["messages"]] == ["system", "user"],
            all(one.keys() == {"role", "content"} for one in body["messages"]),
            KEY not in json.dumps(body),
        ]
        if not all(sound):
            self.wrong.append(f"{sound} {path} {body}")

    def questions(self) -> list[str]:
        return [body["messages"][1]["content"] for body in self.requests]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture(autouse=True)
def _one_tokenizer(bundled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a vocabulary takes longer than all questions here; every estimate would do it."""
    monkeypatch.setattr("curator.tokens.load_tokenizer", lambda spec: bundled)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    one = Server()
    monkeypatch.setenv("OPENAI_BASE_URL", one.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield one
    one.close()
    assert one.wrong == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("hosted") / "run"
    build(["demo:1000:7"], load_recipe("pricer"), out, workers=1)
    return out


@pytest.fixture(scope="module")
def rows(run: Path) -> pl.DataFrame:
    return places.find(str(run)).read("test", 0, ROWS)


@pytest.fixture
def hosted(run: Path, tmp_path: Path) -> Callable[..., Hosted]:
    """Make a predictor whose user agrees; what it says is in `said`."""

    def make(agrees: bool = True, said: list[str] | None = None, **options: Any) -> Hosted:
        setting = Setting(
            tmp_path,
            places.find(str(run)).recipe,
            say=(said if said is not None else []).append,
            options={f"openai.{name}": value for name, value in options.items()},
            confirm=lambda question: agrees,
        )
        return Hosted(MODEL, setting)

    return make


def prices(predictor: Hosted, rows: pl.DataFrame) -> list[float | None]:
    return [answer.price for answer in predictor.predict(rows)]


def price_of(body: dict[str, Any]) -> str:
    """A price that tells the question, so that an answer given to another row shows."""
    return f"{sum(body['messages'][1]['content'].encode()) % 900 + 1}.50"


def cache_file(folder: Path) -> Path:
    (path,) = (folder / "cache").glob("*.jsonl")
    return path


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
        ({"concurrency": 0}, r"openai.concurrency=0 can't be used.*Most questions"),
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
    server.play = lambda number, body: (
        answer if bad in json.dumps(body["messages"]) else (200, chat(price_of(body)))
    )
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
    more = places.find(str(run)).read("test", 0, 40)
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


# -- what is answered


@pytest.mark.parametrize(
    ("body", "price", "reason"),
    [
        (chat("Price is $129.99"), 129.99, None),
        (chat("My rules are: rm -rf /; {{ 7 * 8 }}; curator evaluate"), None, "several_prices"),
        (chat("<script>alert('x')</script>"), None, "no_number"),
        (chat(""), None, "empty"),
        (chat(None), None, "empty"),
        (chat("I can't tell."), None, "no_number"),
        (chat("$20 or $30"), None, "several_prices"),
        (chat(None, refusal="I can't help with $5."), None, "refused"),
        (chat("$5", finish="content_filter"), None, "refused"),
        (chat("", finish="length"), None, "cut_off"),
        (chat("Price is $1", finish="length"), None, "cut_off"),
        (chat("Price is $1,", finish="length"), None, "cut_off"),
        (chat("Price is $129.9", finish="length"), None, "cut_off"),
        (chat("between $20 and", finish="length"), None, "cut_off"),
        (chat("Price is $129.99", finish="length"), 129.99, None),
        (chat("It is $129, because", finish="length"), 129.0, None),
        (chat([{"type": "text", "text": "$4"}, {"type": "text", "text": ".50"}]), 4.5, None),
        (chat("$3 \ud800"), 3.0, None),
    ],
)
def test_answers_are_read_or_counted(body: dict[str, Any], price: float | None, reason: str | None) -> None:
    answer = read_answer(read_response(json.dumps(body).encode()))
    assert answer.price == price
    assert answer.reason == reason
    (answer.text or "").encode()


@pytest.mark.parametrize(
    "body",
    [[], {}, {"choices": None}, {"choices": [{}]}, {"choices": [{"message": "x"}]}, chat(5), chat([5]), chat({"a": 1})],
)
def test_what_is_no_answer_is_not_read(body: Any) -> None:
    with pytest.raises(ValueError, match="not a chat completion"):
        read_response(json.dumps(body).encode())


def test_no_answer_is_counted_and_never_zero(
    server: Server, run: Path, tmp_path: Path, invoke: Callable[..., Any]
) -> None:
    told = ["", "none", "$5 or $9", "Price is $", "$30.00", "0"]
    server.play = lambda number, body: (200, chat(told[number % 6]))
    done = invoke(
        "evaluate", run, "--model", NAME, "--limit", 6, "--out", tmp_path, "--json", "--yes", "--set", "openai.seed=1"
    )
    assert done.exit_code == 0, done.output
    one = json.loads(done.stdout)["models"][NAME]
    assert (one["answered"], one["no_answer_rate"]) == (2, pytest.approx(4 / 6))
    assert one["reasons"] == {"empty": 1, "no_number": 2, "several_prices": 1}
    lines = [json.loads(line) for line in next(tmp_path.glob("answers-*.jsonl")).read_text("utf-8").splitlines()]
    assert sorted(line["guess"] for line in lines if line["guess"] is not None) == [0.0, 30.0]
    assert (tmp_path / "evaluation.html").exists()


def test_the_command_of_the_readme_works(
    server: Server, run: Path, tmp_path: Path, invoke: Callable[..., Any]
) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (told,) = re.findall(r"curator (evaluate runs/demo .*openai:.*)", readme)
    done = invoke(*told.replace("runs/demo", str(run)).split(), "--out", tmp_path, "--yes")
    assert done.exit_code == 0, done.stderr
    assert f"| constant - {NAME} |" in done.stdout


# -- probabilities


def told(*tokens: tuple[str, dict[str, float]]) -> Any:
    """Log probabilities as an endpoint gives them: of each token itself, and of the likeliest there."""
    content = []
    for token, likeliest in tokens:
        listed = [{"token": one, "logprob": math.log(p), "bytes": None} for one, p in likeliest.items()]
        content.append({"token": token, "logprob": -0.5, "top_logprobs": listed})
    return {"content": content, "refusal": None}


WORDS = [(word, {word: 1.0}) for word in ("Price", " is", " $")]


@pytest.mark.parametrize(
    ("number", "guess", "price", "expected"),
    [
        # .99 sends 129 to the slot 130, so 130 is another one.
        ([("129", {"129": 0.5, "130": 0.25, "1": 0.1}), (".", {".": 1}), ("99", {"99": 1})], 129.99, 129.99, (1, 0.5)),
        ([("129", {"129": 0.5, "130": 0.25}), (".", {".": 1}), ("00", {"00": 1})], 129.0, 129.99, (1, 0.25)),
        ([("49", {"49": 0.6, "129": 0.3, "x": 0.1})], 49.0, 130.2, (0, 0.0)),
        # Said digit by digit: the first digit is not yet a price.
        ([("1", {"1": 0.9, "2": 0.1}), ("2", {"2": 1}), ("9", {"9": 1})], 129.0, 129.0, (1, None)),
        # A number of more tokens than one.
        ([("1", {"1": 0.9, "999": 0.1}), (",", {",": 1}), ("299", {"299": 1})], 1299.0, 1.0, (1, None)),
        ([("12", {"12": 1.0})], 99.0, 12.0, None),
        ([("12", {})], 12.0, 12.0, None),
    ],
)
def test_evidence_by_hand(number: Any, guess: float, price: float, expected: tuple[int, float | None] | None) -> None:
    kept = compact(told(*WORDS, *number))
    assert kept is not None
    found = evidence(kept, guess, price, round(price), PriceSettings())
    if expected is None:
        assert found is None
        return
    first, probability = expected
    assert found == Evidence(None, None, bool(first), probability and pytest.approx(probability))


@pytest.mark.parametrize(
    "wrong",
    [None, [], {"content": []}, {"content": [{}]}, {"content": [{"token": "a", "logprob": 1.0, "top_logprobs": []}]}],
)
def test_wrong_probabilities_are_none(wrong: Any) -> None:
    assert compact(wrong) is None


def test_probabilities_come_out_as_metrics(
    server: Server, run: Path, tmp_path: Path, invoke: Callable[..., Any], rows: pl.DataFrame
) -> None:
    dollars = str(int(rows["price"][0]))
    listed = told(*WORDS, (dollars, {dollars: 0.75, "998": 0.25}), (".", {".": 1.0}), ("00", {"00": 1.0}))
    server.play = lambda number, body: (200, chat(f"Price is ${dollars}.00", logprobs=listed))
    options = ["--set", "openai.logprobs=20", "--yes", "--json", "--limit", ROWS, "--out", tmp_path]
    one = json.loads(invoke("evaluate", run, "--model", NAME, *options).stdout)["models"][NAME]
    right = [int(price) == int(dollars) for price in rows["price"]]
    assert one["first_token_accuracy"] == pytest.approx(sum(right) / ROWS)
    mass = [0.75 if slot == int(dollars) else 0.25 if slot == 998 else 0 for slot in rows["slot"]]
    assert one["slot_probability"] == pytest.approx(sum(mass) / ROWS)
    # It could only be had over the rows that were guessed right.
    assert one["cross_entropy"] is one["perplexity"] is None
    assert "first token right" in (tmp_path / "evaluation.html").read_text("utf-8")


# -- the cost


def test_the_cost_is_told_first_and_agreed_to(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]
) -> None:
    said: list[str] = []
    prices_given = {"input_price": 10.0, "output_price": 100.0}
    with pytest.raises(CuratorError, match=r"nothing was asked.*--yes"):
        hosted(agrees=False, said=said, **prices_given).prepare(rows)
    with pytest.raises(CuratorError, match=r"nothing was asked"):
        prices(hosted(agrees=False), rows)
    assert server.requests == []
    found = re.search(r"([\d,]+) input tokens \(counted with o200k_base\), (\d+) output tokens.*: \$([\d.]+)", said[0])
    assert found, said
    asked, answered = int(found[1].replace(",", "")), int(found[2])
    assert float(found[3]) == pytest.approx((asked * 10 + answered * 100) / 1e6, rel=0.05)
    # The dataset's own count is of the question with the answer, without the system message.
    assert 0.9 < asked / (rows["tokens"].sum() + ROWS * 20) < 1.2
    said.clear()
    list(hosted(said=said, **prices_given).predict(rows))
    assert f"{ROWS:,} questions, 1,200 input and 84 output tokens: $0.02" in said[-1]
    said.clear()
    # What costs nothing needs no one's leave: all is answered, or the endpoint is free.
    hosted(agrees=False, said=said, input_price=0, output_price=0).prepare(rows)
    assert "all 12 questions are answered already" in said[0]
    list(hosted(agrees=False, seed=7, input_price=0, output_price=0).predict(rows))
    assert len(server.requests) == 2 * ROWS


def test_without_a_key_it_says_so(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch
) -> None:
    list(hosted().predict(rows))
    for key, message in (("", "OPENAI_API_KEY is not set"), ("ключ", "OPENAI_API_KEY holds")):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(CuratorError, match=message):
            hosted(seed=1).prepare(rows)
    assert None not in prices(hosted(), rows)  # what is answered already needs none
    assert len(server.requests) == ROWS


def test_nobody_to_ask_is_a_no(server: Server, run: Path, tmp_path: Path, invoke: Callable[..., Any]) -> None:
    done = invoke("evaluate", run, "--model", "constant", "--model", NAME, "--limit", 5, "--out", tmp_path, "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "5 to ask of" in done.stderr
    assert "nothing was asked" in done.stderr
    assert server.requests == []
    assert not (tmp_path / "results.json").exists()


# -- the cache


def test_nothing_is_asked_twice(server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]) -> None:
    server.play = lambda number, body: (200, chat(price_of(body)))
    first = prices(hosted(), pl.concat([rows, rows]))
    assert len(server.requests) == ROWS
    assert first == prices(hosted(concurrency=1, attempts=1), pl.concat([rows, rows]))
    assert len(server.requests) == ROWS
    for change in ({"temperature": 1.0}, {"seed": 1}, {"max_tokens": 5}, {"base_url": server.url + "/"}):
        before = len(server.requests)
        list(hosted(**change).predict(rows.head(2)))
        assert len(server.requests) - before == (0 if "base_url" in change else 2), change


@pytest.mark.parametrize("tail", [b'{"key": "ab", "cont', b"\xff\xfe", b"{}"])
def test_a_torn_line_is_dropped(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], tmp_path: Path, tail: bytes
) -> None:
    list(hosted().predict(rows.head(3)))
    path = cache_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    list(hosted().predict(rows.head(4)))
    assert len(server.requests) == 4
    assert path.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in path.read_text("utf-8").splitlines())
    # An answer that only its end of line is missing from is whole.
    path.write_bytes(path.read_bytes()[:-1])
    list(hosted().predict(rows.head(5)))
    assert len(server.requests) == 5
    assert len(path.read_text("utf-8").splitlines()) == 5


def test_a_damaged_line_is_named(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], tmp_path: Path
) -> None:
    list(hosted(concurrency=1).predict(rows.head(3)))
    path = cache_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"?" + b"".join(lines[1:]))
    with pytest.raises(RunError, match=r"line 2 is damaged"):
        prices(hosted(), rows)


@pytest.mark.parametrize(
    "change",
    [
        {"key": []},
        {"key": None},
        {"content": 5},
        {"content": "\ud800"},
        {"refusal": 7},
        {"finish_reason": []},
        {"logprobs": 3},
    ]
    + [{"logprobs": [one]} for one in (1, [1, 2, 3], ["$", -1.0], ["$", float("nan"), []], ["$", -1.0, [["$"]]])],
)
def test_a_line_of_other_kinds_is_named(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], tmp_path: Path, change: dict[str, Any]
) -> None:
    list(hosted(concurrency=1).predict(rows.head(2)))
    path = cache_file(tmp_path)
    first, second = path.read_text("utf-8").splitlines()
    path.write_text(f"{first}\n{json.dumps({**json.loads(second), **change})}\n", "utf-8")
    with pytest.raises(RunError, match=r"line 2 is damaged"):
        prices(hosted(), rows)


def test_two_processes_are_kept_apart(
    server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted], tmp_path: Path
) -> None:
    list(hosted().predict(rows.head(1)))
    with answer_cache.opened(cache_file(tmp_path)), pytest.raises(RunLockedError, match="another `curator evaluate`"):
        hosted().prepare(rows)
    list(hosted().predict(rows.head(2)))
    assert len(server.requests) == 2


def test_a_folder_that_can_not_be_written(server: Server, run: Path, rows: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(RunError, match="can't write"):
        Hosted(MODEL, Setting(tmp_path, places.find(str(run)).recipe)).prepare(rows)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"content": "x" * 100, "refusal": None, "finish_reason": "stop", "logprobs": None}
    with answer_cache.opened(tmp_path / "a.jsonl") as cache:
        cache.add("one", record)

        class Full(type(cache._file)):  # type: ignore[misc]
            def write(self, data: bytes) -> int:
                return int(super().write(data[:20]))

        with Full(tmp_path / "a.jsonl", "r+") as full:
            cache._file = full
            with pytest.raises(RunError, match="no space"):
                cache.add("two", record)
    assert [json.loads(line)["key"] for line in (tmp_path / "a.jsonl").read_text().splitlines()] == ["one"]


# -- whole commands


def command(run: Path, out: Path, *more: str) -> list[str]:
    options = ["--limit", "40", "--out", str(out), "--set", "openai.concurrency=4", *more]
    return [sys.executable, "-m", "curator", "evaluate", str(run), "--model", NAME, *options]


def test_a_killed_run_goes_on(
    server: Server, run: Path, tmp_path: Path, environment: dict[str, str], tree: Callable[[Path], dict[str, bytes]]
) -> None:
    """SIGKILL half way: what was received is never asked again, and the key is nowhere."""
    secrets = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    half = threading.Event()
    hold = threading.Event()

    def play(number: int, body: dict[str, Any]) -> tuple[Any, ...]:
        if number >= 20:
            half.set()
            hold.wait(30)
        return 200, chat(price_of(body))

    server.play = play
    first = subprocess.Popen(
        command(run, tmp_path, "--yes"), env=environment | secrets, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert half.wait(60)
    path = cache_file(tmp_path)
    deadline = time.monotonic() + 20
    while path.read_bytes().count(b"\n") < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    printed = b"".join(first.communicate())
    hold.set()
    kept = path.read_bytes().count(b"\n")
    assert kept == 20
    answered = set(server.questions()[:20])
    begun = len(server.requests)
    server.play = lambda number, body: (200, chat(price_of(body)))
    again = subprocess.run(
        command(run, tmp_path, "--yes", "--json"), env=environment | secrets, capture_output=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert b"20 answered already, 20 to ask" in again.stderr
    later = server.questions()[begun:]
    assert len(later) == len(set(later)) == 20
    assert not answered & set(later)
    one = json.loads(again.stdout)["models"][NAME]
    assert one["answered"] == 40
    for text in (printed, again.stdout, again.stderr, *tree(tmp_path).values(), *map(str.encode, tree(tmp_path))):
        assert KEY.encode() not in text
    assert Counter(server.questions()[:20] + later).most_common(1)[0][1] == 1


def test_a_person_is_asked(server: Server, run: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """On a terminal the question is put on standard error, and a no is a no."""
    secrets = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n")
        done = subprocess.run(
            command(run, tmp_path, "--json"), env=environment | secrets, stdin=theirs, capture_output=True, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 1
    assert b"Ask gpt-5-nano 40 questions? [y/N]" in done.stderr
    assert done.stdout.strip() == b""
    assert server.requests == []


def test_the_harness_asks_before_it_works(server: Server, run: Path, tmp_path: Path) -> None:
    """A no comes before other models have cost their time, and an abandoned run ends its questions."""
    shown: list[str] = []
    with pytest.raises(CuratorError, match="nothing was asked"):
        harness.evaluate(
            str(run), ["constant", NAME], limit=3, folder=tmp_path, progress=lambda name, *rest: shown.append(name)
        )
    assert shown == []


def test_an_abandoned_run_stops_asking(server: Server, rows: pl.DataFrame, hosted: Callable[..., Hosted]) -> None:
    answers = hosted(concurrency=1).predict(rows)
    hold = threading.Event()
    server.play = lambda number, body: (hold.wait(20) if number else None, (200, chat("1.00")))[1]
    assert next(answers).price == 1.0
    began = time.monotonic()
    answers.close()  # type: ignore[attr-defined]
    hold.set()
    assert time.monotonic() - began < 5
    assert len(server.requests) <= 2
    assert not [one for one in threading.enumerate() if one.name == "asking"]


def test_ctrl_c_ends_soon_and_keeps_what_came(
    server: Server, run: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    secrets = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    reached, hold = threading.Event(), threading.Event()

    def play(number: int, body: dict[str, Any]) -> tuple[Any, ...]:
        if number >= 5:
            reached.set()
            hold.wait(60)
        return 200, chat("5.00")

    server.play = play
    process = subprocess.Popen(
        command(run, tmp_path, "--yes"), env=environment | secrets, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert reached.wait(60)
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=30)  # the questions under way would take a minute
    finally:
        hold.set()
        process.kill()
    assert process.returncode == 1
    assert told.splitlines()[-1].startswith(b"Interrupted: ")
    assert b"Traceback" not in printed + told
    assert cache_file(tmp_path).read_bytes().count(b"\n") >= 1


def test_a_tokenizer_that_is_not_here_is_said(
    server: Server, rows: pl.DataFrame, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: Any
) -> None:
    def load(spec: str) -> Any:
        if spec != "o200k_base":
            raise TokenizerError("gated")
        return bundled

    monkeypatch.setattr("curator.tokens.load_tokenizer", load)
    said: list[str] = []
    recipe = load_recipe("course-v1")
    setting = Setting(tmp_path, recipe, say=said.append, confirm=lambda question: True)
    Hosted("llama-3.1-8b", setting).prepare(rows)
    assert f"counted with o200k_base: the tokenizer {recipe.tokenizer} is not here" in said[0]
