"""What Numba keeps on disk: whatever is wrong with it, loops are compiled again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ASK = """
import numpy as np
from curator.duplicates.kernels.clusters import components
print(components(np.array([[0, 2]]), 3).tolist(), sum(components.stats.cache_hits.values()))
"""


@pytest.fixture
def ask(environment: dict[str, str], tmp_path: Path) -> Callable[..., list[str]]:
    """Call a loop in a process of its own; returns what it gave, and how often the cache was of use."""

    def run(folder: Path = tmp_path / "kept") -> list[str]:
        variables = environment | {"NUMBA_CACHE_DIR": str(folder)}
        done = subprocess.run([sys.executable, "-c", ASK], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.rsplit(maxsplit=1)

    return run


def kept(folder: Path, ending: str) -> list[Path]:
    files = sorted(folder.rglob(f"clusters.components-*.{ending}"))
    assert files
    return files


SLOW = pytest.mark.acceptance  # each compiles twice


@pytest.mark.parametrize(
    ("damage", "ending"),
    [
        pytest.param(b"", "nbi", id="empty index"),
        pytest.param(b"", "nbc", id="empty code", marks=SLOW),
        pytest.param(b"garbage", "nbi", id="garbage for the index", marks=SLOW),
        pytest.param(b"garbage", "nbc", id="garbage for the code"),
        pytest.param(None, "nbi", id="an index cut short", marks=SLOW),
        pytest.param(None, "nbc", id="code cut short", marks=SLOW),
    ],
)
def test_damaged_files_are_made_again(
    ask: Callable[..., list[str]], tmp_path: Path, ending: str, damage: bytes | None
) -> None:
    assert ask() == ["[0, 1, 0]", "0"]
    assert ask() == ["[0, 1, 0]", "1"]
    for path in kept(tmp_path / "kept", ending):
        path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    assert ask() == ["[0, 1, 0]", "0"]
    assert ask() == ["[0, 1, 0]", "1"]


def test_what_cannot_be_kept_is_compiled_each_time(ask: Callable[..., list[str]], tmp_path: Path) -> None:
    assert ask() == ["[0, 1, 0]", "0"]
    for path in kept(tmp_path / "kept", "nbi"):
        path.unlink()
    # As on a full disk: a folder in the place of the index can be neither read nor replaced.
    for path in kept(tmp_path / "kept", "nbc"):
        index = path.with_name(path.name.rsplit(".", maxsplit=2)[0] + ".nbi")
        index.mkdir(exist_ok=True)
    assert ask() == ["[0, 1, 0]", "0"]
