"""Count what leaks from train into test under either recipe, and write reports/leaks.json.

    python scripts/leaks.py ROWS --tokenizer FOLDER      real rows, and the demo catalogue
    python scripts/leaks.py                              the demo catalogue alone; real rows stay as they are

Both recipes build the same rows, `course-v1` with as many test rows as `pricer` and all others in train (its own
400,000 train rows would leave a small input without any test). Real rows are cut by the tokenizer named, the Llama 3
one, the demo's by o200k_base, which comes with curator. Counted are the rows of test that have in train

- the same text,
- a near-copy as published: the product texts' sets of lower-cased word 3-grams have a similarity of 0.5 or more,
- a near-copy by the whole listing: the same of title, description, features and details as they came, uncut;

and the rows of train and test whose text states its own price (by the rule of reports/label-leaks.md). Of a product
with several rows the first one's listing counts. The fates of all rows, and the tokens of train, stand beside them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import polars as pl

from curator.dataset import opened
from curator.duplicates.crossing import near_copies
from curator.evaluate.compare_datasets import THRESHOLD
from curator.pipeline import build
from curator.recipe.load import Recipe, load_recipe
from curator.sources import resolve
from curator.text.own_price import states_own_price

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "reports" / "leaks.json"
DEMO_TOKENIZER = "o200k_base"


def measure(source: str, tokenizer: str, folder: Path) -> dict[str, Any]:
    """Build a source with both recipes, and count.

    Args:
        source: What `curator build` reads.
        tokenizer: That of `course-v1`.
        folder: Where the runs go.

    Returns:
        `source`, its `rows`, and for either recipe `train` and `test` (rows) and the counts of `counts`.
    """
    pricer = load_recipe("pricer")
    made = build([source], pricer, folder / "pricer")
    test = made["splits"]["test"]
    settings = {"tokenizer": tokenizer, "split.train": 1, "split.test": 0}
    sample = build([source], load_recipe("course-v1", settings), folder / "course-v1")["fates"]
    settings |= {"split.train": sample["train"] + sample.get("beyond_splits", 0) - test, "split.test": test}
    build([source], load_recipe("course-v1", settings), folder / "course-v1")
    listed = listings(source, pricer)
    found = {name: counts(folder / name, listed) for name in ("pricer", "course-v1")}
    return {"source": Path(source).name, "rows": made["rows_in"], "recipes": found}


def listings(source: str, recipe: Recipe) -> pl.DataFrame:
    """Return `parent_asin` and `listing`, the whole text of the first row of each product of a source."""
    shards = resolve.cut(resolve.resolve([source], recipe))
    rows = pl.concat([batch for shard in shards for batch in resolve.read(shard, recipe)])
    lines = (pl.col(name).list.join("\n", ignore_nulls=True) for name in ("description", "features"))
    whole = pl.concat_str("title", *lines, "details", separator="\n", ignore_nulls=True)
    return rows.select("parent_asin", listing=whole).unique("parent_asin", keep="first", maintain_order=True)


def counts(run: Path, listed: pl.DataFrame) -> dict[str, Any]:
    """Return the rows of train and test of a run, how many of them leak in which way, train's tokens, and the fates."""
    place = opened.open_dataset(str(run))
    made = json.loads((run / "summary.json").read_text("utf-8"))
    measured = json.loads((run / "dataset" / "manifest.json").read_text("utf-8"))["measured"]["splits"]["train"]
    train, test = (place.read(split).join(listed, on="parent_asin", how="left") for split in ("train", "test"))
    both = pl.concat([train, test])
    return {
        "train": train.height,
        "test": test.height,
        "same_text": test.join(train, on="text", how="semi").height,
        "near_copies": int(near_copies(test["text"], train["text"], THRESHOLD).sum()),
        "near_listings": int(near_copies(test["listing"], train["listing"], THRESHOLD).sum()),
        "own_price": int(states_own_price(both["text"], both["price"]).sum()),
        "train_tokens": measured["tokens"],
        "fates": made["fates"],
    }


def table(found: Mapping[str, Any]) -> str:
    """Return the counts of one source in words."""
    lines = [f"{found['source']}, {found['rows']:,} rows"]
    for name, one in found["recipes"].items():
        lines.append(f"  {name}")
        lines += [f"    {key.replace('_', ' '):<14}{one[key]:>8,}" for key in one if key != "fates"]
    return "\n".join(lines)


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("source", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--tokenizer", help="The tokenizer of course-v1 for SOURCE: a folder that holds Llama 3's.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, help="The file of figures.", show_default=True)
def main(source: str | None, tokenizer: str | None, out: Path) -> None:
    """Measure, print and write."""
    if (source is None) != (tokenizer is None):
        raise click.UsageError("name SOURCE and --tokenizer together, or neither")
    found = json.loads(out.read_text("utf-8")) if out.exists() else {}
    todo = {"demo": ("demo", DEMO_TOKENIZER)}
    if source is not None and tokenizer is not None:
        todo["real"] = (source, tokenizer)
    for name, (spec, vocabulary) in todo.items():
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measure(spec, vocabulary, Path(folder))
        click.echo(table(found[name]))
    found["threshold"] = THRESHOLD
    out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
