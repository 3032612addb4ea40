"""What it answers, how likely it held it, and what that costs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curator.errors import CuratorError
from curator.evaluate.predictors.hosted import Hosted, read_answer
from curator.evaluate.predictors.hosted_endpoint import read_response
from curator.evaluate.predictors.hosted_evidence import compact, evidence
from curator.llm.scoring import Evidence
from curator.recipe.settings import PriceSettings
from hosted_tools import NAME, ROWS, Server, chat, prices, told
from repository import ROOT

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


def test_the_command_of_the_readme_works(server: Server, run: Path, tmp_path: Path, invoke: Callable[..., Any]) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (told,) = re.findall(r"curator (evaluate runs/demo .*openai:.*)", readme)
    done = invoke(*told.replace("runs/demo", str(run)).split(), "--out", tmp_path, "--yes")
    assert done.exit_code == 0, done.stderr
    assert f"| constant - {NAME} |" in done.stdout


# -- probabilities

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
