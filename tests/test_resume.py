"""A run that died is continued, by the same command, to the same bytes; and one builder has a directory to itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from filelock import FileLock

import small_tokenizer
from curator.system.digest import sha256

SHARDS = 8

TOKENIZER = {"tokenizer": str(small_tokenizer.FOLDER)}

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX are needed")

# Ends the process without any clean-up at the n-th call of a function.
DYING = """
import importlib, os, signal, sys
module, name, count, after = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "after"
del sys.argv[1:5]
owner = importlib.import_module(module)
original, calls = getattr(owner, name), 0
def dying(*args, **options):
    global calls
    calls += 1
    if calls == count and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **options)
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, dying)
from curator.cli.commands import main
main()
"""


@pytest.fixture(scope="module")
def sources(raw_row: Any, write_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    return [
        write_rows(folder / f"rows-{part}.parquet", [raw_row(part * 500 + n) for n in range(40)])
        for part in range(SHARDS)
    ]


@pytest.fixture(scope="module")
def many(raw_row: Any, write_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files whose shards take long enough to be killed in the middle."""
    folder = tmp_path_factory.mktemp("many")
    rows = [raw_row(n) for n in range(150)]
    texts = [row["description"][0] for row in rows]
    files = []
    for part in range(14):
        some = [
            row | {"price": f"{(part * 7 + n) % 300 + 1}.25", "description": [texts[(n + part) % 150]]}
            for n, row in enumerate(rows * 8)
        ]
        files.append(write_rows(folder / f"rows-{part:02d}.parquet", some))
    return files


@pytest.fixture
def command(course_arguments: Any, tmp_path: Path) -> Callable[..., list[str]]:
    """The arguments of a build into RUN."""

    def make(files: list[Path], *more: object, **settings: Any) -> list[str]:
        out = ["--out", str(tmp_path / "run"), "--workers", "1"]
        return ["build", *map(str, files), *course_arguments(**TOKENIZER | settings), *out, *map(str, more)]

    return make


@pytest.fixture(scope="module")
def undisturbed(
    build_run: Any, with_figures: Any, tmp_path_factory: pytest.TempPathFactory, tree: Any
) -> Callable[..., dict[str, bytes]]:
    """What the same build makes elsewhere, in one go; made once for the same bytes and settings.

    `drawn` is for a dataset that another process finished, which has its figures.
    """
    made: dict[str, dict[str, bytes]] = {}

    def make(files: list[Path], *, drawn: bool = False, **settings: Any) -> dict[str, bytes]:
        key = repr(([sha256(path) for path in files], drawn, settings))
        if key not in made:
            run = tmp_path_factory.mktemp("undisturbed") / "run"
            with with_figures() if drawn else nullcontext():
                build_run(files, run, **TOKENIZER | settings)
            made[key] = tree(run / "dataset")
        return made[key]

    return make


def parts(run: Path) -> list[Path]:
    return sorted(run.glob("items/part-*.parquet"))


def temporaries(run: Path) -> list[Path]:
    return [path for path in run.rglob("*") if ".tmp" in path.name]


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie that only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(text.split()[0]))
    return found


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.003)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Start builds in process groups of their own; none outlives the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(arguments: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "curator", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def killed_at(environment: dict[str, str], where: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING, *where.split(), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


# -- killed


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_killed_in_the_map_step(
    many: list[Path], command: Any, started: Any, invoke: Any, undisturbed: Any, tmp_path: Path, tree: Any, stamps: Any
) -> None:
    run = tmp_path / "run"
    process = started([*command(many), "--workers", "2"])
    wait_for(lambda: parts(run) or process.poll() is not None)
    workers = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = stamps(parts(run))
    assert 0 < len(finished) < len(many), "the kill came too late for this machine"
    assert not (run / "manifest.json").exists()
    assert not (run / "dataset").exists()
    # nobody goes on writing
    assert len(workers) >= 2
    wait_for(lambda: not any(alive(pid) for pid in workers), seconds=10)
    finished = stamps(parts(run))

    done = invoke(*command(many))
    assert done.exit_code == 0, done.stderr
    assert stamps(map(Path, finished)) == finished
    assert len(parts(run)) == len(many)
    assert not temporaries(run)
    assert tree(run / "dataset") == undisturbed(many)


@pytest.mark.parametrize(
    "where",
    [
        "curator.dataset.write _write_data 1 after",
        "curator.pipeline write_dataset 1 after",
        "curator.selection.record write_parquet 3 after",
        "curator.pipeline write_json 1 after",
        "curator.items.map_shard writing_parquet 3 after",
        "curator.pipeline write_manifest 1 before",
    ],
)
def test_killed_anywhere(
    where: str,
    sources: list[Path],
    command: Any,
    environment: dict[str, str],
    invoke: Any,
    undisturbed: Any,
    tmp_path: Path,
    tree: Any,
    stamps: Any,
) -> None:
    run = tmp_path / "run"
    killed_at(environment, where, command(sources))
    assert not (run / "manifest.json").exists()
    finished = stamps(parts(run))
    done = invoke(*command(sources))
    assert done.exit_code == 0, done.stderr
    assert stamps(map(Path, finished)) == finished
    assert not temporaries(run)
    assert tree(run / "dataset") == undisturbed(sources)
    fates = pl.read_parquet(run / "ledger" / "*.parquet")["fate"]
    assert fates.len() == SHARDS * 40
    assert "kept" not in fates.to_list()


def test_killed_while_a_changed_run_replaces_its_dataset(
    sources: list[Path],
    command: Any,
    environment: dict[str, str],
    invoke: Any,
    undisturbed: Any,
    tmp_path: Path,
    tree: Any,
) -> None:
    """No moment at which a dataset could be taken for that of another recipe."""
    run = tmp_path / "run"
    assert invoke(*command(sources)).exit_code == 0
    killed_at(environment, "curator.dataset.write _write_data 1 after", command(sources, slots__cap=1))
    assert not (run / "manifest.json").exists()
    assert invoke(*command(sources, slots__cap=1)).exit_code == 0
    assert not temporaries(run)
    assert tree(run / "dataset") == undisturbed(sources, slots__cap=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c(many: list[Path], command: Any, started: Any, invoke: Any, tmp_path: Path, workers: int) -> None:
    run = tmp_path / "run"
    process = started([*command(many), "--workers", str(workers)])
    wait_for(lambda: parts(run) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, message = process.communicate(timeout=30)
    assert process.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in message
    assert "nterrupted" in message
    for path in [*parts(run), *run.glob("ledger/part-*.parquet")]:
        pl.read_parquet(path)
    assert not (run / "manifest.json").exists()
    assert not temporaries(run), "the message says that nothing half-written is left"


def test_sigterm_leaves_no_workers_behind(many: list[Path], command: Any, started: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = started([*command(many), "--workers", "2"])
    wait_for(lambda: parts(run) or process.poll() is not None)
    workers = children(process.pid)
    process.terminate()
    process.communicate(timeout=30)
    wait_for(lambda: not any(alive(pid) for pid in workers), seconds=10)


# -- one builder a directory


def test_a_second_builder_refuses(
    sources: list[Path], command: Any, run_cli: Any, invoke: Any, tmp_path: Path, tree: Any
) -> None:
    run = tmp_path / "run"
    assert invoke(*command(sources)).exit_code == 0
    before = tree(run)
    with FileLock(run / ".lock"):
        done = run_cli(*command(sources, slots__cap=1))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "another build is at work" in done.stderr
    assert str(run) in done.stderr
    assert tree(run) == before


def test_two_builders_at_once(
    many: list[Path], command: Any, started: Any, undisturbed: Any, tmp_path: Path, tree: Any
) -> None:
    some = many[:3]
    first = started(command(some))
    wait_for(lambda: parts(tmp_path / "run") or first.poll() is not None)
    first.send_signal(signal.SIGSTOP)  # so that it is still at work when the second one comes
    second = started(command(some))
    _, message = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert "another build" in message
    assert first.wait(60) == 0
    assert tree(tmp_path / "run" / "dataset") == undisturbed(some, drawn=True)


def test_a_lock_file_that_nobody_holds_is_taken_over(
    sources: list[Path], command: Any, invoke: Any, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("12345\nsomewhere\n")
    assert invoke(*command(sources)).exit_code == 0


# -- what is done again


@pytest.fixture(scope="module")
def finished_run(sources: list[Path], build_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the small sources, not to be changed."""
    build_run(sources, run := tmp_path_factory.mktemp("finished") / "run", **TOKENIZER)
    return run


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """The finished run, where `command` builds."""
    return shutil.copytree(finished_run, tmp_path / "run")


def everything(run: Path) -> list[Path]:
    return [path for path in run.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_finished_run_is_left_alone(
    run: Path, sources: list[Path], command: Any, invoke: Any, stamps: Any, workers: int
) -> None:
    before = stamps(everything(run))
    printed = [json.loads(invoke(*command(sources), "--json", "--workers", workers).stdout) for _ in range(2)]
    assert printed[0] == printed[1]
    assert printed[0].items() >= json.loads((run / "summary.json").read_text("utf-8")).items()
    assert stamps(everything(run)) == before


def test_a_changed_selection_redoes_no_shard(
    run: Path, sources: list[Path], command: Any, invoke: Any, undisturbed: Any, stamps: Any, tree: Any
) -> None:
    before, old = stamps(parts(run)), tree(run / "dataset")
    for settings in ({"slots__cap": 1}, {"split__test": 5}, {"split__seed": 7}, {"slots__weights__Tools": 0.5}, {}):
        assert invoke(*command(sources, **settings)).exit_code == 0
        assert stamps(parts(run)) == before
        assert (tree(run / "dataset") == old) == (not settings)
    assert invoke(*command(sources, slots__cap=1)).exit_code == 0
    assert tree(run / "dataset") == undisturbed(sources, slots__cap=1)


@pytest.mark.parametrize(
    "settings",
    [
        {"price__min": 50.0},
        {"tokens__cap": 155},
        {"text__max_chars": 1000},
        {"prompt__question": "What?"},
        {"tokenizer": "cl100k_base"},
    ],
    ids=str,
)
def test_a_changed_map_redoes_every_shard(
    run: Path,
    sources: list[Path],
    command: Any,
    invoke: Any,
    undisturbed: Any,
    stamps: Any,
    tree: Any,
    settings: dict[str, Any],
) -> None:
    before = stamps(parts(run))
    assert invoke(*command(sources, **settings)).exit_code == 0
    after = stamps(parts(run))
    assert all(after[name] != stamp for name, stamp in before.items())
    assert tree(run / "dataset") == undisturbed(sources, **settings)


@pytest.fixture
def copies(sources: list[Path], tmp_path: Path) -> list[Path]:
    """The sources in a folder of this test alone."""
    folder = tmp_path / "copies"
    folder.mkdir()
    made = [folder / path.name for path in sources]
    for path, copy in zip(sources, made, strict=True):
        copy.write_bytes(path.read_bytes())
    return made


def test_a_changed_source_redoes_its_shards_only(
    copies: list[Path],
    command: Any,
    invoke: Any,
    undisturbed: Any,
    tmp_path: Path,
    stamps: Any,
    tree: Any,
    raw_row: Any,
    write_rows: Any,
) -> None:
    run = tmp_path / "run"
    assert invoke(*command(copies)).exit_code == 0
    before = stamps(parts(run))
    write_rows(copies[3], [raw_row(9_000 + n) for n in range(40)])
    assert invoke(*command(copies)).exit_code == 0
    after = stamps(parts(run))
    changed = [Path(name).name for name in after if after[name] != before[name]]
    assert changed == ["part-00003.parquet"]
    assert tree(run / "dataset") == undisturbed(copies)


def test_a_touched_or_moved_source_redoes_nothing(
    copies: list[Path], command: Any, invoke: Any, tmp_path: Path, stamps: Any
) -> None:
    run = tmp_path / "run"
    assert invoke(*command(copies)).exit_code == 0
    before = stamps(parts(run))
    os.utime(copies[0])
    assert invoke(*command(copies)).exit_code == 0
    moved = tmp_path / "moved"
    copies[0].parent.rename(moved)
    assert invoke(*command([moved / path.name for path in copies])).exit_code == 0
    assert stamps(parts(run)) == before


def test_parts_of_sources_that_are_gone_are_removed(
    run: Path, sources: list[Path], command: Any, invoke: Any, undisturbed: Any, stamps: Any, tree: Any
) -> None:
    before = stamps(parts(run))
    assert invoke(*command(sources[:5])).exit_code == 0
    assert [path.name for path in parts(run)] == [f"part-{n:05d}.parquet" for n in range(5)]
    assert len(list(run.glob("ledger/*"))) == 5
    assert stamps(parts(run)) == {str(path): before[str(path)] for path in parts(run)}
    assert tree(run / "dataset") == undisturbed(sources[:5])
    assert "part-00007" not in (run / "manifest.json").read_text("utf-8")


@pytest.mark.parametrize("damage", ["removed", "short", "empty"])
@pytest.mark.parametrize("name", ["items/part-00002.parquet", "ledger/part-00002.parquet"])
def test_a_damaged_part_is_done_again(
    run: Path,
    sources: list[Path],
    command: Any,
    invoke: Any,
    undisturbed: Any,
    stamps: Any,
    tree: Any,
    name: str,
    damage: str,
) -> None:
    before = stamps(parts(run))
    path = run / name
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-30] if damage == "short" else b"")
    assert invoke(*command(sources)).exit_code == 0
    after = stamps(parts(run))
    assert {Path(one).name for one in after if after[one] != before[one]} == {"part-00002.parquet"}
    assert tree(run / "dataset") == undisturbed(sources)


@pytest.mark.parametrize(
    "name",
    [
        "dataset/data/train-00000-of-00001.parquet",
        "selection.parquet",
        "summary.json",
        "recipe.toml",
        "manifest.json",
        "dataset/manifest.json",
    ],
)
def test_a_lost_file_is_made_again(
    run: Path, sources: list[Path], command: Any, invoke: Any, stamps: Any, tree: Any, name: str
) -> None:
    before, dataset = stamps(parts(run)), tree(run / "dataset")
    (run / name).unlink()
    assert invoke(*command(sources)).exit_code == 0
    assert (run / name).exists()
    assert tree(run / "dataset") == dataset
    assert stamps(parts(run)) == before


def test_files_left_under_temporary_names_are_removed(
    run: Path, sources: list[Path], command: Any, invoke: Any
) -> None:
    (run / "items" / ".part-00000.parquet.1.tmp").write_bytes(b"x")
    (run / ".dataset.1.tmp" / "data").mkdir(parents=True)
    (run / ".dataset.1.tmp" / "data" / "train").touch()
    (run / ".dataset.1.tmp.scratch.tmp").mkdir()
    assert invoke(*command(sources, slots__cap=1)).exit_code == 0
    assert not temporaries(run)


def test_the_recipe_of_a_run_repeats_it(run: Path, sources: list[Path], invoke: Any, tmp_path: Path, tree: Any) -> None:
    out = tmp_path / "again"
    done = invoke("build", *sources, "--recipe", run / "recipe.toml", "--out", out, "--workers", 1)
    assert done.exit_code == 0, done.stderr
    assert tree(out / "dataset") == tree(run / "dataset")


@pytest.fixture
def change_when_mapped(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Callable[[], object]], None]:
    """Do something once the first shard of a file is mapped."""
    from curator.items import workers as engine

    def set_up(path: Path, change: Callable[[], object]) -> None:
        before = engine.map_task
        todo = [change]

        def mapped(mapper: Any, task: Any) -> Any:
            done = before(mapper, task)
            if todo and task.shard.source.location == str(path):
                todo.pop()()
            return done

        monkeypatch.setattr(engine, "map_task", mapped)

    return set_up


def test_a_source_that_another_takes_the_place_of_ends_the_build(
    copies: list[Path],
    command: Any,
    invoke: Any,
    undisturbed: Any,
    raw_row: Any,
    write_rows: Any,
    tmp_path: Path,
    tree: Any,
    change_when_mapped: Any,
) -> None:
    """As many rows, so that only the file itself tells; the parts made before hold what was hashed."""
    changed = copies[3]
    original = changed.read_bytes()
    change_when_mapped(copies[1], lambda: write_rows(changed, [raw_row(9_000 + n) for n in range(40)]))
    failed = invoke(*command(copies))
    assert failed.exit_code == 1
    assert f"Error: {changed}: it changed during the run" in failed.stderr
    run = tmp_path / "run"
    assert len(list((run / "items").glob("*.parquet"))) == 3
    assert not (run / "manifest.json").exists()
    # With the new file the same command makes its dataset, with the old one again that of the old one.
    assert invoke(*command(copies)).exit_code == 0
    assert tree(run / "dataset") == undisturbed(copies)
    changed.write_bytes(original)
    assert invoke(*command(copies)).exit_code == 0
    assert tree(run / "dataset") == undisturbed(copies)


def test_a_source_may_be_touched(
    copies: list[Path], command: Any, invoke: Any, undisturbed: Any, tmp_path: Path, tree: Any, change_when_mapped: Any
) -> None:
    change_when_mapped(copies[1], copies[3].touch)
    assert invoke(*command(copies)).exit_code == 0
    assert tree(tmp_path / "run" / "dataset") == undisturbed(copies)


def test_json_lines_of_the_same_layout(
    tmp_path: Path, command: Any, invoke: Any, raw_row: Any, change_when_mapped: Any
) -> None:
    def write(path: Path, first: int) -> Path:
        lines = [json.dumps(raw_row(first + n) | {"title": f"Bracket {first + n:05d}"}) for n in range(30)]
        path.write_text("\n".join(line.ljust(2_000) for line in lines), "utf-8")
        return path

    files = [write(tmp_path / f"rows-{number}.jsonl", 100 * number) for number in range(3)]
    change_when_mapped(files[0], lambda: write(files[2], 700))
    failed = invoke(*command(files))
    assert failed.exit_code == 1
    assert f"Error: {files[2]}: it changed during the run" in failed.stderr
