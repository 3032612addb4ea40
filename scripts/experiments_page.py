"""The page of scripts/experiments.py: what was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

HEAD = """# Which text and which sample teach most

Made by `scripts/experiments.py` from `scripts/experiments.toml`; the numbers are in `experiments.json`.

Source: `{source}`. Both models learned from {train_rows:,} rows of either recipe and guessed {products:,} products,
each once, in five folds: those that `course-v1` and `pricer` both keep, without those that have a near-copy among the
rows learned from. MAE is the mean absolute error in USD. *Against course-v1* is how much lower it is; in brackets, the
95 % interval, paired by product. *Choose* and *confirm* are the two halves of the products: settings were chosen on the
first, but both had been seen when weights and sizes went before the other details, so *confirm* is not wholly fresh.
Each variant is `pricer` with one thing changed. Neither model reads sentences: what a language model would make of
longer prose is not measured here.

The errors under *Results* in the README are those of one run's test split: fewer and other products, held out with all
their near-copies, and more rows to learn from.
"""


def write_page(
    out: Path, plan: Mapping[str, Any], results: Mapping[str, Any], models: Sequence[str], bands: Sequence[float]
) -> None:
    """Write what has been measured so far."""
    about = results["about"]
    products = results["course-v1"][models[0]]["products"]
    lines = [HEAD.format(**about, products=products)]
    for part in plan["part"]:
        variants = [one for one in plan["variant"] if one["part"] == part["name"] and one["name"] in results]
        if not variants:
            continue
        lines += [f"## {part['title']}", "", part["text"].strip(), ""]
        for model in models:
            lines += [f"### {model}", "", *_table(variants, results, model), ""]
        if part.get("bands"):
            lines += _bands(variants, results, models, bands)
    out.write_text("\n".join(lines).rstrip() + "\n", "utf-8")


def _table(variants: Sequence[Mapping[str, Any]], results: Mapping[str, Any], model: str) -> list[str]:
    rows = [
        "| variant | rows | tokens | MAE | against course-v1 | choose | confirm | against the default |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant in variants:
        entry = results[variant["name"]]
        one = entry[model]
        whole, other = one["all"], one["against_default"]
        low, high = (100 * side / whole["base"] for side in whole["interval"])
        rows.append(
            f"| {variant['says']} | {entry['train_rows']:,} | {entry['tokens']:.0f} | ${whole['mae']:.2f}"
            f" | {_share(whole)} [{low:.1f} to {high:.1f} %] | {_share(one['choose'])} | {_share(one['confirm'])}"
            f" | {_usd(other['gain'])} [{_usd(other['interval'][0])} to {_usd(other['interval'][1])}] |"
        )
    return rows


def _bands(
    variants: Sequence[Mapping[str, Any]], results: Mapping[str, Any], models: Sequence[str], bands: Sequence[float]
) -> list[str]:
    lines = []
    names = [f"${low:.0f} to {high:.0f}" for low, high in pairwise(bands)]
    for model in models:
        counts = results[variants[0]["name"]][model]["band_rows"]
        heads = [f"{name} ({count:,})" for name, count in zip(names, counts, strict=True)]
        lines += [f"### {model}: MAE by price band (products)", "", f"| variant | {' | '.join(heads)} |"]
        lines.append("|---" * (len(heads) + 1) + "|")
        for variant in variants:
            cells = [f"${value:.2f}" for value in results[variant["name"]][model]["bands"]]
            lines.append(f"| {variant['says']} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def _share(found: Mapping[str, float]) -> str:
    return f"{100 * found['gain'] / found['base']:.1f} %"


def _usd(value: float) -> str:
    return f"{'-' if value < 0 else '+'}${abs(value):.2f}"
