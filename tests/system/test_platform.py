"""Windows and macOS come first: the package does without what they lack; memory that a process holds."""

from __future__ import annotations

import ast
import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curator import pipeline
from curator.system.platform import peak_memory_bytes
from repository import ROOT

# -- what other systems lack

VARIED = frozenset({"os", "platform", "signal", "socket"})
"""Modules that are not the same on every system."""

EVERYWHERE = frozenset(
    """
    os.SEEK_END os._exit os.environ os.getpid os.path platform.python_version signal.SIGINT signal.SIG_IGN
    signal.default_int_handler signal.signal socket.create_connection
    """.split()
)
"""What the package may use of them."""

ELSEWHERE = frozenset("ctypes fcntl grp nt posix pty pwd resource syslog termios tty winreg".split())
"""Modules that some systems lack, or that call a system by itself."""

FOLDERS = ("/proc/", "/dev/", "/sys/", "/etc/", "/tmp/", "/usr/", "/var/")


def of_some_systems(module: ast.AST) -> Iterator[str]:
    """Yield what a module uses that another system may lack, or have otherwise."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in ELSEWHERE)
        elif isinstance(node, ast.ImportFrom) and node.module in ELSEWHERE | VARIED:
            yield f"from {node.module}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name == "sys.platform" or (node.value.id in VARIED and name not in EVERYWHERE):
                yield name
        elif isinstance(node, ast.Constant) and str(node.value).startswith((*FOLDERS, "MALLOC_", "_RJEM_")):
            yield str(node.value)


def test_one_module_knows_systems_apart() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): sorted(set(of_some_systems(ast.parse(path.read_text("utf-8")))))
        for path in (ROOT / "curator").rglob("*.py")
    }
    here = found.pop("curator/system/platform.py")
    assert {"ctypes", "resource", "os.sched_getaffinity", "sys.platform", "/proc/self/status"} <= set(here)
    assert {path: names for path, names in found.items() if names} == {}


BARE = """
import os, signal, sys, warnings
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("fork", "forkpty", "getuid", "killpg", "sched_getaffinity", "sysconf"):
    delattr(os, name)
del signal.SIGKILL, signal.SIGHUP
warnings.filterwarnings("error", category=EncodingWarning, module="curator")
from curator.cli.commands import main
from curator.system.platform import cores
assert cores() == os.cpu_count()
main(["build", "demo:2000", "--workers", "1", "--out", sys.argv[1]])
"""


def test_a_build_needs_nothing_that_one_system_alone_has(tmp_path: Path, environment: dict[str, str]) -> None:
    """Nor a text encoding of the system's own."""
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", BARE, tmp_path / "run"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "rows in" in done.stdout


class Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS, as Windows documents it."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("PageFaultCount", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("PeakWorkingSetSize", "WorkingSetSize", "a", "b", "c", "d", "e", "f")),
    )


def test_peak_memory_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kernel:
        @staticmethod
        def K32GetProcessMemoryInfo(process: ctypes.c_void_p, counters: ctypes.Array, size: int) -> int:  # noqa: N802
            given = Counters.from_buffer(counters)
            assert (given.cb, size) == (ctypes.sizeof(Counters),) * 2
            given.PageFaultCount, given.PeakWorkingSetSize, given.WorkingSetSize = 7, 3 << 32, 5
            return 1

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", type("", (), {"kernel32": Kernel}), raising=False)
    assert peak_memory_bytes() == 3 << 32


# -- memory

HELD = """
import re, sys, numpy as np
from pathlib import Path
from curator.system.platform import give_back_early
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
