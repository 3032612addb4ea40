"""The cache of answers, and whole commands that it lets go on."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import small_tokenizer
from curator.dataset import opened
from curator.errors import CuratorError, RunError, RunLockedError, TokenizerError
from curator.evaluate import harness
from curator.evaluate.predictor import Setting
from curator.evaluate.predictors import hosted_cache
from curator.evaluate.predictors.hosted import Hosted
from curator.recipe.load import load_recipe
from hosted_tools import KEY, MODEL, NAME, ROWS, Server, cache_file, chat, price_of, prices

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
    with hosted_cache.opened(cache_file(tmp_path)), pytest.raises(RunLockedError, match="another `curator evaluate`"):
        hosted().prepare(rows)
    list(hosted().predict(rows.head(2)))
    assert len(server.requests) == 2


def test_a_folder_that_can_not_be_written(server: Server, run: Path, rows: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(RunError, match="can't write"):
        Hosted(MODEL, Setting(tmp_path, opened.open_dataset(str(run)).recipe)).prepare(rows)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"content": "x" * 100, "refusal": None, "finish_reason": "stop", "logprobs": None}
    with hosted_cache.opened(tmp_path / "a.jsonl") as cache:
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
    return [*small_tokenizer.COMMAND, "evaluate", str(run), "--model", NAME, *options]


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

    monkeypatch.setattr("curator.tokens.tokenizer.load_tokenizer", load)
    said: list[str] = []
    recipe = load_recipe("course-v1")
    setting = Setting(tmp_path, recipe, say=said.append, confirm=lambda question, usd: True)
    Hosted("llama-3.1-8b", setting).prepare(rows)
    assert f"counted with o200k_base: the tokenizer {recipe.tokenizer} is not here" in said[0]
