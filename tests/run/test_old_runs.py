"""Runs that earlier releases made: later ones open, verify, explain and evaluate them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from repository import ROOT

RUNS = sorted((ROOT / "tests" / "data").glob("run-*.tar.gz"))


@pytest.fixture(scope="module", params=RUNS, ids=lambda path: path.name.removesuffix(".tar.gz"))
def old_run(request, tmp_path_factory) -> Path:
    """A run of ``demo:1000:11`` with the release's default recipe."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    (run,) = folder.iterdir()
    return run


def test_an_old_run_verifies(invoke, old_run):
    done = invoke("verify", old_run, "--json")
    assert done.exit_code == 0, done.output
    assert sum(json.loads(done.stdout)["rows"].values()) == 484


def test_an_old_run_is_explained(invoke, old_run):
    done = invoke("why", old_run, "B03TK3QEHC", "--json")
    assert done.exit_code == 0, done.output


def test_an_old_run_is_evaluated(invoke, old_run, tmp_path):
    done = invoke("evaluate", old_run, "--model", "constant", "--model", "linear", "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.stdout)["models"]) == {"constant", "linear"}


def test_an_old_run_has_its_report_and_is_compared(invoke, old_run, tmp_path):
    assert invoke("report", old_run, "--out", tmp_path / "page.html").exit_code == 0
    done = invoke("compare", old_run, old_run, "--json")
    assert done.exit_code == 0, done.output
