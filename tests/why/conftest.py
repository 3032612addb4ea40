"""Runs for `curator why` to tell of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from why_tools import RECIPES, odd_products, write_lines


@pytest.fixture(scope="session")
def build(bundled: Any) -> Any:
    """Build with the bundled tokenizer, loaded once."""
    from curator.items import mapper
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    def make(source: Path | str, out: Path, recipe: str, **settings: Any) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mapper, "load_tokenizer", lambda spec: bundled)
            build([str(source)], load_recipe(recipe, {"tokenizer": "o200k_base", **settings}), out, workers=1)
        return out

    return make


@pytest.fixture(autouse=True)
def _one_tokenizer(monkeypatch: pytest.MonkeyPatch, bundled: Any) -> None:
    from curator.items import mapper

    monkeypatch.setattr(mapper, "load_tokenizer", lambda spec: bundled)


@pytest.fixture(scope="session", params=RECIPES)
def odd_run(request: pytest.FixtureRequest, build: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the odd products under each recipe."""
    folder = tmp_path_factory.mktemp("odd")
    source = write_lines(folder / "rows.jsonl", odd_products())
    return build(source, folder / "run", request.param, **RECIPES[request.param])


@pytest.fixture
def parquet_run(build: Any, tmp_path: Path, write_rows: Any, raw_row: Any) -> Callable[..., Path]:
    """Build a few Parquet rows under course-v1; they lie in `rows.parquet` beside the run."""

    def make(*changes: dict[str, Any], **settings: Any) -> Path:
        rows = [raw_row(number, **change) for number, change in enumerate(changes)]
        source = write_rows(tmp_path / "rows.parquet", rows)
        return build(source, tmp_path / "run", "course-v1", **{"split.test": 0, **settings})

    return make
