"""`curator.build`, `curator.open` and what a run can do from Python."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import curator
from curator.errors import CuratorWarning, RecipeError, RunError, SourceError, UsageError
from curator.pages.result import Result


@pytest.fixture
def products(raw_row: Any) -> list[dict[str, Any]]:
    return [raw_row(number) for number in range(60)]


def frame(products: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(products, infer_schema_length=None)


# -- building


def test_names_are_not_sequences_of_letters(here: Path) -> None:
    with pytest.raises(UsageError, match="no source 'dmo'"):
        curator.build("dmo", "runs/x")
    for wrong in (3, None, [3], {"a": 1}, [{"a": 1}], (name for name in "ab"), pl.Series([1])):
        with pytest.raises(UsageError, match="sources can be"):
            curator.build(wrong, "runs/x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is empty"):
        curator.build([], "runs/x")
    assert not (here / "runs" / "x").exists()


def test_what_should_be_known_is_warned_of(here: Path) -> None:
    with pytest.warns(CuratorWarning, match="validation has") as said:
        run = curator.build("demo:200", "runs/small")
    assert [str(one.message) for one in said] == run.warnings
    assert said[0].filename == __file__


def test_a_recipe_is_a_name_a_file_or_an_object(here: Path) -> None:
    settings = {"slots.cap": 7}
    recipe = curator.load_recipe("pricer", settings)
    Path("mine.toml").write_text(str(recipe), "utf-8")
    for given in (recipe, "mine.toml", Path("mine.toml")):
        assert curator.build("demo:100", "runs/mine", recipe=given).recipe == recipe
    assert curator.build("demo:100", "runs/mine", settings=settings).summary.to_dict()["rows_mapped"] is not None
    with pytest.raises(RecipeError, match="settings go with a recipe's name"):
        curator.build("demo:100", recipe=recipe, settings=settings)
    with pytest.raises(RecipeError, match="Did you mean"):
        curator.build("demo:100", settings={"slots.cpa": 1})


@pytest.mark.parametrize("kind", ["polars", "lazy", "pandas", "arrow", "datasets"])
def test_a_table_of_any_library_is_a_source(
    here: Path, products: list[dict[str, Any]], kind: str, write_rows: Any, tree: Any
) -> None:
    import datasets

    table = frame(products)
    given = {
        "polars": lambda: table,
        "lazy": table.lazy,
        "pandas": table.to_pandas,
        "arrow": table.to_arrow,
        "datasets": lambda: datasets.Dataset.from_list([{"x": 1, **one} for one in products]).select(range(60)),
    }[kind]()
    run = curator.build(given, "runs/table")
    file = curator.build(write_rows(here / "rows.parquet", products), "runs/file")
    assert run.splits == file.splits
    assert tree(here / "runs/table/dataset/data") == tree(here / "runs/file/dataset/data")
    assert run.verify().ok
    assert run.why("B000000003").rows[0].agrees


def test_a_table_is_kept_in_its_run_and_moves_with_it(here: Path, products: list[dict[str, Any]], tree: Any) -> None:
    run = curator.build(frame(products))
    assert run.path.parent == Path("runs")
    assert run.path.name.startswith("table-")
    before = tree(run.path / "items")
    again = curator.build(frame(products))
    assert again.path == run.path
    assert tree(run.path / "items") == before
    other = curator.build(frame(products[:50]))
    assert other.path != run.path, "another table went into the run of the first"
    shutil.move(run.path, here / "elsewhere")
    moved = curator.open(here / "elsewhere")
    assert moved.why("B000000003").rows[0].agrees
    assert moved.verify().ok
    assert str(here) not in (here / "elsewhere" / "dataset" / "manifest.json").read_text("utf-8")
    # Into the same folder: the table of before goes.
    replaced = curator.build(frame(products[:40]), here / "elsewhere")
    assert len(list((here / "elsewhere" / "tables").iterdir())) == 1
    assert sum(replaced.fates.values()) == 40


def test_tables_go_with_names_and_files(here: Path, products: list[dict[str, Any]]) -> None:
    run = curator.build(["demo:100", frame(products)], "runs/both")
    assert sum(run.fates.values()) == 160
    with pytest.raises(UsageError, match="given twice"):
        curator.build([frame(products), frame(products)], "runs/twice")
    assert not (here / "runs" / "twice").exists()


def test_a_table_that_is_none_is_told(here: Path, products: list[dict[str, Any]]) -> None:
    table = frame(products)
    with pytest.raises(SourceError, match="the table: no column 'price'"):
        curator.build(table.drop("price"), "runs/x")
    with pytest.raises(SourceError, match="the table: column 'features' holds"):
        curator.build(table.with_columns(features=True), "runs/x")
    with pytest.raises(SourceError, match="the table has no rows"):
        curator.build(table.clear(), "runs/x")
    mixed = table.to_pandas()
    mixed["price"] = [1.5, "2"] * 30
    assert curator.map_rows(mixed).items["price"].unique().sort().to_list() == [1.5, 2.0]
    twice = pytest.importorskip("pandas").concat([table.to_pandas(), table.to_pandas()[["title"]]], axis=1)
    with pytest.raises(SourceError, match="column 'title' can't be read"):
        curator.build(twice, "runs/x")
    with pytest.raises(UsageError, match="map_rows"):
        curator.dry_run(table)  # type: ignore[arg-type]
    assert not (here / "runs" / "x").exists()


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_price_that_is_not_a_number_is_missing(products: list[dict[str, Any]], library: str) -> None:
    table = frame(products[:2]).with_columns(price=pl.Series([12.5, float("nan")]))
    mapped = curator.map_rows(table if library == "polars" else table.to_pandas())
    assert mapped.fates["fate"].to_list() == ["kept", "no_price"]


def test_rows_of_a_table_are_mapped_as_in_a_build(here: Path, products: list[dict[str, Any]]) -> None:
    products[3]["price"] = "None"
    mapped = curator.map_rows(frame(products), "pricer")
    run = curator.build(frame(products), "runs/x")
    assert mapped.items.equals(run.items().drop("shard").collect())
    assert mapped.fates.filter(fate="no_price")["parent_asin"].to_list() == ["B000000003"]
    assert mapped.fates.height == 60
    assert curator.map_rows(pa.table(frame(products).head(2)), curator.load_recipe("pricer")).items.height == 2
    assert len(repr(mapped)) < 2_000
    nothing = curator.map_rows(frame(products[3:4]))
    assert nothing.items.schema == mapped.items.schema


def test_objects_and_columns_of_nulls(here: Path, products: list[dict[str, Any]]) -> None:
    """Details as pandas and JSON have them; a column without a value has no type of its own."""
    dicts = [{**one, "details": {"Color": "Brass", "Depth": None}, "store": None} for one in products]
    texts = [{**one, "details": '{"Color": "Brass"}', "store": None} for one in products]
    pandas = pytest.importorskip("pandas")
    made = curator.map_rows(pandas.DataFrame(texts))
    for given in (pandas.DataFrame(dicts), frame(dicts)):
        assert curator.map_rows(given).items.equals(made.items)
    none = pandas.DataFrame([{**one, "features": None} for one in texts])
    assert curator.map_rows(none).fates["fate"].unique().to_list() == ["kept"]


# -- arguments


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: curator.build("demo:100", "runs/x", engine="dask"), "engine is 'dask'"),
        (lambda: curator.build("demo:100", "runs/x", workers=0), "workers is 0"),
        (lambda: curator.build("demo:100", "runs/x", workers="2"), "workers is '2'"),
        (lambda: curator.build("demo:100", 5), "5 is no path"),
        (lambda: curator.build("demo:100", "runs/x", settings=["slots.cap=3"]), "settings are a dict"),
        (lambda: curator.open(None), "None is no path"),
        (lambda: curator.open(""), "'' is no path"),
        (lambda: curator.map_rows("demo:20"), "a table is expected"),
        (lambda: curator.map_rows(None), "a table is expected"),
        (
            lambda: curator.map_rows(pl.DataFrame(), curator.load_recipe(), settings={"tokens.cap": 60}),
            "settings go with a recipe's name",
        ),
        (lambda: curator.open("runs/demo").why(5), "a parent_asin is a string"),
        (lambda: curator.open("runs/demo").evaluate("constant", limit=-1), "limit is -1"),
        (lambda: curator.open("runs/demo").evaluate("constant", limit="x"), "limit is 'x'"),
        (lambda: curator.open("runs/demo").evaluate({1: "constant"}), "a name is a string"),
        (lambda: curator.open("runs/demo").evaluate([]), "no predictor is named"),
        (lambda: curator.open("runs/demo").evaluate("a.json"), "ends in .csv, .jsonl or .parquet"),
        (lambda: curator.open("runs/demo").evaluate_against("runs/demo", [len]), "is no name of a predictor"),
        (lambda: curator.open("runs/demo").compare(None), "None is no path"),
        (lambda: curator.open("runs/demo").report(5), "5 is no path"),
        (lambda: curator.open("runs/demo").publish(None), "a repository is named by a string"),
        (lambda: curator.open("runs/demo").rows("all"), "no split 'all'"),
    ],
)
def test_a_wrong_argument_is_one_message_and_leaves_nothing(here: Path, call: Any, said: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert said in str(error.value)
    assert not (here / "runs" / "x").exists()


def test_numbers_of_numpy_are_settings(here: Path) -> None:
    assert curator.load_recipe("pricer", {"slots.cap": np.int64(90), "price.min": np.float64(2)}).slots.cap == 90


def test_a_failed_verdict_says_so_first(here: Path) -> None:
    run = curator.open("runs/demo")
    assert repr(run.verify()).splitlines()[0] == "runs/demo: no check of 33 fails"
    (here / "runs" / "demo" / "selection.parquet").write_bytes(b"PAR1")
    verdict = run.verify()
    assert not verdict.ok
    first, *lines = repr(verdict).splitlines()
    assert first.endswith("checks FAIL")
    assert lines[2].startswith("fails ")
    assert "checks FAIL" in verdict._repr_html_().partition("<table")[0]


def test_a_kept_table_belongs_to_its_run(here: Path, products: list[dict[str, Any]]) -> None:
    run = curator.build(frame(products), "runs/x")
    (table,) = (here / "runs" / "x" / "tables").iterdir()
    kept = table.read_bytes()
    table.write_bytes(kept[:-1] + b"x")
    assert not run.verify().ok
    table.write_bytes(kept)
    assert run.verify().ok
    assert curator.build("demo:100", "runs/x").verify().ok
    assert not table.exists()


def test_rows_are_what_predictors_see(here: Path) -> None:
    run = curator.open("runs/demo")
    seen = []
    run.evaluate(lambda item: seen.append(item) or 1.0, limit=5)
    rows = run.rows("test", limit=5)
    assert [vars(item) for item in seen] == rows.drop("price", "parent_asin").to_dicts()
    assert run.rows().height == run.splits["train"]


# -- opening


def test_a_run_a_dataset_and_nothing(here: Path) -> None:
    run = curator.open("runs/demo")
    dataset = curator.open(here / "runs" / "demo" / "dataset")
    assert dataset.splits == run.splits == dict(run.fates.items() & run.splits.items())
    assert dataset.fates == run.fates
    assert dataset.recipe == run.recipe
    assert dataset.dataset("text")["test"].num_rows == run.splits["test"]
    assert dataset.evaluate("constant", limit=10, out="out").summary["models"]["constant"]["rows"] == 10
    for call in (dataset.items, dataset.ledger, dataset.selection, dataset.report, lambda: dataset.why("B0")):
        with pytest.raises(RunError, match="is a dataset alone"):
            call()
    with pytest.raises(UsageError, match="there is no folder"):
        curator.open(Path("tester/prices"))  # a path is never asked for on the Hub
    with pytest.raises(UsageError, match="there is no folder"):
        curator.open("./nowhere")
    (here / "empty").mkdir()
    with pytest.raises(RunError, match="holds no run"):
        curator.open("empty")
    (here / "runs" / "demo" / "manifest.json").unlink()
    with pytest.raises(RunError, match="did not finish"):
        curator.open("runs/demo")


def test_a_build_without_a_dataset_can_be_explained(here: Path, products: list[dict[str, Any]]) -> None:
    with pytest.raises(RunError, match="no row is left"):
        curator.build(frame(products), "runs/none", settings={"price.min": 900.0})
    run = curator.open("runs/none")
    assert run.fates == {"price_out_of_range": 60}
    assert run.splits == {}
    assert run.why("B000000003").rows[0].fate == "price_out_of_range"
    assert "without a dataset" in repr(run)
    for call in (lambda: run.summary, run.dataset, run.report, lambda: run.evaluate("constant"), run.verify):
        with pytest.raises(RunError, match="ended without a dataset"):
            call()


def test_the_dataset_is_what_was_published(here: Path) -> None:
    run = curator.open("runs/demo")
    for config in ("default", "text", "openai"):
        loaded = run.dataset(config)
        assert {split: rows.num_rows for split, rows in loaded.items()} == run.splits
    row = run.dataset()["train"][0]
    assert row["prompt"].endswith("Price is $")
    with pytest.raises(UsageError, match="Did you mean 'text'"):
        run.dataset("txt")


# -- results


def test_every_result_is_short_at_the_prompt_and_whole_in_print(here: Path) -> None:
    run = curator.open("runs/demo")
    other = curator.build("demo:2000", "runs/cap", settings={"slots.cap": 3})
    results: list[Result] = [
        run.summary,
        run.verify(),
        run.why("B0XLV9D8BS"),
        run.compare(other),
        run.evaluate(["constant", "category"], limit=20),
        run.evaluate_against(other, ["category"]),
        run.report(),
        curator.dry_run("demo:500"),
    ]
    for result in results:
        assert len(repr(result)) < 2_000, type(result)
        assert str(result)
        assert isinstance(result.to_dict(), dict)
        html = result._repr_html_()
        assert html.lstrip().startswith(("<div", "<iframe")), type(result)
        with pytest.raises(AttributeError):
            result.anything = 1  # type: ignore[attr-defined]
    assert len(repr(run)) < 2_000
    assert len(repr(run.recipe)) < 2_000
    assert "<table" in run._repr_html_()


def test_what_a_product_says_is_escaped(here: Path, products: list[dict[str, Any]]) -> None:
    products[0] |= {"title": "<script>alert(1)</script>", "parent_asin": "<b>B0</b>"}
    run = curator.build(frame(products), "runs/x")
    html = run.why("<b>B0</b>")._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    report = run.report()._repr_html_()
    assert "<script" not in report


def test_options_of_trainers_are_checked(here: Path) -> None:
    run = curator.open("runs/demo")
    with pytest.raises(UsageError, match="Did you mean 'max_steps'"):
        run.train_llama("model", "out", max_step=3)
    with pytest.raises(UsageError, match="Did you mean 'train_rows'"):
        run.train_gpt("model", train_row=3)


def test_a_job_needs_a_ceiling(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    run = curator.open("runs/demo")
    plan = run.train_gpt("gpt-x", price_per_million=25.0, dry_run=True)
    assert plan.to_dict()["cost"] > 0
    for ceiling, said in ((None, "max_usd"), (0.000001, "more than")):
        with pytest.raises(UsageError, match=said):
            run.train_gpt("gpt-x", price_per_million=25.0, max_usd=ceiling)
    with pytest.raises(UsageError, match="price_per_million"):
        run.train_gpt("gpt-x", max_usd=5)
    assert not (here / "runs/demo/train").exists() or not list((here / "runs/demo/train").rglob("*.json"))


def test_a_finished_build_repeated_is_opened(here: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CuratorWarning)
        first = curator.build("demo:300", "runs/again", workers=2)
        second = curator.build("demo:300", Path("runs/again"))
    assert first.summary.to_dict() == second.summary.to_dict()
