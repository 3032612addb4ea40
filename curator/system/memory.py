"""How much memory a process has used at most, and giving back what it has done with."""

from __future__ import annotations

import ctypes
import platform
import re
import sys
from pathlib import Path


def peak_memory_bytes() -> int:
    """Return the highest resident memory of this process so far (bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would count what the parent held when it started this process.
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found.group(1)) * 1024
    try:
        import resource
    except ImportError:  # Windows has no such figure without another dependency.
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def give_back() -> None:
    """Give back what reading a file is done with: it would be kept for the next one, in each thread that reads."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


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
