"""Write the tables of what was measured, between <!-- measured --> and <!-- /measured -->, in README.md and the page
for students.

    python scripts/measured.py [FOLDER]

They are made from benchmarks.json, leaks.json and experiments.json in reports/, which scripts/benchmarks,
scripts/leaks.py and scripts/experiments.py write. FOLDER is where README.md and reports/for-students.md are, by default
the repository.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- measured -->\n", "<!-- /measured -->"
STUDENTS = Path("reports") / "for-students.md"
RECIPES = ("pricer", "course-v1")

# What the course (github.com/ed-donner/llm_engineering, weeks 6 and 7, its code until December 2025) says of itself.
COURSE_ITEMS, COURSE_MINUTES, COURSE_WORKERS = 2_811_408, 15.3, 8

REAL = "ROWS --tokenizer FOLDER"
MODELS = {"tfidf-ridge": "ridge on words", "gradient-boosting": "boosted trees"}

WEIGHTS = ("sample-30-weights", "sample-30")
TEXTS = {
    "page-layout": "the next three together",
    "page-order": "details in the order of the page, not those first that tell most of the price",
    "units-as-listed": "units as listed, not written one way",
    "no-main-category": "without the item's category",
    "short": "330 characters; of features and description the first clauses of three lines",
}


def first_table(speed: Mapping[str, Any], leaks: Mapping[str, Any], errors: Mapping[str, Any]) -> list[str]:
    """Return the table of README's first screen: each figure by recipe, the course's own, and what makes it."""
    rows = [
        "| | `pricer` | `course-v1` | row at a time | published by the course | made by |",
        "|---|---:|---:|---:|---:|---|",
    ]
    pace = [f"{1e6 / speed['us_per_row'][name]:,.0f}" for name in (*RECIPES, "baseline")]
    published = round(COURSE_ITEMS / (COURSE_MINUTES * 60), -1)
    rows.append(f"| rows a second | {' | '.join(pace)} | {published:,.0f} items¹ | `scripts/benchmarks` |")
    same = "as `course-v1`²"
    for source, said in (("real", ""), ("demo", ", demo")):
        found = leaks[source]["recipes"]
        command = f"`scripts/leaks.py{f' {REAL}' if source == 'real' else ''}`"
        for key, what in (
            ("near_copies", f"test rows with a near-copy in train{said}"),
            ("near_listings", f"… whose uncut listings are near-copies{said}"),
            ("own_price", f"rows that state their own price{said}"),
        ):
            if source == "demo" and key != "near_copies":
                continue
            cells = [
                f"{found[name][key]:,} of {_of(found[name], key):,} ({found[name][key] / _of(found[name], key):.1%})"
                for name in RECIPES
            ]
            rows.append(f"| {what} | {' | '.join(cells)} | {same} | – | {command} |")
    for model, words in MODELS.items():
        cells = [f"${errors[name][model]['all']['mae']:.2f}" for name in ("default", "course-v1")]
        rows.append(
            f"| mean absolute error, {words} | {' | '.join(cells)} | {same} | – | `scripts/experiments.py {REAL}` |"
        )
    about = errors["about"]
    products = errors["default"][next(iter(MODELS))]["products"]
    return [
        *rows,
        "",
        *_wrapped(
            f"{leaks['real']['rows']:,} real rows (ROWS, whose texts can't be passed on), one core. Near-copies: the"
            f" sets of word 3-grams have a Jaccard similarity of {leaks['threshold']} or more. Errors: on {products:,}"
            f" products that both recipes keep, learned from {about['train_rows']:,} rows of either. ¹ Published by the"
            f" course: {COURSE_ITEMS:,} items, not rows, in {COURSE_MINUTES} minutes with {COURSE_WORKERS} workers on"
            " another machine (`ed-donner/llm_engineering`, week 6); not measured here. – : nothing comparable."
            " ² It makes the same rows, byte for byte."
        ),
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 120, break_on_hyphens=False, break_long_words=False)


def _of(found: Mapping[str, Any], key: str) -> int:
    """Return of how many rows a count is."""
    return int(found["test"] + (found["train"] if key == "own_price" else 0))


def differences(speed: Mapping[str, Any], leaks: Mapping[str, Any], errors: Mapping[str, Any]) -> list[str]:
    """Return the table of what `pricer` does otherwise than `course-v1`, and what that was measured to do."""
    sides = [leaks[source]["recipes"][name] for source in ("real", "demo") for name in reversed(RECIPES)]
    names = [f"`{name}`, {source}" for source in ("real", "demo") for name in reversed(RECIPES)]
    fates = {
        "too short, or of too few tokens": ("text_too_short", "too_few_tokens"),
        "lost, rounded to $0": ("no_slot",),
        "dropped as an exact copy": ("exact_duplicate",),
        "dropped for its own price": ("price_in_text",),
        "in a split": ("train", "validation", "test"),
    }
    shared = {
        "same_text": "test rows with the same text in train",
        "near_copies": "test rows with a near-copy in train",
        "near_listings": "test rows with a near-copy in train by the uncut listing",
    }
    rows = [
        f"Rows of {leaks['real']['rows']:,} real ones and of {leaks['demo']['rows']:,} of the demo, counted by"
        " `scripts/leaks.py`:",
        "",
        f"| rows | {' | '.join(names)} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for what, counted in fates.items():
        rows.append(f"| {what} | {' | '.join(_fates(side, *counted) for side in sides)} |")
    for key, what in shared.items():
        cells = [f"{side[key]:,} of {side['test']:,}" for side in sides]
        rows.append(f"| {what} | {' | '.join(cells)} |")
    rows += ["", "On the real rows:", "", "| what | `course-v1` | `pricer` | measured by |", "|---|---:|---:|---|"]

    def add(what: str, cells: Sequence[str], by: str) -> None:
        rows.append(f"| {what} | {' | '.join(cells)} | `{by}` |")

    both = list(reversed(RECIPES))
    tokens = [f"{side['train_tokens'] / side['train']:.0f}" for side in sides[:2]]
    add("tokens of a train prompt, each by its recipe's tokenizer", tokens, "scripts/leaks.py")
    add("map step, a row and core", [f"{speed['us_per_row'][name]:.1f} µs" for name in both], "scripts/benchmarks")
    for model, words in MODELS.items():
        cells = [f"${errors[name][model]['all']['mae']:.2f}" for name in ("course-v1", "default")]
        add(f"mean absolute error, {words}", cells, "scripts/experiments.py")
    rows += [
        "",
        "Settings of `pricer`, undone: USD added to its mean absolute error (95 % interval).",
        "",
        "| undone | " + " | ".join(MODELS.values()) + " |",
        "|---|" + "---:|" * len(MODELS),
    ]
    for name, what in TEXTS.items():
        cells = []
        for model in MODELS:
            one = errors[name][model]["against_default"]
            low, high = sorted(-side for side in one["interval"])
            cells.append(f"{-one['gain']:+.2f} [{low:+.2f} to {high:+.2f}]")
        rows.append(f"| {what} | {' | '.join(cells)} |")
    maes = [[f"${errors[name][model]['all']['mae']:.2f}" for model in MODELS] for name in WEIGHTS]
    return [
        *rows,
        "",
        *_wrapped(
            f"The course's weights (Automotive 1, others 5) were tried at a cap of 30 and"
            f" {errors[WEIGHTS[0]]['train_rows']:,} train rows, since these rows are too few for its cap of 1,200:"
            f" {' and '.join(maes[0])} with them, {' and '.join(maes[1])} without."
        ),
    ]


def _fates(found: Mapping[str, Any], *names: str) -> str:
    return f"{sum(found['fates'].get(name, 0) for name in names):,}"


def main() -> None:
    """Put the tables where they belong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    measured = [
        json.loads((ROOT / "reports" / f"{name}.json").read_text("utf-8"))
        for name in ("benchmarks", "leaks", "experiments")
    ]
    for name, table in (("README.md", first_table(*measured)), (STUDENTS, differences(*measured))):
        page = folder / name
        before, start, rest = page.read_text("utf-8").partition(START)
        _, end, after = rest.partition(END)
        if not start or not end:
            sys.exit(f"measured.py: error: {page} has no lines {START.strip()} and {END}")
        page.write_text("\n".join([f"{before}{start}", *table, "", f"{end}{after}"]), "utf-8")


if __name__ == "__main__":
    main()
