"""Docstrings are no data: `python -OO`, which drops them, says the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAID = """
import sys
import click
from curator.cli.commands import main
from curator.evaluate.metrics import METRICS
from curator.recipe.load import explain, load_recipe

def helps(command, context):
    sys.stdout.write(command.get_help(context))
    for name, below in getattr(command, "commands", {}).items():
        helps(below, click.Context(below, parent=context, info_name=name))

helps(main, click.Context(main, info_name="curator"))
sys.stdout.writelines(metric.sentence for metric in METRICS)
sys.stdout.write(explain(load_recipe()))
"""


def run(*arguments: object, environment: dict[str, str]) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_recipes_and_sentences_are_the_same(environment: dict[str, str]) -> None:
    whole, stripped = (run(*options, "-c", SAID, environment=environment) for options in ([], ["-OO"]))
    assert "Turn raw Amazon product metadata into" in whole
    assert "# Which prices are kept" in whole
    assert stripped == whole


@pytest.mark.acceptance
def test_a_build_and_an_evaluation_work(environment: dict[str, str], tmp_path: Path) -> None:
    curator = ("-OO", "-m", "curator")
    built = run(*curator, "build", "demo:500", "--workers", 1, "--out", tmp_path / "run", environment=environment)
    assert "no_price" in built
    run(*curator, "evaluate", tmp_path / "run", "--model", "constant", environment=environment)
    assert "Share of all rows whose answer has no price" in (tmp_path / "run/evaluate/evaluation.html").read_text(
        "utf-8"
    )
