"""What a run directory remembers of its fine-tuning jobs, so that a start that died is continued, not repeated.

    RUN/train/gpt/
      files/                 what is uploaded, named by content
      uploads.json           file ids by endpoint and sha256: the same bytes are sent once
      1/, 2/ ...             one folder a job; the last is the current one
        job.json             settings, file ids, job id, what the provider last said of it
        events.jsonl         every event, the oldest first
        losses.jsonl         losses by step
        training.html        the same, drawn
        results-1.csv ...    what the provider measured
      model.json             the last model that came out

No key is ever written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from curator.errors import RunError, RunLockedError
from curator.run.directory import RunDirectory
from curator.system.files import write_json, write_text
from curator.system.paths import require_folder

ENDED = ("succeeded", "failed", "cancelled")
"""Statuses of a job that change no more."""

SETTINGS = {
    "endpoint",
    "azure",
    "api_version",
    "model",
    "epochs",
    "hyperparameters",
    "seed",
    "suffix",
    "wandb_project",
    "train_rows",
    "train_sha256",
    "validation_rows",
    "validation_sha256",
}
"""What a job depends on."""

JOB = {"id", "status", "model", "error", "result_files", "trained_tokens", "estimated_finish", "finished_at"}
"""What is remembered of what the provider says of a job."""

_EVENT = {"id", "created_at", "level", "message", "data"}


@dataclass
class Record:
    """One job.

    Attributes:
        folder: Where its files lie.
        settings: What it was started with, the endpoint among it; JSON.
        token: Tells this job from all others at the provider.
        files: File ids of `train` and `validation` at the provider.
        before: Jobs on the same file that were there before this one was asked for; None until it is.
        job: What the provider last said of the job; None until its id is known.
    """

    folder: Path
    settings: dict[str, Any]
    token: str
    files: dict[str, str] = field(default_factory=dict)
    before: list[str] | None = None
    job: dict[str, Any] | None = None

    @property
    def status(self) -> str:
        """The provider's word for how the job stands."""
        return "not started" if self.job is None else str(self.job["status"])

    @property
    def losses(self) -> Path:
        """Where the losses by step are."""
        return self.folder / "losses.jsonl"

    @property
    def page(self) -> Path:
        """Where they are drawn."""
        return self.folder / "training.html"

    def result_files(self) -> list[tuple[str, Path]]:
        """Return the ids of the job's result files, and where each goes: an id is the provider's, and no file name."""
        ids = self.job["result_files"] if self.job else []
        return [(file_id, self.folder / f"results-{number}.csv") for number, file_id in enumerate(ids, 1)]

    @property
    def results(self) -> list[Path]:
        """The result files that were fetched."""
        return [path for _, path in self.result_files() if path.is_file()]

    def save(self) -> None:
        """Write it, all or nothing."""
        stored = asdict(self)
        del stored["folder"]
        write_json(self.folder / "job.json", stored)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that are known, the oldest first.

        Raises:
            RunError: They can't be read.
        """
        path = self.folder / "events.jsonl"
        try:
            found = [json.loads(line) for line in path.read_bytes().splitlines()] if path.is_file() else []
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} can't be read ({error}); removed, it is fetched again") from error
        if not all(isinstance(one, dict) and one.keys() == _EVENT for one in found):
            raise RunError(f"{path} is not what curator wrote; removed, it is fetched again")
        return found

    def save_events(self, events: list[dict[str, Any]]) -> None:
        """Write all events, all or nothing."""
        write_text(self.folder / "events.jsonl", "".join(json.dumps(one) + "\n" for one in events))


class Records:
    """The jobs of a run.

    Args:
        run: The run.

    Raises:
        UsageError: There is no such folder.
    """

    def __init__(self, run: RunDirectory) -> None:
        require_folder(run.path)
        self.run = run
        self.folder = run.path / "train" / "gpt"
        self.files = self.folder / "files"
        self._uploads = self.folder / "uploads.json"
        self.model = self.folder / "model.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else start a job of this run.

        Raises:
            RunLockedError: Somebody else is starting one.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RunLockedError(f"another `curator train gpt start` is at work in {self.run.path}") from error
        try:
            yield
        finally:
            lock.release()

    def numbers(self) -> list[int]:
        """Return the numbers of all jobs."""
        names = (path.parent.name for path in self.folder.glob("[0-9]*/job.json"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def last(self) -> Record | None:
        """Return the current job, or None.

        Raises:
            RunError: What is remembered can't be read.
        """
        numbers = self.numbers()
        if not numbers:
            return None
        folder = self.folder / str(numbers[-1])
        stored = _read(folder / "job.json")
        known = {one.name for one in fields(Record)} - {"folder"}
        parts = [("the record", stored, known), ("settings", stored.get("settings"), SETTINGS)]
        if stored.get("job") is not None:
            parts.append(("job", stored["job"], JOB))
        for name, part, keys in parts:
            if not isinstance(part, dict) or part.keys() != keys:
                raise RunError(f"{folder / 'job.json'} is not what this curator wrote: {name} has other parts")
        return Record(folder, **stored)

    def current(self) -> Record:
        """Return the current job.

        Raises:
            RunError: There is none.
        """
        record = self.last()
        if record is None:
            raise RunError(
                f"{self.run.path} has no fine-tuning job of GPT; start one:"
                f" curator train gpt start {self.run.path} --base MODEL"
            )
        return record

    def new(self, settings: dict[str, Any], token: str) -> Record:
        """Return a record for another job, not yet written."""
        number = max(self.numbers(), default=0) + 1
        return Record(self.folder / str(number), settings, token)

    def uploaded(self, endpoint: str, sha256: str) -> str | None:
        """Return the id of a file with these bytes at an endpoint, if one was sent there."""
        found = _read(self._uploads).get(endpoint, {}).get(sha256) if self._uploads.is_file() else None
        return None if found is None else str(found)

    def keep_model(self, record: Record) -> None:
        """Write the model that a job made, and where its results are, for whoever asks next."""
        assert record.job is not None
        asked, job = record.settings, record.job
        found = {"model": job["model"], "base": asked["model"], "endpoint": asked["endpoint"], "azure": asked["azure"]}
        found |= {"job": job["id"], "trained_tokens": job["trained_tokens"]}
        results = [str(path.relative_to(self.folder)) for path in record.results]
        write_json(self.model, {**found, "results": results, "losses": str(record.losses.relative_to(self.folder))})

    def note_upload(self, endpoint: str, sha256: str, file_id: str) -> None:
        """Remember the id of a file."""
        known = _read(self._uploads) if self._uploads.is_file() else {}
        known.setdefault(endpoint, {})[sha256] = file_id
        write_json(self._uploads, known)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise RunError(f"{path} is not a JSON object")
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what changed from one job's settings to another's, one phrase each.

    >>> differences({"seed": 42, "model": "a"}, {"seed": 7, "model": "a"})
    ['seed 42 → 7']
    """
    keys = [*before, *(key for key in now if key not in before)]
    return [
        f"{key} {_short(before.get(key))} → {_short(now.get(key))}" for key in keys if before.get(key) != now.get(key)
    ]


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) < 64 else f"{value[:12]}…"  # a digest
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
