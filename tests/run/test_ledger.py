"""The ledger: every input row once, and counts that add up everywhere they are written."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import small_tokenizer
from curator.run import ledger

SIZES = (40, 1, 25)


@pytest.fixture
def sources(raw_row: Any, write_rows: Any, tmp_path: Path) -> list[Path]:
    """Files with rows for every fate that course-v1 knows, some of them with the same or no `parent_asin`."""
    bends = [
        {},
        {"price": "None"},
        {"price": None},
        {"price": "1000"},
        {"price": "0.50"},
        {"price": "7.10"},
        {"description": ["d" * 9], "features": None},
        {"description": [" " * 500], "features": []},
        {"parent_asin": None},
        {"parent_asin": "B000000000"},
    ]
    files, number = [], 0
    for index, size in enumerate(SIZES):
        rows = [raw_row(number + n, **bends[(number + n) % len(bends)]) for n in range(size)]
        for row in rows[1::2]:  # a crowded slot
            row["price"] = row["price"] if row["price"] in (None, "None") else "7.10"
        files.append(write_rows(tmp_path / f"rows-{index}.parquet", rows))
        number += size
    return files


@pytest.fixture
def run(build_run: Any, sources: list[Path], tmp_path: Path) -> Path:
    build_run(sources, tmp_path / "run", split__train=9, split__test=4)
    return tmp_path / "run"


def test_every_row_exactly_once(run: Path, sources: list[Path]) -> None:
    rows = pl.read_parquet(run / "ledger" / "*.parquet")
    assert dict(rows.schema) == ledger.SCHEMA
    places = [(shard, row) for shard, size in enumerate(SIZES) for row in range(size)]
    assert rows.select("shard", "row").rows() == places
    asins = [asin for path in sources for asin in pq.read_table(path)["parent_asin"].to_pylist()]
    assert rows["parent_asin"].to_list() == asins
    assert rows["fate"].null_count() == 0
    assert set(rows["fate"]) <= set(ledger.FATES)


def test_counts_add_up_everywhere(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    counts = Counter(pl.read_parquet(run / "ledger" / "*.parquet")["fate"].to_list())
    assert summary["fates"] == counts
    assert list(summary["fates"]) == [fate for fate in ledger.FATES if fate in counts]
    assert sum(counts.values()) == summary["rows_in"] == sum(SIZES)
    assert set(counts) == {
        "train",
        "test",
        "no_price",
        "price_out_of_range",
        "text_too_short",
        "too_few_tokens",
        "no_slot",
        "not_sampled",
        "beyond_splits",
    }

    selection = pl.read_parquet(run / "selection.parquet")
    items = pl.read_parquet(run / "items" / "*.parquet")
    selected = ("train", "test", "no_slot", "not_sampled", "beyond_splits")
    assert summary["items"] == selection.height == items.height == sum(counts[fate] for fate in selected)
    sampled = selection.filter("sampled")
    assert summary["sampled"] == sampled.height == counts["train"] + counts["test"] + counts["beyond_splits"]
    assert sorted(sampled["position"]) == list(range(sampled.height))
    assert selection.filter(~pl.col("sampled"))["position"].null_count() == selection.height - sampled.height
    assert Counter(selection["split"].drop_nulls().to_list()) == {"train": 9, "test": 4}

    assert summary["splits"] == {"train": 9, "validation": 0, "test": 4}
    for split, size in (("train", 9), ("test", 4)):
        for form in ("data", "text"):
            assert pl.read_parquet(run / "dataset" / form / f"{split}-*.parquet").height == size
        assert len((run / "dataset" / "openai" / f"{split}.jsonl").read_text("utf-8").splitlines()) == size
    manifest = json.loads((run / "dataset" / "manifest.json").read_text("utf-8"))
    assert manifest["counts"]["rows_in"] == sum(SIZES)
    assert manifest["counts"]["fates"] == counts


def test_each_split_holds_the_rows_of_its_fate(run: Path) -> None:
    rows = pl.read_parquet(run / "ledger" / "*.parquet")
    items = pl.read_parquet(run / "items" / "*.parquet").join(rows, on=["shard", "row"])
    for split in ("train", "test"):
        data = pl.read_parquet(run / "dataset" / "data" / f"{split}-*.parquet")
        prompts = (data["prompt"] + data["completion"]).to_list()
        assert sorted(prompts) == sorted(items.filter(fate=split)["prompt"])


def test_summary_holds_what_the_design_says(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    assert {"rows_in", "fates", "splits", "seconds", "peak_memory_bytes"} <= set(summary)
    assert set(summary["seconds"]) == {"map", "select", "write"}
    assert summary["peak_memory_bytes"] > 10_000_000


def test_json_prints_one_object_and_nothing_else(
    run_cli: Any, course_arguments: Any, sources: list[Path], tmp_path: Path
) -> None:
    options = course_arguments(tokenizer=small_tokenizer.FOLDER)
    done = run_cli("build", *sources, *options, "--out", tmp_path / "run", "--json", "--workers", 2)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert printed.items() >= json.loads((tmp_path / "run" / "summary.json").read_text("utf-8")).items()
    assert printed["rows_in"] == sum(SIZES)


def test_the_table_has_every_fate_and_where_things_are(
    invoke: Any, course_arguments: Any, sources: list[Path], tmp_path: Path
) -> None:
    done = invoke("build", *sources, *course_arguments(), "--out", tmp_path / "run", "--workers", 1)
    assert done.exit_code == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    for fate, count in summary["fates"].items():
        assert any(line.startswith(f"{fate} {count:,}") for line in lines), fate
    for text in ("rows in 66", "rows per second", "seconds", "peak memory", str(tmp_path / "run" / "dataset")):
        assert any(line.startswith(text) or text in line for line in lines), text


def test_final_fates_replace_those_of_an_earlier_selection() -> None:
    part = pl.DataFrame(
        {"shard": [0, 0, 0], "row": [0, 1, 2], "parent_asin": ["a", "b", None], "fate": ["no_price", "kept", "train"]}
    )
    decided = pl.DataFrame({"row": [1, 2], "fate": ["test", "not_sampled"]})
    made = ledger.final_fates(part, decided)
    assert made["fate"].to_list() == ["no_price", "test", "not_sampled"]
    assert made.columns == list(ledger.SCHEMA)
    assert ledger.final_fates(made, decided).equals(made)


def test_count_fates() -> None:
    part = pl.DataFrame({"fate": ["no_price", "train", "train"]})
    assert ledger.count_fates(part) == {"train": 2, "no_price": 1}
    assert ledger.count_fates(part.clear()) == {}
