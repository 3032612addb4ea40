"""Evaluate predictors, write the results and their page."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from curator.evaluate import harness
from curator.evaluate.compare_datasets import DatasetComparison, compare_datasets
from curator.evaluate.harness import Evaluation
from curator.evaluate.predictor import Confirm, Predictors, nobody
from curator.evaluate.progress import running_error
from curator.system.display import visible
from curator.system.files import write_json, write_text

MOST_ROWS = 250
"""Rows guessed if nothing else is said, as in the course."""
MOST_PRODUCTS = 10_000
"""Held-out products guessed if nothing else is said, when two datasets are compared."""


def evaluate(
    place: str,
    predictors: Predictors,
    *,
    split: str = "test",
    limit: int | None = MOST_ROWS,
    train_limit: int | None = None,
    out: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    confirm: Confirm = nobody,
) -> Evaluation:
    """Evaluate predictors on one dataset; results, answers and page are written.

    Args:
        place: A run's folder, a dataset folder or a repository of the Hub.
        predictors: What guesses (see `predictor.Predictors`).
        split: Whose rows are guessed: ``test`` or ``validation``.
        limit: Maximum rows that are guessed; None for all.
        train_limit: Maximum rows that are learned from; None for all.
        out: Where the results go; by default ``RUN/evaluate``.
        settings: Options of the predictors.
        confirm: Asks whether something that may cost money is to be done.

    Raises:
        CuratorError: Something is not there, or a predictor can't answer.
    """
    with running_error() as progress:
        found = harness.evaluate(
            place,
            predictors,
            split=split,
            limit=limit,
            most_train=train_limit,
            folder=out,
            options=settings,
            say=_say,
            confirm=confirm,
            progress=progress,
        )
    folder = out or found.place.results
    harness.write(found, folder)
    # Drawing takes a library that is slow to import.
    from curator.evaluate.page import render

    page = folder / "evaluation.html"
    write_text(page, render(found))
    files = {"folder": str(folder), "results": str(folder / "results.json"), "page": str(page)}
    return replace(found, files=files)


def evaluate_datasets(
    runs: tuple[str, str],
    models: Sequence[str],
    *,
    limit: int | None = MOST_PRODUCTS,
    train_limit: int | None = None,
    out: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> DatasetComparison:
    """Compare how well models learn from two runs over the same source.

    Args:
        runs: The folders of the two runs.
        models: Names of predictors that learn.
        limit: Maximum held-out products; None for all.
        train_limit: Maximum rows that are learned from; None for as many as the smaller run has.
        out: Where ``datasets.json`` goes; nothing is written without it.
        settings: Options of the predictors.

    Raises:
        CuratorError: A run is not there, or a predictor can't answer.
    """
    with running_error() as progress:
        found = compare_datasets(
            runs, models, limit=limit, most_train=train_limit, folder=out, options=settings, say=_say, progress=progress
        )
    if out is None:
        return found
    path = out / "datasets.json"
    write_json(path, found.summary)
    return replace(found, path=path)


def _say(line: str) -> None:
    sys.stderr.write(f"{visible(line)}\n")
