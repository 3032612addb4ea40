"""The report: one summary, its figures, and one self-contained HTML page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from curator.run.directory import RunDirectory
from curator.run.summary_file import load_summary
from curator.system.files import write_json, write_text


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
