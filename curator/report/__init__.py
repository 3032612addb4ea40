"""The report: one summary, its figures, and one self-contained HTML page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curator.errors import RunError
from curator.paths import require_folder
from curator.rundir import RunDirectory, write_json, write_text

__all__ = ["load_summary", "write_comparison", "write_report"]

_NEEDED = ("published", "duplicates", "samples", "checks", "verdict", "files", "versions", "distributions")


def write_report(run: RunDirectory, out: Path | None = None) -> Path:
    """Make a run's page from its ``summary.json`` alone; the same summary gives the same bytes.

    Args:
        run: The run.
        out: Where the page goes; by default ``report.html`` in the run.

    Raises:
        UsageError: There is no such run.
        RunError: The run has no summary, or it can't be written.
    """
    # Drawing takes a library that is slow to import and that most commands don't need.
    from curator.report.page import render

    path = out or run.report
    write_text(path, render(load_summary(run)))
    if path == run.report:
        _note(run)
    return path


def write_comparison(comparison: Mapping[str, Any], out: Path) -> None:
    """Write the page of what `compare.compare` found.

    Raises:
        RunError: It can't be written.
    """
    from curator.report.compare_page import render

    write_text(out, render(comparison))


def _note(run: RunDirectory) -> None:
    """Put the new page into the manifest of a finished run; other versions of the libraries may draw another page."""
    try:
        manifest = json.loads(run.manifest.read_text("utf-8"))
        entry = manifest["files"][run.report.name]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # The build has yet to write it.
        return
    page = run.report.read_bytes()
    now = {"bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}
    if entry != now:
        manifest["files"][run.report.name] = now
        write_json(run.manifest, manifest)


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
