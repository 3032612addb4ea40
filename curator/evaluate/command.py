"""What `curator evaluate` does: evaluate, write the results and the page, and say so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.evaluate import harness, printed
from curator.evaluate.progress import running_error
from curator.system.display import visible
from curator.system.files import write_json, write_text

MOST_ROWS = 250
"""Rows guessed if nothing else is said, as in the course."""


@dataclass(frozen=True)
class Done:
    """What came out: every number, and the same in words."""

    summary: dict[str, Any]
    text: str


def evaluate_models(
    place: str,
    models: Sequence[str],
    *,
    split: str,
    limit: int | None,
    most_train: int | None,
    out: Path | None,
    options: Mapping[str, Any],
    confirm: Callable[[str], bool] = lambda question: False,
) -> Done:
    """Evaluate models on one dataset.

    Args:
        place: A run's folder, a dataset folder or a repository of the Hub.
        models: The predictors' names.
        split: Whose rows are guessed.
        limit: Most rows that are guessed; 0 for all, None for `MOST_ROWS`.
        most_train: Most rows that are learned from; None for all.
        out: Where the results go; by default ``RUN/evaluate``.
        options: Options of the predictors.
        confirm: Asks whether something that may cost money is to be done.

    Raises:
        CuratorError: Something is not there, or a predictor can't answer.
    """
    with running_error() as progress:
        found = harness.evaluate(
            place,
            models,
            split=split,
            limit=MOST_ROWS if limit is None else limit or None,
            most_train=most_train,
            folder=out,
            options=options,
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
    text = f"{visible(printed.evaluated(found.summary), keep=chr(10))}\n\nresults  {files['results']}\npage     {page}"
    return Done({**found.summary, "files": files}, text)


def evaluate_datasets(
    runs: tuple[str, str],
    models: Sequence[str],
    *,
    limit: int | None,
    most_train: int | None,
    out: Path | None,
    options: Mapping[str, Any],
) -> Done:
    """Compare how well models learn from two runs over the same source.

    Args:
        runs: The folders of the two runs.
        models: Names of predictors that learn.
        limit: Most held-out products; 0 for all, None for some thousands.
        most_train: Most rows that are learned from; None for as many as the smaller run has.
        out: Where the results go; nothing is written without it.
        options: Options of the predictors.

    Raises:
        CuratorError: A run is not there, or a predictor can't answer.
    """
    from curator.evaluate.compare_datasets import MOST_PRODUCTS, compare_datasets, in_words

    with running_error() as progress:
        summary = compare_datasets(
            runs,
            models,
            limit=MOST_PRODUCTS if limit is None else limit or None,
            most_train=most_train,
            folder=out,
            options=options,
            say=_say,
            progress=progress,
        )
    text = in_words(summary)
    if out is not None:
        path = out / "datasets.json"
        write_json(path, summary)
        text += f"\n\nresults  {path}"
    return Done(summary, text)


def _say(line: str) -> None:
    sys.stderr.write(f"{visible(line)}\n")
