"""The page of a training: rows of losses in, one self-contained page out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import browser
import page_reader as reader
from curator.errors import RunError
from curator.train import loss_log, page
from curator.train.page import render

pytestmark = pytest.mark.figures

FACTS = {"title": "small model", "status": "It runs.", "facts": [("rows", "200 to train")], "source": "losses.jsonl"}


def stream(steps: int = 200) -> list[dict[str, Any]]:
    """Rows as OpenAI tells them of a job with one example a step: every tenth has a validation loss."""
    rows = []
    for step in range(1, steps + 1):
        row = {"step": step, "train_loss": 1 + 3 * math.exp(-step / 12) + 0.3 * math.sin(7 * step)}
        row["train_mean_token_accuracy"] = 0.5 + 0.25 * (step % 3)
        if step % 10 == 0:
            row["valid_loss"] = 1.1 + 2 * math.exp(-step / 12)
        rows.append(row)
    rows[-1] |= {"full_valid_loss": 1.1193, "full_valid_mean_token_accuracy": 0.7925}
    return rows


@given(
    st.lists(
        st.fixed_dictionaries(
            {"step": st.integers(1, 9)},
            optional={key: st.floats() | st.none() | st.just("n/a") | st.booleans() for key in loss_log.MEASURES},
        )
    )
)
def test_merged_rows_have_each_step_once_and_the_last_finite_value_of_each_measure(rows: list[dict[str, Any]]) -> None:
    merged = loss_log.merge(rows)
    assert [row["step"] for row in merged] == sorted({row["step"] for row in merged})
    told: dict[tuple[int, str], float] = {}
    for row in rows:
        for key in loss_log.MEASURES:
            value = row.get(key)
            if type(value) is float and math.isfinite(value):
                told[row["step"], key] = value
    assert {(row["step"], key): row[key] for row in merged for key in row if key != "step"} == told
    assert loss_log.merge(merged) == merged


def test_rows_survive_their_file_and_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    rows = loss_log.merge(stream(30))
    path = tmp_path / "losses.jsonl"
    assert loss_log.read(path) == []
    loss_log.write(path, rows)
    assert loss_log.read(path) == rows
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 31, "train_lo')
    assert loss_log.read(path) == rows


@pytest.mark.parametrize("line", ["{", "[1]", "step"])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "losses.jsonl"
    path.write_text(f'{{"step": 1, "train_loss": 2.0}}\n{line}\n', "utf-8")
    with pytest.raises(RunError, match=r"losses\.jsonl line 2 is not"):
        loss_log.read(path)


def test_the_page_says_the_numbers_and_loads_nothing() -> None:
    rows = loss_log.merge(stream())
    html = render(rows, **FACTS)
    page = reader.Page(html)
    assert [value for name, value in page.loads if value and not value.startswith("data:")] == []
    assert page.tags["script"] == 0
    assert page.numbers["tile.steps"][1] == "200"
    last = [row["train_loss"] for row in rows[-13:]]
    assert float(page.numbers["tile.train_loss"][0]) == pytest.approx(sum(last) / 13, abs=1e-4)
    assert page.numbers["tile.full_valid_loss"][1] == "1.119"
    assert page.numbers["step.200.valid_loss"][1] == f"{rows[-1]['valid_loss']:.4f}"
    assert html == render(rows, **FACTS)


def test_each_figure_says_in_words_what_it_shows() -> None:
    html = render(loss_log.merge(stream()), **FACTS)
    alts = re.findall(r'<svg [^>]*aria-label="([^"]+)"', html)
    assert len(alts) == 2
    assert alts[0].startswith("Loss by step: train loss from ")
    assert "validation loss, all rows from 1.12 at step 200 to 1.12 at step 200" in alts[0]
    assert alts[1].startswith("Share of tokens guessed right by step: train accuracy from 0.75")


@pytest.mark.parametrize(
    "rows", [[], [{"step": 1, "train_loss": 0.0}], [{"step": 4, "valid_mean_token_accuracy": 1.0}]]
)
def test_a_page_can_be_made_of_nearly_nothing(rows: list[dict[str, Any]]) -> None:
    html = render(rows, **FACTS)
    assert ("No loss has been" in html) == (not any("train_loss" in row for row in rows))
    reader.Page(html)


def test_what_others_wrote_is_escaped() -> None:
    facts = FACTS | {"title": "<b>x</b>", "status": "<u>", "facts": [("model", "<script>alert(1)</script>")]}
    page = reader.Page(render(loss_log.merge(stream(3)), **facts))
    assert page.tags["script"] == page.tags["b"] == page.tags["u"] == 0


def test_a_long_training_stays_a_small_page(tmp_path: Path) -> None:
    rows = [{"step": step, "train_loss": 1 + 1 / step} for step in range(1, 20_001)]
    page.write_page(tmp_path / "training.html", rows, **FACTS)
    html = (tmp_path / "training.html").read_text("utf-8")
    assert len(html) < 300_000
    assert json.loads(reader.Page(html).numbers["rows"][0]) == 20_000


@pytest.fixture(scope="module")
def started() -> Iterator[Any]:
    with browser.browser() as one:
        yield one


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_page_can_be_read_in_a_browser(started: Any, tmp_path: Path, width: int, scheme: str) -> None:
    path = tmp_path / "training.html"
    page.write_page(path, loss_log.merge(stream()), **FACTS)
    look = browser.Look(started, path, width, scheme)
    assert look.errors == look.requests == []
    assert look.overflow() == 0
    pieces = look.contrasts()
    assert len(pieces) > 100
    assert [piece for piece in pieces if piece["ratio"] < 4.5] == []
    look.page.context.close()
