"""Shuffling the sample, and dividing it."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.recipe.settings import SplitSettings
from curator.selection.splits import SplitSizes, sequential_split, shuffle, split_sizes


def course(**changes: Any) -> SplitSettings:
    return SplitSettings(**{"train": 10, "validation": 0, "test": 4, "held_out_share": 1.0} | changes)


@given(st.integers(0, 500), st.sampled_from([0, 1, 42, 2**40]))
def test_shuffle_is_pythons(rows: int, seed: int) -> None:
    expected = list(range(100, 100 + rows))
    random.Random(seed).shuffle(expected)
    assert shuffle(np.arange(100, 100 + rows), seed).tolist() == expected


def test_shuffle_leaves_its_input_alone() -> None:
    chosen = np.arange(9)
    assert shuffle(chosen, 42).dtype == np.int64
    assert chosen.tolist() == list(range(9))


def test_shuffle_of_a_view() -> None:
    expected = list(range(0, 40, 2))
    random.Random(42).shuffle(expected)
    assert shuffle(np.arange(40)[::2], 42).tolist() == expected


@pytest.mark.parametrize(
    ("rows", "sizes", "warned"),
    [
        (20, (10, 0, 4, 6), []),
        (15, (10, 0, 4, 1), []),
        (14, (10, 0, 4, 0), []),
        (13, (10, 0, 3, 0), ["test has 3 rows"]),
        (11, (10, 0, 1, 0), ["test has 1 rows"]),
        (10, (10, 0, 0, 0), ["test is empty and not written"]),
        (9, (9, 0, 0, 0), ["train has 9 rows", "test is empty and not written"]),
        (0, (0, 0, 0, 0), ["train is empty and not written", "test is empty and not written"]),
    ],
)
def test_fixed_train_is_filled_first(rows: int, sizes: tuple[int, ...], warned: list[str]) -> None:
    division = sequential_split(np.arange(rows), course())
    made, warnings = division.sizes, division.warnings
    assert made == SplitSizes(*sizes)
    assert [warning.split(":")[0] for warning in warnings] == warned
    for warning in warnings:
        assert f"the sample has {rows} rows" in warning


def test_validation_comes_between_train_and_test() -> None:
    settings = course(validation=3)
    assert split_sizes(18, settings) == SplitSizes(10, 3, 4, 1)
    assert split_sizes(12, settings) == SplitSizes(10, 2, 0, 0)


def test_train_takes_the_rest_and_small_inputs_get_small_held_out_splits() -> None:
    settings = SplitSettings(train=0, validation=10_000, test=10_000, held_out_share=0.1)
    assert split_sizes(1_000_000, settings) == SplitSizes(980_000, 10_000, 10_000, 0)
    division = sequential_split(np.arange(1_000), settings)
    made, warnings = division.sizes, division.warnings
    assert made == SplitSizes(800, 100, 100, 0)
    assert len(warnings) == 2
    assert split_sizes(9, settings) == SplitSizes(9, 0, 0, 0)


@given(
    st.integers(0, 10_000),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
    st.floats(0.001, 1),
)
def test_sizes_always_add_up(rows: int, train: int, validation: int, test: int, share: float) -> None:
    settings = SplitSettings(train=train, validation=validation, test=test, held_out_share=share)
    division = sequential_split(np.arange(rows), settings)
    made, warnings = division.sizes, division.warnings
    parts = (made.train, made.validation, made.test, made.beyond)
    assert sum(parts) == rows
    assert min(parts) >= 0
    assert made.validation <= validation
    assert made.test <= test
    assert made.beyond == 0 or train
    for name in ("train", "validation", "test"):
        short = getattr(made, name) < (getattr(settings, name) or (name == "train"))
        assert short == any(warning.startswith(name) for warning in warnings)


@pytest.mark.parametrize(
    ("sizes", "written"), [((30, 0), ["train"]), ((20, 10), ["test", "train"]), ((30, 10), ["train"])]
)
def test_an_empty_split_is_not_written(
    build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Any, sizes: tuple[int, int], written: list[str]
) -> None:
    source = write_rows(tmp_path / "rows.parquet", [raw_row(n, price=f"{n + 1}.00") for n in range(30)])
    out = tmp_path / "run"
    summary = build_run(source, out, split__train=sizes[0], split__test=sizes[1])
    for form in ("data", "text", "openai"):
        assert sorted({path.name.split("-")[0].split(".")[0] for path in (out / "dataset" / form).iterdir()}) == written
    card = (out / "dataset" / "README.md").read_text("utf-8")
    assert ("split: test" in card) == ("test" in written)
    assert bool(summary["warnings"]) == (sizes == (30, 10))
    assert summary["splits"]["validation"] == 0
    assert json.loads((out / "summary.json").read_text("utf-8")) == summary


def test_a_split_that_falls_short_is_said_on_the_command_line(
    invoke: Any, course_arguments: Any, raw_row: Any, write_rows: Any, tmp_path: Any
) -> None:
    source = write_rows(tmp_path / "rows.parquet", [raw_row(n) for n in range(5)])
    done = invoke("build", source, *course_arguments(split__train=4, split__test=2), "--out", tmp_path / "run")
    assert done.exit_code == 0
    assert "Warning: test has 1 rows: the recipe asks for 2" in done.stderr
    assert "Warning" not in done.stdout


def test_a_run_in_which_nothing_survives(
    invoke: Any, course_arguments: Any, raw_row: Any, write_rows: Any, tmp_path: Any
) -> None:
    source = write_rows(tmp_path / "rows.parquet", [raw_row(n, price="None") for n in range(5)])
    done = invoke("build", source, *course_arguments(), "--out", tmp_path / "run", "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "no row is left for a dataset: 5 of 5 rows are no_price" in done.stderr
    assert not (tmp_path / "run" / "dataset").exists()
    assert pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet")["fate"].to_list() == ["no_price"] * 5
