"""The tables that commands print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.system.display import aligned

if TYPE_CHECKING:
    from curator.estimate import Estimate


def built(summary: dict[str, Any], run: Path) -> str:
    """Return the closing table of a build: rows by fate, speed, memory, and where everything lies."""
    rows = [("rows in", f"{summary['rows_in']:,}")]
    rows += [(f"  {fate}", f"{count:,}") for fate, count in summary["fates"].items()]
    if summary["settings"]["text"]["own_price"] == "mask":
        rows += [("masked prices", f"{summary['masked']:,} of the rows in splits")]
    if summary["rows_mapped"]:
        rows += [("rows per second", f"{summary['rows_per_second']:,.0f} in the map step")]
    rows += [
        ("seconds", ", ".join(f"{step} {value:.1f}" for step, value in summary["seconds"].items())),
        ("peak memory", f"{summary['peak_memory_bytes'] / 2**20:,.0f} MiB, all processes together"),
        ("dataset", str(run / "dataset")),
        ("ledger", str(run / "ledger")),
        ("summary", str(run / "summary.json")),
    ]
    return aligned(rows)


def estimated(guess: Estimate) -> str:
    """Return the table of a dry run."""
    rows = [
        ("rows in", f"{guess.rows_in:,}"),
        ("rows tried", f"{guess.rows_tried:,}"),
        ("items, about", f"{guess.items:,}"),
        ("sampled, about", f"{guess.sampled:,}"),
    ]
    rows += [(f"  {split}", f"{count:,}") for split, count in guess.splits.items() if count]
    rows += [
        ("tokens, about", f"{guess.tokens:,}"),
        ("map step, about", f"{guess.seconds:,.0f} s"),
        ("disk, about", f"{guess.disk_bytes / 2**20:,.0f} MiB"),
    ]
    return aligned(rows)
