"""Memory that a process holds."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

HELD = """
import re, sys, numpy as np
from pathlib import Path
from curator.memory import give_back_early
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
