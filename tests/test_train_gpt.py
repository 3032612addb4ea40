"""Fine-tuning jobs, whole: against a stateful stand-in on loopback whose every exchange is checked by the contract."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import curator
from curator.train import loss


def _load(name: str) -> Any:
    """Import a file beside this one, which is on no path of Python's."""
    spec = importlib.util.spec_from_file_location(f"tests_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(f"tests_{name}", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


fine_tuning = _load("fine_tuning_peer")
WRITE_PAGE = loss.write_page
KEY, Trouble = fine_tuning.KEY, fine_tuning.Trouble
BASE = "gpt-4.1-nano-2025-04-14"
ROWS = ("--train-rows", 12, "--validation-rows", 5)
JOB, EVENTS = r"^GET /fine_tuning/jobs/[^/]+$", r"^GET /fine_tuning/jobs/[^/]+/events"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, bundled: Any) -> Path:
    """A finished run of the default recipe, which has a validation split."""
    return _build(tmp_path_factory.mktemp("built"), bundled, "pricer")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, bundled: Any) -> Path:
    """A finished run of course-v1, which has none."""
    settings = {"tokenizer": "o200k_base", "split.train": 60}
    return _build(tmp_path_factory.mktemp("course"), bundled, "course-v1", **settings)


def _build(folder: Path, loaded: Any, recipe: str, **settings: Any) -> Path:
    from curator import items
    from curator.build import build
    from curator.recipe import load_recipe

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(items, "load_tokenizer", lambda spec: loaded)
        build(["demo:300"], load_recipe(recipe, settings), folder / "run", workers=1)
    return folder / "run"


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may write to; its data is linked."""
    return _copy(built, tmp_path / "run")


def _copy(source: Path, target: Path) -> Path:
    for path in source.rglob("*"):
        if path.is_file() and path.relative_to(source).parts[0] in ("recipe.toml", "manifest.json", "dataset"):
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target / path.relative_to(source))
    return target


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch, bundled: Any) -> Iterator[Any]:
    """The provider, with the key in the environment; nothing that was exchanged may be against the contract."""
    from curator.train import examples

    monkeypatch.setattr(examples, "load_tokenizer", lambda spec: bundled)
    # What takes longest: drawing, which the tests that look at the page turn on, and reading certificates.
    monkeypatch.setattr(loss, "write_page", lambda path, rows, **facts: path.write_text(str(facts), "utf-8"))
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *args, **options: None)
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "AZURE_"))]:
        monkeypatch.delenv(name)
    with fine_tuning.peer() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.address)
        yield server
    assert server.violations == []


Gpt = Callable[..., Result]


@pytest.fixture
def gpt(invoke: Callable[..., Result], run: Path) -> Gpt:
    """`curator train gpt VERB RUN ...`; `start` with a base, few rows and no questions."""

    def call(verb: str, *args: object, place: Path = run) -> Result:
        asked = ("--base", BASE, *ROWS, "--yes", "--every", 0.01) if verb == "start" else ()
        result = invoke("train", "gpt", verb, place, *asked, *args)
        stored = b"".join(path.read_bytes() for path in (place / "train").rglob("*") if path.is_file())
        assert KEY not in result.output
        assert KEY.encode() not in stored
        return result

    return call


def ones(peer: Any) -> tuple[int, int]:
    """How many files and jobs there are of what was asked for once."""
    sent = [file for file in peer.files.values() if file["purpose"] == "fine-tune"]
    digests = {fine_tuning.sha256(peer.contents[file["id"]]) for file in sent}
    assert len(digests) == len(sent), "the same bytes were uploaded twice"
    return len(sent), len(peer.jobs)


# -- whole jobs


def test_a_job_from_upload_to_result(peer: Any, gpt: Gpt, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "write_page", WRITE_PAGE)
    done = gpt("start", "--wandb-project", "gpt-pricer", "--set", "batch_size=1", "--price-per-million", 1000)
    assert done.exit_code == 0, done.output
    assert ones(peer) == (2, 1)
    (asked,) = peer.bodies
    job = peer.jobs["ftjob-1"]
    lines = (run / "dataset/openai/train.jsonl").read_bytes().splitlines(keepends=True)
    assert peer.contents[asked["training_file"]] == b"".join(lines[:12])
    lines = (run / "dataset/openai/validation.jsonl").read_bytes().splitlines(keepends=True)
    assert peer.contents[asked["validation_file"]] == b"".join(lines[:5])
    assert asked["model"] == BASE
    assert asked["method"] == {
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 1}},
    }
    assert (asked["seed"], asked["suffix"]) == (42, "pricer")
    assert asked["integrations"] == [{"type": "wandb", "wandb": {"project": "gpt-pricer"}}]
    assert "hyperparameters" not in asked

    text = done.stdout
    assert "no new fine-tuning jobs after 6 January 2027" in text
    tokens, dollars = re.search(
        r"tokens +([\d,]+) to train on in 1 epoch.*cost +about ([\d.]+) USD", text, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    assert float(dollars) == pytest.approx(int(tokens.replace(",", "")) / 1000, abs=0.01)
    said = [line[9:] for line in text.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert [line for line in said if not line.startswith("step ")] == [
        "Created fine-tuning job: ftjob-1",
        "Validating training file",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Evaluating model against our usage policies",
        "New fine-tuned model created",
        "The job has successfully completed",
    ]
    steps = [int(line.split()[1]) for line in said if line.startswith("step ")]
    assert steps == list(range(1, 13))
    assert "step 10 of 12 (83 %)  train loss 2.304  validation loss 1.969" in text
    assert text.index("step 12 of 12") < text.index("the provider validates the model") < text.index("usage policies")
    model = job["fine_tuned_model"]
    url = f"--set openai.base_url={peer.address}"
    assert text.splitlines()[-1].endswith(f"curator evaluate {run} --model openai:{model} {url}")

    stored = json.loads((run / "train/gpt/model.json").read_text("utf-8"))
    assert (stored["model"], stored["base"], stored["job"]) == (model, BASE, "ftjob-1")
    results = (run / "train/gpt" / stored["results"][0]).read_text("utf-8")
    assert results.startswith("step,train_loss,") and len(results.splitlines()) == 13
    losses = [json.loads(line) for line in (run / "train/gpt" / stored["losses"]).read_text("utf-8").splitlines()]
    assert [row["step"] for row in losses] == list(range(1, 13))
    assert losses[-1]["full_valid_loss"] == 1.119309
    page = (run / "train/gpt/1/training.html").read_text("utf-8")
    assert "validation loss, all rows from 1.12 at step 12" in page
    assert model in page


def test_every_exchange_was_checked_by_the_contract(peer: Any, gpt: Gpt) -> None:
    if not fine_tuning.CONTRACT.is_file():
        pytest.skip(f"OpenAI's document is not here: no {fine_tuning.CONTRACT}")
    assert gpt("start").exit_code == 0
    assert gpt("status").exit_code == 0
    assert peer.checked > len(peer.requests)
    peer.check("post", "/fine_tuning/jobs", "request", {"model": 4})
    peer.check("get", "/files", "query", {"purpos": "fine-tune"})
    assert len(peer.violations) == 3  # a model that is no text, no training file, an unknown parameter
    peer.violations.clear()


def test_without_a_validation_split_the_next_train_rows_serve(
    peer: Any, gpt: Gpt, course: Path, tmp_path: Path
) -> None:
    place = _copy(course, tmp_path / "course-run")
    done = gpt("start", place=place)
    assert done.exit_code == 0, done.output
    assert "validation  5 rows" in done.stdout
    assert "openai/train.jsonl lines 13 to 17" in done.stdout
    lines = (place / "dataset/openai/train.jsonl").read_bytes().splitlines(keepends=True)
    assert peer.contents[peer.bodies[0]["validation_file"]] == b"".join(lines[12:17])
    none_left = gpt("start", "--train-rows", 0, "--again", place=place)
    assert none_left.exit_code == 2
    assert "leaves none in its place" in none_left.stderr


def test_no_validation_at_all(peer: Any, gpt: Gpt) -> None:
    assert gpt("start", "--validation-rows", 0).exit_code == 0
    assert "validation_file" not in peer.bodies[0]
    assert ones(peer) == (1, 1)


def test_a_failed_job_ends_with_what_the_provider_says(peer: Any, gpt: Gpt, run: Path) -> None:
    peer.script = lambda: fine_tuning.failure("The file has \x1b[31m3 examples\nthat break our policies.")
    done = gpt("start")
    assert done.exit_code == 1
    assert done.stderr == "Error: job ftjob-1 has failed: The file has [31m3 examples that break our policies.\n"
    assert not (run / "train/gpt/model.json").exists()
    assert "that break our policies" in (run / "train/gpt/1/training.html").read_text("utf-8")
    # It is not started again unasked.
    assert gpt("start").exit_code == 1
    assert ones(peer) == (2, 1)
    peer.script = fine_tuning.success
    again = gpt("start", "--again")
    assert again.exit_code == 0
    assert "at the endpoint already as file-1" in again.stdout
    assert ones(peer) == (2, 2)
    assert json.loads((run / "train/gpt/model.json").read_text("utf-8"))["job"] == "ftjob-2"


def test_cancel(peer: Any, gpt: Gpt) -> None:
    assert gpt("start", "--no-follow").exit_code == 0
    done = gpt("cancel")
    assert done.exit_code == 0
    assert "ftjob-1: cancelled" in done.stdout
    assert peer.jobs["ftjob-1"]["status"] == "cancelled"
    assert peer.count("POST .*cancel") == 1
    assert gpt("cancel").exit_code == 0  # It is cancelled, as was asked.
    assert peer.count("POST .*cancel") == 1
    followed = gpt("follow")
    assert (followed.exit_code, "was cancelled" in followed.stderr) == (1, True)


def test_what_has_ended_can_not_be_cancelled(peer: Any, gpt: Gpt) -> None:
    assert gpt("start", "--no-follow").exit_code == 0
    while peer.advance("ftjob-1")["status"] != "succeeded":
        pass
    done = gpt("cancel")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: there is nothing to cancel: job ftjob-1 has succeeded already\n",
    )
    assert peer.count("POST .*cancel") == 0


def test_status_and_follow_go_on_where_start_stopped(peer: Any, gpt: Gpt, run: Path) -> None:
    assert gpt("start", "--no-follow", "--json").exit_code == 0
    seen = [json.loads(gpt("status", "--json").stdout) for _ in range(5)]
    assert [one["status"] for one in seen] == ["validating_files", "queued", "running", "running", "running"]
    assert [(one["step"], one["total_steps"]) for one in seen[2:]] == [(6, 12), (12, 12), (12, 12)]
    assert seen[2]["phase"] is None
    assert seen[3]["phase"] == "all steps are done: the provider validates the model"
    assert seen[3]["losses"]["full_valid_loss"] == 1.119309
    assert seen[2]["estimated_finish"] is not None
    done = gpt("follow", "--every", 0.01)
    assert done.exit_code == 0
    assert "The job has successfully completed" in done.stdout
    assert "Created fine-tuning job" not in done.stdout  # It was told before.
    assert json.loads(gpt("status", "--json").stdout)["model"] == peer.jobs["ftjob-1"]["fine_tuned_model"]


def test_json_is_one_object_and_nothing_else(peer: Any, gpt: Gpt) -> None:
    done = gpt("start", "--json")
    found = json.loads(done.stdout)
    assert (found["status"], found["job"]) == ("succeeded", "ftjob-1")
    assert "step 12 of 12" in done.stderr
    assert json.loads(gpt("start", "--dry-run", "--json").stdout)["dry_run"] is True


def test_long_streams_are_read_by_the_page_and_drawn(
    peer: Any, gpt: Gpt, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "write_page", WRITE_PAGE)
    peer.script = lambda: fine_tuning.success(450)
    done = gpt("start")
    assert done.exit_code == 0
    steps = [int(step) for step in re.findall(r" step (\d+) of 450 ", done.stdout)]
    assert steps == list(range(1, 451))
    looks = peer.count(JOB)
    assert peer.count(EVENTS) == looks + 4  # Twice 225 events come in three pages, all others in one.
    events = (run / "train/gpt/1/events.jsonl").read_text("utf-8").splitlines()
    assert len({json.loads(event)["id"] for event in events}) == len(events) == len(peer.events["ftjob-1"])
    assert "mean of 30 steps around it" in (run / "train/gpt/1/training.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "Fine-tuning job started"),
        ({}, "Fine-tuning job started"),
        ({"step": 7.0, "total_steps": 9.0, "train_loss": 1.25}, "step 7 of 9 (77 %)  train loss 1.250"),
        ({"step": 7, "train_loss": 0.0013630171306431293}, "step 7  train loss 0.001"),
        ({"step": 9, "total_steps": 9, "full_valid_loss": 1.1}, "step 9 of 9 (100 %)  validation loss, all rows 1.100"),
    ],
)
def test_events_in_the_shapes_they_come(data: Any, said: str) -> None:
    from openai.types.fine_tuning import FineTuningJobEvent

    from curator.train import events

    event = FineTuningJobEvent.construct(
        id="ftevent-1", created_at=1_745_810_630, level="info", message="Fine-tuning job started", data=data
    )
    found = events.stored(event)
    assert events.line(found)[9:] == said
    assert json.loads(json.dumps(found)) == found
    assert events.all_steps_done([found]) == ("all rows" in said)


def test_results_fill_what_the_events_did_not_tell(peer: Any, gpt: Gpt, run: Path) -> None:
    """Some endpoints send events without numbers; the results have them."""
    told = fine_tuning.Peer._tell
    peer._tell = lambda job_id, message, data=None: told(peer, job_id, message, None)
    rows = "step,train_loss,valid_loss,train_accuracy\n1,2.5,,0.5\n2,1.5,1.75,\n"
    peer.result = rows.encode()
    assert gpt("start").exit_code == 0
    losses = [json.loads(line) for line in (run / "train/gpt/1/losses.jsonl").read_text("utf-8").splitlines()]
    assert losses == [
        {"step": 1, "train_loss": 2.5, "train_mean_token_accuracy": 0.5},
        {"step": 2, "train_loss": 1.5, "valid_loss": 1.75},
    ]


def test_the_example_of_the_help_runs(peer: Any, invoke: Callable[..., Result], run: Path) -> None:
    text = invoke("train", "gpt", "start", "--help").stdout
    (example,) = re.findall(r"curator (train gpt start .*--dry-run)", text)
    done = invoke(*example.replace("runs/demo-5000", str(run)).split())
    assert done.exit_code == 0
    assert "dry run: nothing was sent" in done.stdout


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

    from curator.cli import main

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
    for place, code, said in ((run, 1, "holds no finished run"), (tmp_path / "nowhere", 2, "there is no folder")):
        done = gpt("start", place=place)
        assert (done.exit_code, said in done.stderr) == (code, True)
        assert f"curator build --out {place}" in done.stderr
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
    monkeypatch.setattr("curator.train.endpoint.RETRIES", 0)
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
    body = json.dumps({
        "id": "file-9", "object": "file", "bytes": 9, "created_at": 1, "filename": "x", "purpose": "fine-tune",
        "status": "error", "status_details": "line 3 is no chat",
    })  # fmt: skip
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
    from curator.train.gpt_words import NOTICE

    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    for text in (NOTICE, readme, invoke("train", "gpt", "--help").stdout):
        plain = " ".join(text.split())
        for part in ("6 January 2027", "7 May 2026", "Azure OpenAI", "Nebius Token Factory", "Llama 3.1 8B"):
            assert part in plain


# -- crashes


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
            place = _copy(built, tmp_path / f"run-{moment}")
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
    other = _copy(built, tmp_path / "other")
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
    command = [sys.executable, "-m", "curator", "train", "gpt", "start", str(run), "--base", BASE, "--yes"]
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


# -- Azure


def test_azure_through_its_own_client(peer: Any, gpt: Gpt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    azure = ("--azure", "--base-url", peer.address.removesuffix("/v1"), "--api-version", "2025-04-01-preview")
    done = gpt("start", *azure)
    assert (done.exit_code, "set AZURE_OPENAI_AD_TOKEN or AZURE_OPENAI_API_KEY" in done.stderr) == (1, True)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    done = gpt("start", *azure)
    assert done.exit_code == 0, done.output
    assert ones(peer) == (2, 1)
    assert "deploy the model in Azure, then: curator evaluate" in done.stdout
    assert gpt("status").exit_code == 0  # It remembers where the job is.
