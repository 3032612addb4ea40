"""A run, a provider on loopback, and the command that sends the one to the other."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from curator.train import page
from gpt_tools import BASE, KEY, ROWS, Gpt, build_small, fine_tuning, linked_copy


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, bundled: Any) -> Path:
    """A finished run of the default recipe, which has a validation split."""
    return build_small(tmp_path_factory.mktemp("built"), bundled, "pricer")


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may write to; its data is linked."""
    return linked_copy(built, tmp_path / "run")


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch, bundled: Any) -> Iterator[Any]:
    """The provider, with the key in the environment; nothing that was exchanged may be against the contract."""
    from curator.train.gpt import examples

    monkeypatch.setattr(examples, "load_tokenizer", lambda spec: bundled)
    # What takes longest: drawing, which the tests that look at the page turn on, and reading certificates.
    monkeypatch.setattr(page, "write_page", lambda path, rows, **facts: path.write_text(str(facts), "utf-8"))
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *args, **options: None)
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "AZURE_"))]:
        monkeypatch.delenv(name)
    with fine_tuning.peer() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.address)
        yield server
    assert server.violations == []


@pytest.fixture
def gpt(invoke: Callable[..., Result], run: Path) -> Gpt:
    """`curator train gpt VERB RUN ...`; `start` with a base, few rows and no questions."""

    def call(verb: str, *args: object, place: Path = run) -> Result:
        asked = ("--base", BASE, *ROWS, "--yes", "--every", 0.01) if verb == "start" else ()
        result = invoke("train", "gpt", verb, place, *asked, *args)
        stored = b"".join(path.read_bytes() for path in (place / "train").rglob("*") if path.is_file())
        assert KEY not in result.output
        assert KEY.encode() not in stored
        return result

    return call
