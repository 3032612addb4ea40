"""How much memory a process has used at most."""

from __future__ import annotations

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
