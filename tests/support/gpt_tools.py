"""Small runs and the patterns of requests: what the tests in `train_gpt` share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import fine_tuning_peer as fine_tuning

KEY, Trouble = fine_tuning.KEY, fine_tuning.Trouble

BASE = "gpt-4.1-nano-2025-04-14"

ROWS = ("--train-rows", 12, "--validation-rows", 5)

JOB, EVENTS = r"^GET /fine_tuning/jobs/[^/]+$", r"^GET /fine_tuning/jobs/[^/]+/events"


def build_small(folder: Path, loaded: Any, recipe: str, **settings: Any) -> Path:
    from curator.items import mapper
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapper, "load_tokenizer", lambda spec: loaded)
        build(["demo:300"], load_recipe(recipe, settings), folder / "run", workers=1)
    return folder / "run"


def linked_copy(source: Path, target: Path) -> Path:
    for path in source.rglob("*"):
        if path.is_file() and path.relative_to(source).parts[0] in (
            "recipe.toml",
            "sources.json",
            "manifest.json",
            "dataset",
        ):
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target / path.relative_to(source))
    return target


Gpt = Callable[..., Result]


def ones(peer: Any) -> tuple[int, int]:
    """How many files and jobs there are of what was asked for once."""
    sent = [file for file in peer.files.values() if file["purpose"] == "fine-tune"]
    digests = {fine_tuning.sha256(peer.contents[file["id"]]) for file in sent}
    assert len(digests) == len(sent), "the same bytes were uploaded twice"
    return len(sent), len(peer.jobs)
