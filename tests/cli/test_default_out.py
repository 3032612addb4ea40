"""Where a build without --out goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAME = "full-00000-of-00001.parquet"


@pytest.fixture
def build(
    invoke: Callable[..., Any],
    course_arguments: Callable[..., list[str]],
    raw_row: Callable[..., dict[str, Any]],
    write_rows: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """Builds in a folder with two files of the name that the Hub gives, and two of their own in a third folder."""
    monkeypatch.chdir(tmp_path)
    files = (f"raw_meta_Appliances/{NAME}", f"raw_meta_Toys/{NAME}", "rows/a.parquet", "rows/b.parquet")
    for at, name in enumerate(files):
        write_rows(Path(name), [raw_row(number) for number in range(60 * at, 60 * at + 60)])
    return lambda *arguments: invoke("build", *arguments, "--workers", 1, *course_arguments(), "--json")


def test_files_of_the_hubs_name_go_to_two_folders(build: Callable[..., Any]) -> None:
    named = [f"raw_meta_Appliances/{NAME}", f"raw_meta_Toys/{NAME}", "rows/*.parquet"]
    runs = [json.loads(build(one).stdout)["run"] for one in named]
    assert runs == [f"runs/{name}-course-v1" for name in ("raw_meta_Appliances", "raw_meta_Toys", "rows")]


def test_a_run_of_other_sources_is_replaced_only_where_out_names_it(build: Callable[..., Any]) -> None:
    run = Path(json.loads(build("rows").stdout)["run"])
    Path("raw_meta_Toys", NAME).rename("rows/c.parquet")
    assert json.loads(build("rows").stdout)["rows_in"] == 180  # One more source is no other.
    Path("rows/a.parquet").unlink()
    before = (run / "manifest.json").read_bytes()
    refused = build("rows")
    assert refused.exit_code == 1
    assert f"{run} holds a run of other sources (a.parquet): name another folder with --out" in refused.stderr
    assert (run / "manifest.json").read_bytes() == before
    assert json.loads(build("rows", "--out", run).stdout)["rows_in"] == 120
