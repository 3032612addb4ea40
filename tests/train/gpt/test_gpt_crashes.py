"""A crash at any moment is continued: no file is sent twice, no second job is started."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import curator
import small_tokenizer
from gpt_tools import BASE, EVENTS, KEY, ROWS, Gpt, fine_tuning, linked_copy, ones


class Killed(BaseException):
    """The end of the process, as far as Python can play it."""


def _crash_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> Callable[[], int]:
    """Die at a moment: before or after a request, or before or after a file gets its name. Return how many passed."""
    import httpx2

    passed = 0

    def tick() -> None:
        nonlocal passed
        passed += 1
        if passed == moment:
            raise Killed

    send, replace = httpx2.Client.send, Path.replace

    def sending(self: Any, *args: Any, **options: Any) -> Any:
        tick()
        answer = send(self, *args, **options)
        tick()
        return answer

    def replacing(self: Path, target: Path) -> Path:
        tick()
        made = replace(self, target)
        tick()
        return made

    monkeypatch.setattr(httpx2.Client, "send", sending)
    monkeypatch.setattr(Path, "replace", replacing)
    return lambda: passed


def test_a_crash_at_any_moment_is_continued(
    gpt: Gpt, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: Any
) -> None:
    def short() -> list[Any]:
        rows = fine_tuning.steps(3)
        return [fine_tuning.Stage("running", ["Fine-tuning job started"], rows), fine_tuning.success(3)[-1]]

    moment, ended = 0, False
    while not ended:
        moment += 1
        with fine_tuning.peer() as server, monkeypatch.context() as patch:
            server.script, server.keeps_metadata = short, moment % 4 > 1
            patch.setenv("OPENAI_BASE_URL", server.address)
            place = linked_copy(built, tmp_path / f"run-{moment}")
            with monkeypatch.context() as crash:
                passed = _crash_at(crash, moment)
                try:
                    ended = gpt("start", place=place).exit_code == 0
                except Killed:
                    assert passed() == moment
            done = gpt("start", place=place)
            assert done.exit_code == 0, (moment, done.output)
            assert ones(server) == (2, 1), moment
            assert server.count("^POST /files$") == 2
            assert server.count("^POST /fine_tuning/jobs$") == 1
            assert server.violations == []
        events = [json.loads(line)["id"] for line in (place / "train/gpt/1/events.jsonl").read_text().splitlines()]
        assert events == [event["id"] for event in server.events["ftjob-1"]]
        assert json.loads((place / "train/gpt/model.json").read_text("utf-8"))["model"].startswith("ft:")
    assert moment > 50


def test_jobs_of_others_are_not_taken_for_ours(peer: Any, gpt: Gpt, built: Path, tmp_path: Path) -> None:
    """Two runs with the same bytes at an endpoint that keeps no metadata."""
    peer.keeps_metadata = False
    other = linked_copy(built, tmp_path / "other")
    assert gpt("start", place=other).exit_code == 0
    assert gpt("start").exit_code == 0
    assert ones(peer) == (2, 2)
    assert gpt("status", "--json").stdout.count("ftjob-2") >= 1


def test_an_endpoint_that_takes_no_metadata(peer: Any, gpt: Gpt) -> None:
    peer.takes_metadata = False
    done = gpt("start")
    assert done.exit_code == 0, done.output
    assert "the endpoint takes no metadata; the job goes without" in done.stdout
    assert ones(peer) == (2, 1)


def test_two_starts_at_once_make_one_job(peer: Any, gpt: Gpt, run: Path) -> None:
    from filelock import FileLock

    (run / "train/gpt").mkdir(parents=True)
    with FileLock(run / "train/gpt/.lock"):
        done = gpt("start")
    assert (done.exit_code, "another `curator train gpt start` is at work" in done.stderr) == (1, True)
    assert peer.requests == []


def test_a_process_that_is_killed_or_interrupted_is_continued(
    peer: Any, run: Path, environment: dict[str, str]
) -> None:
    """By SIGKILL once the provider has the file, then once it has the job, by Ctrl-C while it runs; then to its end."""
    command = [*small_tokenizer.COMMAND, "train", "gpt", "start", str(run), "--base", BASE, "--yes"]
    command += [*map(str, ROWS), "--every", "0.05"]
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": peer.address}
    environment = environment | keys | {"PYTHONPATH": str(Path(curator.__file__).parents[1])}

    def start(request: str, number: int) -> tuple[int, str]:
        died = threading.Event()
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        ) as process:

            def kill(got: str) -> None:
                if re.search(request, got) and not died.is_set():
                    died.set()
                    process.send_signal(number)
                    if number == signal.SIGKILL:
                        process.wait(30)  # It must not hear the answer.

            peer.after = kill
            out, errors = process.communicate(timeout=60)
        assert KEY not in out + errors
        return process.returncode, out + errors

    assert start("^POST /files$", signal.SIGKILL)[0] == -signal.SIGKILL
    assert len(peer.files) == 1
    assert start("^POST /fine_tuning/jobs$", signal.SIGKILL)[0] == -signal.SIGKILL
    assert ones(peer) == (2, 1)
    status, said = start(EVENTS, signal.SIGINT)
    assert status == 1
    assert "The job goes on at the provider. To end it: curator train gpt cancel" in said
    assert "\nInterrupted: what was done stays; the same command goes on with it." in said
    assert "Traceback" not in said
    status, said = start("^nothing$", signal.SIGKILL)
    assert status == 0, said
    assert "going on with it" in said
    assert "The job has successfully completed" in said
    assert ones(peer) == (2, 1)
    assert (peer.count("^POST /files$"), peer.count("^POST /fine_tuning/jobs$")) == (2, 1)
