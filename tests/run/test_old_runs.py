"""Runs that earlier releases made: later ones open, verify, explain and evaluate them."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from curator.dataset.manifest import read
from curator.dataset.measures import Measures
from curator.verify.row_checks import RowChecks
from curator.verify.verdict import Check
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


def test_chats_are_held_to_the_rule_of_their_release(old_run, tmp_path):
    """0.1.0 deleted the question's " to the nearest dollar" from products' texts, too; later releases do not."""
    dataset = shutil.copytree(old_run / "dataset", tmp_path / "dataset")
    said, unsaid = "a ruler to the nearest dollar", "a ruler"
    for path, column in (("data/test", "prompt"), ("openai/test", "messages")):
        (file,) = dataset.glob(f"{path}-*.parquet")
        rows = pl.read_parquet(file)
        if column == "prompt":
            rows = rows.with_columns(pl.col("prompt").str.replace("\n\n", f"\n\n{said} "))
        else:
            chats = rows["messages"].to_list()
            for chat in chats:
                chat[1]["content"] = chat[1]["content"].replace("\n\n", f"\n\n{unsaid} ", 1)
            rows = rows.with_columns(messages=pl.Series(chats, dtype=rows.schema["messages"]))
        pq.write_table(rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pq.read_schema(file)), file)
    lines = [{"messages": chat} for chat in chats]
    (dataset / "openai/test.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    manifest, _ = read(dataset)
    for listed, holds in ((manifest, True), (manifest.model_copy(update={"promises": manifest.promises}), False)):
        check = Check("config-openai", "")
        RowChecks(dataset, listed, {check.id: check}, None).run("test", Measures(listed.recipe, []))
        assert (check.found == 0) is holds, check.problems


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
