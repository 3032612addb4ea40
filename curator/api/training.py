"""The trainers from Python."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from curator.errors import UsageError, nearest
from curator.pages.result import Result, html
from curator.run.directory import RunDirectory
from curator.system.display import visible
from curator.train.gpt import command as gpt
from curator.train.gpt import plan as gpt_plan
from curator.train.gpt import printed
from curator.train.gpt.record import Records
from curator.train.llama import command as llama
from curator.train.llama.options import Options


@dataclass(frozen=True, repr=False)
class LlamaTraining(Result):
    """A model that was fine-tuned on this machine, or the check before.

    Attributes:
        adapter: The folder of the adapter; None after a dry run.
        record: Settings, dataset, counts and losses.
        lines: What was said of it.
    """

    adapter: Path | None
    record: dict[str, Any]
    lines: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return self.record

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return html(str(self.adapter or "dry run: nothing was written"), self.lines)


@dataclass(frozen=True, repr=False)
class GPTJob(Result):
    """A fine-tuning job at a provider, as it stood when it was last asked about.

    Attributes:
        run: The run directory.
        standing: `status`, `step`, `losses`, `model`, `files`, …; of a dry run the plan.
        base_url: Its endpoint, where the user named it.
    """

    run: Path
    standing: dict[str, Any]
    base_url: str | None = None

    def status(self) -> GPTJob:
        """Ask how the job stands, and draw its losses again."""
        return self._with(gpt.status(self._records(), self.base_url))

    def follow(self, *, every: float = 10.0) -> GPTJob:
        """Wait for the job's end and fetch its results; `every` is the time between two looks (seconds).

        Raises:
            ProviderError: The endpoint can't be reached, or the job ended without a model.
        """
        found = gpt.follow(self._records(), _say, every=every, base_url=self.base_url)
        gpt.raise_if_failed(found)
        return self._with(found)

    def cancel(self) -> GPTJob:
        """Cancel the job; what was trained up to then is paid for."""
        return self._with(gpt.cancel(self._records(), self.base_url))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return self.standing

    def __str__(self) -> str:
        return printed.standing(self.standing) if "status" in self.standing else printed.plan(self.standing)

    def _repr_html_(self) -> str:
        return html("fine-tuning job", folded=[(self.standing.get("status", "plan"), str(self))], is_open=True)

    def _records(self) -> Records:
        return Records(RunDirectory(self.run))

    def _with(self, standing: dict[str, Any]) -> GPTJob:
        return GPTJob(self.run, standing, self.base_url)


def train_llama(name: str, base: str, out: Path, asked: Mapping[str, Any], *, dry_run: bool) -> LlamaTraining:
    """See `Run.train_llama`."""
    options = Options(**_known(asked, Options, base=base, out=out))
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        _say(line)

    if not dry_run:
        llama.require_libraries(options)
    prepared = llama.prepare(name, options, say)
    if dry_run:
        return LlamaTraining(None, prepared.record, lines)
    return LlamaTraining(out, llama.train(prepared, options, say), lines)


def train_gpt(
    run: Path,
    base: str,
    asked: Mapping[str, Any],
    max_usd: float | None,
    price_per_million: float | None,
    again: bool,
    follow: bool,
    every: float,
    *,
    dry_run: bool,
) -> GPTJob:
    """See `Run.train_gpt`."""
    options = gpt_plan.Options(**_known(asked, gpt_plan.Options, base=base))
    plan = gpt_plan.plan(run, options, again=again, dry_run=dry_run, price_per_million=price_per_million)
    if dry_run:
        return GPTJob(run, plan.summary, options.base_url)
    if not plan.known:
        _require_agreed(plan.summary["cost"], max_usd)
    found = gpt.start(plan, _say, every=every, follow_on=follow)
    gpt.raise_if_failed(found)
    return GPTJob(run, found, options.base_url)


def last_job(run: Path) -> GPTJob:
    """See `Run.gpt_job`."""
    records = Records(RunDirectory(run))
    return GPTJob(run, gpt.standing(records, records.current()))


def _require_agreed(cost: float | None, max_usd: float | None) -> None:
    if max_usd is None:
        raise UsageError("nothing was sent: a job costs money; say what it may cost at most, max_usd=…")
    if max_usd == float("inf"):
        return
    if cost is None:
        raise UsageError("nothing was sent: for the cost add price_per_million=…, or max_usd=math.inf for any cost")
    if cost > max_usd:
        raise UsageError(f"nothing was sent: the job costs about {cost:,.2f} USD, more than max_usd={max_usd:,.2f}")


def _known(asked: Mapping[str, Any], options: type, **ours: Any) -> dict[str, Any]:
    """Return options with ours, checked against the fields of a dataclass.

    Raises:
        UsageError: One is unknown.
    """
    known = [one.name for one in fields(options) if one.name not in ours]
    for name in asked:
        if name not in known:
            raise UsageError(f"no option {name!r}.{nearest(name, known)} There are {', '.join(known)}.")
    several = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()}
    return {**several, **ours}


def _say(line: str) -> None:
    sys.stderr.write(f"{visible(line)}\n")
