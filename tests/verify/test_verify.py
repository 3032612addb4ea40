"""`curator verify`: what holds is said to hold, and what can not be verified is said in one message."""

import json

import polars as pl
import pytest

from curator.pipeline import build
from curator.recipe.load import load_recipe
from curator.verify import verify as verify_module
from curator.verify.verify import verify
from verify_tools import failures, states


def test_real_rows_cut_inside_a_character_hold(shared_data, llama, monkeypatch, tmp_path):
    """Two of the real texts end in U+FFFD, which takes more tokens than the bytes that it stands for."""
    monkeypatch.setattr(verify_module, "load_tokenizer", lambda spec: llama)
    settings = {"tokenizer": str(shared_data / "llama-3-tokenizer"), "split.train": 100_000}
    recipe = load_recipe("course-v1", settings)
    build([str(shared_data / "amazon-2023-meta-dev.parquet")], recipe, tmp_path / "run", workers=1)
    verdict = verify(str(tmp_path / "run"))
    assert set(states(verdict).values()) == {"holds"}
    texts = pl.read_parquet(tmp_path / "run/dataset/data/*.parquet")["prompt"].str.strip_suffix("\n\nPrice is $")
    assert texts.str.ends_with("\N{REPLACEMENT CHARACTER}").any()


@pytest.mark.parametrize("name", ["pricer", "course-v1"])
@pytest.mark.parametrize("inside", ["", "dataset"])
def test_every_check_of_a_fresh_run_holds(runs, name, inside):
    verdict = verify(str(runs / name / inside))
    # What `course-v1` does not promise is told all the same.
    told = [check for check, state in states(verdict).items() if state != "holds"]
    assert told == (["near-copies-apart"] if name == "course-v1" else [])
    assert verdict.ok
    data = {path.name.split("-")[0]: pl.read_parquet(path) for path in (runs / name / "dataset/data").iterdir()}
    assert verdict.rows == {split: rows.height for split, rows in data.items()}
    assert {split: one["prompts"] for split, one in verdict.tokens.items()} == {
        split: rows["tokens"].sum() for split, rows in data.items()
    }


def test_command_reports_tokens_and_cost_and_changes_nothing(runs, invoke, tree, bundled):
    before = tree(runs / "pricer")
    result = invoke("verify", runs / "pricer", "--json", "--price-per-million", "25")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["holds"] is True
    lines = (runs / "pricer/dataset/openai/train.jsonl").read_text(encoding="utf-8").splitlines()
    contents = [message["content"] for line in lines for message in json.loads(line)["messages"]]
    chats = int(bundled.encode(pl.Series(contents)).counts.sum()) + 15 * len(lines)
    assert told["tokens"]["train"]["chats"] == chats
    assert told["cost_of_one_epoch"] == pytest.approx(chats * 25 / 1e6)
    text = invoke("verify", runs / "pricer", "--price-per-million", "25").stdout
    assert f"about {chats * 25 / 1e6:,.2f} USD for one epoch" in text
    assert tree(runs / "pricer") == before


def test_tokenizer_that_cannot_be_had_is_a_check_not_made(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["tokenizer"]["name"] = manifest["recipe"]["tokenizer"] = "a folder that is not here"
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    verdict = verify(str(dataset))
    assert states(verdict)["tokens"] == "skipped"
    (skipped,) = [one for one in verdict.checks if one.state == "skipped"]
    assert ": not counted again: " in skipped.lines()[0]
    assert verdict.tokens["train"]["chats"] is None


def test_tokenizer_of_a_known_name_with_another_digest_is_named(dataset):
    for key, value, said in (
        ("sha256", "0" * 64, "is not that of o200k_base"),
        ("name", "gpt2", "in the recipe 'o200k_"),
    ):
        manifest = json.loads((dataset / "manifest.json").read_text())
        before = json.dumps(manifest)
        manifest["tokenizer"][key] = value
        (dataset / "manifest.json").write_text(json.dumps(manifest))
        assert said in failures(verify(str(dataset)))["tokens"]
        (dataset / "manifest.json").write_text(before)
