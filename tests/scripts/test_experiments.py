"""scripts/experiments.py: the texts that its models see are the published ones, without a trace of the answer."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from curator.dataset import opened
from curator.pipeline import build
from curator.recipe.load import load_recipe
from curator.sources import demo
from repository import ROOT


@pytest.fixture(scope="module")
def experiments() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        patch.setenv("POLARS_MAX_THREADS", "2")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield importlib.import_module("experiments")
        sys.modules.pop("experiments_page", None)
        sys.modules.pop("experiments", None)


@pytest.mark.parametrize("name", ["pricer", "course-v1"])
def test_models_see_the_published_text_alone(experiments: ModuleType, tmp_path: Path, name: str) -> None:
    source = tmp_path / "rows.parquet"
    demo.rows(42, 0, 1_500).write_parquet(source)
    recipe = load_recipe(name, {"tokenizer": "o200k_base"})
    items = experiments.build(recipe, source, tmp_path / "cache")
    build([str(source)], recipe, tmp_path / "run", workers=1)
    place = opened.open_dataset(str(tmp_path / "run"))
    splits = [split for split in ("train", "validation", "test") if place.rows(split)]
    published = pl.concat([place.read(split).select("parent_asin", "text") for split in splits])
    both = items.join(published, on="parent_asin", suffix="_published")
    assert both.height > 200
    assert both["slot"].is_between(1, 9).any()
    assert both["slot"].is_between(100, 999).any()
    assert both.filter(pl.col("text") == pl.col("text_published")).height == both.height


def test_the_page_is_what_the_figures_make(experiments: ModuleType, tmp_path: Path) -> None:
    plan = tomllib.loads((ROOT / "scripts" / "experiments.toml").read_text("utf-8"))
    results = json.loads((ROOT / "reports" / "experiments.json").read_text("utf-8"))
    experiments.write_page(tmp_path / "page.md", plan, results, experiments.MODELS, experiments.BANDS)
    assert (tmp_path / "page.md").read_text("utf-8") == (ROOT / "reports" / "experiments.md").read_text("utf-8")
    assert {one["name"] for one in plan["variant"]} <= results.keys()


def test_samples_are_compared_with_as_many_train_rows() -> None:
    """Without a cap the sample is the default's: learned from as many rows, it is neither better nor worse."""
    results = json.loads((ROOT / "reports" / "experiments.json").read_text("utf-8"))
    for model in ("tfidf-ridge", "gradient-boosting"):
        assert results["sample-natural"][model]["against_default"]["gain"] == 0
