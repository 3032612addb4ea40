"""Measure which text and which sample teaches most, and write reports/experiments.md.

    python scripts/experiments.py ROWS --tokenizer FOLDER                 every variant of experiments.toml
    python scripts/experiments.py ROWS --tokenizer FOLDER --only NAME     one of them; the others stay as they are

A variant is the recipe `pricer` with a few settings changed. Products are divided into five folds by a hash of
`parent_asin`; each fold is guessed by models that learned from the other four, so every product is guessed once. All
variants learn from equally many rows and are measured on the same products: those that `course-v1` and `pricer` both
keep at one price and of which neither has a near-copy (similarity 0.5 or more) among the rows that a model learns from.
Half of the products (by another hash) is for choosing, the other for confirming what was chosen.

Results are kept beside the page as experiments.json; items are cached in a temporary folder by recipe and code.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import click
import numpy as np
import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions
from experiments_page import write_page

from curator.dataset.forms import default_form
from curator.dataset.opened import with_text
from curator.dataset.write import sha256
from curator.duplicates.crossing import near_copies
from curator.evaluate.compare_datasets import THRESHOLD
from curator.evaluate.predictor import Predictor, Setting, make
from curator.items.map_shard import code_digest
from curator.items.mapper import Mapper
from curator.recipe.load import Recipe, load_recipe
from curator.selection import draw
from curator.selection.select import weights
from curator.sources import resolve

ROOT = Path(__file__).resolve().parent.parent
FOLDS = 5
MODELS = ("tfidf-ridge", "gradient-boosting")
BANDS = (0.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1_000.0)
RESAMPLES = 2_000


def build(recipe: Recipe, source: Path, folder: Path) -> pl.DataFrame:
    """Return the items of a recipe with their product text; of a product or a text the first one alone."""
    key = json.dumps(["published", recipe.mapping_key(), recipe.tokenizer, code_digest(), sha256(source)])
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.parquet"
    if not path.exists():
        mapper = Mapper(recipe)
        shards = resolve.cut(resolve.resolve([str(source)], recipe))
        parts = [mapper(batch)[0] for shard in shards for batch in resolve.read(shard, recipe)]
        items = pl.concat(parts).filter(pl.col("parent_asin").is_not_null())
        if recipe.duplicates.exact == "drop":
            items = items.unique("text_hash", keep="first", maintain_order=True)
        items = items.unique("parent_asin", keep="first", maintain_order=True)
        folder.mkdir(parents=True, exist_ok=True)
        # The published form: of a whole prompt the answer would not be taken off, and lengths of prices would be told.
        default_form(items).sort(_hashed(), "parent_asin").write_parquet(path)
    return with_text(pl.read_parquet(path), recipe)


def _hashed() -> pl.Expr:
    hashed: pl.Expr = pl.col("parent_asin").nchash.xxh3_64()  # type: ignore[attr-defined]
    return hashed


def fold() -> pl.Expr:
    """Return the fold of each product."""
    return (_hashed() // 1_000 % FOLDS).cast(pl.Int64)


def common(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Return the products that are measured: `parent_asin` and `price`, `confirm` for the half that confirms."""
    both = a.select("parent_asin", "price").join(b.select("parent_asin", "price"), on=["parent_asin", "price"])
    for items in (a, b):
        for number in range(FOLDS):
            test, train = items.filter(fold() == number), items.filter(fold() != number)
            copies = test.filter(near_copies(test["text"], train["text"], THRESHOLD))
            both = both.join(copies, on="parent_asin", how="anti")
    return both.with_columns(confirm=_hashed() // 100_000 % 2 == 1)


def fit_on(items: pl.DataFrame, rows: int | None, recipe: Recipe) -> pl.DataFrame:
    """Return the rows that a model learns from: the recipe's sample, and of that so many."""
    names, category = np.unique(items["category"].to_numpy(), return_inverse=True)
    drawn = draw.sample(items["slot"].to_numpy(), category, weights(names.tolist(), recipe.slots), recipe.slots)
    # Items stand in the order of a hash of their product, so that the first ones are a random part.
    return items[np.sort(drawn.chosen)].head(items.height if rows is None else rows)


def guesses(items: pl.DataFrame, recipe: Recipe, model: str, rows: int | None) -> tuple[pl.DataFrame, int]:
    """Guess every item once; columns `parent_asin`, `guess`, and the fewest rows that were learned from."""
    found, fewest = [], items.height
    for number in range(FOLDS):
        test, train = items.filter(fold() == number), fit_on(items.filter(fold() != number), rows, recipe)
        fewest = min(fewest, train.height)
        predictor: Predictor = make(model, Setting(Path(), recipe, "held-out", lambda line: None, {}))
        predictor.fit(train)
        said = [answer.price for answer in predictor.predict(test)]
        found.append(test.select("parent_asin", guess=pl.Series(said, dtype=pl.Float64)))
    return pl.concat(found), fewest


def compare(products: pl.DataFrame, base: pl.DataFrame, other: pl.DataFrame) -> dict[str, Any]:
    """Return the mean absolute errors (USD) of two on the products both guessed, and their paired difference."""
    rows = products.join(base, on="parent_asin").join(other, on="parent_asin", suffix="_other")
    found: dict[str, Any] = {"products": rows.height}
    price = rows["price"].to_numpy()
    errors = [np.abs(rows[name].to_numpy() - price) for name in ("guess", "guess_other")]
    halves = {"all": np.ones(rows.height, bool), "choose": ~rows["confirm"].to_numpy()}
    halves["confirm"] = ~halves["choose"]
    for name, inside in halves.items():
        a, b = errors[0][inside], errors[1][inside]
        draws = np.random.default_rng(42).integers(0, len(a), (RESAMPLES, len(a)))
        span = np.percentile((a - b)[draws].mean(axis=1), [2.5, 97.5])
        found[name] = {"base": a.mean(), "mae": b.mean(), "gain": (a - b).mean(), "interval": span.tolist()}
    at = np.digitize(price, BANDS) - 1
    found["bands"] = [float(errors[1][at == band].mean()) for band in range(len(BANDS) - 1)]
    found["band_rows"] = [int((at == band).sum()) for band in range(len(BANDS) - 1)]
    return found


@click.command(help=__doc__)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tokenizer", required=True, help="The tokenizer of course-v1, as --set tokenizer=… names it.")
@click.option("--only", multiple=True, help="Measure this variant again; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "reports" / "experiments.md", help="The page.")
def main(source: Path, tokenizer: str, only: tuple[str, ...], out: Path) -> None:
    """Measure the variants and write the page."""
    plan = tomllib.loads((ROOT / "scripts" / "experiments.toml").read_text("utf-8"))
    folder = Path(tempfile.gettempdir()) / "curator-experiments"
    results = json.loads(out.with_suffix(".json").read_text("utf-8")) if out.with_suffix(".json").exists() else {}
    course = load_recipe("course-v1", {"tokenizer": tokenizer})
    a, b = build(course, source, folder), build(load_recipe("pricer"), source, folder)
    products = common(a, b)
    # As many rows as course-v1 has where it has fewest.
    rows = min(fit_on(a.filter(fold() != number), None, course).height for number in range(FOLDS))

    @cache
    def base(model: str, most: int) -> pl.DataFrame:
        return guesses(a, course, model, most)[0]

    @cache
    def plain(model: str, most: int) -> pl.DataFrame:
        return guesses(b, load_recipe("pricer"), model, most)[0]

    results["about"] = {"source": source.name, "train_rows": rows, "items": [a.height, b.height]}
    results["course-v1"] = {model: compare(products, base(model, rows), base(model, rows)) for model in MODELS}
    for variant in plan["variant"]:
        name = variant["name"]
        if only and name not in only:
            continue
        recipe = load_recipe("pricer", variant.get("settings", {}))
        # All samples learn from as many rows as the smallest leaves, and so do those they are compared with.
        items, least = build(recipe, source, folder), rows
        if variant.get("part") == "sample":
            least = min(rows, plan["sample_rows"])
        entry: dict[str, Any] = {}
        for model in MODELS:
            said, learned = guesses(items, recipe, model, least)
            entry[model] = compare(products, base(model, least), said)
            entry[model]["against_default"] = compare(products, plain(model, least), said)["all"]
            entry["train_rows"] = learned
        entry["tokens"] = float(items["tokens"].mean())
        results[name] = entry
        click.echo(f"{name}: " + ", ".join(f"{m} ${entry[m]['all']['mae']:.2f}" for m in MODELS))
        out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        write_page(out, plan, results, MODELS, BANDS)


if __name__ == "__main__":
    main()
