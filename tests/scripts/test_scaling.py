"""The cost model of reports/scaling.md: it is made from reports/benchmarks.json, and behaves as costs do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import ROOT

MEASURED = json.loads((ROOT / "reports" / "benchmarks.json").read_text("utf-8"))
COUNTS = st.integers(1, 100_000_000)


@pytest.fixture(scope="module")
def scaling() -> Any:
    import importlib

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        module: ModuleType = importlib.import_module("scaling")
        yield module


def test_the_page_is_what_the_figures_make(environment: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "scaling.md"
    script = ROOT / "scripts" / "scaling_page.py"
    subprocess.run([sys.executable, str(script), str(page)], env=environment, check=True, timeout=100)
    assert page.read_text("utf-8") == (ROOT / "reports" / "scaling.md").read_text("utf-8"), (
        "reports/scaling.md is older than what it is made from: run scripts/scaling_page.py"
    )


def test_ray_costs_less_than_15_percent() -> None:
    ray = MEASURED["ray"]
    assert ray["rows"] >= 1_000_000
    assert ray["overhead_wall"] < 0.15
    assert ray["overhead_processor"] < 0.15


@pytest.mark.parametrize("recipe", ["pricer", "course-v1"])
@given(rows=COUNTS, more=COUNTS, cores=st.integers(1, 2_000))
def test_more_rows_cost_more_and_more_cores_never_do(
    scaling: Any, recipe: str, rows: int, more: int, cores: int
) -> None:
    rates = scaling.Rates.of(MEASURED, recipe)
    assert min(vars(rates).values()) >= 0

    def cost(rows: int, cores: int) -> Any:
        return scaling.cost(rates, rows, cores, 800_000, 16_384)

    assert cost(rows, cores).total <= cost(rows + more, cores).total
    assert cost(rows, 2 * cores).total <= cost(rows, cores).total
    assert cost(rows, cores).memory < cost(rows + more, cores).memory
    assert cost(rows, cores).seconds["select"] == cost(rows, 2 * cores).seconds["select"]
