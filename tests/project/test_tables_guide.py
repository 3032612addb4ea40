"""The tables of docs/tables.md go from file to evaluated dataset by the commands that it gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import small_tokenizer
from repository import ROOT

GUIDE = (ROOT / "docs" / "tables.md").read_text("utf-8")
SETTINGS = {"tokenizer": str(small_tokenizer.FOLDER)}

Row = Callable[[int], str]


def lamp(number: int) -> str:
    wood, shade = ("Eiche", "Buche", "Ahorn")[number % 3], ("Leinen", "Glas", "Papier", "Filz")[number % 4]
    euros = f"{20 + number * 7:,}".replace(",", ".")
    text = f"Lampe Nummer {number} aus {wood}, Schirm aus {shade}, {30 + number} cm hoch"
    return f'L-{number};Tischlampe {wood} {number};"{text}";Marke {number % 5};{euros},90 €'


def yen(number: int) -> str:
    price = f'"¥{3000 + number * 450:,}"' if number % 2 else f"{3000 + number * 450}円"
    text = f"真鍮製のランプです。高さは{30 + number}センチ、第{number * 3}版です。"
    return f"Y-{number},デスクランプ第{number}号,{text},{price}"


def salary(number: int) -> str:
    title = ("Data Engineer", "Data Analyst", "Teacher", "Nurse")[number % 4]
    level, size = ("entry", "senior")[number % 2], ("small", "medium", "large")[number % 3]
    return f"{title},{level},full time,{number % 101},{size},Country {number},2024,{30_000 + number * 1_100}"


EXAMPLES = {
    "A shop in euros": (lamp, "to the nearest euro?", "Price is €"),
    "Prices in yen": (yen, "100 yen", "Price is ¥"),
    "Salaries": (salary, "1,000 dollars", "Price is $"),
}


def section(heading: str) -> str:
    (found,) = re.findall(rf"(?ms)^## {heading}$(.*?)(?=^## |\Z)", GUIDE)
    return str(found)


def block(text: str, language: str) -> str:
    (found,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)
    return str(found)


@pytest.mark.parametrize("heading", EXAMPLES)
def test_a_file_becomes_an_evaluated_dataset(heading: str, invoke: Any, tmp_path: Path) -> None:
    row, question, answer = EXAMPLES[heading]
    sample, recipe = block(section(heading), "csv"), block(section(heading), "toml")
    assert len([line for line in recipe.splitlines() if line]) < 15
    (tmp_path / "table.csv").write_text(sample + "".join(f"{row(number)}\n" for number in range(120)), "utf-8")
    (tmp_path / "recipe.toml").write_text(recipe, "utf-8")
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    run = tmp_path / "run"
    arguments = ("--recipe", tmp_path / "recipe.toml", *settings, "--workers", 1, "--out", run)
    done = invoke("build", tmp_path / "table.csv", *arguments)
    assert done.exit_code == 0, done.output
    items = pl.read_parquet(run / "items" / "*.parquet")
    assert items.height > 100
    assert all(question in prompt.split("\n", 1)[0] for prompt in items["prompt"])
    assert all(answer in prompt.rsplit("\n", 1)[1] for prompt in items["prompt"])
    done = invoke("evaluate", run, "--model", "constant")
    assert done.exit_code == 0, done.output
    assert "constant" in done.stdout


def test_the_data_frame_becomes_an_evaluated_dataset(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `evaluate`)")
    code = block(section("A data frame"), "python").replace("settings={", f"workers=1, settings={SETTINGS} | {{")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/tables.md", "exec"), names)
    assert names["run"].splits["test"] > 0
    assert (here / "runs" / "books" / "evaluate").is_dir()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target
