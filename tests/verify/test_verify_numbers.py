"""Numbers, copies and the certificate are taken again."""

import json
import shutil

import polars as pl
import pytest

from curator.dataset.measures import Measures
from curator.recipe.load import load_recipe
from curator.verify.verify import verify
from verify_tools import change, failures, set_at, states

QUESTION = "How much does this cost to the nearest dollar?\n\n"


def test_counts_that_do_not_add_up_are_named(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["counts"]["fates"]["no_price"] += 1
    manifest["measured"]["splits"]["test"]["tokens"] += 1
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    found = failures(verify(str(dataset)))
    assert "the fates sum to 2,001" in found["rows"]
    assert "measured.splits.test.tokens" in found["measured"]


@pytest.mark.parametrize("name", ["data/test-00000-of-00001.parquet", "openai/train.jsonl"])
def test_memory_bytes_are_measured_again(dataset, name):
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["files"][name]["memory_bytes"] += 1
    path.write_text(json.dumps(manifest), "utf-8")
    found = failures(verify(str(dataset)))
    assert f"files.{name}.memory_bytes" in found["measured"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda measured: measured.update(surplus=1),
        lambda measured: measured["splits"]["train"].pop("tokens"),
        lambda measured: measured["splits"].update(holdout=measured["splits"]["test"]),
        lambda measured: measured["categories"].update(in_all="3"),
        lambda measured: measured["splits"]["train"].update(rows=-1),
    ],
)
def test_measures_of_another_kind_are_no_manifest(dataset, edit):
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    edit(manifest["measured"])
    path.write_text(json.dumps(manifest), "utf-8")
    assert "manifest.json: measured." in failures(verify(str(dataset)))["manifest"]


def test_slot_over_its_cap_is_named(runs, tmp_path):
    dataset = shutil.copytree(runs / "course-v1/dataset", tmp_path / "dataset")
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["recipe"]["slots"]["cap"] = 4
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    found = failures(verify(str(dataset)))
    assert "has 5 rows, the cap is 4" in found["slot-cap"]


def test_prompt_in_two_splits_is_named(dataset):
    """The whole row of train, in all its forms, in place of one of test."""
    for folder in ("data", "openai"):
        row = pl.read_parquet(dataset / f"{folder}/train-00000-of-00001.parquet")[5]
        change(
            dataset / f"{folder}/test-00000-of-00001.parquet",
            lambda table, row=row: pl.concat([table[:9], row, table[10:]]),
        )
    found = failures(verify(str(dataset)))
    assert found["prompts-apart"] == "data/test-00000-of-00001.parquet row 9: an earlier split has the same prompt"


@pytest.mark.parametrize("split", ["train", "test"])
def test_text_that_comes_twice_is_named_whatever_its_case_and_punctuation(dataset, split):
    """Row 5 of train in the place of row 9, in the same split and in another, shouted."""
    name = f"data/{split}-00000-of-00001.parquet"
    row = pl.read_parquet(dataset / "data/train-00000-of-00001.parquet")[5]
    text = row["prompt"][0].removeprefix(QUESTION).removesuffix("\n\nPrice is $")
    row = row.with_columns(prompt=pl.lit(f"{QUESTION}{text.upper().replace(' ', '  ')}!!\n\nPrice is $"))
    change(dataset / name, lambda table: pl.concat([table[:9], row, table[10:]]))
    found = failures(verify(str(dataset)))
    assert found["texts-once"] == f"{name} row 9 has the text of data/train-00000-of-00001.parquet row 5"
    assert "prompts-apart" not in found


@pytest.mark.parametrize("split", ["validation", "test"])
def test_near_copy_in_another_split_is_named(dataset, split):
    """A train row with another last word, in the place of row 9."""
    name = f"data/{split}-00000-of-00001.parquet"
    row = pl.read_parquet(dataset / "data/train-00000-of-00001.parquet")[5]
    text = row["prompt"][0].removesuffix("\n\nPrice is $").rsplit(" ", 1)[0]
    change(dataset / name, set_at("prompt", 9, f"{text} otherwise\n\nPrice is $"))
    for exhaustive in (False, True):
        found = failures(verify(str(dataset), exhaustive=exhaustive))
        near = found["near-copies-apart"]
        assert near.startswith(f"{name} row 9 and data/train-00000-of-00001.parquet row 5 have 0.9")
        assert near.endswith(f"; 1 rows of {split} reach 0.5 with train")
        number = {"validation": 0, "test": 1}[split]
        assert found["certificate"].startswith(f"manifest.json: certificate.{number}.highest is 0.")
        # The index and brute force agree on what the files hold now.
        assert "brute-force" not in found


@pytest.mark.parametrize("key, value", [("highest", 0.25), ("row", 10**6), ("other_row", None), ("reaching", 1)])
def test_certificate_that_the_files_do_not_give_is_named(dataset, key, value):
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    manifest["certificate"][1][key] = value
    (dataset / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    said = f"manifest.json: certificate.1.{key} is {value}, the rows give "
    assert failures(verify(str(dataset)))["certificate"].startswith(said)


def test_certificate_that_leaves_two_splits_out_is_named(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    del manifest["certificate"][0]
    (dataset / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert "certificate.0.split is test, the rows give validation" in failures(verify(str(dataset)))["certificate"]


def test_brute_force_is_run_when_asked_for(runs, invoke):
    done = invoke("verify", runs / "pricer", "--exhaustive")
    assert done.exit_code == 0, done.output
    assert "holds    brute force over every two rows finds the same certificate" in done.output


def test_copies_are_not_asked_for_where_the_recipe_keeps_them(runs):
    assert "texts-once" not in states(verify(str(runs / "course-v1")))
    assert "texts-once" in states(verify(str(runs / "pricer")))


def test_what_a_manifest_does_not_promise_is_not_checked(dataset):
    """A later version may promise more than the one that built; that one is held to all that its recipe promises."""
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["promises"].remove("slot-cap")
    manifest["recipe"]["slots"]["cap"] = 1
    path.write_text(json.dumps(manifest), "utf-8")
    verdict = verify(str(dataset))
    assert "slot-cap" not in states(verdict)
    assert "manifest.json promises ['files', " in failures(verdict)["measured"]
    path.write_text(json.dumps(manifest | {"curator": "0.0.9"}), "utf-8")
    assert "measured" not in failures(verify(str(dataset)))


def test_rows_that_break_a_promise_are_counted_as_they_are_written(dataset):
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    assert manifest["measured"]["broken"] == dict.fromkeys(
        ["prompts", "completions", "prices", "token-cap", "config-text", "texts-once"], 0
    )
    manifest["measured"]["broken"]["prices"] = 1
    path.write_text(json.dumps(manifest), "utf-8")
    assert failures(verify(str(dataset)))["measured"] == "manifest.json: measured.broken.prices is 1, the rows give 0"
    del manifest["measured"]["broken"]
    path.write_text(json.dumps(manifest), "utf-8")
    assert "measured.broken is None" in failures(verify(str(dataset)))["measured"]


def test_shared_rows_are_those_of_later_splits():
    measures = Measures(load_recipe("pricer"), [])
    rows = pl.DataFrame({"prompt": ["a", "b", "c"], "tokens": 1, "price": 1.0, "slot": 1, "category": None})
    measures.add("train", rows[:2])
    measures.add("test", rows[1:])
    assert measures.shared_rows() == {"test": [0]}
