"""Memory that a process holds."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from curator import pipeline

HELD = """
import re, sys, numpy as np
from pathlib import Path
from curator.system.memory import give_back_early
if sys.argv[1] == "early":
    give_back_early()
def held():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
np.ones(31 << 17)  # Freed at once: what was mapped so far is from now on taken from the heap.
some = [np.ones(1 << 20) for _ in range(16)]
last = np.ones(1 << 15)
before = held()
some.clear()
print(before - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone keeps what is freed")
def test_large_arrays_are_given_back_at_once():
    freed = {}
    for when in ("early", "late"):
        made = subprocess.run([sys.executable, "-c", HELD, when], check=True, capture_output=True, text=True)
        freed[when] = int(made.stdout)
    # MiB of 128 that were freed, with a small array behind them.
    assert freed["early"] > 120
    assert freed["late"] < 20


@pytest.mark.parametrize(("workers", "peak"), [({}, 900), ({"1": 300, "2": 350}, 1_050), ({"1": 100}, 900)])
def test_a_build_counts_workers_while_they_are_there(
    workers: dict[str, int], peak: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = iter([400, 900])
    monkeypatch.setattr(pipeline, "peak_memory_bytes", lambda: next(peaks))
    clock = pipeline.Clock()
    clock.workers.update(workers)
    # This process's own shards count once.
    clock.workers[str(os.getpid())] = 10_000
    for step in ("map", "select", "write"):
        clock.lap(step)
    assert clock.peak_memory() == peak
