"""What a run directory has to be for the commands that come after the build, in the same words for all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from filelock import FileLock

from curator.errors import RunError
from curator.run.finished import FinishedRun

LATER = {
    "verify": ("verify", "RUN"),
    "publish": ("publish", "RUN", "someone/prices", "--dry-run"),
    "report": ("report", "RUN"),
    "compare": ("compare", "RUN", "RUN"),
    "evaluate": ("evaluate", "RUN", "--model", "constant"),
    "evaluate dataset": ("evaluate", "RUN/dataset", "--model", "constant"),
    "train llama": ("train", "llama", "RUN", "--base", "none", "--out", "RUN/llama"),
    "train gpt": ("train", "gpt", "start", "RUN", "--base", "none", "--dry-run"),
}


@pytest.fixture
def run(demo_run: Path, tmp_path: Path) -> Path:
    """A run that may be changed."""
    return shutil.copytree(demo_run, tmp_path / "run")


def refused(invoke: Callable[..., Result], run: Path, name: str) -> str:
    """Return the message that a later command ends with."""
    done = invoke(*(word.replace("RUN", str(run)) for word in LATER[name]))
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("name", [*LATER, "why"])
def test_a_run_that_did_not_finish_is_refused_in_the_same_words(invoke, run, monkeypatch, name):
    """Everything is still there from an earlier build; only the manifest, which a build takes away first, is not."""
    monkeypatch.setitem(LATER, "why", ("why", "RUN", "B000000000"))
    (run / "manifest.json").unlink()
    said = refused(invoke, run, name)
    assert said == f"Error: the last build in {run} did not finish: run its `curator build` again, which continues it\n"


@pytest.fixture(scope="module")
def emptied(tmp_path_factory, demo_run) -> Path:
    """A run that was built, and built again with settings that leave no row."""
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    run = shutil.copytree(demo_run, tmp_path_factory.mktemp("emptied") / "run")
    source = json.loads((run / "sources.json").read_text("utf-8"))["sources"][0]["name"]
    recipe = load_recipe(str(run / "recipe.toml"), {"price.min": 998.98, "price.max": 998.99})
    with pytest.raises(RunError, match="no row is left"):
        build([source], recipe, run)
    return run


@pytest.mark.parametrize("name", LATER)
def test_a_build_that_left_no_row_is_refused_in_the_same_words(invoke, emptied, name):
    said = refused(invoke, emptied, name)
    assert said.startswith(f"Error: the last build in {emptied} ended without a dataset: no row is left for a dataset")
    assert "price_out_of_range" in said


def test_a_build_that_left_no_row_is_explained(invoke, emptied):
    dropped = FinishedRun(emptied, without_dataset=True).ledger().filter(fate="price_out_of_range").collect()
    done = invoke("why", emptied, dropped["parent_asin"][0])
    assert done.exit_code == 0, done.output
    assert "price_out_of_range" in done.stdout


def test_a_file_of_somebody_else_is_not_the_runs(invoke, run):
    """It is no part of the run, however it changes: no build is redone, and nothing fails to verify."""
    source = json.loads((run / "sources.json").read_text("utf-8"))["sources"][0]["name"]
    before = (run / "manifest.json").read_bytes()
    for text in ("mine", "mine, changed"):
        (run / "notes.txt").write_text(text, "utf-8")
        assert invoke("build", source, "--recipe", run / "recipe.toml", "--out", run).exit_code == 0
        assert invoke("verify", run).exit_code == 0
    assert (run / "manifest.json").read_bytes() == before
    # Not at the next build of something else either.
    done = invoke("build", source, "--recipe", run / "recipe.toml", "--out", run, "--set", "slots.cap=30")
    assert done.exit_code == 0, done.output
    assert "notes.txt" not in json.loads((run / "manifest.json").read_text("utf-8"))["files"]


@pytest.mark.parametrize("relative", [False, True])
def test_a_report_by_any_name_of_its_own_file_keeps_the_manifest_right(invoke, run, monkeypatch, relative):
    monkeypatch.chdir(run.parent)
    (run / "report.html").write_text("older", "utf-8")
    out = Path("run", "..", "run", "report.html") if relative else run / "report.html"
    assert invoke("report", run, "--out", out).exit_code == 0
    assert invoke("verify", run).exit_code == 0


def test_a_report_waits_for_no_build_but_does_not_write_beside_it(invoke, run, tmp_path):
    before = (run / "manifest.json").read_bytes()
    (run / "report.html").write_text("older", "utf-8")
    with FileLock(run / ".lock"):
        done = invoke("report", run)
        assert done.exit_code == 1
        assert "another build is at work" in done.stderr
        assert invoke("report", run, "--out", tmp_path / "page.html").exit_code == 0
    assert (run / "report.html").read_text("utf-8") == "older"
    assert (run / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("manifest.json", b"{"),
        ("manifest.json", b"[]"),
        ("summary.json", b"{}"),
        ("sources.json", b'{"sources": []}'),
        ("recipe.toml", b"tokens = 3"),
    ],
)
def test_files_that_can_not_be_read_are_one_error(run, path, content):
    (run / path).write_bytes(content)
    with pytest.raises(RunError, match="can't be read"):
        opened = FinishedRun(run)
        for name in ("recipe", "summary", "shards"):
            getattr(opened, name)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        FinishedRun(tmp_path)


def test_what_a_run_holds(demo_run):
    opened = FinishedRun(demo_run)
    ledger = opened.ledger().collect()
    assert ledger.height == opened.rows == opened.summary["rows_in"]
    assert opened.items().collect().height == opened.selection().collect().height == opened.summary["items"]
    assert opened.recipe.name == opened.summary["recipe"]
