"""The run around a dataset agrees with it: ledger, items, sources, selection, summary."""

import json

import polars as pl
import pytest

from curator.dataset import card, croissant, promises
from curator.dataset.forms import beside
from curator.dataset.measures import Measures, memory_bytes
from curator.recipe.load import Recipe
from curator.system.digest import sha256
from curator.verify.verify import verify
from verify_tools import change, failures, set_at, states


def forge(run, edit=None):
    """Write everything that follows from the data files anew, as a forger who knows curator would, but for `items/`."""
    dataset = run / "dataset"
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    recipe = Recipe.model_validate(manifest["recipe"])
    measures = Measures(recipe, promises.made(recipe))
    for split in ("train", "validation", "test"):
        for path in sorted(dataset.glob(f"data/{split}-*.parquet")):
            text = pl.read_parquet(dataset / "text" / path.name)
            measures.add(split, beside(pl.read_parquet(path), text))
    manifest["measured"] = measures.to_dict()
    for name, one in manifest["files"].items():
        one |= {"bytes": (dataset / name).stat().st_size, "sha256": sha256(dataset / name)}
        if name.endswith(".parquet"):
            one["memory_bytes"] = memory_bytes(pl.read_parquet(dataset / name))
    if edit is not None:
        edit(manifest)
    (dataset / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (dataset / "croissant.json").write_text(json.dumps(croissant.describe(manifest)), "utf-8")
    (dataset / "README.md").write_text(card.render(manifest), "utf-8")
    whole = json.loads((run / "manifest.json").read_text("utf-8"))
    for name, one in whole["files"].items():
        one |= {"bytes": (run / name).stat().st_size, "sha256": sha256(run / name)}
    (run / "manifest.json").write_text(json.dumps(whole), "utf-8")


def test_ledger_that_disagrees_is_named(run):
    path = run / "ledger/part-00000.parquet"
    part = pl.read_parquet(path)
    row = part.with_row_index("at").filter(pl.col("fate") == "test")["at"][3]
    change(path, set_at("fate", row, "not_sampled"))
    found = failures(verify(str(run)))
    assert "ledger/part-00000.parquet" in found["run-files"]
    assert "104 rows are test" in found["ledger"]
    assert f"row {row}: the ledger says None" in found["selection"]


def test_ledger_without_a_row_is_named(run):
    change(run / "ledger/part-00000.parquet", lambda table: table[1:])
    found = failures(verify(str(run)))
    ledger = found["ledger"]
    assert "does not hold rows 0 to 1999 once each" in ledger


@pytest.mark.parametrize(
    ("fate", "other", "said"),
    [
        ("exact_duplicate", "no_price", "the ledger says no_price, in the selection it is an item"),
        ("no_price", "exact_duplicate", "the ledger says exact_duplicate, in the selection it is no item"),
        ("exact_duplicate", "beyond_splits", "the ledger says beyond_splits, in the selection it is an item"),
    ],
)
def test_ledger_of_an_unpublished_row_that_the_selection_denies_is_named(run, fate, other, said):
    path = run / "ledger/part-00000.parquet"
    row = pl.read_parquet(path).with_row_index("at").filter(pl.col("fate") == fate)["at"][0]
    change(path, set_at("fate", row, other))
    found = failures(verify(str(run)))["selection"]
    assert found == f"shard 0 row {row}: {said}"


def test_selection_that_samples_another_row_is_named(run):
    path = run / "selection.parquet"
    row = pl.read_parquet(path).with_row_index("at").filter(~pl.col("sampled"))["at"][0]
    change(path, set_at("sampled", row, value=True))
    found = failures(verify(str(run)))["selection"]
    assert "in the selection it is an item of the sample" in found


def test_count_of_masked_prices_that_the_items_deny_is_named(run):
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "masked": 7}))
    forge(run, lambda manifest: manifest["counts"].update(masked=7))
    assert failures(verify(str(run)))["items"] == "manifest.json: counts.masked is 7, items/ has 0 such rows"


@pytest.mark.parametrize(
    ("column", "value"),
    [("title", "Another"), ("title", None), ("category", "Toys"), ("tokens", 12), ("price", 3.25), ("prompt", "?")],
)
def test_run_forged_with_all_its_manifests_is_named(run, column, value):
    name = "data/validation-00000-of-00001.parquet"
    change(run / "dataset" / name, set_at(column, 6, value))
    forge(run)
    found = failures(verify(str(run)))
    assert f"{name} row 6: {column} not as in row " in found["items"]
    if column in ("title", "category"):
        assert found.keys() == {"items"}  # nothing else knows


def test_two_rows_that_change_places_are_named(run):
    for folder in ("data", "text", "openai"):
        path = run / f"dataset/{folder}/test-00000-of-00001.parquet"
        change(path, lambda table: table[[1, 0, *range(2, table.height)]])
    path = run / "dataset/openai/test.jsonl"
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([second, first, *rest]))
    forge(run)
    found = failures(verify(str(run)))
    assert "data/test-00000-of-00001.parquet row 0: prompt" in found["items"]


@pytest.mark.parametrize("take", [lambda table: table[1:], lambda table: pl.concat([table, table]), None])
def test_items_that_are_not_there_once_each_are_named(run, take):
    path = run / "items/part-00000.parquet"
    if take is None:
        path.unlink()
    else:
        change(path, take)
    assert "items/" in failures(verify(str(run)))["items"]


@pytest.mark.parametrize(
    ("key", "value"), [("name", "demo:2000:43"), ("sha256", "0" * 64), ("rows", 2001), ("category", "Toys")]
)
def test_sources_that_the_run_did_not_read_are_named(run, key, value):
    forge(run, lambda manifest: manifest["sources"][0].update({key: value}))
    found = failures(verify(str(run)))
    assert f"dataset/manifest.json: sources.0.{key}" in found["sources"]


def test_one_source_more_is_named(run):
    forge(run, lambda manifest: manifest["sources"].append({**manifest["sources"][0], "rows": 0}))
    found = failures(verify(str(run)))
    assert "sources.1" in found["sources"]


def test_words_for_a_figure_that_the_summary_does_not_give_are_named(run):
    forge(run, lambda manifest: manifest["images"]["images/prices.png"].update(alt="All prices are fair."))
    found = failures(verify(str(run)))["summary"]
    assert "'All prices are fair.'" in found


def test_selection_with_two_places_changed_is_named(run):
    path = run / "selection.parquet"
    rows = pl.read_parquet(path).with_row_index("at").filter(pl.col("split") == "train").sort("position")
    first, second = rows["at"][0], rows["at"][1]
    change(path, lambda table: set_at("position", first, 1)(set_at("position", second, 0)(table)))
    found = failures(verify(str(run)))["selection"]
    assert "data/train-00000-of-00001.parquet row 0 is not the item" in found


def test_summary_and_recipe_that_disagree_are_named(run):
    summary = json.loads((run / "summary.json").read_text())
    summary["splits"]["test"] = 7
    summary["settings"]["slots"]["cap"] = 7
    (run / "summary.json").write_text(json.dumps(summary))
    (run / "recipe.toml").write_text((run / "recipe.toml").read_text().replace("cap = 1200", "cap = 1201"))
    found = failures(verify(str(run)))["summary"]
    assert "summary.json: splits.test is 7, dataset/manifest.json says 10" in found
    assert "summary.json: settings.slots.cap is 7, dataset/manifest.json says 1200" in found
    assert "recipe.toml" in found


def test_card_that_a_person_edited_is_a_warning(run):
    card = run / "dataset/README.md"
    card.write_text(card.read_text() + "\n## Mine\n")
    verdict = verify(str(run))
    assert verdict.ok
    assert states(verdict)["card-edited"] == "warns"
