"""What is told is what the run did, whatever became of the source; chances are those of the draw."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from curator.run import ledger
from curator.why.story import chance, explain
from why_tools import ledger_of, only, product, write_lines


@pytest.fixture(scope="module", params=["pricer", "course-v1"])
def demo_run(request: pytest.FixtureRequest, build: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"slots.cap": 8, "slots.weights": {"Toys & Games": 1.0}} if request.param == "course-v1" else {}
    return build("demo:3000", tmp_path_factory.mktemp("demo") / "run", request.param, **settings)


# -- agreement with the run


def test_why_agrees_with_ledger_and_items(demo_run: Path) -> None:
    fates = ledger_of(demo_run)
    items = pl.read_parquet(sorted(demo_run.glob("items/*.parquet")))
    selection = pl.read_parquet(demo_run / "selection.parquet")
    held = {one["row"]: one for one in items.join(selection.drop("slot"), on=["shard", "row"]).iter_rows(named=True)}
    for asin in fates["parent_asin"].drop_nulls().sample(200, seed=5):
        for row in explain(demo_run, asin).rows:
            assert row.agrees, (asin, row.warnings)
            at = row.facts["source"]["row"]
            assert row.fate == fates.filter(row=at)["fate"].item()
            item = held.get(at)
            assert row.prompt == (item and item["prompt"])
            assert ("draw" in row.facts) == (item is not None)
            if item is None:
                continue
            if slot := row.facts.get("slot"):
                assert slot["slot"] == item["slot"]
                in_slot = [one for one in held.values() if one["slot"] == slot["slot"]]
                assert slot["available"] <= len(in_slot)
                taken = slot["available"] if slot["taken_whole"] else slot["cap"]
                assert sum(one["sampled"] for one in in_slot) == min(slot["available"], taken)
            for name in ("sampled", "position", "split"):
                assert row.facts["draw"].get(name) == item[name]
            assert row.facts["draw"]["sample"] == selection["sampled"].sum()
            assert row.facts["draw"]["published"] == selection["split"].count()


def tamper(run: Path, asin: str, fate: str) -> None:
    [part] = run.glob("ledger/*.parquet")
    metadata = {name: text for name, text in pl.read_parquet_metadata(part).items() if name != "ARROW:schema"}
    changed = pl.when(pl.col("parent_asin") == asin).then(pl.lit(fate)).otherwise("fate").alias("fate")
    pl.read_parquet(part).with_columns(changed).write_parquet(part, metadata=metadata)


def test_another_fate_than_the_ledger_is_said_loudly(parquet_run: Callable[..., Path]) -> None:
    run = parquet_run({"parent_asin": "ONE"}, {"parent_asin": "TWO", "price": "None"})
    tamper(run, "ONE", "no_price")
    tamper(run, "TWO", "train")
    keeps = "'no_price', but mapping the row again, the rules keep it"
    for asin, said in (("ONE", keeps), ("TWO", "'no_price' (The price is missing")):
        story = explain(run, asin)
        [row] = story.rows
        assert row.agrees is False
        assert said in row.warnings[0]
        assert "its files were changed" in row.warnings[-1]
        assert str(story).count("!! DOES NOT AGREE: ") == 2


def test_another_recipe_or_code_is_said(parquet_run: Callable[..., Path]) -> None:
    run = parquet_run({"parent_asin": "ONE", "price": "100"})
    recipe = run / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace("max = 999.49", "max = 50.0"), "utf-8")
    row = only(run, "ONE")
    assert row.agrees is False
    assert "'price_out_of_range'" in row.warnings[0]
    assert "another than when the run was made" in row.warnings[-1]


def test_a_changed_rule_is_said(parquet_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from curator.text import prompts

    run = parquet_run({"parent_asin": "ONE"})
    monkeypatch.setattr(
        prompts, "course_text", lambda titles, contents, rows: titles + "\n" + contents.texts[rows].str.to_uppercase()
    )
    row = only(run, "ONE")
    assert row.agrees is False
    assert row.warnings[0] == "The cleaning rules, one by one, don't give the text that the mapper made."
    assert any("another prompt" in warning for warning in row.warnings)


# -- sources that are no longer what they were


def kept_and_dropped(build: Any, folder: Path) -> Path:
    rows = [product("KEPT", 1), product("CHEAP", 2, price="0.01")]
    return build(write_lines(folder / "rows.jsonl", rows), folder / "run", "pricer", **{"split.test": 0})


def check_recorded(run: Path, state: str) -> None:
    """What is told without the source is what the run holds."""
    kept, cheap = only(run, "KEPT"), only(run, "CHEAP")
    for row in (kept, cheap):
        assert (row.facts["source"]["state"], row.agrees, row.warnings) == (state, None, [])
    assert [step.name for step in kept.steps] == ["source", "price", "tokens", "copies", "slot", "draw"]
    assert [step.name for step in cheap.steps] == ["source"]
    assert (kept.fate, kept.reason, cheap.fate) == ("train", None, "price_out_of_range")
    assert cheap.reason == ledger.REASONS["price_out_of_range"]
    assert kept.facts["price"] == {"usd": 101.0, "min_usd": 0.5, "max_usd": 999.49, "rounded": 101}
    assert kept.prompt is not None
    assert kept.prompt.endswith("Price is $101.00")
    assert kept.facts["tokens"]["prompt_tokens"] > 0
    page = str(explain(run, "KEPT"))
    assert state in page
    assert "not mapped again" in page
    json.loads(json.dumps(explain(run, "KEPT").to_dict()))


def test_gone_source(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    (tmp_path / "rows.jsonl").unlink()
    check_recorded(run, "gone")


def test_source_of_another_size(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    with (tmp_path / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    check_recorded(run, "changed")


def test_source_of_the_same_size(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    path = tmp_path / "rows.jsonl"
    path.write_text(path.read_text("utf-8").replace("0.01", "0.02"), "utf-8")
    os.utime(path, ns=(1, 1))
    check_recorded(run, "changed")


def test_source_that_was_only_touched(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    os.utime(tmp_path / "rows.jsonl", ns=(1, 1))
    assert only(run, "KEPT").agrees


def test_source_that_changed_behind_its_size_and_time(build: Any, tmp_path: Path) -> None:
    run = kept_and_dropped(build, tmp_path)
    path = tmp_path / "rows.jsonl"
    stamp = path.stat().st_mtime_ns
    path.write_text(path.read_text("utf-8").replace("0.01", "9.01"), "utf-8")
    os.utime(path, ns=(stamp, stamp))
    row = only(run, "CHEAP")
    assert row.agrees is False
    assert row.warnings[-1].startswith("The source changed: The file's sha256 is ")


def test_another_demo_catalogue(demo_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curator.sources import demo

    asin = ledger_of(demo_run)["parent_asin"][0]
    monkeypatch.setattr(demo, "RAW_DEMO_VERSION", -1)
    assert only(demo_run, asin).facts["source"]["state"] == "changed"


def test_compressed_source_and_far_shards(build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    from curator.sources import resolve

    monkeypatch.setattr(resolve, "SHARD_ROWS", 4)
    monkeypatch.setattr(resolve.cut, "__defaults__", (4,))
    rows = [product(f"P{number}", number) for number in range(19)] + [product("P3", 30)]
    folder = tmp_path / "in"
    folder.mkdir()
    plain = write_lines(folder / "b.jsonl", rows)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pl.DataFrame({**{name: [row[name] for row in rows] for name in rows[0] if name != "details"}}).with_columns(
        pl.lit("{}").alias("details"), pl.col("store").cast(pl.String), pl.col("features").cast(pl.List(pl.String))
    ).write_parquet(folder / "c.parquet")
    run = build(folder, tmp_path / "run", "course-v1", **{"tokens.min": 0})
    assert len(list(run.glob("ledger/*"))) > 3
    story = explain(run, "P3")
    assert [(row.facts["source"]["name"], row.facts["source"]["row"]) for row in story.rows] == [
        (name, at) for name in ("a.jsonl.gz", "b.jsonl", "c.parquet") for at in (3, 19)
    ]
    assert all(row.agrees for row in story.rows)


# -- the chance


@pytest.mark.parametrize(("heavy", "light", "cap"), [(30, 10, 12), (5, 50, 40), (100, 1, 3)])
def test_chance_is_about_that_of_the_draw(heavy: int, light: int, cap: int) -> None:
    weights = np.array([5.0] * heavy + [1.0] * light)
    generator = np.random.RandomState(1)
    taken = np.zeros(len(weights))
    for _ in range(2000):
        taken[generator.choice(len(weights), cap, replace=False, p=weights / weights.sum())] += 1
    groups = [(5.0, heavy), (1.0, light)]
    assert chance(5.0, groups, cap) == pytest.approx(taken[:heavy].mean() / 2000, abs=0.03)
    assert chance(1.0, groups, cap) == pytest.approx(taken[heavy:].mean() / 2000, abs=0.03)
    assert heavy * chance(5.0, groups, cap) + light * chance(1.0, groups, cap) == pytest.approx(cap)
