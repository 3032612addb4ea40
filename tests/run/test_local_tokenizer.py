"""A run finds its local tokenizer from any working directory, never asks the Hub for it, and publishes no path."""

import json
import shutil
from pathlib import Path

import pytest
import tomli_w

from curator.items import mapper
from curator.recipe.load import load_recipe
from curator.run.finished import FinishedRun
from curator.tokens.tokenizer import load_tokenizer


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    def ask(*_, **__):
        raise AssertionError("the Hub was asked for a local tokenizer")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", ask)


@pytest.fixture
def invoke(invoke, monkeypatch):
    """Call the command, and load each tokenizer anew."""
    monkeypatch.setattr(mapper, "load_tokenizer", load_tokenizer)
    return invoke


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Path:
    """A tokenizer of bytes, in a folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("here") / "models" / "bytes"
    folder.mkdir(parents=True)
    engine = Tokenizer(models.BPE({byte: n for n, byte in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def build(invoke, monkeypatch):
    """Build with a tokenizer, as it is typed in its folder's grandparent."""

    def make(tokenizer, run):
        with monkeypatch.context() as patch:
            patch.chdir(tokenizer.parents[1])
            settings = ("tokenizer=models/bytes", "tokens.cap=700")
            options = [word for setting in settings for word in ("--set", setting)]
            done = invoke("build", "demo:300", "--out", run, *options)
        assert done.exit_code == 0, done.stderr
        return run

    return make


def tokens(invoke, run):
    done = invoke("verify", run, "--json")
    (check,) = (check for check in json.loads(done.stdout)["checks"] if check["id"] == "tokens")
    return done.exit_code, check


def test_a_run_is_verified_and_explained_from_another_working_directory(
    invoke, build, tokenizer, tmp_path, monkeypatch
):
    run = build(tokenizer, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    code, check = tokens(invoke, run)
    assert (code, check["state"]) == (0, "holds")
    (product,) = FinishedRun(run).ledger().filter(fate="train").head(1).collect()["parent_asin"]
    (row,) = json.loads(invoke("why", run, product, "--json").stdout)["rows"]
    facts = {step["name"]: step["facts"] for step in row["steps"]}
    assert facts["tokens"]["tokenizer"] == "bytes"
    assert "text" in facts
    for path in (run / "dataset").rglob("*"):
        assert path.is_dir() or str(tokenizer.parent).encode() not in path.read_bytes(), path


def test_the_same_tokenizer_elsewhere_makes_the_same_dataset(build, tokenizer, tmp_path, tree, stamps):
    run = build(tokenizer, tmp_path / "run")
    before, items = tree(run / "dataset"), stamps(run.glob("items/part-*.parquet"))
    build(Path(shutil.copytree(tokenizer, tmp_path / "elsewhere" / "models" / "bytes")), run)
    assert tree(run / "dataset") == before
    assert stamps(run.glob("items/part-*.parquet")) == items


@pytest.mark.parametrize("as_typed", [False, True], ids=["absolute", "as 0.1.0 wrote it"])
def test_a_run_whose_tokenizer_is_gone_does_not_verify(invoke, build, tokenizer, tmp_path, monkeypatch, as_typed):
    moved = Path(shutil.copytree(tokenizer, tmp_path / "moved" / "models" / "bytes"))
    run = build(moved, tmp_path / "run")
    if as_typed:
        old = load_recipe(str(run / "recipe.toml"), {"tokenizer": "models/bytes"})
        (run / "recipe.toml").write_text(tomli_w.dumps(old.model_dump(mode="json")), "utf-8")
    shutil.rmtree(moved)
    monkeypatch.chdir(tmp_path / "moved")
    code, check = tokens(invoke, run)
    assert (code, check["state"]) == (3, "fails")
    assert f"{str(moved)!r} is not there" in check["problems"][0]
    (product,) = FinishedRun(run).ledger().filter(fate="train").head(1).collect()["parent_asin"]
    assert "is not there" in invoke("why", run, product).stdout
    dataset = Path(shutil.copytree(run / "dataset", tmp_path / "dataset"))
    code, check = tokens(invoke, dataset)
    assert (code, check["state"]) == (0, "skipped")


def test_a_run_whose_tokenizer_changed_does_not_verify(invoke, build, tokenizer, tmp_path):
    changed = Path(shutil.copytree(tokenizer, tmp_path / "changed" / "models" / "bytes"))
    run = build(changed, tmp_path / "run")
    with (changed / "tokenizer.json").open("a") as file:
        file.write("\n")
    code, check = tokens(invoke, run)
    assert (code, check["state"]) == (3, "fails")
    assert "another sha256" in check["problems"][0]
