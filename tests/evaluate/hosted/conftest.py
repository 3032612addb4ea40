"""A run and an endpoint on loopback that is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curator.dataset import opened
from curator.evaluate.predictor import Setting
from curator.evaluate.predictors.hosted import Hosted
from curator.pipeline import build
from curator.recipe.load import load_recipe
from hosted_tools import KEY, MODEL, ROWS, Server


@pytest.fixture(autouse=True)
def _one_tokenizer(bundled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a vocabulary takes longer than all questions here; every estimate would do it."""
    monkeypatch.setattr("curator.tokens.tokenizer.load_tokenizer", lambda spec: bundled)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    one = Server()
    monkeypatch.setenv("OPENAI_BASE_URL", one.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield one
    one.close()
    assert one.wrong == []


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("hosted") / "run"
    build(["demo:1000:7"], load_recipe("pricer"), out, workers=1)
    return out


@pytest.fixture(scope="session")
def rows(run: Path) -> pl.DataFrame:
    return opened.open_dataset(str(run)).read("test", 0, ROWS)


@pytest.fixture
def hosted(run: Path, tmp_path: Path) -> Callable[..., Hosted]:
    """Make a predictor whose user agrees; what it says is in `said`."""

    def make(agrees: bool = True, said: list[str] | None = None, **options: Any) -> Hosted:
        setting = Setting(
            tmp_path,
            opened.open_dataset(str(run)).recipe,
            say=(said if said is not None else []).append,
            options={f"openai.{name}": value for name, value in options.items()},
            confirm=lambda question, usd: agrees,
        )
        return Hosted(MODEL, setting)

    return make
