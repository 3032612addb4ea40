"""Any dataset of the Hub as a source, read from a stand-in on the loopback interface."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import small_tokenizer
from curator.errors import UsageError
from curator.sources import hub_datasets
from hub_stand_in import hub
from repository import ROOT

NAME = "shop/catalogue"
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
- config_name: lines
  data_files: extra/rows.jsonl.gz
---
"""


def test_names_and_addresses() -> None:
    assert hub_datasets.named("data/hub") is None
    assert hub_datasets.named("hub:me/prices") == ("me/prices", None, None, None)
    assert hub_datasets.named("hub:me/prices@v1:lite") == ("me/prices", "v1", "lite", None)
    assert hub_datasets.named("hf://datasets/me/prices@v1/data/a.csv") == ("me/prices", "v1", None, "data/a.csv")
    for wrong in ("hub:", "hub:prices", "hf://models/me/prices", "hf://datasets/me", "hub:me/prices:"):
        with pytest.raises(UsageError):
            hub_datasets.named(wrong)


def test_a_config_of_amazon_reviews_is_a_category() -> None:
    one = hub_datasets.named("hub:McAuley-Lab/Amazon-Reviews-2023:raw_meta_Appliances")
    assert one is not None
    assert hub_datasets.category(one) == "Appliances"


@pytest.fixture(scope="module")
def server(raw_row: Any, write_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("catalogue")
    rows = [raw_row(number) for number in range(40)]
    files = {
        "README.md": CARD.encode(),
        "data/train-00000-of-00001.parquet": write_rows(folder / "rows.parquet", rows[:25]).read_bytes(),
        "data/test-00000-of-00001.parquet": write_rows(folder / "more.parquet", rows[25:35]).read_bytes(),
        "extra/rows.jsonl.gz": gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows[35:])),
    }
    with hub({}, home=folder / "home") as running:
        running.add(NAME, files)
        yield running


RESOLVE = """
import json, sys
from dataclasses import asdict
from curator.errors import CuratorError
from curator.recipe.load import load_recipe
from curator.sources import resolve
for spec in sys.argv[1:]:
    try:
        found = resolve.resolve([spec], load_recipe())
        print(json.dumps([asdict(one.source) for one in found]))
    except CuratorError as error:
        print(json.dumps(str(error)))
"""


@pytest.fixture(scope="module")
def resolved(server: Any) -> Any:
    def call(*specs: str) -> list[Any]:
        environment = server.environment(PYTHONPATH=str(ROOT), PYTHONUTF8="1")
        command = [sys.executable, "-c", RESOLVE, *specs]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return call


def test_configs_files_folders_and_globs(server: Any, resolved: Any) -> None:
    train, held_out = "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"
    revision = server.repositories["dataset", NAME].sha
    specs = {
        f"hub:{NAME}": [train, held_out],
        f"hub:{NAME}:lines": ["extra/rows.jsonl.gz"],
        f"hub:{NAME}@{revision}": [train, held_out],
        f"hf://datasets/{NAME}/{held_out}": [held_out],
        f"hf://datasets/{NAME}/data": [held_out, train],
        f"hf://datasets/{NAME}/*/train-*": [train],
        f"hf://datasets/{NAME}": [train, held_out],
    }
    for names, sources in zip(specs.values(), resolved(*specs), strict=True):
        assert [one["name"] for one in sources] == names
        assert {(one["repository"], one["revision"]) for one in sources} == {(NAME, revision)}
        assert {one["category"] for one in sources} == {None}
    problems = resolved(f"hub:{NAME}:nothing", "hub:shop/nothing", f"hf://datasets/{NAME}/nothing")
    for problem, said in zip(problems, ("default", "401", "no file of a table"), strict=True):
        assert said in problem
        assert len(problem) < 700


def test_a_build_records_where_its_rows_are_from(server: Any, tmp_path: Path) -> None:
    settings = ("--set", f"tokenizer={small_tokenizer.FOLDER}", "--set", "text.min_chars=10", "--workers", "1")
    arguments = ["-m", "curator", "build", f"hub:{NAME}", *settings, "--out", str(tmp_path / "run")]
    environment = server.environment(PYTHONPATH=str(ROOT), PYTHONUTF8="1")
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "run" / "dataset" / "manifest.json").read_text())
    assert [(one["repository"], one["rows"]) for one in manifest["sources"]] == [(NAME, 25), (NAME, 10)]
