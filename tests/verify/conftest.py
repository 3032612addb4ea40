"""Runs for `curator verify` to look at."""

import shutil

import pytest

from curator.pipeline import build
from curator.recipe.load import load_recipe
from verify_tools import COURSE


@pytest.fixture(scope="session")
def runs(tmp_path_factory, demo_run):
    """One run of each recipe, not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "pricer").symlink_to(demo_run)
    build(["demo:2000"], load_recipe("course-v1", COURSE), folder / "course-v1", workers=1)
    return folder


@pytest.fixture
def run(runs, tmp_path):
    """A copy of the run of `pricer` that a test may spoil."""
    return shutil.copytree(runs / "pricer", tmp_path / "run")


@pytest.fixture
def dataset(run):
    return run / "dataset"
