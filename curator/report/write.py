"""Write the page of a run, from its ``summary.json`` alone; the same summary gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.pages.result import Result, framed
from curator.run.finished import FinishedRun
from curator.system.digest import sha256
from curator.system.files import write_json, write_text


@dataclass(frozen=True, repr=False)
class Report(Result):
    """The page of a run.

    Attributes:
        path: Where it was written.
        verdict: ``pass``, ``warn`` or ``fail``.
        checks: What holds and what does not, each with `id`, `name`, `status` and `detail`.
    """

    path: Path
    verdict: str
    checks: list[dict[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return {"path": str(self.path), "verdict": self.verdict, "checks": self.checks}

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        return framed(self.path.read_text("utf-8"))


def write_page(summary: Mapping[str, Any], path: Path) -> None:
    """Write the page of a run's summary.

    Raises:
        RunError: It can't be written.
    """
    # Drawing takes a library that is slow to import and that most commands don't need.
    from curator.report.page import render

    write_text(path, render(summary))


def write_report(run: FinishedRun, out: Path | None = None) -> Report:
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
        return Report(out, run.summary["verdict"], run.summary["checks"])
    with run.directory.locked():
        run = FinishedRun(run.path)  # as it is now that nobody else writes
        write_page(run.summary, own)
        entry = {"bytes": own.stat().st_size, "sha256": sha256(own)}
        if run.manifest["files"][own.name] != entry:
            run.manifest["files"][own.name] = entry
            write_json(run.directory.manifest, run.manifest)
    return Report(out or own, run.summary["verdict"], run.summary["checks"])
