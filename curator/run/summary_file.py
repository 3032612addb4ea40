"""TODO."""

from __future__ import annotations

import json
from typing import Any

from curator.errors import RunError
from curator.run.directory import RunDirectory
from curator.system.paths import require_folder

_NEEDED = ("published", "duplicates", "samples", "checks", "verdict", "files", "versions", "distributions")


def load_summary(run: RunDirectory) -> dict[str, Any]:
    """Return a run's summary, complete as a report needs it.

    Raises:
        UsageError: There is no such folder.
        RunError: It holds no summary, or an older curator wrote it.
    """
    require_folder(run.path)
    try:
        summary: dict[str, Any] = json.loads(run.summary.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RunError(
            f"{run.path} holds no finished run (there is no summary.json); build it first:"
            f" curator build --out {run.path}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{run.summary} can't be read: {error}") from error
    if not isinstance(summary, dict) or any(key not in summary for key in _NEEDED):
        raise RunError(
            f"{run.summary} lacks what a report shows, most likely because an older curator wrote it; repeat the build"
        )
    return summary
