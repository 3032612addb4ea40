"""The summary of a build: what it counted and took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.pages.result import Result, Table, html
from curator.system.display import aligned


@dataclass(frozen=True, repr=False)
class Summary(Result):
    """What a build counted and took.

    Attributes:
        run: The run directory.
        values: Everything, as in ``summary.json``.
    """

    run: Path
    values: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return self.values

    def __str__(self) -> str:
        return aligned([*self._counts(), *self._cost(), *self._places()])

    def _repr_html_(self) -> str:
        lines = [f"{name}: {value}" for name, value in (*self._cost(), *self._places())]
        return html(f"{self.run} (recipe {self.values['recipe']})", lines, tables=[Table(list(self._counts()))])

    def _counts(self) -> Iterator[tuple[str, str]]:
        yield "rows in", f"{self.values['rows_in']:,}"
        yield from ((f"  {fate}", f"{count:,}") for fate, count in self.values["fates"].items())
        if self.values["settings"]["text"]["own_price"] == "mask":
            yield "masked prices", f"{self.values['masked']:,} of the rows in splits"

    def _cost(self) -> Iterator[tuple[str, str]]:
        if self.values["rows_mapped"]:
            yield "rows per second", f"{self.values['rows_per_second']:,.0f} in the map step"
        yield "seconds", ", ".join(f"{step} {value:.1f}" for step, value in self.values["seconds"].items())
        yield "peak memory", f"{self.values['peak_memory_bytes'] / 2**20:,.0f} MiB, all processes together"

    def _places(self) -> Iterator[tuple[str, str]]:
        yield from ((name, str(self.run / name)) for name in ("dataset", "ledger"))
        yield "summary", str(self.run / "summary.json")
