"""Which of two runs over the same source teaches models more.

Products are held out by a hash of their `parent_asin`, so that both runs hold out the same ones whatever their splits.
Each model learns from as many rows of either run and guesses the same products, as each run's recipe renders them. The
paired difference is the answer; its interval is about the products that were drawn, not about the training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions

from curator.dataset import opened
from curator.dataset.forms import default_form
from curator.dataset.opened import OpenDataset
from curator.duplicates.crossing import near_copies
from curator.errors import RunError, UsageError
from curator.evaluate import harness, metrics, printed
from curator.evaluate.kinds import check_options
from curator.evaluate.predictor import Setting, make
from curator.evaluate.progress import Progress, silent
from curator.pages.result import Result, Table, html
from curator.system.display import visible
from curator.system.version import VERSION

ONE_IN = 10
"""One product in so many is held out."""

THRESHOLD = 0.5
"""A held-out product so similar to a train row of either run is left out."""

_KEYS = ("mae", "median_ae", "rmse", "rmsle", "r2", "bias", "hit_rate", "no_answer_rate")


@dataclass(frozen=True)
class _Side:
    """One run: its dataset, its items that are held out, and its train rows that are not."""

    place: OpenDataset
    items: pl.DataFrame
    train: pl.DataFrame


@dataclass(frozen=True, repr=False)
class DatasetComparison(Result):
    """How well models learn from two runs.

    Attributes:
        summary: `models` by name, each with `a` and `b` (metrics and intervals) and `differences` (a minus b), and what
            was compared.
        path: Where it was written.
    """

    summary: dict[str, Any]
    path: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return every number as plain values that JSON can hold."""
        return self.summary

    def __str__(self) -> str:
        lines = [*self._lines(), "", printed.table(*self._table())]
        lines += ["", "In brackets: 95 % intervals, the differences paired by product."]
        lines += [] if self.path is None else ["", f"results  {self.path}"]
        return visible("\n".join(lines), keep="\n")

    def _repr_html_(self) -> str:
        title, *lines = self._lines()
        heads, rows = self._table()
        return html(title, [*lines, "In brackets: 95 % intervals."], tables=[Table(rows, heads, is_text=True)])

    def _lines(self) -> list[str]:
        names = [f"{self.summary[side]['run']} (recipe {self.summary[side]['recipe']})" for side in "ab"]
        products = self.summary["products"]
        return [
            f"A is {names[0]}, B is {names[1]}",
            f"{self.summary['train_rows']:,} train rows of either; {products['guessed']:,} held-out products that both"
            f" have, {products['near_copies']:,} with a near-copy (similarity {THRESHOLD} or more) in train left out",
        ]

    def _table(self) -> printed.Cells:
        """Return heads and rows: each model and metric on both datasets, and which of them is better."""
        rows = []
        for name, one in self.summary["models"].items():
            for key in metrics.COMPARED:
                found = one["differences"][key]
                cells = [printed.with_interval(key, one[side][key], one[side]["intervals"][key]) for side in "ab"]
                difference = printed.with_interval(key, found["difference"], found["interval"])
                verdict = printed.verdict(key, "A", "B", found)
                rows.append([name, metrics.BY_KEY[key].name, *cells, difference, verdict])
        return ["model", "metric", "A", "B", "A - B", "what it shows"], rows


def compare_datasets(
    runs: tuple[str, str],
    models: Sequence[str],
    *,
    limit: int | None = None,
    most_train: int | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress = silent,
) -> DatasetComparison:
    """Compare two runs by what models learn from them.

    Args:
        runs: The folders of the two finished runs.
        models: Names of predictors that learn.
        limit: Most held-out products that are guessed; None for all.
        most_train: Most train rows of either run; None for as many as the run with fewer has.
        folder: Where predictors may keep files.
        options: Options of the predictors.
        say: Shows the user a line.
        progress: Called after each answer.

    Raises:
        UsageError: The runs have different sources, a model does not learn, or too few rows are left.
        RunError: A folder holds no finished run.
    """
    if not models:
        raise UsageError("no predictor is named; for a start: tfidf-ridge, gradient-boosting (each by --model)")
    if wrong := [one for one in models if not isinstance(one, str)]:
        raise UsageError(f"{wrong[0]!r:.100} is no name of a predictor that learns, such as tfidf-ridge")
    check_options(models, options or ())
    a, b = (_side(name) for name in runs)
    _require_one_source(a, b)
    names = list(dict.fromkeys(models))
    made = {name: [_learner(name, side, folder, options, say) for side in (a, b)] for name in names}
    train_rows = min(a.train.height, b.train.height, most_train or a.train.height)
    trains = [side.train.head(train_rows) for side in (a, b)]
    shared, counts = _shared(a.items, b.items)
    shared = shared.head(shared.height if limit is None else limit)
    tests = [_in_order(side.items, shared) for side in (a, b)]
    copies = pl.Series([False] * shared.height, dtype=pl.Boolean)
    for test, train in zip(tests, trains, strict=True):
        copies |= near_copies(test["text"], train["text"], THRESHOLD)
    tests = [test.filter(~copies) for test in tests]
    if train_rows < 2 or tests[0].is_empty():
        raise UsageError(
            f"too little is left to compare: {train_rows:,} train rows of either run, {tests[0].height:,} held-out"
            " products; build both runs from more rows"
        )
    found: dict[str, Any] = {}
    for name in names:
        guessed = [
            harness.ask(predictor, train, test, progress)
            for predictor, train, test in zip(made[name], trains, tests, strict=True)
        ]
        measured = [metrics.measure(one.scored, _KEYS) for one in guessed]
        difference = metrics.differences(guessed[0].scored, guessed[1].scored)
        found[name] = {"a": measured[0], "b": measured[1], "differences": difference}
    summary = {
        "curator": VERSION,
        "a": {"run": a.place.name, "recipe": a.place.recipe.name, "train_rows_there": a.train.height},
        "b": {"run": b.place.name, "recipe": b.place.recipe.name, "train_rows_there": b.train.height},
        "train_rows": train_rows,
        "products": {**counts, "near_copies": int(copies.sum()), "guessed": tests[0].height},
        "models": found,
    }
    return DatasetComparison(summary)


def _side(name: str) -> _Side:
    place = opened.open_dataset(name)
    parts = sorted((Path(name) / "items").glob("part-*.parquet"))
    if not parts:
        raise RunError(f"{name} is not a run: --datasets needs the items that a run keeps beside its dataset")
    try:
        items = pl.scan_parquet(parts, glob=False).filter(held_out(pl.col("parent_asin"))).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise RunError(f"the items of {name} can't be read: {first}; repeat its build") from error
    # Of a product with several rows the first one stands for it.
    items = items.sort("shard", "row").unique("parent_asin", keep="first", maintain_order=True)
    train = place.read("train")
    train = train.filter(~held_out(pl.col("parent_asin")).fill_null(value=False))
    return _Side(place, opened.with_text(default_form(items), place.recipe), train)


def held_out(parent_asin: pl.Expr) -> pl.Expr:
    """Return which products are held out; null where there is no `parent_asin`."""
    hashed: pl.Expr = parent_asin.nchash.xxh3_64()  # type: ignore[attr-defined]
    return pl.when(parent_asin.is_not_null()).then(hashed % ONE_IN == 0)


def _require_one_source(a: _Side, b: _Side) -> None:
    read = [[(one.sha256, one.rows) for one in side.place.manifest.sources] for side in (a, b)]
    if read[0] != read[1]:
        raise UsageError(
            f"{a.place.name} and {b.place.name} were built from different sources, which can't be compared:"
            " build both from the same SOURCE"
        )


def _learner(
    name: str, side: _Side, folder: Path | None, options: Mapping[str, Any] | None, say: Callable[[str], None]
) -> Any:
    setting = Setting(folder or side.place.results, side.place.recipe, "held-out", say, dict(options or {}))
    predictor = make(name, setting)
    if not predictor.learns:
        raise UsageError(f"--model {name}: --datasets compares what a model learns, and {name} learns nothing here")
    return predictor


def _shared(a: pl.DataFrame, b: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the held-out products that both runs have at one price, in an order that means nothing; and counts."""
    both = a.select("parent_asin", "price").join(
        b.select("parent_asin", price_b="price"), on="parent_asin", how="inner"
    )
    alike = both.filter(pl.col("price") == pl.col("price_b"))
    hashed: pl.Expr = pl.col("parent_asin").nchash.xxh3_64()  # type: ignore[attr-defined]
    counts = {"a": a.height, "b": b.height, "both": both.height, "other_price": both.height - alike.height}
    return alike.sort(hashed, "parent_asin").select("parent_asin"), counts


def _in_order(items: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    return products.join(items, on="parent_asin", how="left", maintain_order="left")
