"""Whole fine-tuning jobs, at OpenAI and at Azure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from curator.train import page as training_page
from gpt_tools import BASE, EVENTS, JOB, KEY, Gpt, build_small, fine_tuning, linked_copy, ones

pytestmark = pytest.mark.figures

WRITE_PAGE = training_page.write_page


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, bundled: Any) -> Path:
    """A finished run of course-v1, which has none."""
    settings = {"tokenizer": "o200k_base", "split.train": 60}
    return build_small(tmp_path_factory.mktemp("course"), bundled, "course-v1", **settings)


# -- whole jobs


def test_a_job_from_upload_to_result(peer: Any, gpt: Gpt, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_page, "write_page", WRITE_PAGE)
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
    place = linked_copy(course, tmp_path / "course-run")
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
    monkeypatch.setattr(training_page, "write_page", WRITE_PAGE)
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

    from curator.train.gpt import events

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
