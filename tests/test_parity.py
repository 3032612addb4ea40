"""Issue 2's parity: the recipe course-v1 on the real rows against what the original course code made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

SETTINGS = {"slots.cap": 30, "split.train": 2500, "split.test": 500}
COLUMNS = ("included", "prompt", "token_count", "sample_position", "split")
LOAD = """
import json, sys
import datasets
found = {}
for config in ("default", "text", "openai", None):
    splits = datasets.load_dataset(sys.argv[1], config, cache_dir=sys.argv[2])
    found[str(config)] = {name: [len(rows), rows.column_names, rows[0]] for name, rows in splits.items()}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> pl.DataFrame:
    return pl.read_parquet(shared_data / "course-v1-golden.parquet")


@pytest.fixture(scope="module")
def eight(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same rows as eight files of unlike sizes; their names' order is the rows' order."""
    table = pq.read_table(shared_data / "amazon-2023-meta-dev.parquet")
    ends = [1, 700, 2000, 5000, 5001, 9000, 12000, table.num_rows]
    folder = tmp_path_factory.mktemp("eight")
    files = []
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        files.append(folder / f"rows-{number}.parquet")
        pq.write_table(table.slice(start, end - start), files[-1])
    return files


@pytest.fixture(scope="module")
def build_golden(shared_data: Path, llama: Any) -> Any:
    """Build as issue 2 says; in this process, workers beyond the first are processes of their own."""
    from curator.items import mapper as items
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    recipe = load_recipe("course-v1", {"tokenizer": str(shared_data / "llama-3-tokenizer"), **SETTINGS})

    def make(sources: list[Path], out: Path, workers: int) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(items, "load_tokenizer", lambda spec: llama)
            build([str(path) for path in sources], recipe, out, workers=workers)
        return out

    return make


@pytest.fixture(scope="module")
def one_run(build_golden: Any, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = shared_data / "amazon-2023-meta-dev.parquet"
    return build_golden([source], tmp_path_factory.mktemp("one") / "run", 1)


@pytest.fixture(scope="module")
def eight_run(
    build_golden: Any, with_figures: Any, eight: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    # What the command makes, whose dataset is compared with this one's, has its figures.
    with with_figures():
        return build_golden(eight, tmp_path_factory.mktemp("eight") / "run", 1)


def outcome(run: Path, starts: dict[int, int] | None = None) -> pl.DataFrame:
    """What the run says of each row, in the golden file's columns, read from items, ledger and selection.

    `starts` gives the number of each shard's first file row where there are several files.
    """
    keys = ["shard", "row"]
    items = pl.read_parquet(run / "items" / "*.parquet").select(*keys, "prompt", pl.col("tokens").alias("token_count"))
    ledger = pl.read_parquet(run / "ledger" / "*.parquet")
    selection = pl.read_parquet(run / "selection.parquet")
    assert items.height == selection.height == selection.select(keys).unique().height
    decided = selection.select(*keys, "split", pl.col("position").alias("sample_position"), decided=pl.lit(value=True))
    frame = ledger.join(items, on=keys, how="left").join(decided, on=keys, how="left")
    in_split = pl.col("fate").is_in(["train", "validation", "test"])
    assert frame.filter(in_split, pl.col("fate") != pl.col("split")).is_empty()
    assert frame.filter(~in_split, pl.col("split").is_not_null()).is_empty()
    assert (frame["prompt"].is_null() == frame["decided"].is_null()).all()
    if starts:
        start = pl.col("shard").replace_strict(starts, return_dtype=pl.Int64)
        frame = frame.with_columns(pl.col("row") + start)
    return frame.sort("row").with_columns(included=pl.col("prompt").is_not_null())


def differences(run: Path, golden: pl.DataFrame, starts: dict[int, int] | None = None) -> dict[str, int]:
    """The number of rows in which a column differs."""
    got = outcome(run, starts)
    assert got["row"].equals(golden["row"])
    assert got["parent_asin"].equals(golden["parent_asin"])
    return {name: int(got[name].cast(golden[name].dtype).ne_missing(golden[name]).sum()) for name in COLUMNS}


def starts_of(files: list[Path]) -> dict[int, int]:
    sizes = [pq.read_metadata(path).num_rows for path in files]
    return dict(enumerate([0, *accumulate(sizes)][: len(sizes)]))


NONE = dict.fromkeys(COLUMNS, 0)


def test_one_file(one_run: Path, golden: pl.DataFrame) -> None:
    assert golden.height == 12_032
    assert differences(one_run, golden) == NONE


def test_eight_files(eight_run: Path, eight: list[Path], golden: pl.DataFrame) -> None:
    assert differences(eight_run, golden, starts_of(eight)) == NONE


@pytest.mark.parametrize("workers", [2, *(pytest.param(many, marks=pytest.mark.acceptance) for many in (3, 8))])
def test_eight_files_with_workers(
    workers: int,
    eight_run: Path,
    eight: list[Path],
    golden: pl.DataFrame,
    tmp_path: Path,
    shared_data: Path,
    run_cli: Any,
    tree: Any,
) -> None:
    settings = {"tokenizer": shared_data / "llama-3-tokenizer", **SETTINGS}
    options = [text for key, value in settings.items() for text in ("--set", f"{key}={value}")]
    out = tmp_path / "run"
    done = run_cli("build", *eight, "--recipe", "course-v1", *options, "--out", out, "--workers", workers)
    assert done.returncode == 0, done.stderr
    assert differences(out, golden, starts_of(eight)) == NONE
    assert tree(out / "dataset") == tree(eight_run / "dataset")


@pytest.mark.parametrize("workers", [1, 2, pytest.param(3, marks=pytest.mark.acceptance)])
def test_one_file_of_many_shards(
    workers: int,
    build_golden: Any,
    one_run: Path,
    shared_data: Path,
    golden: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tree: Any,
) -> None:
    from curator.sources import arrow
    from curator.sources import resolve as sources

    # A row group is cut where it has more than four times the rows of a shard, and read a few rows at a time.
    monkeypatch.setattr(sources, "SHARD_ROWS", 602)
    monkeypatch.setattr(sources, "cut", partial(sources.cut, shard_rows=602))
    monkeypatch.setattr(arrow, "BATCH_ROWS", 1_000)
    out = build_golden([shared_data / "amazon-2023-meta-dev.parquet"], tmp_path / "run", workers)
    assert len(list(out.glob("items/*.parquet"))) == 5
    assert differences(out, golden) == NONE
    assert tree(out / "dataset") == tree(one_run / "dataset")


def test_a_folder_and_a_glob_are_the_same_sources(
    build_golden: Any, with_figures: Any, eight: list[Path], eight_run: Path, tmp_path: Path, tree: Any
) -> None:
    for name, source in (("folder", eight[0].parent), ("glob", eight[0].parent / "rows-*.parquet")):
        with with_figures():
            out = build_golden([source], tmp_path / name, 1)
        assert tree(out / "dataset") == tree(eight_run / "dataset")


def test_two_builds_give_the_same_bytes(
    build_golden: Any, one_run: Path, shared_data: Path, tmp_path: Path, tree: Any
) -> None:
    out = build_golden([shared_data / "amazon-2023-meta-dev.parquet"], tmp_path / "another", 2)
    assert tree(out / "dataset") == tree(one_run / "dataset")


def published(run: Path, form: str, split: str) -> pl.DataFrame:
    return pl.read_parquet(run / "dataset" / form / f"{split}-*.parquet")


@pytest.mark.parametrize("split", ["train", "test"])
def test_published_files_agree_with_ledger_and_golden_prompts(
    split: str, one_run: Path, golden: pl.DataFrame, oracle: Any
) -> None:
    expected = golden.filter(pl.col("split") == split).sort("sample_position")
    items = pl.read_parquet(one_run / "items" / "*.parquet")
    expected = expected.join(items.select("row", "price", "title", "category", "slot"), on="row", maintain_order="left")
    rows = published(one_run, "data", split)
    assert (rows["prompt"] + rows["completion"]).equals(expected["prompt"], check_names=False)
    assert rows["prompt"].str.ends_with("Price is $").all()
    assert rows["completion"].equals(rows["slot"].cast(pl.String) + ".00", check_names=False)
    assert rows["tokens"].cast(pl.Int64).equals(expected["token_count"], check_names=False)
    for column in ("parent_asin", "price", "title", "category", "slot"):
        assert rows[column].equals(expected[column]), column

    texts = published(one_run, "text", split)
    prompts = expected["prompt"].to_list()
    if split == "test":
        prompts = [prompt.split("Price is $")[0] + "Price is $" for prompt in prompts]
    assert texts["text"].to_list() == prompts
    assert texts["price"].equals(expected["price"])

    lines = (one_run / "dataset" / "openai" / f"{split}.jsonl").read_text("utf-8").splitlines()
    made = [
        oracle.openai_messages(oracle.Item("", price, None, prompt, 0))
        for prompt, price in expected.select("prompt", "price").iter_rows()
    ]
    assert [json.loads(line) for line in lines] == made

    ledger = pl.read_parquet(one_run / "ledger" / "*.parquet").filter(pl.col("fate") == split)
    assert sorted(ledger["row"]) == sorted(expected["row"])


def test_default_form_is_cut_at_the_last_prefix_and_test_text_at_the_first(
    build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Path
) -> None:
    rows = [raw_row(n, title="Was Price is $9 now") for n in range(6)]
    out = tmp_path / "run"
    build_run(write_rows(tmp_path / "rows.parquet", rows), out, split__train=3, split__test=3)
    for split in ("train", "test"):
        data = published(out, "data", split)
        assert data["prompt"].str.count_matches("Price is $", literal=True).to_list() == [2, 2, 2]
        assert data["prompt"].str.ends_with("\n\nPrice is $").all()
    question = "How much does this cost to the nearest dollar?\n\n"
    assert set(published(out, "text", "test")["text"]) == {f"{question}Was Price is $"}
    assert published(out, "text", "train")["text"].str.ends_with(".00").all()


def test_manifest_tells_the_truth(one_run: Path) -> None:
    from curator.system.digest import sha256

    manifest = json.loads((one_run / "dataset" / "manifest.json").read_text("utf-8"))
    files = {p.relative_to(one_run / "dataset").as_posix() for p in (one_run / "dataset").rglob("*") if p.is_file()}
    beside = {"README.md", "croissant.json", "manifest.json", *manifest["images"]}
    assert len(manifest["images"]) == 5
    assert set(manifest["files"]) == files - beside
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == sha256(one_run / "dataset" / name)
        assert entry["bytes"] == (one_run / "dataset" / name).stat().st_size
        assert entry["rows"] == (2500 if "train" in name else 500)
    whole = json.loads((one_run / "manifest.json").read_text("utf-8"))
    assert {"summary.json", "selection.parquet", "recipe.toml", "dataset/README.md"} <= set(whole["files"])
    for name, entry in whole["files"].items():
        assert entry["sha256"] == sha256(one_run / name)


def test_nothing_published_names_a_local_path(one_run: Path, shared_data: Path) -> None:
    for path in (one_run / "dataset").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for folder in (one_run, shared_data, Path.home()):
                if folder != Path("/"):
                    assert str(folder).encode() not in content, path


@pytest.fixture
def small_run(build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Path) -> Path:
    rows = [raw_row(n) for n in range(150)]
    build_run(write_rows(tmp_path / "rows.parquet", rows), tmp_path / "run", split__train=100, split__test=20)
    return tmp_path / "run"


def test_datasets_loads_the_three_configs(small_run: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", LOAD, str(small_run / "dataset"), str(tmp_path / "cache")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["None"] == found["default"]
    default = ["prompt", "completion", "price", "category", "title", "parent_asin", "slot", "tokens"]
    for config, columns in (("default", default), ("text", ["text", "price"]), ("openai", ["messages"])):
        sizes = {name: (rows, names) for name, (rows, names, _) in found[config].items()}
        assert sizes == {"train": (100, columns), "test": (20, columns)}, config
    first = found["default"]["train"][2]
    assert found["text"]["train"][2]["text"] == first["prompt"] + first["completion"]
    assert found["openai"]["train"][2]["messages"][2]["content"] == f"Price is ${first['price']:.2f}"
