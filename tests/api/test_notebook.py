"""A kernel of Jupyter, as people work with one: bars, worker processes, an interrupt, and the gallery."""

from __future__ import annotations

import contextlib
import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

import curator
import small_tokenizer
from repository import ROOT, load_script

manager = pytest.importorskip("jupyter_client.manager")

SETTINGS = {"tokenizer": str(small_tokenizer.FOLDER)}
Cell = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
    started, client = manager.start_new_kernel(kernel_name="python3", cwd=str(folder), env=environment)
    yield started, client
    client.stop_channels()
    started.shutdown_kernel(now=True)


@pytest.fixture
def cell(kernel: Any) -> Cell:
    """Run a cell; returns its `status`, what it shows (`text`, `html`), and whether a widget was displayed."""
    client = kernel[1]

    def run(code: str, meanwhile: Callable[[], object] = lambda: None) -> dict[str, Any]:
        asked = client.execute(code)
        meanwhile()
        found: dict[str, Any] = {"text": "", "html": "", "widget": False}
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                message = client.get_iopub_msg(timeout=1)
                if message["parent_header"].get("msg_id") != asked:
                    continue
                content, data = message["content"], message["content"].get("data", {})
                found["text"] += content.get("text", "") + data.get("text/plain", "")
                found["html"] += data.get("text/html", "")
                found["widget"] |= "application/vnd.jupyter.widget-view+json" in data
                if content.get("execution_state") == "idle":
                    break
        reply = client.get_shell_msg(timeout=60)["content"]
        return found | {"status": reply["status"], "error": reply.get("ename")}

    return run


def test_a_build_with_workers_shows_a_bar_and_itself(cell: Cell) -> None:
    assert cell("import curator")["status"] == "ok"
    done = cell(f"curator.build('demo:33000', 'runs/two', settings={SETTINGS}, workers=2)")
    assert done["status"] == "ok"
    assert done["widget"]
    assert "<table" in done["html"]


def test_an_interrupted_cell_leaves_a_run_that_the_same_cell_continues(
    cell: Cell, kernel: Any, folder: Path, stamps: Any
) -> None:
    code = f"import curator; curator.build('demo:400000', 'runs/long', settings={SETTINGS}, workers=1)"
    parts = folder / "runs" / "long" / "items"

    def interrupt() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and len(list(parts.glob("part-*.parquet"))) < 2:
            time.sleep(0.05)
        kernel[0].interrupt_kernel()

    stopped = cell(code, interrupt)
    assert (stopped["status"], stopped["error"]) == ("error", "KeyboardInterrupt")
    assert not list((folder / "runs" / "long").rglob("*.tmp"))
    kept = stamps(parts.glob("part-*.parquet"))
    assert 2 <= len(kept) < 25
    # Fewer rows to wait for: the shards of these are the same.
    again = cell(code.replace("400000", "33000"))
    assert again["status"] == "ok"
    rows = cell("curator.open('runs/long').summary.to_dict()['rows_in']")
    assert rows["text"] == "33000"


def test_a_mistake_is_one_message(cell: Cell) -> None:
    wrong = cell("import curator; curator.build('dmo')")
    assert wrong["error"] == "UsageError"


# -- the gallery

NOTEBOOKS = sorted((ROOT / "reports" / "notebooks").glob("*.ipynb"))


def shown(notebook: Any) -> list[str]:
    """What the cells show as plain text, without what differs from time to time."""
    outputs = (one for each in notebook.cells if each.cell_type == "code" for one in each.outputs)
    return [one.get("text") or one["data"]["text/plain"] for one in outputs if "data" in one or "text" in one]


@pytest.mark.parametrize(
    "path", [NOTEBOOKS[0], *(pytest.param(one, marks=pytest.mark.acceptance) for one in NOTEBOOKS[1:])], ids=str
)
def test_a_notebook_of_the_gallery_runs_and_shows_the_same(path: Path) -> None:
    before = nbformat.read(path, as_version=4)
    assert path.stat().st_size < 1_000_000
    assert all(each.outputs for each in before.cells if each.cell_type == "code" and not each.source.endswith(")\n"))
    after = load_script("notebooks").run(path)
    if path == NOTEBOOKS[0]:  # the others train
        assert shown(after) == shown(before)


def test_the_second_build_in_a_process_loads_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fastokens
    from numba.core import dispatcher

    settings = {"tokenizer": str(small_tokenizer.FOLDER)}
    curator.build("demo:300", tmp_path / "first", settings=settings, workers=1)

    def refuse(*args: object, **given: object) -> None:
        pytest.fail("it was loaded or compiled again")

    monkeypatch.setattr(fastokens.Tokenizer, "from_file", refuse)
    monkeypatch.setattr(dispatcher.Dispatcher, "compile", refuse)
    run = curator.build("demo:400", tmp_path / "second", settings=settings, workers=1)
    assert sum(run.fates.values()) == 400
