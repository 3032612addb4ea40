"""CONTRIBUTING.md, followed word by word: its blocks are put where it says, and then the tests in it pass."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from repository import ROOT

GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
COPIED = ("CONTRIBUTING.md", "tests/project/test_documentation.py", "tests/project/test_house.py")
WALKS = ("A cleaning rule", "A source", "A predictor", "A report figure")


class Block(NamedTuple):
    """A code block, the file it goes to, and the line that it goes before, after or in place of."""

    path: str
    side: str
    anchor: str
    code: str


def blocks(walk: str) -> list[Block]:
    """Read the blocks of a walk from the sentences above them."""
    text = GUIDE.split(f"\n## {walk}\n")[1].split("\n## ")[0]
    found, path = [], ""
    for above, code in re.findall(r"((?:[^\n]+\n)+)\n```(?:python|html)\n((?:(?!```).*\n)*)```\n", text):
        sentence = above.replace("\n", " ").strip()
        if new := re.search(r"[Aa] new file `([^`]+)`:$", sentence):
            found.append(Block(new[1], "", "", code))
            continue
        place = re.search(r"(?:[Ii]n `([^`]+)`|and there), (before|after|instead of) `([^`]+)`:$", sentence)
        assert place, f"it is not said where this goes: {code}"
        path = place[1] or path
        found.append(Block(path, place[2], place[3], code))
    return found


def put(root: Path, block: Block) -> None:
    """Put a block where its sentence says; the line that the sentence names is there once."""
    path = root / block.path
    if not block.side:
        assert not path.exists(), f"{block.path} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code, "utf-8")
        return
    text = path.read_text("utf-8")
    line = f"{block.anchor}\n"
    assert f"\n{text}".count(f"\n{line}") == 1, f"{block.path} has not one line {block.anchor!r}"
    there = {"before": block.code + line, "after": line + block.code, "instead of": block.code}[block.side]
    path.write_text(f"\n{text}".replace(f"\n{line}", f"\n{there}")[1:], "utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which all walks were followed."""
    root = tmp_path_factory.mktemp("contributing") / "curator"
    # With the loops that are compiled already, which belong to files of the same time and size.
    shutil.copytree(ROOT / "curator", root / "curator", ignore=shutil.ignore_patterns("*.pyc*", "*.tmp*"))
    shutil.copytree(ROOT / "tests" / "support", root / "tests" / "support")
    for name in ("pyproject.toml", "setup.cfg", "tests/conftest.py", *COPIED):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for walk in WALKS:
        for block in blocks(walk):
            put(root, block)
    return root


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env=environment | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_has_code_and_a_test_of_it(walk: str) -> None:
    paths = [block.path for block in blocks(walk)]
    assert sum(path.startswith("curator/") for path in paths) >= 2
    assert sum(path.startswith("tests/") for path in paths) == 1
    assert re.match(r"tests/\w+/test_", paths[-1])


def test_what_the_walks_make_works(changed: Path) -> None:
    """Their tests pass, and so do those of the documentation: all that is new is documented, its examples are right."""
    done = run(changed, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "tests")
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > len(WALKS)
    for walk in WALKS:
        assert (changed / blocks(walk)[-1].path).is_file()


@pytest.mark.parametrize("arguments", re.findall(r"^\$ scripts/test +([^#\n]+?)(?: +#.*)?$", GUIDE, re.MULTILINE))
def test_the_ways_to_run_tests_are_ways(arguments: str) -> None:
    few = [] if "tests/" in arguments else ["tests/duplicates"]
    done = run(ROOT, "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *shlex.split(arguments), *few)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_walks_make_is_clean(changed: Path) -> None:
    done = run(changed, "ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


def test_paths_and_names_of_the_guide_exist() -> None:
    new = {block.path for walk in WALKS for block in blocks(walk) if not block.side} | {"dataset/", "report.html"}
    prose = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
    named = set(re.findall(r"`((?:\.\.|[\w.]+)?/?[\w/]+\.(?:py|md|cfg|html)|\w+/)`", prose)) - new
    assert len(named) > 20
    for name in sorted(named):
        assert any((place / name).exists() for place in (ROOT, ROOT / "curator")), name
