"""README and the page for students: each command is one, the tables are what was measured, the snippets run."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest

from curator.cli.commands import main
from repository import ROOT

PAGES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "reports/for-students.md")}
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGES["reports/for-students.md"], re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Every command of `curator` that a page shows with what it is about; a synopsis with brackets is none."""
    found = []
    for name, page in PAGES.items():
        blocks = "\n".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL)).replace("\\\n", " ")
        lines = [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in blocks.splitlines()]
        lines += [match.replace("\n", " ") for match in re.findall(r"`(curator [^`]+)`", page)]
        found += [(name, line) for line in lines if line.startswith("curator ") and "[" not in line and "…" not in line]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_that_is_shown_is_one(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if isinstance(command, click.Group):
        assert words in ([], ["--help"]), f"{page}: {line}"
        return
    try:
        command.make_context("curator", list(words))
    except click.MissingParameter:
        assert not words, f"{page}: {line}"  # a name by itself is spoken of, not typed


def test_the_pages_show_many_commands() -> None:
    shown = [page for page, _ in commands()]
    assert shown.count("README.md") > 20
    assert shown.count("reports/for-students.md") > 25


def test_the_tables_are_what_was_measured(tmp_path: Path, environment: dict[str, str]) -> None:
    for name, page in PAGES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        before, _, rest = page.partition("<!-- measured -->\n")
        (tmp_path / name).write_text(f"{before}<!-- measured -->\n{rest[rest.index('<!-- /measured -->') :]}", "utf-8")
    script = ROOT / "scripts" / "measured.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], env=environment, check=True, timeout=100)
    for name, page in PAGES.items():
        assert (tmp_path / name).read_text("utf-8") == page, f"{name} is older than its figures: scripts/measured.py"


def test_pages_without_a_place_for_the_tables_are_named(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "README.md").write_text("no marks\n", "utf-8")
    script = [sys.executable, str(ROOT / "scripts" / "measured.py"), str(tmp_path)]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert f"{tmp_path / 'README.md'} has no lines <!-- measured -->" in done.stderr


def test_no_row_of_pricer_leaks_by_its_own_rule() -> None:
    """What the first table says of leaks: none in `pricer`, some in `course-v1`."""
    leaks = json.loads((ROOT / "reports" / "leaks.json").read_text("utf-8"))
    for source in ("real", "demo"):
        pricer, course = (leaks[source]["recipes"][name] for name in ("pricer", "course-v1"))
        assert (pricer["same_text"], pricer["near_copies"], pricer["own_price"]) == (0, 0, 0)
        assert min(course["same_text"], course["near_copies"], course["own_price"]) > 0
        assert pricer["test"] == course["test"]


@pytest.mark.acceptance
def test_the_leaks_of_the_demo_are_what_the_script_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    leaks = importlib.import_module("leaks")
    found = leaks.measure("demo", leaks.DEMO_TOKENIZER, tmp_path)
    written = json.loads((ROOT / "reports" / "leaks.json").read_text("utf-8"))
    assert found == written["demo"], "reports/leaks.json is old: run scripts/leaks.py"


@pytest.fixture
def dataset(demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a snippet: the dataset is in runs/demo."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(demo_run / "dataset", tmp_path / "runs" / "demo" / "dataset"))


def run(snippet: str, environment: dict[str, str], more: str) -> Any:
    """Run a snippet as a program, and what it is asked after; returns what that prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"{snippet}\nimport json\nprint(json.dumps({more}))"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_old_trainers_get_text_and_price(dataset: Path, environment: dict[str, str], shared_data: Path) -> None:
    """By the rule of trl's old collator, what follows the template's tokens for the last time is learned: the price."""
    from transformers import AutoTokenizer

    wanted = "[list(train['text']), list(train['price']), list(test['text'])]"
    texts, prices, asked = run(SNIPPETS[0], environment, wanted)
    assert len(texts) > 500
    assert len(asked) > 50
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "llama-3-tokenizer")
    template = tokenizer.encode("Price is $", add_special_tokens=False)
    for text, price in zip(texts[:300], prices[:300], strict=True):
        ids = tokenizer.encode(text)
        starts = [at for at in range(len(ids)) if ids[at : at + len(template)] == template]
        learned = tokenizer.decode(ids[starts[-1] + len(template) :])
        assert learned == f"{int(price + 0.5)}.00"


def test_old_trainers_cut_no_prompt_that_their_tokenizer_capped(shared_data: Path, tmp_path: Path) -> None:
    """Their `MAX_SEQUENCE_LENGTH` is 182, with the token that begins a text."""
    from curator.pipeline import build
    from curator.recipe.load import load_recipe
    from curator.tokens.tokenizer import load_tokenizer

    spec = str(shared_data / "llama-3-tokenizer")
    build(["demo:2000"], load_recipe("pricer", {"tokenizer": spec}), tmp_path / "run", workers=1)
    texts = pl.read_parquet(tmp_path / "run" / "dataset" / "text" / "*.parquet")["text"]
    assert 170 < load_tokenizer(spec).encode(texts).counts.max() <= 181


def test_newer_trainers_get_prompt_and_completion(dataset: Path, environment: dict[str, str]) -> None:
    columns, rows = run(SNIPPETS[1], environment, "[validation.column_names, train.num_rows]")
    assert columns == ["prompt", "completion"]
    assert rows > 500
