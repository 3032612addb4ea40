"""What `import curator` gives: its names, what it loads, what a type checker makes of it, and its pages."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import curator
from repository import ROOT, load_script

GUIDE = (ROOT / "docs" / "python.md").read_text("utf-8")
SIDE_BY_SIDE = re.findall(r"^\| `curator (.+?)` \| `(.+)` \|$", GUIDE, re.MULTILINE)
HEAVY = {"torch", "transformers", "datasets", "matplotlib", "numba", "openai", "pyarrow", "polars", "numpy", "pydantic"}


# -- names


def test_every_name_is_there_and_no_other() -> None:
    assert curator.__all__ == sorted(curator.__all__)
    assert all(getattr(curator, name) is not None for name in curator.__all__)
    assert set(curator.__all__) <= set(dir(curator))
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        curator.nothing_of_this_name  # noqa: B018


def test_an_import_loads_nothing_heavy() -> None:
    code = f"import sys, curator; print(*({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_a_type_checker_knows_every_name(tmp_path: Path) -> None:
    """A user's file: what it gets is typed, and what is wrong in it is found."""
    user = tmp_path / "user.py"
    user.write_text(
        "from pathlib import Path\n"
        "import curator, polars as pl\n"
        "def half(item: curator.Item) -> float | None:\n"
        "    return len(item.text) / 2\n"
        'run = curator.build(["demo:200", Path("more.parquet")], recipe="pricer", settings={"slots.cap": 600})\n'
        "reveal_type(run.splits)\n"
        "reveal_type(run.items())\n"
        'reveal_type(run.why("B01").to_dict())\n'
        "reveal_type(run.verify().ok)\n"
        'reveal_type(run.evaluate({"mine": half, "file": "a.csv"}).answers("mine"))\n'
        "reveal_type(curator.map_rows(pl.DataFrame(), curator.load_recipe()).fates)\n"
        'run.evaluate(["constant"], split="train")\n'
        "curator.build(3)\n"
    )
    # With the project's own settings, which are strict, and what the checker knows of the package already.
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(user)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    shown = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    revealed = re.findall(r'Revealed type is "(.+)"', done.stdout)
    assert [re.sub(r"\b(builtins|polars\.\w+\.frame)\.", "", one) for one in revealed] == [
        "dict[str, int]",
        "LazyFrame",
        "dict[str, Any]",
        "bool",
        "DataFrame",
        "DataFrame",
    ]
    assert [one.split("[")[-1].rstrip("]") for one in shown if one.startswith("error")] == ["arg-type", "arg-type"]


# -- pages


def test_the_reference_is_made_from_the_docstrings() -> None:
    reference = load_script("reference")
    assert reference.PAGE.read_text("utf-8") == reference.render(), "run scripts/reference.py"


def test_every_public_function_has_an_entry_and_an_example() -> None:
    reference = load_script("reference")
    page = reference.PAGE.read_text("utf-8")
    for name, thing in reference.public().items():
        assert f"`{name}`" in page or f"`curator.{name}`" in page
        assert inspect.getdoc(thing)
        if inspect.isfunction(thing):
            assert ">>> " in (thing.__doc__ or ""), name
    for name, method in reference.members(curator.Run):
        assert f"`Run.{name}`" in page
        if inspect.isfunction(method):
            assert ">>> " in (method.__doc__ or ""), name


def test_the_guide_runs(here: Path) -> None:
    """Block by block, in one namespace, as a reader would."""
    known: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        exec(block, known)
    assert known["run"].splits == {"train": 841, "validation": 105, "test": 105}
    assert known["league"].answers("ridge")["error"].null_count() < 50
    assert dict(known["fates"].select("parent_asin", "fate").iter_rows()) == {"B01": "kept", "B02": "no_price"}


# -- command and Python, side by side

VOLATILE = {"seconds", "rows_per_second", "rows_mapped", "peak_memory_bytes", "disk_bytes", "files", "run"}


def steady(value: Any) -> Any:
    """What does not differ from time to time."""
    if isinstance(value, dict):
        return {key: steady(one) for key, one in value.items() if key not in VOLATILE}
    return [steady(one) for one in value] if isinstance(value, list) else value


def test_the_table_has_twenty_lines_that_need_nothing_else() -> None:
    assert len([command for command, _ in SIDE_BY_SIDE if not command.startswith(("train", "publish"))]) >= 20


@pytest.mark.parametrize(
    ("command", "python"), [pair for pair in SIDE_BY_SIDE if not pair[0].startswith(("train", "publish"))]
)
def test_both_do_the_same(here: Path, invoke: Any, command: str, python: str) -> None:
    run = curator.open("runs/demo")
    if "runs/cap" in command and not command.startswith("build"):
        curator.build("demo:2000", "runs/cap", settings={"slots.cap": 3})
    run.dataset()["test"].to_polars().select("parent_asin", price=pl.lit(20.0)).write_csv("answers.csv")
    out = re.search(r"--out (\S+)", command)
    by_python = eval(python, {"curator": curator})
    pages = {path.name: path.read_bytes() for path in here.glob("*.html")}
    takes_json = command.split()[0] in ("build", "compare", "why", "verify", "evaluate", "categories")
    done = invoke(*command.split(), *(["--json"] if takes_json else []))
    assert done.exit_code == 0, done.stderr
    assert {path.name: path.read_bytes() for path in here.glob("*.html")} == pages
    if not takes_json:
        assert by_python is None or str(by_python) == done.stdout.strip()
        return
    printed = json.loads(done.stdout)
    if command.startswith("categories"):
        assert by_python == {one["name"]: one["items"] for one in printed["categories"]}
    elif by_python is not None:
        found = by_python.summary if isinstance(by_python, curator.Run) else by_python
        assert steady(found.to_dict()) == steady(printed)
    assert out is None or (here / out[1]).exists()
