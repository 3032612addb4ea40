"""The line on the terminal: what it says of each step, and that it is only said to terminals."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

import small_tokenizer
from curator.system import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal that standard error goes to; a line appears there at once."""
    made = Terminal()
    monkeypatch.setattr(progress, "tqdm", partial(tqdm, file=made))
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    return made


def wait_for(words: str, terminal: Terminal) -> None:
    """Wait until the words stand on the terminal; the line is renewed each second."""
    end = time.monotonic() + 20
    while words not in terminal.getvalue():
        assert time.monotonic() < end, terminal.getvalue()
        time.sleep(0.02)


def test_each_step_has_its_line(terminal: Terminal) -> None:
    with progress.steps() as told:
        told("map", 0, 3_000)
        wait_for("starting; the first time after an installation, loops are compiled [00:0", terminal)
        told("map", 1_000, 3_000)
        wait_for("mapping:  33%", terminal)
        told("map", 3_000, 3_000)
        told("select", 0, 0)
        wait_for("selecting [00:0", terminal)
        told("write", 0, 0)
        wait_for("writing [00:0", terminal)
    # Nothing is left on the line.
    assert re.search(r"\r +\r$", terminal.getvalue())


def test_rows_of_the_wait_do_not_count_for_the_rate(terminal: Terminal) -> None:
    with progress.steps() as told:
        told("map", 0, 3_000_000)
        wait_for("starting", terminal)
        told("map", 1_000_000, 3_000_000)
        time.sleep(0.2)
        told("map", 1_000_001, 3_000_000)
        wait_for("rows/s]", terminal)
    rates = re.findall(r"([0-9.]+)([kM]?) ?rows/s\]", terminal.getvalue())
    assert all(not unit and float(rate) < 1_000 for rate, unit in rates), rates


def test_nothing_is_said_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    made = io.StringIO()
    monkeypatch.setattr(progress, "tqdm", partial(tqdm, file=made))
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    with progress.steps() as told:
        for step in ("map", "select", "write"):
            told(step, 0, 9)
            told(step, 9, 9)
        time.sleep(1.2)
    assert made.getvalue() == ""


def test_a_failure_leaves_no_line(terminal: Terminal) -> None:
    with pytest.raises(ValueError, match="spoilt"), progress.steps() as told:
        told("select", 0, 0)
        wait_for("selecting", terminal)
        raise ValueError("spoilt")
    assert re.search(r"\r +\r$", terminal.getvalue())


def test_a_build_tells_its_steps(
    tmp_path: Path, write_rows: Callable[..., Path], raw_row: Callable[..., dict[str, Any]]
) -> None:
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    source = write_rows(tmp_path / "rows.parquet", [raw_row(n) for n in range(39)])
    told: list[tuple[str, int, int]] = []
    recipe = load_recipe("course-v1", {"tokenizer": "o200k_base"})
    build([str(source)], recipe, tmp_path / "run", progress=lambda *one: told.append(one))
    assert told == [("scan", 0, 0), ("map", 0, 39), ("map", 39, 39), ("select", 0, 0), ("write", 0, 0)]


def read_all(terminal: int) -> Iterator[bytes]:
    """Yield what is written to the other side of a pseudo-terminal until it is closed, which Linux calls an error."""
    with suppress(OSError):
        while more := os.read(terminal, 4_096):
            yield more


def test_a_build_on_a_terminal(tmp_path: Path, environment: dict[str, str]) -> None:
    """A real one, and a real (pseudo-)terminal: the table comes on standard output, and no line is left over."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = [sys.executable, "-m", "curator", "build", "demo:300", "--recipe", "course-v1"]
    command += ["--set", f"tokenizer={small_tokenizer.FOLDER}", "--out", str(tmp_path / "run")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        said = b"".join(read_all(ours))
        os.close(ours)
        assert process.stdout is not None
        assert b"dataset" in process.stdout.read()
    assert process.returncode == 0
    left = said.decode().replace("\r\n", "\n")
    lines = [line.rsplit("\r", maxsplit=2) for line in left.split("\n")]
    assert all(line[-1].strip() == "" or line[-1].startswith(("Note: ", "Warning: ")) for line in lines), left
