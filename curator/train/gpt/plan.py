"""A fine-tuning job before it is started: what is asked for, checked; what it would send; whether it is known."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from curator.errors import UsageError
from curator.run.directory import RunDirectory
from curator.train.gpt import jobs, printed
from curator.train.gpt.endpoint import check_key, endpoint
from curator.train.gpt.examples import Examples, count_tokens, prepare
from curator.train.gpt.record import ENDED, Record, Records, differences

MOST_SUFFIX = 64
"""Characters OpenAI takes in a suffix."""


@dataclass(frozen=True)
class Options:
    """What the user asks of a job; see `curator train gpt start --help`."""

    base: str
    train_rows: int = 200
    validation_rows: int = 50
    epochs: int = 1
    seed: int = 42
    suffix: str = "pricer"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    wandb_project: str | None = None
    base_url: str | None = None
    azure: bool = False
    api_version: str | None = None


@dataclass(frozen=True)
class Plan:
    """A job to be started, or gone on with.

    Attributes:
        records: The run's jobs.
        examples: The files it gets.
        record: Its record; new, unless `known`.
        known: Whether it was started before.
        summary: What `printed.plan` shows.
        seen: The jobs there were when it was made.
    """

    records: Records
    examples: dict[str, Examples]
    record: Record
    known: bool
    summary: dict[str, Any]
    seen: list[int]


def plan(run: Path, options: Options, *, again: bool, dry_run: bool, price_per_million: float | None) -> Plan:
    """Prepare and check everything; nothing is sent. A dry run writes nothing either.

    Args:
        run: A finished run.
        options: What is asked for.
        again: Start another job though the last one has ended.
        dry_run: Leave no file.
        price_per_million: USD for a million training tokens.

    Raises:
        UsageError: Something is asked for that can't be, or the run has a job with other settings.
        ProviderError: There is no key.
        RunError: There is no finished run.
        CheckError: The files are not what OpenAI takes.
    """
    _check(options)
    where = endpoint(options.base_url, azure=options.azure, api_version=options.api_version)
    records = Records(RunDirectory(run))
    last, seen = records.last(), records.numbers()
    if not dry_run:
        check_key(where)  # Before any file is written, and before anybody is asked to agree.
    with TemporaryDirectory() if dry_run else nullcontext(records.files) as folder:
        examples = prepare(records.run, Path(folder), options.train_rows, options.validation_rows)
        settings = _settings(where, options, examples)
        record = _known(run, last, settings, again)
        known = record is not None
        # What was agreed to once is not counted again.
        tokens = {} if known else {name: count_tokens(one) for name, one in examples.items()}
    record = record or records.new(settings, uuid.uuid4().hex)
    trained = tokens["train"] * options.epochs if tokens else None
    shown = {
        name: {
            "source": one.source,
            "rows": one.rows,
            "bytes": one.bytes,
            "sha256": one.sha256,
            "tokens": tokens.get(name),
            "file": records.uploaded(settings["endpoint"], one.sha256),
        }
        for name, one in examples.items()
    }
    summary = {
        "run": str(run),
        "settings": settings,
        "examples": shown,
        "tokens": trained,
        "price_per_million": price_per_million,
        "cost": None if price_per_million is None or trained is None else trained * price_per_million / 1e6,
        "request": jobs.request(replace(record, files={name: f"(id of {name})" for name in examples})),
    }
    return Plan(records, examples, record, known, summary, seen)


def _check(options: Options) -> None:
    if "n_epochs" in options.hyperparameters:
        raise UsageError("--set n_epochs: the epochs are --epochs")
    if not 1 <= len(options.suffix) <= MOST_SUFFIX:
        raise UsageError(f"--suffix has {len(options.suffix)} characters; OpenAI takes 1 to {MOST_SUFFIX}")
    if not options.base.strip():
        raise UsageError("--base is empty; name the model to fine-tune, such as gpt-4.1-nano-2025-04-14")


def _settings(where: Mapping[str, Any], options: Options, examples: Mapping[str, Examples]) -> dict[str, Any]:
    """Return all that a job depends on, as JSON."""
    settings = {
        **where,
        "model": options.base,
        "epochs": options.epochs,
        "hyperparameters": dict(options.hyperparameters),
        "seed": options.seed,
        "suffix": options.suffix,
        "wandb_project": options.wandb_project,
    }
    for name in ("train", "validation"):
        one = examples.get(name)
        settings |= {f"{name}_rows": one.rows if one else 0, f"{name}_sha256": one.sha256 if one else None}
    return settings


def _known(run: Path, last: Record | None, settings: Mapping[str, Any], again: bool) -> Record | None:
    """Return the record to go on with, or None for a new job."""
    if last is None:
        return None
    changed = differences(last.settings, settings)
    if last.status in ENDED and again:
        return None
    if not changed:
        return last
    said = f"{run} has a job with other settings ({'; '.join(changed)})"
    if last.status in ENDED:
        raise UsageError(f"{said}; it has {last.status}. --again starts another")
    follow, cancel = (printed.after(run, f"train gpt {verb} {{run}}", last.settings) for verb in ("follow", "cancel"))
    raise UsageError(f"{said}, and it has not ended as far as is known here; first `{follow}`, or `{cancel}`")
