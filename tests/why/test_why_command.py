"""The command: hostile text, several rows, JSON."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator.errors import RunError, UsageError
from curator.system.display import json_line
from curator.why import steps
from curator.why.story import explain
from why_tools import WORDS

UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# -- hostile text


def test_hostile_text_stays_text(parquet_run: Callable[..., Path]) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \u202e reversed \u2028 {{7*7}} $(id) \r\nFate\n  split   train\n"
    asin = "B\x1b[31m"
    description = [evil + " ".join(WORDS * 12)]
    run = parquet_run(
        {"parent_asin": asin, "title": evil, "description": description, "price": "12"},
        {"parent_asin": "PRICE", "price": evil},
        {"parent_asin": "DETAILS", "details": json.dumps({evil: evil, "Item": evil}), "description": ["x"]},
    )
    for name in (asin, "PRICE", "DETAILS"):
        story = explain(run, name)
        assert all(row.agrees for row in story.rows)
        for full in (False, True):
            page = story.text(full=full)
            assert not UNSAFE.search(page)
            assert page.split("\n").count("Fate") == 1
        written = json_line(story.to_dict())
        assert written.isascii()
        assert written.isprintable()
    assert r"\u001b[2J" in str(explain(run, asin))
    assert "{{7*7}} $(id)" in str(explain(run, asin))
    assert json.loads(json.dumps(explain(run, asin).to_dict()))["parent_asin"] == asin


# -- the command

DOCUMENTED = {
    name: set(re.findall(r"`(\w+)`", facts))
    for entry in re.findall(r"^- (.+?)(?=^- |\Z)", steps.__doc__ or "", re.MULTILINE | re.DOTALL)
    for names, _, facts in [re.split(r"(,|:) ", entry, maxsplit=1)]
    for name in re.findall(r"``(\w+)``", names)
}
"""The facts of each step that its list names, and a few values."""


def test_the_facts_of_every_step_are_documented(odd_run: Path, invoke: Any) -> None:
    for asin in ("TWICE", "FULL20", "MALFORMED", "SHORT", "INFINITE", "TELLS", "EURO", "COPY"):
        result = invoke("why", odd_run, asin, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        told = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert told.keys() == {"run", "recipe", "parent_asin", "rows"}
        assert told["parent_asin"] == asin
        for row in told["rows"]:
            assert row.keys() == {"fate", "reason", "agrees", "warnings", "prompt", "steps"}
            assert row["steps"][0]["name"] == "source"
            for step in row["steps"]:
                assert step.keys() == {"name", "facts"}
                if step["name"] != "parts":  # their keys are the parts of the recipe's text
                    assert step["facts"].keys() <= DOCUMENTED[step["name"]], step["name"]


def test_command_prints_the_page(odd_run: Path, invoke: Any) -> None:
    result = invoke("why", odd_run, "FULL20")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == str(explain(odd_run, "FULL20")) + "\n"
    assert invoke("why", odd_run, "FULL20", "--full").stdout == explain(odd_run, "FULL20").text(full=True) + "\n"


def test_unknown_asin(odd_run: Path, invoke: Any) -> None:
    with pytest.raises(UsageError):
        explain(odd_run, "NOBODY")
    for options in ([], ["--json"]):
        result = invoke("why", odd_run, "NO\x1bBODY", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "none of the 22 rows of" in result.stderr
        assert not UNSAFE.search(result.stderr)


def test_no_finished_run(odd_run: Path, tmp_path: Path, invoke: Any) -> None:
    unfinished = tmp_path / "unfinished"
    shutil.copytree(odd_run, unfinished)
    (unfinished / "manifest.json").unlink()
    missing = (tmp_path / "none", "there is no folder", UsageError, 2)
    for path, said, error, code in (missing, (unfinished, "did not finish", RunError, 1)):
        with pytest.raises(error, match=said):
            explain(path, "X")
        result = invoke("why", path, "X")
        assert (result.exit_code, result.stdout) == (code, "")
        assert said in result.stderr


@pytest.mark.parametrize("name", ["recipe.toml", "sources.json", "selection.parquet", "ledger/part-00000.parquet"])
def test_damaged_run(odd_run: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "damaged"
    shutil.copytree(odd_run, run)
    (run / name).write_bytes(b'["')
    with pytest.raises(RunError, match="can't be read"):
        explain(run, "FULL20")
