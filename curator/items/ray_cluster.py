"""Map shards on a Ray cluster, or on the Ray that is started here: the same functions as `workers`, the same bytes.

A task is told which rows to map and where the parts go, and answers with counts: rows travel through the filesystem
that all nodes share, never through Ray. A task whose worker or node is lost is done again elsewhere.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.errors import CuratorError, RunError, UsageError
from curator.items.map_shard import is_finished, shard_key
from curator.items.mapper import Mapper
from curator.items.workers import PATIENCE, WORKER, Done, Task, environment, map_task
from curator.recipe.load import Recipe
from curator.sources.shards import Source
from curator.system import interrupt
from curator.system.digest import sha256
from curator.system.platform import cores
from curator.tokens.vocabulary import find_vocabulary

if TYPE_CHECKING:
    from ray import ObjectRef

RETRIES = 5
"""How often a shard is done again after its worker or node was lost; an error of its own is never tried again."""

_ANSWERS = 20.0
"""Seconds that a cluster's head may take to answer."""

_SETTLE = 90.0
"""Seconds until every node sees what another wrote: network filesystems keep for a minute what they once looked up."""

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
}
"""Ray reports to its makers, and writes of lost workers to standard output, where the summary goes, unless told not to.

The pattern is found in every line, and leaves it out. A variable that is set already stays.
"""

_LIMITS = {"RAY_task_oom_retries": str(RETRIES)}
"""Ray ends workers when memory runs short, and would do their shards again for ever, without a word."""

_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Let the Ray that is started here listen on loopback alone, as it always does on other systems than Linux."""


@dataclass(frozen=True)
class _Job:
    """What all tasks of a run share; sent to each node once.

    Attributes:
        recipe: The recipe as JSON; its tokenizer is `tokenizer`, unless it is installed with curator.
        probe: A file of the run directory that every node must see.
        tokenizer: The tokenizer's file, which every node must see too.
    """

    recipe: str
    probe: Path
    tokenizer: Path | None


def run_ray(
    tasks: Sequence[Task], recipe: Recipe, address: str | None, workers: int | None, on_done: Callable[[Done], None]
) -> None:
    """Map all tasks, in any order.

    Args:
        tasks: What to do. Sources and parts must lie where every node finds them under the same path.
        recipe: The run's recipe.
        address: ``HOST:PORT`` of a cluster's head, or ``auto`` for the cluster that ``RAY_ADDRESS`` names or this
            machine belongs to; None starts Ray on this machine alone.
        workers: Most tasks at once, one core each; None for all cores.
        on_done: Called in this process after each shard.

    Raises:
        UsageError: Ray is not installed, or the address is of another kind.
        RunError: The cluster can't be joined, a node sees other files or has other software, or a shard was lost with
            its worker again and again.
    """
    if not tasks:
        return
    tasks = [replace(task, items=task.items.absolute(), ledger=task.ledger.absolute()) for task in tasks]
    folder = tasks[0].items.parents[1]
    probe = folder / f".probe-{secrets.token_hex(8)}.tmp"
    # Workers have another working directory, another home, and maybe no network: they get the file that was found here.
    if (file := find_vocabulary(recipe.tokenizer).path) is not None:
        file = file.absolute()
        recipe = recipe.model_copy(update={"tokenizer": str(file)})
    job = _Job(recipe.model_dump_json(), probe, file)
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    with _cluster(address, workers) as ray:
        probe.touch()
        try:
            most = workers if address else None
            for done in _in_flight(ray, tasks, job, most):
                on_done(done)
            _settled(tasks)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, CuratorError | OSError):
                raise error.cause from None
            raise
        except ray.exceptions.RayError as error:
            raise RunError(
                f"a shard was lost with its worker {RETRIES + 1} times, most likely because memory ran out: run the"
                f" same command again with fewer --workers, or larger nodes; finished shards are kept"
                f" ({_first_line(error)})"
            ) from error
        finally:
            probe.unlink(missing_ok=True)


@contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """Join a cluster, or start one here, and leave it in the end: Ray's own process and its workers go with it."""
    if named := address not in (None, "auto"):
        _check_address(str(address))
    # Workers that are started here take their environment from this process.
    variables = _QUIET | _LIMITS | (_LOOPBACK if address is None else {})
    with environment({name: os.environ.get(name, value) for name, value in variables.items()} | WORKER):
        try:
            import ray
        except ImportError as error:
            raise UsageError("--engine ray needs the extra ray: pip install 'price-curator[ray]'") from error
        if ray.is_initialized():
            raise RunError("Ray is at work in this process already: ray.shutdown() first, then name its --address")
        if named:
            _check_answers(str(address))
        options: dict[str, Any] = {"runtime_env": {"env_vars": WORKER}}
        if address is None:
            # Little shared memory will do: no row goes through it.
            options = {"num_cpus": workers or cores(), "include_dashboard": False, "object_store_memory": 100 * 2**20}
        try:
            ray.init(address or "local", logging_level="ERROR", log_to_driver=False, **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            said = _first_line(error)
            if address is None:
                raise RunError(f"Ray can't be started on this machine: {said}") from error
            raise RunError(
                f"can't join the Ray cluster at {address} ({said}): is this machine one of its nodes? `ray start"
                " --address HOST:PORT` makes it one"
            ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Refuse an address at which nobody answers."""
    host, _, port = address.rpartition(":")
    if not host or "://" in address or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(
            f"Ray's address {address!r}: give HOST:PORT of the cluster's head as --address, or auto on one of its nodes"
            " (if RAY_ADDRESS is set, auto means what it says)"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS).close()
    except OSError as error:
        raise RunError(
            f"no Ray cluster answers at {address}: {error.strerror or error}; `ray start --head` prints its address"
        ) from error


def _check_answers(address: str) -> None:
    """Refuse an address at which no cluster answers, or not to us.

    Ray itself would try for minutes, with much noise, and not listen to Ctrl-C: `ray status` asks, and can be ended.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
    asking = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        said = _said(asking, time.monotonic() + _ANSWERS)
    finally:
        asking.kill()
        asking.communicate()
    if said is None:
        raise RunError(
            f"no Ray cluster answers at {address}, though something listens there: give the port of the cluster's head"
            " (6379, if `ray start --head` was given no other), not that of its dashboard or of Ray's client"
        )
    if asking.returncode and "AuthToken" in said:
        raise RunError(
            f"the Ray cluster at {address} asks for a token: set RAY_AUTH_MODE=token, and copy ~/.ray/auth_token from"
            " its head to each of its nodes"
        )
    if asking.returncode:
        raise RunError(f"can't join the Ray cluster at {address}: {(said.splitlines() or ['no reason given'])[-1]}")


def _said(process: subprocess.Popen[str], end: float) -> str | None:
    """Return what a process wrote to standard error, or None if it is still at work at the time `end`."""
    said = None
    while said is None and time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            said = process.communicate(timeout=PATIENCE)[1].strip()
        interrupt.check()
    return said


def _in_flight(ray: Any, tasks: Sequence[Task], job: _Job, workers: int | None) -> Iterator[Done]:
    """Keep at most twice as many tasks submitted as the cluster has cores, which may change, or `workers` of them."""
    work = ray.remote(num_cpus=1, max_retries=RETRIES)(_work)
    shared = ray.put(job)
    waiting = iter(tasks)
    running: list[ObjectRef[Done]] = []
    looked = float("-inf")
    limit = 0
    try:
        while True:
            if time.monotonic() > looked + 5:
                looked = time.monotonic()
                limit = workers or max(1, 2 * int(ray.cluster_resources().get("CPU", 0)))
            while len(running) < limit and (task := next(waiting, None)) is not None:
                running.append(work.remote(task, shared))
            if not running:
                return
            finished, running = ray.wait(running, timeout=PATIENCE)
            interrupt.check()
            for ref in finished:
                yield ray.get(ref)
    finally:
        for ref in running:
            ray.cancel(ref, force=True)


def _settled(tasks: Sequence[Task]) -> None:
    """Wait until this machine sees what the others wrote.

    Raises:
        RunError: It does not.
    """
    end = time.monotonic() + _SETTLE
    for task in tasks:
        while not is_finished(task.items, task.ledger, task.key):
            interrupt.check()
            if time.monotonic() > end:
                raise RunError(f"{task.items}: written by another node, but not seen here after {_SETTLE:.0f} seconds")
            time.sleep(PATIENCE)


@lru_cache(maxsize=1)
def _mapper(recipe: str) -> Mapper:
    """Load the tokenizer, once a worker."""
    return Mapper(Recipe.model_validate_json(recipe))


@lru_cache(maxsize=1)
def _check_folder(probe: Path) -> None:
    if not probe.exists():
        raise RunError(
            f"{_node()} doesn't see what is written to {probe.parent} here: the run directory must lie on a filesystem"
            " that all nodes share, under the same path"
        )


def _check_tokenizer(file: Path | None) -> None:
    if file is not None and not file.exists():
        raise RunError(
            f"{_node()} doesn't see {file}: the tokenizer must lie on a filesystem that all nodes share, under the same"
            " path (for one of the Hub: set HF_HOME to a folder there)"
        )


@cache
def _check_source(source: Source) -> None:
    """Refuse a file that isn't the one that was looked at where the command runs; its digest is taken if in doubt."""
    if source.kind == "demo":
        return
    path = Path(source.location)
    try:
        seen = path.stat()
    except OSError as error:
        raise RunError(
            f"{_node()} doesn't see {path} ({error.strerror}): sources must lie on a filesystem that all nodes share,"
            " under the same path (for categories of the Hub: set HF_HOME to a folder there)"
        ) from error
    if seen.st_size != source.size or (seen.st_mtime_ns != source.modified and sha256(path) != source.sha256):
        raise RunError(
            f"{_node()} sees another {path} than was found here, or it changed during the run: sources must lie on a"
            " filesystem that all nodes share, under the same path, and stay as they are"
        )


def _check_software(mapper: Mapper, task: Task) -> None:
    """Refuse to make other bytes than the machine that asked for them would."""
    if shard_key(task.shard, mapper.recipe, mapper.tokenizer.vocabulary) != task.key:
        raise RunError(
            f"{_node()} has another version of curator, of polars, polars-hash, fastokens or tokenizers, or another"
            " tokenizer: install the same on all nodes"
        )


def _work(task: Task, job: _Job) -> Done:
    """Map one shard in a worker of the cluster."""
    _check_folder(job.probe)
    _check_tokenizer(job.tokenizer)
    _check_source(task.shard.source)
    mapper = _mapper(job.recipe)
    _check_software(mapper, task)
    done = map_task(mapper, task)
    return replace(done, worker=f"{_node()}, process {done.worker}")


def _node() -> str:
    """Name the node that this worker runs on."""
    import ray

    return f"node {ray.util.get_node_ip_address()} ({ray.get_runtime_context().get_node_id()[:8]})"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
