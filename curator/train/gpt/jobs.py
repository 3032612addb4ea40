"""OpenAI fine-tuning jobs through the `openai` client: upload, create, follow, fetch, cancel.

Against OpenAI itself, Azure OpenAI through the client's own class, or any endpoint that speaks these calls.
Everything here is one call of the client with what makes it safe to repeat; what is remembered is in `record`.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from curator.errors import ProviderError, RunError
from curator.system.files import writing
from curator.train.gpt import events
from curator.train.gpt.endpoint import Say, errors, once, plainly
from curator.train.gpt.examples import Examples
from curator.train.gpt.record import ENDED, Record, Records

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob

_MARK = "curator"
"""The key of a job's metadata that holds the record's token."""

_PAGE_SECONDS = 30
"""Losses are drawn again at most this often while a job runs."""

# -- upload and create: what is asked for twice must exist once


def upload(client: OpenAI, records: Records, address: str, examples: Examples, say: Say) -> str:
    """Return the id of a file with these bytes at the endpoint; they are sent only if none is there.

    Raises:
        ProviderError: It can't be sent, or the endpoint finds it faulty.
    """
    import openai

    def find() -> FileObject | None:
        known = records.uploaded(address, examples.sha256)
        if known is not None:
            try:
                return client.files.retrieve(known)
            except openai.NotFoundError:
                say(f"the endpoint has no file {known} any more")
        listed = client.files.list(purpose="fine-tune")
        return next((file for file in listed if same(file)), None)

    def same(file: FileObject) -> bool:
        # The name holds the beginning of the sha256.
        return file.filename == examples.path.name and file.bytes == examples.bytes and file.status != "error"

    def create() -> FileObject:
        say(f"uploading {examples.path.name}, {examples.bytes:,} bytes")
        with examples.path.open("rb") as stream:
            return client.with_options(max_retries=0).files.create(
                file=(examples.path.name, stream), purpose="fine-tune"
            )

    with errors(client, f"upload of {examples.path.name}"):
        file = once(find, create, say)
        records.note_upload(address, examples.sha256, file.id)
        while str(file.status) in ("pending", "running"):  # Azure looks at a file before a job may use it.
            time.sleep(1)
            file = client.files.retrieve(file.id)
    if file.status == "error":
        why = plainly(client, file.status_details or "it does not say why")
        raise ProviderError(f"{client.base_url} finds {file.id} ({examples.source}) faulty: {why}")
    return file.id


def request(record: Record) -> dict[str, Any]:
    """Return what a job is created with."""
    asked = record.settings
    wandb = {"type": "wandb", "wandb": {"project": asked["wandb_project"]}}
    hyperparameters = {"n_epochs": asked["epochs"], **asked["hyperparameters"]}
    made = {
        "model": asked["model"],
        "training_file": record.files.get("train"),
        "validation_file": record.files.get("validation"),
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "seed": asked["seed"],
        "suffix": asked["suffix"],
        "integrations": [wandb] if asked["wandb_project"] else None,
        "metadata": {_MARK: record.token},
    }
    return {name: value for name, value in made.items() if value is not None}


def create(client: OpenAI, record: Record, say: Say) -> None:
    """Create the job of a record, or find the one that an earlier try has created.

    Raises:
        ProviderError: The endpoint takes no such job.
        RunError: Several jobs could be the earlier one.
    """
    import openai

    asked = request(record)

    def candidates() -> list[FineTuningJob]:
        # Not all endpoints keep metadata: then it is a job on the same files that was not there before.
        jobs = [job for job in client.fine_tuning.jobs.list(limit=100) if job.training_file == asked["training_file"]]
        ours = [job for job in jobs if (job.metadata or {}).get(_MARK) == record.token]
        return ours or [job for job in jobs if not (job.metadata or {}).get(_MARK)]

    def find() -> FineTuningJob | None:
        found = [
            job
            for job in candidates()
            if job.id not in (record.before or ()) and (job.validation_file or None) == asked.get("validation_file")
        ]
        if len(found) > 1:
            names = ", ".join(events.plain(job.id) for job in found)
            raise RunError(f"{len(found)} jobs at {client.base_url} may be this one ({names}): cancel all but one")
        return found[0] if found else None

    def send() -> FineTuningJob:
        jobs = client.with_options(max_retries=0).fine_tuning.jobs
        try:
            return jobs.create(**asked)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if "metadata" not in asked or "metadata" not in error.message:
                raise
            say("the endpoint takes no metadata; the job goes without")
            del asked["metadata"]
            return jobs.create(**asked)

    with errors(client, f"job on {asked['model']}"):
        if record.before is None:
            record.before = [job.id for job in candidates()]
            record.save()
        job = once(find, send, say)
        record.job = _job(job)
    record.save()


def _job(job: FineTuningJob) -> dict[str, Any]:
    """Return what is remembered of a job."""
    error = job.error
    return {
        "id": job.id,
        "status": "cancelled" if str(job.status) == "canceled" else job.status,  # as Azure spells it
        "model": events.plain(job.fine_tuned_model) if job.fine_tuned_model else None,
        # Where nothing is wrong some send an error without a message.
        "error": events.plain(error.message) if error is not None and error.message else None,
        "result_files": list(job.result_files or ()),
        "trained_tokens": job.trained_tokens,
        "estimated_finish": job.estimated_finish,
        "finished_at": job.finished_at,
    }


# -- follow, fetch, cancel


def look(client: OpenAI, record: Record, say: Say) -> None:
    """Ask once how a job stands; say the events that are new, and remember all of it.

    Raises:
        ProviderError: The endpoint can't tell.
    """
    assert record.job is not None
    known = record.events
    seen = {event["id"] for event in known}
    with errors(client, f"job {record.job['id']}"):
        # First the job, then its events: those of a job that has ended are all there are.
        record.job = _job(client.fine_tuning.jobs.retrieve(record.job["id"]))
        new: list[dict[str, Any]] = []
        for page in client.fine_tuning.jobs.list_events(record.job["id"], limit=100).iter_pages():
            fresh = [events.stored(event) for event in page.data if event.id not in seen]
            new += fresh
            if len(fresh) < len(page.data):
                break  # The newest come first, so what follows is known.
    if new:
        new.reverse()
        new.sort(key=lambda event: int(event["created_at"]))
        record.save_events([*known, *new])
        for event in new:
            say(events.line(event))
    record.save()


def follow(client: OpenAI, record: Record, say: Say, every: float, draw: Callable[[], None]) -> None:
    """Say events as they come until the job has ended.

    Args:
        client: The client.
        record: Of the job.
        say: Gets each line.
        every: Seconds between two looks.
        draw: Makes the loss page anew.

    Raises:
        ProviderError: The endpoint can't tell for a while.
    """
    drawn, waiting = -float(_PAGE_SECONDS), False
    while True:
        look(client, record, say)
        ended = record.status in ENDED
        if ended or time.monotonic() - drawn >= _PAGE_SECONDS:
            draw()
            drawn = time.monotonic()
        if ended:
            return
        if not waiting and events.all_steps_done(record.events):
            waiting = True
            say("         all steps are done: the provider validates the model, which can take long")
        time.sleep(every)


def fetch(client: OpenAI, record: Record) -> None:
    """Get the result files of a job that are not there yet.

    Raises:
        ProviderError: They can't be had.
    """
    assert record.job is not None
    for file_id, path in record.result_files():
        if not path.is_file():
            with errors(client, f"result file {file_id}"):
                content = client.files.content(file_id).content
            with writing(path) as temporary:
                temporary.write_bytes(_decoded(content))


def _decoded(content: bytes) -> bytes:
    """Return a results file as CSV: OpenAI has been sending it in base64."""
    try:
        plain = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        return content
    return plain if plain.startswith(b"step") else content


def cancel(client: OpenAI, record: Record) -> None:
    """Cancel a job that has not ended.

    Raises:
        ProviderError: The endpoint refuses.
    """
    assert record.job is not None
    with errors(client, f"cancelling job {record.job['id']}"):
        record.job = _job(client.fine_tuning.jobs.cancel(record.job["id"]))
    record.save()
