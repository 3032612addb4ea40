"""What is refused before anything is sent, and trouble on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from gpt_tools import BASE, EVENTS, JOB, Gpt, Trouble, ones
from repository import ROOT

# -- nothing is sent


def test_a_dry_run_sends_and_writes_nothing_and_needs_no_key(
    peer: Any, gpt: Gpt, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    done = gpt("start", "--dry-run", "--price-per-million", 25)
    assert done.exit_code == 0
    assert re.search(r"train +12 rows, [\d,]+ tokens, [\d,]+ bytes: openai/train.jsonl lines 1 to 12", done.stdout)
    assert "dry run: nothing was sent" in done.stdout
    assert peer.requests == []
    assert not (run / "train").exists()


def test_it_asks_first(peer: Any, run: Path) -> None:
    from click.testing import CliRunner

    from curator.cli.commands import main

    asked = ["train", "gpt", "start", str(run), "--base", BASE, "--train-rows", "12", "--every", "0.01"]
    done = CliRunner().invoke(main, asked, input="n\n")
    assert (done.exit_code, peer.requests) == (1, [])
    assert "Send these files and start the job? [y/N]" in done.stderr
    assert CliRunner().invoke(main, asked, input="y\n").exit_code == 0
    assert ones(peer) == (2, 1)


@pytest.mark.parametrize("key", ["", "  ", None])
def test_a_missing_key_is_one_message(peer: Any, gpt: Gpt, monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    monkeypatch.delenv("OPENAI_API_KEY") if key is None else monkeypatch.setenv("OPENAI_API_KEY", key)
    done = gpt("start")
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: there is no key for {peer.address}: set OPENAI_API_KEY in the environment (it is never stored)\n"
    )
    assert peer.requests == []


def test_a_key_that_is_refused_is_not_repeated(peer: Any, gpt: Gpt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key")
    done = gpt("start")
    assert done.exit_code == 1
    assert "does not accept the key in the environment (401)" in done.stderr
    assert "sk-wrong-key" not in done.output
    peer.troubles = [Trouble("GET /files", status=403, times=9, body='{"error": {"message": "no: sk-wrong-key"}}')]
    assert "answered 403" in (again := gpt("start")).stderr
    assert "sk-wrong-key" not in again.output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--train-rows", 5), "a job takes 10 examples or more"),
        (("--suffix", "x" * 65), "--suffix has 65 characters; OpenAI takes 1 to 64"),
        (("--suffix", ""), "--suffix has 0 characters"),
        (("--set", "n_epochs=3"), "the epochs are --epochs"),
        (("--epochs", 51), "51 is not in the range 1<=x<=50"),
        (("--base-url", "https://user:secret@host/v1"), "is no plain address"),
        (("--base-url", "api.openai.com"), "is no plain address"),
        (("--base-url", "https://host/v1?key=1"), "is no plain address"),
        (("--base-url", "http://[::1"), "is no plain address"),
        (("--azure", "--base-url", "https://x.openai.azure.com"), "--azure needs the version of its interface"),
        (("--azure",), "--azure needs the resource's address"),
        (("--base", ""), "--base is empty"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(
    peer: Any, gpt: Gpt, run: Path, args: tuple[object, ...], said: str
) -> None:
    done = gpt("start", *args)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert "secret" not in done.output
    assert peer.requests == []


def test_a_place_that_is_no_finished_run(peer: Any, gpt: Gpt, run: Path, tmp_path: Path) -> None:
    for verb in ("status", "follow", "cancel"):
        done = gpt(verb)
        assert (done.exit_code, "has no fine-tuning job" in done.stderr) == (1, True)
    (run / "manifest.json").unlink()
    for place, code, said in ((run, 1, "did not finish"), (tmp_path / "nowhere", 2, "there is no folder")):
        done = gpt("start", place=place)
        assert (done.exit_code, said in done.stderr) == (code, True)
        assert not (place / "train").exists()


def test_files_that_were_changed_are_not_sent(peer: Any, gpt: Gpt, run: Path) -> None:
    path = run / "dataset/openai/train.jsonl"
    content = path.read_bytes().replace(b"assistant", b"developer", 1)
    path.unlink()
    path.write_bytes(content)
    done = gpt("start")
    assert done.exit_code == 3
    assert "openai/train.jsonl has sha256" in done.stderr
    assert peer.requests == []


def test_prepared_files_that_were_changed_are_written_again(peer: Any, gpt: Gpt, run: Path) -> None:
    assert gpt("start").exit_code == 0
    (path,) = (run / "train/gpt/files").glob("train-*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(b"{}\n")
    assert gpt("start", "--again").exit_code == 0
    assert path.read_bytes() == whole


def test_other_settings_are_no_continuation(peer: Any, gpt: Gpt) -> None:
    assert gpt("start", "--no-follow").exit_code == 0
    done = gpt("start", "--epochs", 2, "--seed", 7)
    assert done.exit_code == 2
    assert "has a job with other settings (epochs 1 → 2; seed 42 → 7), and it has not ended" in done.stderr
    assert gpt("start", "--epochs", 2, "--again").exit_code == 2
    assert gpt("follow", "--every", 0.01).exit_code == 0
    done = gpt("start", "--epochs", 2)
    assert (done.exit_code, "--again starts another" in done.stderr) == (2, True)
    assert ones(peer) == (2, 1)
    assert gpt("start", "--epochs", 2, "--again").exit_code == 0
    assert ones(peer) == (2, 2)


# -- trouble


@pytest.mark.parametrize("status", [429, 500, 503])
def test_limits_and_server_errors_are_tried_again(peer: Any, gpt: Gpt, status: int) -> None:
    peer.troubles = [
        Trouble(pattern, status=status, times=2)
        for pattern in ("^POST /files", "^POST /fine_tuning/jobs$", "^GET /files$", JOB, EVENTS, "/content")
    ]
    done = gpt("start")
    assert done.exit_code == 0, done.output
    assert ones(peer) == (2, 1)
    assert [one.times for one in peer.troubles] == [0] * 6


@pytest.mark.parametrize("status", [0, 500])
def test_an_answer_that_is_lost_makes_no_second_file_or_job(peer: Any, gpt: Gpt, status: int) -> None:
    peer.troubles = [Trouble(f"^POST {path}$", status=status, late=True) for path in ("/files", "/fine_tuning/jobs")]
    done = gpt("start")
    assert done.exit_code == 0, done.output
    assert ones(peer) == (2, 1)
    assert peer.count("^POST /files$") == 2  # train, whose answer was lost, and validation
    assert peer.count("^POST /fine_tuning/jobs$") == 1


def test_a_connection_that_drops_while_following(peer: Any, gpt: Gpt) -> None:
    peer.troubles = [Trouble(EVENTS, status=0), Trouble(JOB, status=0)]
    done = gpt("start")
    assert done.exit_code == 0, done.output
    assert "The job has successfully completed" in done.stdout


def test_an_endpoint_that_is_gone_is_one_message_and_can_be_followed_later(
    peer: Any, gpt: Gpt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.train.gpt.endpoint.RETRIES", 0)
    peer.troubles = [Trouble(EVENTS, status=0)]
    done = gpt("start")
    assert done.exit_code == 1
    assert re.search(r"^Error: job ftjob-1: http://127\S+ can't be reached: ", done.stderr)
    assert re.search(r"later: curator train gpt follow \S+/run$", done.stderr)
    assert gpt("follow", "--every", 0.01).exit_code == 0


def test_a_model_is_kept_though_its_results_can_not_be_had(peer: Any, gpt: Gpt, run: Path) -> None:
    peer.troubles = [Trouble("/content$", status=404)]
    done = gpt("start")
    assert (done.exit_code, "result file file-3: " in done.stderr) == (1, True)
    stored = json.loads((run / "train/gpt/model.json").read_text("utf-8"))
    assert (stored["model"], stored["results"]) == (peer.jobs["ftjob-1"]["fine_tuned_model"], [])
    assert gpt("follow").exit_code == 0
    assert json.loads((run / "train/gpt/model.json").read_text("utf-8"))["results"] == ["1/results-1.csv"]


def test_a_file_that_the_provider_finds_faulty(peer: Any, gpt: Gpt) -> None:
    body = json.dumps(
        {
            "id": "file-9",
            "object": "file",
            "bytes": 9,
            "created_at": 1,
            "filename": "x",
            "purpose": "fine-tune",
            "status": "error",
            "status_details": "line 3 is no chat",
        }
    )
    peer.troubles = [Trouble("^POST /files$", status=200, body=body, headers={"Content-Type": "application/json"})]
    done = gpt("start")
    assert done.exit_code == 1
    assert "finds file-9 (openai/train.jsonl lines 1 to 12) faulty: line 3 is no chat" in done.stderr


def test_a_refused_job_is_told_in_the_providers_words(peer: Any, gpt: Gpt) -> None:
    body = json.dumps({"error": {"message": f"Model {BASE} is not available for fine-tuning"}})
    peer.troubles = [Trouble("^POST /fine_tuning/jobs$", status=400, body=body)]
    done = gpt("start")
    assert done.exit_code == 1
    assert f"answered 400: Model {BASE} is not available" in done.stderr.replace("Error code: 400 - ", "")
    assert gpt("start").exit_code == 0
    assert ones(peer) == (2, 1)


def test_an_address_that_serves_pages_is_told_apart(peer: Any, gpt: Gpt) -> None:
    peer.troubles = [Trouble("", status=200, times=99, body="<html>Welcome</html>")]
    done = gpt("start")
    assert done.exit_code == 1
    assert "gave an answer that is not OpenAI's; is the address right?" in done.stderr


def test_a_file_that_the_provider_has_lost_is_sent_again(peer: Any, gpt: Gpt) -> None:
    assert gpt("start").exit_code == 0
    del peer.files["file-1"]
    done = gpt("start", "--again")
    assert done.exit_code == 0, done.output
    assert "the endpoint has no file file-1 any more" in done.stdout
    assert peer.bodies[-1]["training_file"] != "file-1"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("1/job.json", "{", "job.json can't be read"),
        ("1/job.json", "{}", "job.json is not what this curator wrote"),
        ("1/job.json", '{"job": {}}', "job.json is not what this curator wrote"),
        ("1/events.jsonl", "{\n", "events.jsonl can't be read"),
        ("1/events.jsonl", '{"id": 1}\n', "events.jsonl is not what curator wrote"),
        ("uploads.json", "[]", "uploads.json is not a JSON object"),
    ],
)
def test_a_state_that_was_changed_is_one_message(
    peer: Any, gpt: Gpt, run: Path, name: str, content: str, said: str
) -> None:
    assert gpt("start", "--no-follow").exit_code == 0
    (run / "train/gpt" / name).write_text(content, "utf-8")
    done = gpt("start")
    assert (done.exit_code, said in done.stderr) == (1, True), done.output
    assert ones(peer) == (2, 1)


def test_help_and_readme_say_which_endpoints_go_on(invoke: Callable[..., Result]) -> None:
    from curator.train.gpt.printed import NOTICE

    readme = (ROOT / "README.md").read_text("utf-8")
    for text in (NOTICE, readme, invoke("train", "gpt", "--help").stdout):
        plain = " ".join(text.split())
        for part in ("6 January 2027", "7 May 2026", "Azure OpenAI", "Nebius Token Factory", "Llama 3.1 8B"):
            assert part in plain
