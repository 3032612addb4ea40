"""Recipes are data: built-in ones, files that extend them, settings, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.errors import RecipeError
from curator.recipe.load import BUILT_IN, Recipe, explain, keys, load_recipe, parse_setting
from curator.selection.select import check_weights


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_recipe_survives_being_written_down(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name, {"slots.weights": {"Toys & Games": 2.5, 'a "quoted" name': 1.0}})
    for text in (recipe.to_toml(), explain(recipe)):
        file = tmp_path / "recipe.toml"
        file.write_text(text, "utf-8")
        assert load_recipe(str(file)) == recipe


def test_every_key_has_its_sentence() -> None:
    for key, sentence in keys():
        assert sentence.endswith(".") and len(sentence) > 15, key
        assert sentence in explain(load_recipe("pricer"))


def test_course_v1_is_the_course() -> None:
    recipe = load_recipe("course-v1")
    assert (recipe.slots.cap, recipe.slots.whole_from, recipe.slots.seed) == (1200, 240, 42)
    assert (recipe.split.train, recipe.split.validation, recipe.split.test, recipe.split.seed) == (400_000, 0, 2000, 42)
    assert recipe.slots.weights == {"Automotive": 1.0}
    assert recipe.slots.default_weight == 5.0
    assert len(recipe.text.removals) == 13


def test_a_file_extends_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('extends = "course-v1"\nname = "base"\n[slots]\ncap = 7\n', "utf-8")
    mine = 'extends = "base.toml"\n[slots]\nwhole_from = 9\n[slots.weights]\nBooks = 2\n'
    (tmp_path / "mine.toml").write_text(mine, "utf-8")
    recipe = load_recipe(str(tmp_path / "mine.toml"), {"split.test": 5})
    assert (recipe.name, recipe.slots.cap, recipe.slots.whole_from, recipe.split.test) == ("base", 7, 9, 5)
    # A recipe that names weights means these, not these and its parent's.
    assert recipe.slots.weights == {"Books": 2.0}
    assert recipe.text == load_recipe("course-v1").text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"slots.cpa": 3}, r"unknown key 'slots\.cpa'\. Did you mean 'slots\.cap'\?"),
        ({"slot.cap": 3}, r"unknown key 'slot'\. Did you mean 'slots'\?"),
        ({"tokenizer.name": "x"}, r"unknown recipe key 'tokenizer\.name'"),
        ({"slots.cap": "many"}, r"slots\.cap = 'many' can't be used"),
        ({"slots.cap": 3.5}, r"slots\.cap = 3\.5 can't be used"),
        ({"slots.cap": True}, r"slots\.cap = True can't be used"),
        ({"slots.cap": 0}, r"greater than or equal to 1"),
        ({"price.min": 50.0, "price.max": 5}, r"price\.min 50\.0 is above price\.max 5"),
        ({"price.rounding": "up"}, r"'half_even' or 'half_up'"),
        ({"text.fields": ["title", "colour"]}, r"text\.fields\.1 = 'colour'"),
        ({"slots.weights": {"Books": 0}}, r"slots\.weights\.Books is 0"),
        ({"text.min_chars": 2000}, r"text\.min_chars 2000 is not below text\.max_chars 1120"),
        ({"text.style": "course"}, r"goes with text\.fields"),
        ({"tokens.of": "text", "tokens.min": 180}, r"leaves nothing"),
        ({"split.seed": -1}, r"split\.seed"),
        ({"name": "a/../../b"}, r"name = 'a/\.\./\.\./b' can't be used"),
        ({"text.fields": []}, r"text\.fields"),
        ({"text.fields": ["title", "title"]}, r"names a part twice"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("pricer", settings)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.toml": 'extends = "a.toml"'}, "extends itself"),
        ({"a.toml": 'extends = "b.toml"', "b.toml": 'extends = "a.toml"'}, "extends itself"),
        ({"a.toml": 'extends = "gone.toml"'}, "no such file"),
        ({"a.toml": 'extends = "pricr"'}, r"Did you mean 'pricer'\?"),
        ({"a.toml": "extends = 3"}, "extends is 3"),
        ({"a.toml": "name = "}, "not valid TOML"),
        ({"a.toml": "name = 3"}, "name = 3 can't be used"),
        ({"a.toml": "slots = 3"}, "slots = 3 can't be used"),
        ({"a.toml": "x = " + "[" * 5000}, "not valid TOML"),
    ],
)
def test_bad_files_are_refused(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(tmp_path / "a.toml"))


def test_a_built_in_recipe_beats_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in the working directory; `./` names the file, after `extends` too."""
    monkeypatch.chdir(tmp_path)
    Path("pricer").write_text('extends = "course-v1"\nname = "mine"', "utf-8")
    Path("a.toml").write_text('extends = "./pricer"', "utf-8")
    Path("b.toml").write_text('extends = "pricer"', "utf-8")
    names = [load_recipe(name).name for name in ("pricer", "./pricer", "a.toml", "b.toml")]
    assert names == ["pricer", "mine", "mine", "pricer"]


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'pricr'.*Did you mean 'pricer'\?"):
        load_recipe("pricr")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("slots.cap=30", ("slots.cap", 30)),
        ("a=1.5", ("a", 1.5)),
        ("a=true", ("a", True)),
        ('a=["x", "y"]', ("a", ["x", "y"])),
        ("a={b = 1}", ("a", {"b": 1})),
        ("tokenizer=../llama-3", ("tokenizer", "../llama-3")),
        ("a=b=c", ("a", "b=c")),
        ("a=", ("a", "")),
        ("a=1\nb=2", ("a", "1\nb=2")),
    ],
)
def test_a_setting_is_toml_or_else_a_string(text: str, setting: tuple[str, Any]) -> None:
    assert parse_setting(text) == setting


@given(st.text())
def test_any_setting_is_read_or_refused(text: str) -> None:
    try:
        key, _ = parse_setting(text)
    except RecipeError:
        assert "=" not in text or not text.partition("=")[0].strip()
    else:
        assert key


def test_a_weight_for_a_category_that_is_not_there_is_refused() -> None:
    recipe = load_recipe("course-v1", {"slots.weights": {"Automative": 1.0}})
    with pytest.raises(RecipeError, match=r"no category 'Automative'\. Did you mean 'Automotive'\?"):
        check_weights(recipe, ["Automotive", "Books"])
    check_weights(load_recipe("course-v1"), ["Books"])  # its own weight is for all sources
    check_weights(load_recipe("pricer", {"slots.weights": {"Books": 3}}), ["Books"])


def test_loading_a_recipe_opens_nothing_but_the_file(tmp_path: Path) -> None:
    """No code of a recipe runs, and no network is reached, not even for the tokenizer."""
    file = tmp_path / "theirs.toml"
    theirs = 'extends = "pricer"\ntokenizer = "somebody/something"\n[openai]\nsystem = "__import__(\'os\')"\n'
    file.write_text(theirs, "utf-8")
    code = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event.startswith(('socket.', 'subprocess.', 'os.system', 'pickle.')): raise SystemExit(event)\n"
        "from curator.recipe.load import load_recipe\n"
        "sys.addaudithook(hook)\n"
        "print(load_recipe(sys.argv[1]).openai.system)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "__import__('os')"), done.stderr


def test_show_prints_a_recipe_that_loads(invoke: Callable[..., Any], tmp_path: Path) -> None:
    done = invoke("recipes", "show", "course-v1", "--set", "slots.cap=30")
    assert done.exit_code == 0
    file = tmp_path / "shown.toml"
    file.write_text(done.stdout, "utf-8")
    assert load_recipe(str(file)) == load_recipe("course-v1", {"slots.cap": 30})


def test_a_recipe_cannot_be_changed() -> None:
    recipe = load_recipe("pricer")
    with pytest.raises(Exception, match="frozen"):
        recipe.slots.cap = 3  # type: ignore[misc]
    assert isinstance(recipe, Recipe)


@pytest.mark.parametrize(
    ("currency", "unit", "prices", "question", "answer"),
    [
        ("USD", 1, ("$", 0.5, 999.49), "How much does this cost to the nearest dollar?", "Price is $"),
        ("EUR", 1, ("€", 0.5, 999.49), "How much does this cost to the nearest euro?", "Price is €"),
        ("JPY", 100, ("¥", 50.0, 99949.0), "How much does this cost, in units of 100 yen?", "Price is ¥"),
        ("XAF", 1, ("XAF", 0.5, 999.49), "How much does this cost to the nearest XAF?", "Price is XAF"),
        ("USD", 0.1, ("$", 0.05, 99.949), "How much does this cost, in units of 0.1 dollars?", "Price is $"),
    ],
)
def test_defaults_follow_currency_and_unit(
    currency: str, unit: float, prices: tuple[str, float, float], question: str, answer: str, tmp_path: Path
) -> None:
    recipe = load_recipe("pricer", {"price.currency": currency, "price.unit": unit})
    assert (recipe.price.symbol, recipe.price.min, recipe.price.max) == prices
    assert (recipe.prompt.question, recipe.prompt.answer) == (question, answer)
    (tmp_path / "recipe.toml").write_text(recipe.to_toml(), "utf-8")
    assert load_recipe(tmp_path / "recipe.toml") == recipe


def test_what_a_recipe_sets_is_not_derived() -> None:
    mine = {"price.currency": "EUR", "price.symbol": "EUR ", "price.max": 200, "prompt.question": "Price?"}
    recipe = load_recipe("pricer", mine)
    assert (recipe.price.min, recipe.price.max) == (0.5, 200.0)
    assert (recipe.prompt.question, recipe.prompt.answer) == ("Price?", "Price is EUR ")


@pytest.mark.parametrize(
    ("recipe", "settings", "message"),
    [
        ("pricer", {"price.max": 2000}, r"set price\.unit = 10, or price\.max below 999\.5$"),
        ("pricer", {"price.max": 999.5}, r"set price\.unit = 10,"),
        ("pricer", {"price.currency": "JPY", "price.max": 300000}, r"999 × 1 JPY: set price\.unit = 1000,"),
        ("pricer", {"price.unit": 0}, r"price\.unit = 0 can't be used"),
        ("pricer", {"price.currency": "euro"}, r"price\.currency = 'euro' can't be used"),
        ("pricer", {"price.currency": 3}, r"price\.currency = 3 can't be used"),
        ("course-v1", {"price.currency": "EUR"}, r"goes with price\.currency USD and price\.unit 1"),
        ("course-v1", {"price.unit": 10, "price.max": 500}, r"goes with price\.currency USD and price\.unit 1"),
    ],
)
def test_currencies_and_units_that_make_no_sense(recipe: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe, settings)


def test_a_course_recipe_from_before_reads_prices_as_the_course_does(tmp_path: Path) -> None:
    older = load_recipe("course-v1").to_toml().replace('reading = "python"\n', "")
    (tmp_path / "recipe.toml").write_text(older, "utf-8")
    assert load_recipe(tmp_path / "recipe.toml") == load_recipe("course-v1")
