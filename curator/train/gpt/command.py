"""What `curator train gpt` does: start a job or go on with it, tell how it stands, follow and cancel it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.errors import ProviderError, RunError, RunLockedError
from curator.train import loss_log, page
from curator.train.gpt import events, jobs, printed
from curator.train.gpt.endpoint import Say, check_named, connect
from curator.train.gpt.plan import Plan
from curator.train.gpt.record import ENDED, Record, Records


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
            record.save()
            with connect(record.settings) as client:
                for name, one in plan.examples.items():
                    record.files[name] = jobs.upload(client, records, record.settings["endpoint"], one, say)
                record.save()
                jobs.create(client, record, say)
            say(f"job {_id(record)} is {record.status.replace('_', ' ')}")
    # Where this job goes is what the user has asked for.
    named = record.settings["endpoint"]
    return follow(records, say, every=every, base_url=named) if follow_on else standing(records, record)


def follow(records: Records, say: Say, *, every: float, base_url: str | None = None) -> dict[str, Any]:
    """Say the events of the current job as they come, until it has ended; then fetch its results.

    Args:
        records: The run's jobs.
        say: Gets each line.
        every: Seconds between two looks.
        base_url: Where the job is, if the user says so.

    Raises:
        RunError: There is no job.
        UsageError: It is at an endpoint that the user has not named.
        ProviderError: The endpoint can't be reached.
    """
    record = _started(records)
    if record.status not in ENDED or len(record.results) < len(record.result_files()):
        check_named(record.settings, base_url)
        try:
            with connect(record.settings) as client:
                jobs.follow(client, record, say, every, lambda: _draw(record))
                if record.status == "succeeded":
                    records.keep_model(record)  # Whether or not its results can be had.
                jobs.fetch(client, record)
        except KeyboardInterrupt:
            end = printed.after(records.run.path, "train gpt cancel {run}", record.settings)
            say(f"The job goes on at the provider. To end it: {end}")
            raise
        except ProviderError as error:
            verb = printed.after(records.run.path, "train gpt follow {run}", record.settings)
            raise ProviderError(f"{error}. What is at the provider goes on; later: {verb}") from error
    _draw(record)
    if record.status == "succeeded":
        records.keep_model(record)
    return standing(records, record)


def status(records: Records, base_url: str | None = None) -> dict[str, Any]:
    """Ask once how the current job stands; `base_url` as in `follow`."""
    record = records.current()
    if record.job is not None:
        if record.status not in ENDED:
            check_named(record.settings, base_url)
            with connect(record.settings) as client:
                jobs.look(client, record, lambda line: None)
        _draw(record)
    return standing(records, record)


def cancel(records: Records, base_url: str | None = None) -> dict[str, Any]:
    """Cancel the current job; `base_url` as in `follow`.

    Raises:
        RunError: There is no job, or it has ended otherwise.
        ProviderError: The endpoint can't be reached or refuses.
    """
    record = _started(records)
    if record.status not in ENDED:
        check_named(record.settings, base_url)
        with connect(record.settings) as client:
            jobs.look(client, record, lambda line: None)
            if record.status not in ENDED:
                jobs.cancel(client, record)
                jobs.look(client, record, lambda line: None)
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
    return events.plain(record.job["id"])


def standing(records: Records, record: Record) -> dict[str, Any]:
    """Return how a job stands, as JSON can hold it."""
    job = record.job or {}
    step, total = events.progress(record.events)
    rows = loss_log.read(record.losses)
    run = records.run.path
    waiting = record.status == "running" and events.all_steps_done(record.events)
    files = {"losses": record.losses, "page": record.page}
    files |= {f"results {number}": path for number, path in enumerate(record.results, 1)}
    if record.status == "succeeded":
        files["stored"] = records.model
        next_step = printed.evaluation(run, record.settings, job["model"]) if job["model"] else None
    elif record.status in ENDED:
        next_step = "the same start with --again starts another job"
    else:
        verb = "follow" if record.job else "start"
        at = record.settings if record.job else None
        next_step = printed.after(run, f"train gpt {verb} {{run}}", at) + ("" if record.job else " …, as before")
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
    results = [row for path in record.results for row in events.results(path)]
    rows = loss_log.merge([*events.losses(record.events), *results])
    loss_log.write(record.losses, rows)
    assert record.job is not None
    asked, job = record.settings, record.job
    step, total = events.progress(record.events)
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
        ("trained tokens", f"{job['trained_tokens']:,}" if job["trained_tokens"] else "not reported"),
    ]
    said = f"Status: {record.status.replace('_', ' ')}{done}." + (f" {job['error']}" if job["error"] else "")
    page.write_page(
        record.page,
        rows,
        title=f"{asked['model']}, fine-tuned on {asked['train_rows']:,} rows",
        status=said,
        facts=facts,
        source=record.losses.name,
    )
