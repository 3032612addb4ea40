"""`curator evaluate`: predictors, rows, results, the page, and which of two datasets teaches more."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import browser
from curator.dataset import opened
from curator.duplicates.crossing import near_copies
from curator.errors import CuratorError, UsageError
from curator.evaluate import charts, harness
from curator.evaluate.compare_datasets import compare_datasets, held_out
from curator.evaluate.evaluate import evaluate as evaluate_models
from curator.evaluate.kinds import KINDS, Kind, check_options, parse
from curator.evaluate.metrics import differences
from curator.evaluate.predictor import Answer, Setting, make
from curator.evaluate.predictors import classical
from curator.llm.scoring import Evidence
from curator.pipeline import build
from curator.recipe.load import load_recipe

pytestmark = pytest.mark.figures

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
LEARNERS = ("linear", "tfidf-ridge", "gradient-boosting")

needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed (extra `evaluate`)"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> Path:
    out: Path = tmp_path_factory.mktemp("evaluate") / "run"
    build(["demo:3000:7"], load_recipe("pricer"), out, workers=1)
    return out


@pytest.fixture(scope="module")
def course(tmp_path_factory: Any) -> Path:
    out: Path = tmp_path_factory.mktemp("evaluate") / "course"
    settings = {"tokenizer": "o200k_base", "split.train": 900, "split.test": 100}
    build(["demo:3000:7"], load_recipe("course-v1", settings), out, workers=1)
    return out


def frame(**columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"category": ["a"], "title": ["t"], "text": ["one two three"]} | columns)


class Said:
    """A predictor that says what it is told to."""

    learns = False

    def __init__(self, *prices: float | None) -> None:
        self.name = "said"
        self.prices = prices
        self.evidence: Evidence | None = None

    def fit(self, train: pl.DataFrame) -> None:
        raise AssertionError("it does not learn")

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        return (Answer(price, evidence=self.evidence) for price in self.prices)


# -- names


def test_names_are_parsed() -> None:
    assert parse("constant:mean:x") == ("constant", "mean:x")
    assert parse("constant") == ("constant", None)
    assert {"constant", "category", *LEARNERS, "llama", "openai"} <= KINDS.keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tfidf_ridge", "Did you mean 'tfidf-ridge'"),
        ("", "there is no predictor ''"),
        ("category:x", "takes nothing after a colon"),
        ("constant:", "nothing follows"),
        ("constant:mode", "constant:mean"),
    ],
)
def test_a_wrong_name_says_what_there_is(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        make(name, Setting(tmp_path, load_recipe("pricer")))


def test_options_are_those_of_a_model_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, run: Path, invoke: Callable[..., Any]
) -> None:
    monkeypatch.setitem(KINDS, "teller", Kind("nowhere", "make", "no", "tells", {"teller.words": "how many words"}))
    check_options(["constant", "teller"], ["teller.words"])
    with pytest.raises(UsageError, match="only teller takes it"):
        check_options(["constant"], ["teller.words"])
    with pytest.raises(UsageError, match=r"Did you mean 'teller.words'.* how many words"):
        check_options(["teller"], ["teller.word"])
    shown = invoke("evaluate", "--help").stdout
    assert all(
        f"\n  {name}  " in shown for name in (*KINDS, *(name for kind in KINDS.values() for name in kind.options))
    )
    assert "teller.words" in shown
    done = invoke("evaluate", run, "--model", "constant", "--set", "speed=3")
    assert done.exit_code == 2
    assert "the models that are named take none" in done.stderr.lower()


# -- predictors


def answers(predictor: Any, rows: pl.DataFrame) -> list[float | None]:
    return [answer.price for answer in predictor.predict(rows)]


def test_medians_by_hand() -> None:
    train = frame(
        category=["a", "a", "a", "b", None, None],
        price=[1.0, 2.0, 9.0, 50.0, 7.0, 8.0],
        title=["t"] * 6,
        text=["x"] * 6,
    )
    rows = frame(category=["a", "b", None, "new"], title=["t"] * 4, text=["x"] * 4)
    for made, expected in (
        (classical.Constant(), [7.5] * 4),
        (classical.Constant("mean"), [77 / 6] * 4),
        (classical.Category(), [2.0, 50.0, 7.5, 7.5]),
    ):
        made.fit(train)
        assert answers(made, rows) == pytest.approx(expected)


@needs_sklearn
@pytest.mark.parametrize("name", LEARNERS)
def test_regressions_learn_see_no_answer_and_repeat(run: Path, name: str) -> None:
    """Better than the constant, the same twice, and blind to all that tells the price."""
    place = opened.open_dataset(str(run))
    train, rows = place.read("train"), place.read("test")
    setting = Setting(run / "evaluate", place.recipe)
    first, second = make(name, setting), make(name, setting)
    for one in (first, second):
        one.fit(train)
    told = answers(first, rows)
    blind = rows.with_columns(
        price=pl.lit(1.0), slot=pl.lit(1), completion=pl.lit("1.00"), tokens=pl.lit(1), parent_asin=pl.lit("x")
    )
    assert told == answers(second, blind)
    truth = rows["price"].to_numpy()
    constant = classical.Constant()
    constant.fit(train)
    logs = [np.abs(np.log1p(np.array(one, float)) - np.log1p(truth)).mean() for one in (told, answers(constant, rows))]
    assert logs[0] < logs[1]
    assert train["price"].min() <= min(told)  # type: ignore[operator, type-var]
    assert answers(first, rows.clear()) == []


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for name in [name for name in sys.modules if name.startswith("sklearn.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(CuratorError, match=r"pip install 'price-curator\[evaluate\]'"):
        classical.Linear()


# -- rows


def test_rows_hold_the_text_between_question_and_answer(run: Path) -> None:
    rows = opened.open_dataset(str(run)).read("test", 3, 5)
    recipe = load_recipe("pricer")
    assert rows.height == 5
    for prompt, text in rows.select("prompt", "text").iter_rows():
        assert prompt == f"{recipe.prompt.question}\n\n{text}\n\n{recipe.prompt.answer}"


def test_a_missing_validation_is_the_train_rows_after_those_used(course: Path) -> None:
    place = opened.open_dataset(str(course))
    assert place.rows("validation") == 0
    train = place.rows("train")
    chosen = opened.choose(place, "validation", 50, None)
    assert (chosen.train, chosen.source, chosen.start, chosen.rows) == (train - 50, "train", train - 50, 50)
    chosen = opened.choose(place, "validation", 50, 200)
    assert (chosen.train, chosen.start, chosen.rows) == (200, 200, 50)
    assert opened.choose(place, "test", None, None).rows == 100
    done = evaluate(course, "constant", split="validation", limit=50)
    assert done["rows_from"] == {"split": "train", "start": train - 50, "rows": 50}


def test_places_that_are_none(run: Path, tmp_path: Path) -> None:
    for name, error in ((str(tmp_path), CuratorError), ("nowhere", UsageError), (str(run / "recipe.toml"), UsageError)):
        with pytest.raises(error):
            opened.open_dataset(name)
    dataset = opened.open_dataset(str(run / "dataset"))
    assert dataset.results == (run / "evaluate").resolve()
    assert opened.open_dataset(str(run)).results == run / "evaluate"


# -- the harness


def evaluate(run: Path, *models: str, out: Path | None = None, **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"limit": 60, "out": out} | changes
    return evaluate_models(str(run), models, **settings).to_dict()


def test_every_row_has_one_answer() -> None:
    rows = pl.DataFrame({"price": [10.0, 20.0]})
    for prices in ((1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(CuratorError, match="answers"):
            harness.ask(Said(*prices), None, rows)
    seen: list[Any] = []
    harness.ask(Said(None, 25.0), None, rows, lambda *told: seen.append(told))
    assert seen == [("said", 1, 2, None), ("said", 2, 2, 5.0)]


@pytest.mark.parametrize(("price", "reason"), [(None, "no_number"), (float("nan"), "no_number"), (-1.0, "negative")])
def test_what_is_no_price_is_counted(price: float | None, reason: str) -> None:
    guessed = harness.ask(Said(price, 5.0), None, pl.DataFrame({"price": [10.0, 20.0]}))
    assert [answer.reason for answer in guessed.answers] == [reason, None]
    assert np.isnan(guessed.scored.guess).tolist() == [True, False]


def test_results_add_up(run: Path, tmp_path: Path) -> None:
    summary = evaluate(run, "constant", "category", "constant", out=tmp_path)
    assert list(summary["models"]) == ["constant", "category"]
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["models"] == summary["models"]
    for name, one in summary["models"].items():
        lines = [json.loads(line) for line in (tmp_path / f"answers-{name}.jsonl").read_text("utf-8").splitlines()]
        assert [line["row"] for line in lines] == list(range(60))
        assert np.mean([abs(line["guess"] - line["price"]) for line in lines]) == pytest.approx(one["mae"])
        assert np.mean([line["colour"] == "green" for line in lines]) == pytest.approx(one["hit_rate"])
        assert one["hit_rate"] + one["amber_rate"] + one["red_rate"] + one["no_answer_rate"] == pytest.approx(1)
        assert one["intervals"]["mae"][0] < one["mae"] < one["intervals"]["mae"][1]
        for groups in (one["bands"], one["categories"]):
            assert sum(group["rows"] for group in groups) == 60
            assert sum(group["rows"] * group["mae"] for group in groups) / 60 == pytest.approx(one["mae"])
    (pair,) = summary["pairs"]
    assert (pair["a"], pair["b"]) == ("constant", "category")
    both = [summary["models"][name]["mae"] for name in ("constant", "category")]
    assert pair["mae"]["difference"] == pytest.approx(both[0] - both[1])


def test_the_command_prints_one_object(invoke: Callable[..., Any], run: Path, tmp_path: Path) -> None:
    done = invoke("evaluate", run, "--model", "constant:mean", "--limit", 20, "--out", tmp_path, "--json")
    assert done.exit_code == 0
    one = json.loads(done.stdout)["models"]["constant:mean"]
    assert one["rows"] == 20
    assert {"mae", "rmsle", "hit_rate", "intervals"} <= one.keys()
    assert invoke("evaluate", run, "--out", tmp_path).exit_code == 2
    assert invoke("evaluate", "--model", "constant").exit_code == 2
    wrong = invoke("evaluate", run, "--model", "constnt")
    assert wrong.exit_code == 2
    assert "Did you mean 'constant'" in wrong.stderr
    printed = invoke("evaluate", run, "--model", "constant", "--model", "category", "--out", tmp_path, "--limit", 0)
    assert "| constant - category |" in printed.stdout


# -- the page


@pytest.fixture(scope="module")
def page(run: Path, tmp_path_factory: Any) -> Path:
    """The page of hostile rows, with a model that says hostile things and leaves rows out."""
    from curator.evaluate.page import render

    folder: Path = tmp_path_factory.mktemp("page")
    place = opened.open_dataset(str(run))
    evil_texts = {"title": HOSTILE, "text": HOSTILE * 3, "category": "<b>"}
    rows = place.read("test", 0, 40).with_columns(pl.lit(text).alias(name) for name, text in evil_texts.items())
    constant, evil = classical.Constant(), Said(*[None, 1.0, 5_000.0, 0.0] * 10)
    evil.name, evil.evidence = HOSTILE, Evidence(12.3456, 4, True, 0.01)
    guessed = [harness.ask(one, place.read("train"), rows) for one in (constant, evil)]
    guessed[1].answers[2] = Answer(5_000.0, HOSTILE)
    chosen = opened.choose(place, "test", 40, None)
    summary = harness.summarise(place, chosen, rows, guessed)
    path = folder / "evaluation.html"
    path.write_text(render(harness.Evaluation(place, chosen, rows, guessed, summary)), "utf-8")
    return path


def test_the_page_escapes_and_loads_nothing(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert len(text) < 2_000_000
    assert 'data-key="constant.mae"' in text
    assert "What language models gave the right answer" in text
    assert "12.346" in text


def test_long_names_keep_what_tells_them_apart() -> None:
    names = ["gradient-boosting", "llama:meta/Llama-3.1-8B", "llama:/a/b/checkpoint-400", "llama:/a/b/checkpoint-800"]
    labels = [charts.label(name) for name in names]
    assert labels == ["gradient-boosting", "llama:…lama-3.1-8B", "llama:…ckpoint-400", "llama:…ckpoint-800"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_in_a_browser(page: Path, width: int, scheme: str) -> None:
    with browser.browser() as started:
        look = browser.Look(started, page, width, scheme)
        assert (look.requests, look.errors, look.broken_images()) == ([], [], [])
        assert look.overflow() <= 0
        pieces = look.contrasts()
        assert [piece for piece in pieces if piece["ratio"] < 4.5] == []
        assert min(piece["size"] for piece in pieces) >= 9


def test_nobody_answers(run: Path) -> None:
    """A page can be made where no number can."""
    from curator.evaluate.page import render

    place = opened.open_dataset(str(run))
    rows = place.read("test", 0, 3)
    guessed = [harness.ask(Said(None, None, None), None, rows)]
    chosen = opened.choose(place, "test", 3, None)
    summary = harness.summarise(place, chosen, rows, guessed)
    assert summary["models"]["said"]["mae"] is None
    assert "no answer" in render(harness.Evaluation(place, chosen, rows, guessed, summary))


# -- two datasets


def similarity(one: str, other: str) -> float:
    """The design's, in plain Python."""
    import re

    def grams(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[at : at + 3]) for at in range(len(words) - 2)} or ({tuple(words)} if words else set())

    a, b = grams(one), grams(other)
    return len(a & b) / max(1, len(a | b))


def test_near_copies_are_exact() -> None:
    generator = np.random.default_rng(5)
    words = "red blue steel lamp chair Größe 家 x1 and of the".split()
    texts = [" ".join(generator.choice(words[: 2 + at % 6], at % 14)) for at in range(150)]
    others = [" ".join(generator.choice(words[: 2 + at % 7], at % 12)) for at in range(120)]
    expected = [any(similarity(text, other) >= 0.5 for other in others) for text in texts]
    assert 10 < sum(expected) < 140
    assert near_copies(pl.Series(texts), pl.Series(others), 0.5).to_list() == expected
    assert near_copies(pl.Series(["a b c"]), pl.Series([], dtype=pl.String), 0.5).to_list() == [False]


def test_a_dataset_against_itself_makes_no_difference(run: Path) -> None:
    found = compare_datasets((str(run), str(run)), ["category"]).summary
    assert found["models"]["category"]["differences"]["mae"]["interval"] == [0.0, 0.0]
    assert found["products"]["guessed"] + found["products"]["near_copies"] == found["products"]["both"]


@needs_sklearn
def test_two_datasets(run: Path, course: Path, tmp_path: Path, invoke: Callable[..., Any]) -> None:
    done = invoke("evaluate", "--datasets", run, course, "--model", "tfidf-ridge", "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    one = found["models"]["tfidf-ridge"]
    assert one["differences"]["mae"]["difference"] == pytest.approx(one["a"]["mae"] - one["b"]["mae"])
    # Nothing held out is learned from, and both learn from as many rows.
    for name in (run, course):
        train = opened.open_dataset(str(name)).read("train")
        left = train.filter(~held_out(pl.col("parent_asin")))
        assert found["train_rows"] <= left.height < train.height
    assert json.loads((tmp_path / "datasets.json").read_text("utf-8")) == found


def test_datasets_of_different_sources_are_refused(run: Path, tmp_path: Path) -> None:
    build(["demo:500:8"], load_recipe("pricer"), tmp_path / "other", workers=1)
    with pytest.raises(UsageError, match="different sources"):
        compare_datasets((str(run), str(tmp_path / "other")), ["constant"])


# -- real rows


@needs_sklearn
def test_each_model_is_better_on_real_rows(shared_data: Path, tmp_path: Path) -> None:
    """On RMSLE, which the regressions minimise, each model beats the one before by more than its interval."""
    out = tmp_path / "run"
    build([str(shared_data / "amazon-2023-meta-dev.parquet")], load_recipe("pricer"), out, workers=1)
    place = opened.open_dataset(str(out))
    train, rows = place.read("train"), place.read("test")
    setting = Setting(out, place.recipe)
    guessed = [harness.ask(make(name, setting), train, rows) for name in ("constant", "category", *LEARNERS)]
    for one, better in pairwise(guessed):
        found = differences(one.scored, better.scored, ["rmsle"])["rmsle"]
        assert found["better"] == 1, (one.name, better.name, found)
