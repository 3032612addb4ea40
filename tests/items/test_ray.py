"""The Ray engine: the same bytes as the local one, on two nodes, when one is killed, and after Ctrl-C.

A cluster lives in a network namespace of its own, with nothing but loopback: nobody else's cluster can be met there,
and Ray can't choose another address.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import small_tokenizer
from curator.errors import RunError
from curator.items import ray_cluster
from curator.items.map_shard import shard_key
from curator.items.workers import Task
from curator.recipe.load import Recipe, load_recipe
from curator.sources.resolve import cut, resolve
from curator.system import interrupt
from repository import ROOT

pytestmark = pytest.mark.figures

SCRIPT = ROOT / "tests" / "support" / "ray_cluster.py"
ROWS = "demo:60000"
SHARDS = 4


def _namespace() -> bool:
    if (unshare := shutil.which("unshare")) is None:
        return False
    return subprocess.run([unshare, "--net", "true"], capture_output=True, check=False).returncode == 0


needs_ray = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.skipif(not _namespace(), reason="no network namespace can be made here (`unshare --net`, as root)"),
]


@pytest.fixture(scope="module")
def arguments(course_arguments: Any) -> list[str]:
    return [ROWS, *course_arguments(tokenizer=small_tokenizer.FOLDER), "--workers", "2"]


@pytest.fixture(scope="module")
def local(arguments: list[str], tmp_path_factory: pytest.TempPathFactory, tree: Any) -> dict[str, bytes]:
    """What the local engine makes of the same rows."""
    from click.testing import CliRunner

    from curator.cli.commands import main

    run = tmp_path_factory.mktemp("local") / "run"
    done = CliRunner().invoke(main, ["build", *arguments, "--out", str(run)])
    assert done.exit_code == 0, done.output
    return contents(run, tree)


def contents(run: Path, tree: Any) -> dict[str, bytes]:
    """All that must not depend on the engine: dataset, items, ledger, selection."""
    wanted = ("dataset/", "items/", "ledger/", "selection.parquet")
    return {name: data for name, data in tree(run).items() if name.startswith(wanted)}


@pytest.fixture
def build(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Play a scenario of `ray_cluster.py`; the run is `tmp_path/run`. Afterwards no process of Ray is left."""
    # Paths of Ray's sockets must be short.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")

    def play(scenario: str) -> dict[str, Any]:
        run = tmp_path / "run"
        command = ["unshare", "--net", sys.executable, str(SCRIPT), scenario, str(run), *arguments, "--engine", "ray"]
        done = subprocess.run(
            [*command, "--json", "--out", str(run)],
            env=environment | {"RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # Ray prints lines of its own in the process that starts the cluster.
        line = next(line for line in done.stdout.splitlines() if line.startswith('{"code"'))
        told: dict[str, Any] = json.loads(line)
        return told

    yield play
    end = time.monotonic() + 20
    while left := processes_in(folder):
        assert time.monotonic() < end, left
        time.sleep(0.1)
    shutil.rmtree(folder)


def processes_in(folder: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if folder.encode() in command:
            found.append(command.decode(errors="replace"))
    return found


def quiet(told: dict[str, Any]) -> bool:
    """Whether only the summary and curator's own notes and warnings were printed, but for one line of Ray's.

    It comes where there is no network: who joins a cluster looks for this machine's address before any setting applies.
    """
    assert json.loads(told["stdout"])["rows_mapped"] > 0
    lines = told["stderr"].splitlines()
    return all(line.startswith(("Note: ", "Warning: ")) or "Failed to determine local IP" in line for line in lines)


class TestCluster:
    pytestmark = needs_ray

    def test_one_machine_makes_the_same_bytes(
        self, build: Any, local: dict[str, bytes], tmp_path: Path, tree: Any
    ) -> None:
        told = build("alone")
        assert told["code"] == 0, told["stderr"]
        assert quiet(told)
        assert contents(tmp_path / "run", tree) == local

    @pytest.mark.acceptance
    def test_two_nodes_make_the_same_bytes(
        self, build: Any, local: dict[str, bytes], tmp_path: Path, tree: Any
    ) -> None:
        told = build("two nodes")
        assert told["code"] == 0, told["stderr"]
        assert told["nodes"] == 2
        assert quiet(told)
        assert contents(tmp_path / "run", tree) == local

    @pytest.mark.acceptance
    def test_a_node_killed_in_the_map_step_changes_nothing(
        self, build: Any, local: dict[str, bytes], tmp_path: Path, tree: Any
    ) -> None:
        told = build("one of two killed")
        assert 0 < told["parts"] < SHARDS, "the kill came too late for this machine"
        assert told["code"] == 0, told["stderr"]
        assert quiet(told)
        assert contents(tmp_path / "run", tree) == local
        assert not list((tmp_path / "run").rglob("*.tmp"))

    @pytest.mark.acceptance
    def test_interrupted_and_continued_on_one_machine(
        self, build: Any, local: dict[str, bytes], tmp_path: Path, tree: Any, stamps: Any
    ) -> None:
        told = build("interrupted")
        assert told["code"] == 1
        assert told["stderr"].startswith("Interrupted: ")
        assert len(told["stderr"].splitlines()) == 1
        assert not list((tmp_path / "run").rglob("*.tmp"))
        assert not (tmp_path / "run" / "manifest.json").exists()
        finished = stamps((tmp_path / "run").glob("items/*.parquet"))
        assert told["parts"] <= len(finished) < SHARDS
        told = build("alone")
        assert told["code"] == 0, told["stderr"]
        assert quiet(told)
        assert stamps(map(Path, finished)) == finished
        assert contents(tmp_path / "run", tree) == local


# -- wrong use, and what a worker refuses


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--address", "10.0.0.1:6379"], "add --engine ray"),
        (["--engine", "ray", "--address", "ray://10.0.0.1:10001"], "give HOST:PORT"),
        (["--engine", "ray", "--address", "10.0.0.1"], "give HOST:PORT"),
        (["--engine", "ray", "--address", "10.0.0.1:66000"], "give HOST:PORT"),
        (["--engine", "ray", "--address", "10.0.0.1:6379", "--dry-run"], "leave --address out"),
    ],
)
def test_a_wrong_address_is_told(invoke: Any, tmp_path: Path, options: list[str], said: str) -> None:
    done = invoke("build", "demo:100", "--out", tmp_path / "run", *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_address_where_nobody_answers_is_told(invoke: Any, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Not listening: whoever connects is refused.
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = invoke("build", "demo:100", "--out", tmp_path / "run", "--engine", "ray", "--address", address)
    assert done.exit_code == 1
    assert f"no Ray cluster answers at {address}" in done.stderr


def test_auto_is_what_ray_address_says(invoke: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://10.0.0.1:10001")
    done = invoke("build", "demo:100", "--out", tmp_path / "run", "--engine", "ray", "--address", "auto")
    assert done.exit_code == 2
    assert "'ray://10.0.0.1:10001': give HOST:PORT" in done.stderr


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let Python code stand in for `ray status`."""
    start = subprocess.Popen

    def stand_in(code: str) -> None:
        monkeypatch.setattr(
            subprocess, "Popen", lambda command, **settings: start([sys.executable, "-c", code], **settings)
        )

    return stand_in


def test_what_is_no_cluster_is_told(status: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    status("import time; time.sleep(100)")
    monkeypatch.setattr(ray_cluster, "_ANSWERS", 0.5)
    with pytest.raises(RunError, match="though something listens there"):
        ray_cluster._check_answers("10.0.0.1:8265")


def test_a_cluster_that_refuses_is_told(status: Callable[[str], None]) -> None:
    status("raise SystemExit('AuthenticationError: InvalidAuthToken: Authentication token is missing')")
    with pytest.raises(RunError, match="asks for a token: set RAY_AUTH_MODE=token"):
        ray_cluster._check_answers("10.0.0.1:6379")
    status("raise RuntimeError('Ray version mismatch: cluster has 2.0')")
    with pytest.raises(RunError, match=r"can't join .*: RuntimeError: Ray version mismatch: cluster has"):
        ray_cluster._check_answers("10.0.0.1:6379")


def test_ctrl_c_while_a_cluster_is_asked(status: Callable[[str], None]) -> None:
    status("import time; time.sleep(100)")
    with pytest.raises(KeyboardInterrupt), interrupt.deferred():
        signal.raise_signal(signal.SIGINT)
        ray_cluster._check_answers("10.0.0.1:6379")


def test_without_the_extra_it_is_named(invoke: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = invoke("build", "demo:100", "--out", tmp_path / "run", "--engine", "ray")
    assert done.exit_code == 2
    assert "price-curator[ray]" in done.stderr
    assert not list((tmp_path / "run").rglob("*.tmp"))


@pytest.fixture
def work(
    raw_row: Any, write_rows: Any, bundled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Task, ray_cluster._Job]:
    """A task as a worker gets it, the worker being this process."""
    monkeypatch.setattr(ray_cluster, "_node", lambda: "node 10.0.0.2 (ab)")
    ray_cluster._mapper.cache_clear()
    recipe = load_recipe("course-v1", {"tokenizer": "o200k_base"})
    rows = write_rows(tmp_path / "rows.parquet", [raw_row(n) for n in range(5)])
    (shard,) = cut(resolve([str(rows)], recipe))
    (probe := tmp_path / ".probe").touch()
    task = Task(shard, tmp_path / "items", tmp_path / "ledger", shard_key(shard, recipe, bundled.vocabulary))
    return task, ray_cluster._Job(recipe.model_dump_json(), probe, None)


def test_a_worker_maps_and_says_who_it_is(work: tuple[Task, ray_cluster._Job]) -> None:
    task, job = work
    done = ray_cluster._work(task, job)
    assert (done.rows, done.kept) == (5, 5)
    assert done.worker.startswith("node 10.0.0.2 (ab), process ")
    assert task.items.exists()
    assert task.ledger.exists()


def test_a_worker_refuses_other_files_and_other_software(work: tuple[Task, ray_cluster._Job], tmp_path: Path) -> None:
    task, job = work
    with pytest.raises(RunError, match=r"node 10\.0\.0\.2 \(ab\) doesn't see what is written to"):
        ray_cluster._work(task, replace(job, probe=tmp_path / "elsewhere" / ".probe"))
    with pytest.raises(RunError, match=r"doesn't see .*llama: the tokenizer must lie"):
        ray_cluster._work(task, replace(job, tokenizer=tmp_path / "llama"))

    def elsewhere(**seen: Any) -> Task:
        return replace(task, shard=replace(task.shard, source=replace(task.shard.source, **seen)))

    with pytest.raises(RunError, match=r"doesn't see .*gone\.parquet \(No such file.*\): sources must lie"):
        ray_cluster._work(elsewhere(location=str(tmp_path / "gone.parquet")), job)
    with pytest.raises(RunError, match=r"sees another .*rows\.parquet than was found here"):
        ray_cluster._work(elsewhere(size=task.shard.source.size + 1), job)
    with pytest.raises(RunError, match=r"sees another .*rows\.parquet than was found here"):
        ray_cluster._work(elsewhere(modified=0, sha256="0" * 64), job)
    with pytest.raises(RunError, match="another version of curator"):
        ray_cluster._work(replace(task, key="0" * 64), job)
    assert not task.items.exists()


def test_a_copy_of_a_source_will_do(work: tuple[Task, ray_cluster._Job]) -> None:
    task, job = work
    copy = replace(task, shard=replace(task.shard, source=replace(task.shard.source, modified=0)))
    assert ray_cluster._work(copy, job).rows == 5


def test_workers_get_the_file_of_a_tokenizer(
    work: tuple[Task, ray_cluster._Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have another working directory, so that a relative path would be another."""
    task, _ = work
    sent: list[ray_cluster._Job] = []

    @contextmanager
    def cluster(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(exceptions=SimpleNamespace(RayTaskError=ZeroDivisionError, RayError=ZeroDivisionError))

    def in_flight(ray: object, tasks: object, job: ray_cluster._Job, most: object) -> list[Any]:
        sent.append(job)
        return []

    monkeypatch.setattr(ray_cluster, "_cluster", cluster)
    monkeypatch.setattr(ray_cluster, "_in_flight", in_flight)
    monkeypatch.setattr(ray_cluster, "_settled", lambda tasks: None)
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "tokenizer.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("course-v1", {"tokenizer": "./llama"})
    task = replace(task, items=tmp_path / "run" / "items" / "part", ledger=tmp_path / "run" / "ledger" / "part")
    (tmp_path / "run").mkdir()
    ray_cluster.run_ray([task], recipe, None, 1, lambda done: None)
    (job,) = sent
    assert job.tokenizer == tmp_path / "llama" / "tokenizer.json"
    assert Recipe.model_validate_json(job.recipe).tokenizer == str(job.tokenizer)


def test_parts_that_never_appear_are_told(work: tuple[Task, ray_cluster._Job], monkeypatch: pytest.MonkeyPatch) -> None:
    task, _ = work
    monkeypatch.setattr(ray_cluster, "_SETTLE", 0.0)
    with pytest.raises(RunError, match="not seen here after 0 seconds"):
        ray_cluster._settled([task])
