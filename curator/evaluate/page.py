"""The page of an evaluation: one self-contained HTML file in the report's look."""

from __future__ import annotations

from typing import Any

import numpy as np

from curator.evaluate import charts, printed
from curator.evaluate.harness import Evaluation
from curator.evaluate.metrics import BY_KEY, COMPARED, METRICS, colours
from curator.evaluate.price_in_answer import REASONS
from curator.pages import html
from curator.pages.html import clipped

WORST = 6
"""Misses shown of each model."""

_SECTIONS = (
    ("league", "League"),
    ("differences", "Differences"),
    ("guesses", "Guesses"),
    ("running", "Running error"),
    ("groups", "Prices and categories"),
    ("calibration", "Calibration"),
    ("worst", "Worst misses"),
    ("metrics", "Metrics"),
)
_ERRORS = ("mae", "median_ae", "rmse", "rmsle", "r2")
_SHARES = ("hit_rate", "amber_rate", "red_rate", "no_answer_rate", "bias")


def render(found: Evaluation) -> str:
    """Return the page; the same evaluation gives the same page."""
    summary = found.summary
    drawn = {
        "errors": charts.errors(found),
        "running": charts.running(found),
        "bands": charts.groups(found, "bands", "price band"),
        "categories": charts.groups(found, "categories", "category"),
        "calibration": charts.calibration(found),
    }
    scatters = [charts.scatter(found, place) for place in range(len(found.models))]
    models = summary["models"]
    able = [name for name in models if models[name]["mae"] is not None]
    best = min(able, key=lambda name: models[name]["mae"], default=None)
    return html.render(
        "evaluate/evaluate.html",
        title=f"{summary['recipe']}: evaluation",
        sections=_SECTIONS,
        summary=summary,
        models=models,
        best=best,
        labels=charts.labels(list(models)),
        figures=drawn,
        scatters=list(zip(models, scatters, strict=True)),
        points=charts.points(found),
        keys=charts.keys(found),
        swatches=[(colour, name) for name, colour in charts.SWATCHES.items()],
        errors_shown=_ERRORS,
        shares_shown=_SHARES,
        speakers={name: one for name, one in models.items() if "perplexity" in one},
        spoken=[metric.key for metric in METRICS if metric.language],
        by_key=BY_KEY,
        compared=COMPARED,
        number=printed.number,
        verdict=printed.verdict,
        reasons=REASONS,
        calibrated=[(one.name, charts.calibrate(one)) for one in found.models],
        worst=[(one.name, _worst(found, place)) for place, one in enumerate(found.models)],
        sentences=[(metric.name, metric.sentence) for metric in METRICS],
    )


def _worst(found: Evaluation, place: int) -> list[dict[str, Any]]:
    """Return the rows whose guess is farthest off, the farthest first."""
    one = found.models[place]
    error = np.abs(one.scored.guess - one.scored.price)
    order = [int(at) for at in np.argsort(-np.nan_to_num(error, nan=-1.0), kind="stable")[:WORST] if error[at] >= 0]
    named = colours(one.scored.price, one.scored.guess)
    shown = []
    for at in order:
        row = found.rows.row(at, named=True)
        shown.append(
            {
                **{key: clipped(row[key]) for key in ("title", "category", "parent_asin")},
                "text": clipped(row["text"], 2_000),
                "price": row["price"],
                "guess": one.answers[at].price,
                "error": float(error[at]),
                "said": clipped(one.answers[at].text),
                "colour": named[at],
            }
        )
    return shown
