"""The README shows what comes: its table, its commands, its links."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo run of the quick start, and what the command printed."""
    from click.testing import CliRunner

    from curator.cli import main

    run = tmp_path_factory.mktemp("readme") / "runs" / "demo"
    done = CliRunner().invoke(main, ["build", "demo", "--out", str(run)])
    assert done.exit_code == 0, done.output
    return run, done.stdout


def test_the_table_of_the_quick_start_is_what_the_command_prints(demo: tuple[Path, str]) -> None:
    run, printed = demo
    shown = re.search(r"```text\n(rows in.*?)```", README, re.DOTALL)
    assert shown
    got = [line.replace(str(run), "runs/demo") for line in printed.splitlines()]
    for line, real in zip(shown.group(1).splitlines(), got, strict=True):
        assert real.startswith(line.split("…")[0]), (line, real)


def test_every_command_of_the_readme_exists(invoke: Callable[..., Any]) -> None:
    named = set(re.findall(r"curator ([a-z]+)\b", "\n".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))))
    assert {"build", "why", "report", "compare", "verify", "publish"} <= named
    for name in named:
        assert invoke(name, "--help").exit_code == 0


def test_the_commands_after_a_build_work(demo: tuple[Path, str], invoke: Callable[..., Any]) -> None:
    run, _ = demo
    (asin,) = re.findall(r"why runs/demo (\S+)", README)
    assert "price_in_text" in invoke("why", run, asin).stdout
    for name in ("report", "verify"):
        assert invoke(name, run).exit_code == 0


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_recipe_of_the_readme_loads(tmp_path: Path) -> None:
    from curator.recipe import load_recipe

    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "mine.toml").write_text(block, "utf-8")
    assert load_recipe(str(tmp_path / "mine.toml")).slots.cap == 600


def test_the_results_are_those_of_the_code(shared_data: Path, tmp_path: Path, invoke: Callable[..., Any]) -> None:
    """What `scripts/results --write` would put there, of the models that are quick to ask."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `evaluate`)")
    run = tmp_path / "runs" / "results"
    assert invoke("build", shared_data / "amazon-2023-meta-dev.parquet", "--out", run).exit_code == 0
    models = ("constant", "category", "linear")
    asked = [word for model in models for word in ("--model", model)]
    printed = invoke("evaluate", run, "--limit", 0, *asked).stdout.splitlines()
    shown = README[README.index("<!-- results -->") : README.index("<!-- /results -->")].splitlines()
    assert any(line.startswith("runs/results, ") and line.endswith(printed[0].split("/results, ")[1]) for line in shown)
    for model in models:
        (cells,) = [_cells(line) for line in printed if line.startswith(f"| {model} ") and " - " not in line]
        assert cells in [_cells(line) for line in shown], "README's results are old: run scripts/results --write"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
