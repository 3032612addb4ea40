"""Write the page of a run, from its ``summary.json`` alone; the same summary gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curator.run.run import Run
from curator.system.digest import sha256
from curator.system.files import write_json, write_text


def write_page(summary: Mapping[str, Any], path: Path) -> None:
    """Write the page of a run's summary.

    Raises:
        RunError: It can't be written.
    """
    # Drawing takes a library that is slow to import and that most commands don't need.
    from curator.report.page import render

    write_text(path, render(summary))


def write_report(run: Run, out: Path | None = None) -> Path:
    """Write a run's page again.

    Args:
        run: The run.
        out: Where the page goes; by default ``report.html`` in the run, whose manifest then has the new page:
            other versions of the libraries may draw another one.

    Raises:
        RunLockedError: A build is at work in the run.
        RunError: The run has no summary, or the page can't be written.
    """
    own = run.directory.report
    if out is not None and out.resolve() != own.resolve():
        write_page(run.summary, out)
        return out
    with run.directory.locked():
        run = Run(run.path)  # as it is now that nobody else writes
        write_page(run.summary, own)
        entry = {"bytes": own.stat().st_size, "sha256": sha256(own)}
        if run.manifest["files"][own.name] != entry:
            run.manifest["files"][own.name] = entry
            write_json(run.directory.manifest, run.manifest)
    return out or own
