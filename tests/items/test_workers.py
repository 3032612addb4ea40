"""Worker processes, whatever started the build."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import small_tokenizer

SETTINGS = {"tokenizer": str(small_tokenizer.FOLDER)}
SCRIPT = f"""
from pathlib import Path
from curator.pipeline import build
from curator.recipe.load import load_recipe

before = globals().get("__file__"), __spec__
summary = build(["rows"], load_recipe("course-v1", {SETTINGS}), Path("run"), workers=2)
assert (globals().get("__file__"), __spec__) == before
print(summary["rows_in"])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["script.py"],
        ["-"],
        pytest.param(["-m", "script"], marks=pytest.mark.acceptance),
        pytest.param(["-c", SCRIPT], marks=pytest.mark.acceptance),
    ],
    ids=lambda one: one[0],
)
def test_a_script_needs_no_guard(
    arguments: list[str],
    tmp_path: Path,
    raw_row: Callable[..., dict[str, Any]],
    write_rows: Callable[..., Path],
    environment: dict[str, str],
) -> None:
    """A file, a module, standard input, or what has no file, like a notebook; the main module is as it was."""
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    for part in range(2):
        write_rows(tmp_path / f"rows/{part}.parquet", [raw_row(number) for number in range(60 * part, 60 * part + 60)])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        input=SCRIPT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "120\n"), done.stderr
