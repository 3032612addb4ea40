"""What differs between Linux, macOS and Windows: memory, its allocators, and cores. No other module asks for either."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from pathlib import Path

KEEP_MEMORY = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
"""The environment in which a process keeps what it frees: for Polars' jemalloc, and for glibc's `malloc` up to its
largest threshold for single blocks. Other allocators read none of it."""


def cores() -> int:
    """Return how many cores this process may use; macOS and Windows have no such limit to ask for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_bytes() -> int:
    """Return the highest resident memory of this process so far (bytes); 0 where the system doesn't say."""
    if sys.platform == "win32":
        # PROCESS_MEMORY_COUNTERS of 64 bits: its own size and another number of 32 bits, then eight of 64.
        counters = (ctypes.c_size_t * 9)(9 * 8)
        ctypes.windll.kernel32.K32GetProcessMemoryInfo(ctypes.c_void_p(-1), counters, 9 * 8)
        return counters[1]
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would count what the parent held when it started this process.
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8", "replace"))
        if found:
            return int(found.group(1)) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


_M_MMAP_THRESHOLD = -3  # from malloc.h
_LARGE = 4 << 20


def give_back_early() -> None:
    """Let arrays of 4 MiB or more go back to the system as soon as they are freed; for glibc's `malloc` alone.

    By itself it raises that limit up to 32 MiB, as such arrays come and go (mallopt(3), "dynamic mmap threshold"). What
    is freed below it stays with the process, in each thread's own arena: the search for near-copies, which makes arrays
    of a few megabytes in every thread, held twice the memory that it used.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
