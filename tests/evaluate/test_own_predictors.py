"""Predictors of the user's own: functions, objects, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import curator
from curator.dataset import opened
from curator.errors import CuratorError, UsageError
from curator.evaluate.evaluate import evaluate
from curator.evaluate.harness import Evaluation


@pytest.fixture
def league(demo_run: Path, tmp_path: Path) -> Callable[..., Evaluation]:
    def make(predictors: Any, **settings: Any) -> Evaluation:
        return evaluate(str(demo_run), predictors, out=tmp_path / "out", **{"limit": 20} | settings)

    return make


def guesses(found: Evaluation, name: str) -> list[float | None]:
    return found.answers(name)["guess"].to_list()


def test_a_function_gets_everything_but_the_price(league: Callable[..., Evaluation], demo_run: Path) -> None:
    seen = []

    def mine(item: curator.Item) -> float:
        seen.append(item)
        return len(item.text) / 10

    found = league(mine)
    rows = opened.open_dataset(str(demo_run)).read("test", 0, 20)
    assert [vars(item) for item in seen] == rows.select("title", "category", "text", "prompt").to_dicts()
    assert all(item.prompt.endswith("Price is $") for item in seen)
    assert guesses(found, "mine") == [len(text) / 10 for text in rows["text"]]


def test_an_object_is_asked_once(league: Callable[..., Evaluation]) -> None:
    class Batch:
        calls = 0

        def predict(self, items: pl.DataFrame) -> Any:
            self.calls += 1
            assert items.columns == ["title", "category", "text", "prompt"]
            return items["text"].str.len_chars().to_numpy() / 10

    batch = Batch()
    found = league({"batch": batch, "one by one": lambda item: len(item.text) / 10})
    assert batch.calls == 1
    column = type("Column", (), {"predict": lambda self, items: np.full((len(items), 1), 7.0)})()
    assert guesses(league({"column": column}), "column") == [7.0] * 20
    assert guesses(found, "batch") == guesses(found, "one by one")
    assert found.summary["pairs"][0]["mae"]["difference"] == 0


def test_an_estimator_of_scikit_learn_is_a_predictor(league: Callable[..., Evaluation], demo_run: Path) -> None:
    pipeline = pytest.importorskip("sklearn.pipeline")
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import Ridge

    rows = opened.open_dataset(str(demo_run)).read("train")
    model = pipeline.make_pipeline(ColumnTransformer([("words", CountVectorizer(), "text")]), Ridge())
    model.fit(rows.select("title", "category", "text", "prompt"), rows["price"].to_numpy())
    said = league({"ridge": model}).summary["models"]["ridge"]
    assert said["answered"] + said["reasons"].get("negative", 0) == 20
    assert said["answered"] > 10


@pytest.mark.parametrize("value", [12, 12.5, np.float32(12.5), np.int64(12), None, float("nan"), -3.0])
def test_what_is_a_price_and_what_is_none(league: Callable[..., Evaluation], value: Any) -> None:
    found = league({"f": lambda item: value})
    assert ("answered rows alone" in str(found)) == (found.summary["models"]["f"]["no_answer_rate"] > 0)
    answered = value is not None and value >= 0
    assert guesses(found, "f") == [float(value) if answered else None] * 20


@pytest.mark.parametrize("value", ["12.99", True, [1.0], object(), 10**400])
def test_what_is_no_number_is_an_error_that_names_the_row(league: Callable[..., Evaluation], value: Any) -> None:
    with pytest.raises(CuratorError, match=r"f: row 0 \(B0\w+\): it returned .* where a price"):
        league({"f": lambda item: value})


def test_errors_name_the_row(league: Callable[..., Evaluation], demo_run: Path) -> None:
    asin = opened.open_dataset(str(demo_run)).read("test", 7, 1)["parent_asin"].item()
    calls = []

    def fails(item: curator.Item) -> float:
        calls.append(item)
        return 1 / (8 - len(calls))

    with pytest.raises(CuratorError, match=rf"fails: row 7 \({asin}\): ZeroDivisionError") as error:
        league(fails)
    assert isinstance(error.value.__cause__, ZeroDivisionError)

    class Short:
        def predict(self, items: pl.DataFrame) -> list[float]:
            return [1.0]

    with pytest.raises(CuratorError, match="1 prices for 20 rows"):
        league({"short": Short()})


def test_names(league: Callable[..., Evaluation]) -> None:
    def mine(item: curator.Item) -> float:
        return 1.0

    other = type("Mine", (), {"predict": lambda self, items: [2.0] * len(items)})()
    found = league(["constant", mine, other, "constant"])
    assert [one.name for one in found.models] == ["constant", "mine", "Mine"]
    assert list(league("category").summary["models"]) == ["category"]
    with pytest.raises(UsageError, match="two predictors are called '<lambda>'"):
        league([lambda item: 1.0, lambda item: 2.0])
    with pytest.raises(UsageError, match="is int"):
        league({"f": 3})
    with pytest.raises(UsageError, match="no model 'none'"):
        found.answers("none")


# -- files


def test_a_file_of_predictions(league: Callable[..., Evaluation], demo_run: Path, tmp_path: Path) -> None:
    rows = opened.open_dataset(str(demo_run)).read("test", 0, 20)
    wanted = [float(number) for number in range(20)]
    frame = rows.select("parent_asin").with_columns(prediction=pl.Series(wanted))
    frame.write_csv(tmp_path / "a.csv")
    frame.rename({"parent_asin": "id", "prediction": "price"}).sample(fraction=1, shuffle=True, seed=1).write_ndjson(
        tmp_path / "b.jsonl"
    )
    # Another column of prices, the true ones, does not get in the way.
    frame.with_columns(price=rows["price"]).write_parquet(tmp_path / "c.parquet")
    found = league([str(tmp_path / "a.csv"), tmp_path / "b.jsonl", tmp_path / "c.parquet"])
    for name in "abc":
        assert guesses(found, name) == wanted
    for table in (frame, frame.to_pandas()):
        assert guesses(league({"table": table}), "table") == wanted
    # What an evaluation wrote is such a file too.
    again = league({"again": tmp_path / "out" / "answers-a.jsonl"})
    assert guesses(again, "again") == wanted


def test_cells_of_a_file_are_read_as_answers_are(
    league: Callable[..., Evaluation], demo_run: Path, tmp_path: Path
) -> None:
    asins = opened.open_dataset(str(demo_run)).read("test", 0, 20)["parent_asin"].to_list()
    said = {"$1,299.00": 1299.0, "12.5": 12.5, "about $7": 7.0, "": None, "no idea": None, "1e1": 10.0}
    lines = [f'{asin},"{text}"' for asin, text in zip(asins, said, strict=False)]
    (tmp_path / "a.csv").write_text("\n".join(["id,price", *lines]), "utf-8")
    found = league({"a": tmp_path / "a.csv"})
    assert guesses(found, "a") == [*said.values(), *[None] * 14]
    assert found.summary["models"]["a"]["reasons"] == {"empty": 1, "no_number": 1, "not_predicted": 14}


def test_files_that_can_not_be_used(league: Callable[..., Evaluation], demo_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(UsageError, match=r"a\.csv: it can't be read"):
        league({"a": path})
    asin = opened.open_dataset(str(demo_run)).read("test", 0, 1)["parent_asin"].item()
    for text, said in {
        "id,cost\nB01,1\n": "no column guess or prediction or price; it has id, cost",
        "name,price\nB01,1\n": "no column parent_asin or id",
        "id,price\nB01,1\n": "none of its 1 ids",
        "id,price\n": "it has no rows",
        f"id,price\n{asin},1\n{asin},2\n": f"row 1 gives {asin} another price",
    }.items():
        path.write_text(text, "utf-8")
        with pytest.raises(UsageError, match=said):
            league({"a": path})


def test_the_command_takes_files(invoke: Any, demo_run: Path, tmp_path: Path) -> None:
    rows = opened.open_dataset(str(demo_run)).read("test", 0, 10)
    rows.select("parent_asin", "price").write_csv(tmp_path / "right.csv")
    done = invoke(
        *("evaluate", demo_run, "--model", "constant", "--predictions", tmp_path / "right.csv", "--limit", 10),
        *("--out", tmp_path / "out", "--json"),
    )
    models = json.loads(done.stdout)["models"]
    assert list(models) == ["constant", "right"]
    assert models["right"]["mae"] == 0
    assert invoke("evaluate", demo_run, "--predictions", tmp_path / "none.csv").exit_code == 2
    both = invoke("evaluate", "--datasets", demo_run, demo_run, "--predictions", tmp_path / "right.csv")
    assert both.exit_code == 2
