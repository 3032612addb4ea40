"""The page of a run: a summary in, HTML out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from curator.figures import charts, clouds, facts
from curator.figures.charts import slice_colour
from curator.pages import html
from curator.pages.axes import shortened
from curator.recipe.load import keys
from curator.run.ledger import REASONS

MOST_LISTED = 40
"""Sources and files listed on a page; the rest is in the run's JSON files."""

_SECTIONS = (
    ("verdict", "Verdict"),
    ("rows", "Rows"),
    ("prices", "Prices"),
    ("slots", "Slots"),
    ("categories", "Categories"),
    ("tokens", "Tokens"),
    ("clouds", "Length and weight"),
    ("copies", "Duplicates"),
    ("kept", "Kept"),
    ("dropped", "Dropped"),
    ("made", "How it was made"),
)

_FIGURES = (
    charts.waterfall,
    charts.prices,
    charts.prices_by_split,
    charts.slots,
    charts.spikes,
    charts.tokens,
    charts.categories,
    charts.ring,
    clouds.length,
    clouds.weight,
    charts.duplicates,
)

_VERDICTS = {
    "pass": "Every check holds.",
    "warn": "Every promise holds; what is marked should be known before the data is used.",
    "fail": "At least one promise does not hold. Do not use this data.",
}


def render(summary: Mapping[str, Any]) -> str:
    """Return the page of a run, made from its summary alone."""
    slots = summary["distributions"]["slots"]
    files = list(summary["files"].items())
    return html.render(
        "report/report.html",
        title=f"Product prices, recipe {summary['recipe']}: report",
        sections=_SECTIONS,
        summary=summary,
        settings=summary["settings"],
        figures={function.__name__: function(summary) for function in _FIGURES},
        source_names=_names([one["name"] for one in summary["sources"]]),
        published=sum(summary["splits"].values()),
        verdict_sentence=_VERDICTS[summary["verdict"]],
        steps=facts.steps(summary),
        share=lambda part, whole: 100 * part / whole if whole else 0.0,
        fates_sum=sum(summary["fates"].values()),
        slots=slots,
        median=facts.median,
        mean=facts.mean,
        split_keys=[(name, name) for name in summary["published"]["splits"]],
        spikes=facts.spikes(slots["items"]),
        slot_facts=facts.slot_facts(summary),
        categories=facts.categories(summary, MOST_LISTED),
        ring_keys=_ring_keys(summary),
        token_facts={name: _token_facts(counts) for name, counts in summary["distributions"]["tokens"].items()},
        heat_keys={name: _heat_keys(summary["published"][name]) for name in ("length", "weight")},
        reasons=REASONS,
        sources=summary["sources"][:MOST_LISTED],
        more_sources=max(0, len(summary["sources"]) - MOST_LISTED),
        files=files[:MOST_LISTED],
        more_files=max(0, len(files) - MOST_LISTED),
        recipe=list(settings_listed(summary["settings"])),
    )


def settings_listed(settings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return key, value (as JSON) and sentence of every setting."""
    listed = []
    for key, sentence in keys():
        section, _, inner = key.partition(".")
        value = settings[section][inner] if inner else settings[section]
        listed.append((key, json.dumps(value, ensure_ascii=False), sentence))
    return listed


def _names(names: list[str]) -> str:
    """Return a few names as one phrase."""
    shown = names[:3]
    return ", ".join(shown) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _token_facts(counts: list[int]) -> dict[str, Any]:
    longest = max((place for place, count in enumerate(counts) if count), default=None)
    total = sum(place * count for place, count in enumerate(counts))
    return {"median": facts.median(counts), "mean": facts.mean(counts), "max": longest, "total": total}


def _ring_keys(summary: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Return colour, name and share (percent) of each slice of the ring."""
    return [
        (slice_colour(row.name, at), shortened(row.name, 40), 100 * row.sampled / summary["sampled"])
        for at, row in enumerate(facts.slices(summary))
    ]


def _heat_keys(found: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if found is None:
        return []
    limits = clouds.heat_limits(found)
    names = [f"{least:,}+" for least in limits]
    names[0] += " rows"
    return [(f"heat-{shade}", name) for shade, name in enumerate(names, 1)]
