"""The README shows what comes: its table, its commands, its links."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repository import ROOT

pytestmark = pytest.mark.figures

README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo run of the quick start, and what the command printed."""
    from click.testing import CliRunner

    from curator.cli.commands import main

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
    from curator.recipe.load import load_recipe

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


def test_the_recipes_are_told_as_they_are() -> None:
    from curator.recipe.load import load_recipe

    pricer, course = load_recipe("pricer"), load_recipe("course-v1")
    table = README[README.index("| | `pricer` | `course-v1` |\n") :].partition("\n\n")[0]
    rows = {cells[1]: cells[2:4] for cells in map(_cells, table.splitlines())}
    assert rows["text"][0].endswith(f"; {pricer.text.max_chars:,} characters")
    assert rows["text"][1].endswith(f"; {course.text.max_chars:,} characters")
    assert rows["cap"][0].startswith(f"{pricer.tokens.cap} tokens for the whole {pricer.tokens.of}")
    assert rows["cap"][1].startswith(f"{course.tokens.cap} tokens of {course.tokens.of}")
    assert f"`{pricer.tokenizer}`" in rows["tokenizer"][0]
    assert (pricer.price.rounding, course.price.rounding) == ("half_up", "half_even")
    assert [row.split(":")[0] for row in rows["rounding"]] == ["half up", "half to even"]
    assert pricer.split.held_out_share == 0.1
    assert rows["splits"] == [
        "train, validation, test; held-out splits at most a tenth each",
        f"{course.split.train:,} train, {course.split.test:,} test",
    ]
    assert f"similarity of {pricer.duplicates.similarity} or more" in README.replace("\n", " ")
    assert f"Where more than {pricer.duplicates.cluster_cap} items hang together" in README


def test_the_run_directory_holds_what_is_told(demo: tuple[Path, str]) -> None:
    run, _ = demo
    table = README[README.index("| path | what it holds |") :].partition("\n\n")[0]
    told = {name for line in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", _cells(line)[1])}
    assert all(list(run.glob(name)) for name in told - {"train/gpt/", "tables/", "evaluate/"})
    there = {path.name for path in run.iterdir() if not path.name.startswith(".")}
    assert there <= {name.partition("/")[0] for name in told} | {"evaluate"}


def test_as_many_categories_as_are_told(invoke: Callable[..., Any]) -> None:
    (count,) = re.findall(r"`curator categories` lists all ([0-9]+)", README)
    assert len(invoke("categories").stdout.splitlines()) == int(count)
