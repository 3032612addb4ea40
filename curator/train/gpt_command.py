"""What `curator train gpt` does: plan and start a job, or go on with it, tell how it stands, follow and cancel it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from curator.errors import ProviderError, RunError, RunLockedError, UsageError
from curator.rundir import RunDirectory
from curator.train import events as told
from curator.train import gpt, gpt_words, loss
from curator.train.endpoint import Say, connect, endpoint
from curator.train.examples import Examples, count_tokens, prepare
from curator.train.record import ENDED, Record, Records, differences

MOST_SUFFIX = 64
"""Characters OpenAI takes in a suffix."""


@dataclass(frozen=True)
class Options:
    """What the user asks of a job; see `curator train gpt start --help`."""

    base: str
    train_rows: int
    validation_rows: int
    epochs: int
    seed: int
    suffix: str
    hyperparameters: Mapping[str, Any]
    wandb_project: str | None
    base_url: str | None
    azure: bool
    api_version: str | None


@dataclass(frozen=True)
class Plan:
    """A job to be started, or gone on with.

    Attributes:
        records: The run's jobs.
        examples: The files it gets.
        record: Its record; new, unless `known`.
        known: Whether it was started before.
        summary: What `gpt_words.plan` shows.
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
        RunError: There is no finished run.
        CheckError: The files are not what OpenAI takes.
    """
    _check(options)
    where = endpoint(options.base_url, azure=options.azure, api_version=options.api_version)
    records = Records(RunDirectory(run))
    last, seen = records.last(), records.numbers()
    with _folder(records, dry_run) as folder:
        examples = prepare(records.run, folder, options.train_rows, options.validation_rows)
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
    if not dry_run:
        connect(settings)  # A missing key is told of before anything is asked.
    summary = {
        "run": str(run),
        "settings": settings,
        "examples": shown,
        "tokens": trained,
        "price_per_million": price_per_million,
        "cost": None if price_per_million is None or trained is None else trained * price_per_million / 1e6,
        "request": gpt.request(replace(record, files={name: f"(id of {name})" for name in examples})),
    }
    return Plan(records, examples, record, known, summary, seen)


def _check(options: Options) -> None:
    if "n_epochs" in options.hyperparameters:
        raise UsageError("--set n_epochs: the epochs are --epochs")
    if not 1 <= len(options.suffix) <= MOST_SUFFIX:
        raise UsageError(f"--suffix has {len(options.suffix)} characters; OpenAI takes 1 to {MOST_SUFFIX}")
    if not options.base.strip():
        raise UsageError("--base is empty; name the model to fine-tune, such as gpt-4.1-nano-2025-04-14")


@contextmanager
def _folder(records: Records, dry_run: bool) -> Iterator[Path]:
    if dry_run:
        with TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        yield records.files


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
    follow, cancel = (gpt_words.after(run, f"train gpt {verb} {{run}}") for verb in ("follow", "cancel"))
    raise UsageError(f"{said}, and it has not ended as far as is known here; first `{follow}`, or `{cancel}`")


def start(plan: Plan, say: Say, *, every: float, follow_on: bool = True) -> dict[str, Any]:
    """Upload, create, follow and fetch; what was done before is not done again.

    Args:
        plan: What `plan` returned, without `dry_run`.
        say: Gets each line of what happens.
        every: Seconds between two looks at the job.
        follow_on: Whether to wait for the job's end.

    Returns:
        How the job stands, see `standing`.

    Raises:
        ProviderError: The endpoint can't be reached or refuses.
        RunLockedError: Somebody else is starting a job of this run.
    """
    records, record = plan.records, plan.record
    with records.locked():
        if records.numbers() != plan.seen:
            raise RunLockedError(f"another `curator train gpt start` has just begun a job of {records.run.path}")
        if record.job is None:
            client = connect(record.settings)
            record.save()
            for name, one in plan.examples.items():
                record.files[name] = gpt.upload(client, records, record.settings["endpoint"], one, say)
            record.save()
            gpt.create(client, record, say)
            say(f"job {_id(record)} is {record.status.replace('_', ' ')}")
    if follow_on:
        return follow(records, say, every=every)
    return standing(records, record)


def follow(records: Records, say: Say, *, every: float) -> dict[str, Any]:
    """Say the events of the current job as they come, until it has ended; then fetch its results.

    Raises:
        RunError: There is no job.
        ProviderError: The endpoint can't be reached.
    """
    record = _started(records)
    try:
        if record.status not in ENDED:
            gpt.follow(connect(record.settings), record, say, every, lambda: _draw(record))
        if len(record.results) < len(record.result_files()):
            gpt.fetch(connect(record.settings), record)
    except KeyboardInterrupt:
        run = records.run.path
        say(f"The job goes on at the provider. To end it: {gpt_words.after(run, 'train gpt cancel {run}')}")
        raise
    _draw(record)
    if record.status == "succeeded":
        records.keep_model(record)
    return standing(records, record)


def status(records: Records) -> dict[str, Any]:
    """Ask once how the current job stands."""
    record = records.current()
    if record.job is not None:
        if record.status not in ENDED:
            gpt.look(connect(record.settings), record, lambda line: None)
        _draw(record)
    return standing(records, record)


def cancel(records: Records) -> dict[str, Any]:
    """Cancel the current job.

    Raises:
        RunError: There is no job, or it has ended otherwise.
        ProviderError: The endpoint can't be reached or refuses.
    """
    record = _started(records)
    if record.status not in ENDED:
        client = connect(record.settings)
        gpt.look(client, record, lambda line: None)
        if record.status not in ENDED:
            gpt.cancel(client, record)
            gpt.look(client, record, lambda line: None)
    _draw(record)
    if record.status in ENDED and record.status != "cancelled":
        raise RunError(f"there is nothing to cancel: job {_id(record)} has {record.status} already")
    return standing(records, record)


def _started(records: Records) -> Record:
    record = records.current()
    if record.job is None:
        raise RunError(
            f"the last job of {records.run.path} was not created; the same `curator train gpt start` goes on with it"
        )
    return record


def _id(record: Record) -> str:
    assert record.job is not None
    return told.plain(record.job["id"])


def standing(records: Records, record: Record) -> dict[str, Any]:
    """Return how a job stands, as JSON can hold it."""
    job = record.job or {}
    step, total = told.progress(record.events)
    rows = loss.read(record.losses)
    run = records.run.path
    waiting = record.status == "running" and told.all_steps_done(record.events)
    files = {"losses": record.losses, "page": record.page}
    files |= {f"results {number}": path for number, path in enumerate(record.results, 1)}
    if record.status == "succeeded":
        files["stored"] = records.model
        next_step = gpt_words.evaluation(run, record.settings, job["model"]) if job["model"] else None
    elif record.status in ENDED:
        next_step = "the same start with --again starts another job"
    else:
        verb = "follow" if record.job else "start"
        next_step = gpt_words.after(run, f"train gpt {verb} {{run}}") + ("" if record.job else " …, as before")
    return {
        "run": str(run),
        "base": record.settings["model"],
        "endpoint": record.settings["endpoint"],
        "job": job.get("id"),
        "status": record.status,
        "phase": "all steps are done: the provider validates the model" if waiting else None,
        "step": step,
        "total_steps": total,
        "losses": rows[-1] if rows else None,
        "estimated_finish": job.get("estimated_finish"),
        "trained_tokens": job.get("trained_tokens"),
        "error": job.get("error"),
        "model": job.get("model"),
        "files": {name: str(path) for name, path in files.items() if path.is_file()},
        "settings": record.settings,
        "next": next_step,
    }


def raise_if_failed(found: Mapping[str, Any]) -> None:
    """Raise if a job has ended without a model.

    Raises:
        ProviderError: It failed, with the provider's message, was cancelled, or names no model.
    """
    if found["status"] == "failed":
        raise ProviderError(f"job {found['job']} has failed: {found['error'] or 'the provider does not say why'}")
    if found["status"] == "cancelled":
        raise ProviderError(f"job {found['job']} was cancelled; start it again with --again")
    if found["status"] == "succeeded" and not found["model"]:
        raise ProviderError(f"job {found['job']} has succeeded, but {found['endpoint']} names no model")


def _draw(record: Record) -> None:
    """Write the losses and their page from all that is known."""
    # What came live may lack steps that the results have.
    results = [row for path in record.results for row in told.results(path)]
    rows = loss.merge([*told.losses(record.events), *results])
    loss.write(record.losses, rows)
    assert record.job is not None
    asked, job = record.settings, record.job
    step, total = told.progress(record.events)
    done = f", step {step:,}" + (f" of {total:,}" if total else "") if step else ""
    facts = [
        ("base model", asked["model"]),
        ("fine-tuned model", job["model"] or "none yet"),
        ("endpoint", asked["endpoint"]),
        ("job", job["id"]),
        ("rows", f"{asked['train_rows']:,} to train, {asked['validation_rows']:,} to validate"),
        ("epochs", str(asked["epochs"])),
        *((name, str(value)) for name, value in asked["hyperparameters"].items()),
        ("seed", str(asked["seed"])),
        ("suffix", asked["suffix"]),
        ("sha256 of train", asked["train_sha256"]),
        ("trained tokens", f"{job['trained_tokens']:,}" if job["trained_tokens"] else "not told"),
    ]
    said = f"The job is {record.status.replace('_', ' ')}{done}." + (f" {job['error']}" if job["error"] else "")
    loss.write_page(
        record.page,
        rows,
        title=f"{asked['model']}, fine-tuned on {asked['train_rows']:,} rows",
        status=said,
        facts=facts,
        source=record.losses.name,
    )
