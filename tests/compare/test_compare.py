"""What changed between two runs: matched rows, reasons, and the page that says so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import browser
import page_reader
from curator.cli.commands import main
from curator.compare.compare import Comparison, compare

pytestmark = pytest.mark.figures

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)> \u202efdp.exe'
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def rows(raw_row: Any) -> list[dict[str, Any]]:
    """Sixty rows: a few without price, one copy, hostile titles."""
    made = [raw_row(n, title=f"{HOSTILE} {n}") for n in range(60)]
    for n in (5, 17, 40):
        made[n]["price"] = "None"
    made[9] |= {name: made[8][name] for name in ("title", "description", "main_category")}
    return made


def fates(run: Path) -> dict[str, str]:
    """The fate of each product, from the ledger."""
    ledger = pl.read_parquet(run / "ledger" / "*.parquet")
    return dict(ledger.select("parent_asin", "fate").iter_rows())


def check_against_ledgers(found: Comparison, a: Path, b: Path) -> None:
    """Recompute everything that is counted from the two ledgers, by product."""
    first, second = fates(a), fates(b)
    moves = Counter((first.get(asin, "not_read"), second.get(asin, "not_read")) for asin in {*first, *second})
    assert {(one["a"], one["b"]): one["rows"] for one in found.moves} == dict(moves)
    for kind, there, here in (("gained", 0, 1), ("lost", 1, 0)):
        reasons: Counter[str] = Counter()
        for move, count in moves.items():
            if move[here] in SPLITS and move[there] not in SPLITS:
                reasons[move[there]] += count
        assert {one["reason"]: one["rows"] for one in getattr(found, kind)} == dict(reasons)
        assert found.published[kind] == sum(reasons.values())
        for one in getattr(found, kind):
            assert len(one["examples"]) == min(5, one["rows"])
            for row in one["examples"]:
                pair = first.get(row["parent_asin"], "not_read"), second.get(row["parent_asin"], "not_read")
                assert pair == (row["a"], row["b"])
                assert pair[there] == one["reason"]
    both = {asin for asin in first if first[asin] in SPLITS and second.get(asin) in SPLITS}
    assert found.published["both"] == len(both)
    assert found.published["same_split"] == sum(first[asin] == second[asin] for asin in both)
    prompts = [
        dict(pl.read_parquet(run / "items" / "*.parquet").select("parent_asin", "prompt").iter_rows()) for run in (a, b)
    ]
    assert found.published["other_prompt"] == sum(prompts[0][asin] != prompts[1][asin] for asin in both)


def test_same_source_is_matched_by_row(build_run: Any, rows: Any, write_rows: Any, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.parquet", rows, row_group_size=7)
    build_run(source, tmp_path / "a", slots__cap=1)
    changes = {"slots__seed": 7, "price__max": 200.0, "tokens__cap": 155, "duplicates__exact": "drop"}
    build_run(source, tmp_path / "b", slots__cap=1, **changes)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.matched == {"row": 60, "parent_asin": 0, "only_a": 0, "only_b": 0}
    assert {one["key"]: (one["a"], one["b"]) for one in found.recipe} == {
        "slots.seed": (42, 7),
        "price.max": (999.49, 200.0),
        "tokens.cap": (160, 155),
        "duplicates.exact": ("keep", "drop"),
    }
    assert found.versions == []
    check_against_ledgers(found, tmp_path / "a", tmp_path / "b")
    assert found.published["other_prompt"] > 10
    assert {one["reason"] for one in found.lost} >= {"price_out_of_range"}


def test_same_run_twice_has_no_difference(build_run: Any, rows: Any, write_rows: Any, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.parquet", rows)
    for name in "ab":
        build_run(source, tmp_path / name)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.recipe == found.versions == found.gained == found.lost == []
    assert found.published["both"] == found.published["same_split"]
    assert found.published["other_prompt"] == 0
    assert str(found).splitlines()[0].split() == ["a", "b"]
    check_against_ledgers(found, tmp_path / "a", tmp_path / "b")


def test_other_sources_are_matched_by_name(build_run: Any, rows: Any, write_rows: Any, tmp_path: Path) -> None:
    """One file is the same in both runs; the rest has moved, lost rows, and got others."""
    same = write_rows(tmp_path / "same.parquet", rows[:20])
    one = write_rows(tmp_path / "one.parquet", rows[20:50])
    other = write_rows(tmp_path / "other.parquet", list(reversed(rows[30:])), row_group_size=9)
    build_run([same, one], tmp_path / "a")
    build_run([other, same], tmp_path / "b")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.matched == {"row": 20, "parent_asin": 20, "only_a": 10, "only_b": 10}
    check_against_ledgers(found, tmp_path / "a", tmp_path / "b")
    assert {row["reason"] for row in found.gained + found.lost} >= {"not_read"}


def test_rows_without_a_name_or_with_anothers_have_no_partner(
    build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Path
) -> None:
    first = [raw_row(n, parent_asin=name) for n, name in enumerate([None, None, "X", "X", "Y"])]
    second = [raw_row(n, parent_asin=name) for n, name in enumerate([None, "X", "Y", "Y", "Z"])]
    build_run(write_rows(tmp_path / "first.parquet", first), tmp_path / "a")
    build_run(write_rows(tmp_path / "second.parquet", second), tmp_path / "b")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.matched == {"row": 0, "parent_asin": 2, "only_a": 3, "only_b": 3}
    assert sum(one["rows"] for one in found.moves) == 8


def test_same_file_twice_in_a_run(build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Path) -> None:
    files = [write_rows(tmp_path / folder / "rows.parquet", [raw_row(n) for n in range(4)]) for folder in ("x", "y")]
    build_run(files, tmp_path / "a")
    build_run(files[0], tmp_path / "b")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.matched == {"row": 4, "parent_asin": 0, "only_a": 4, "only_b": 0}


def test_command_writes_a_page_whose_numbers_are_the_comparisons(
    invoke: Any, build_run: Any, rows: Any, write_rows: Any, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "rows.parquet", rows)
    build_run(source, tmp_path / "a")
    build_run(source, tmp_path / "b", price__min=100.0, name="mine")
    out = tmp_path / "page.html"
    done = invoke("compare", tmp_path / "a", tmp_path / "b", "--out", out, "--json")
    assert done.exit_code == 0
    found = compare(tmp_path / "a", tmp_path / "b")
    assert json.loads(done.stdout) == found.to_dict()
    again = tmp_path / "again.html"
    text = invoke("compare", tmp_path / "a", tmp_path / "b", "--out", again).stdout
    assert f"lost {found.published['lost']:,}: in mine price_out_of_range {found.published['lost']:,}" in text
    assert again.read_bytes() == out.read_bytes()

    html = out.read_text("utf-8")
    page = page_reader.Page(html)
    assert page.loads == [("href", "data:,")]
    assert not {"script", "img"} & {*page.tags}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\\u202efdp.exe" in html
    assert "\u202e" not in html + text
    assert str(tmp_path) not in html
    expected: dict[str, Any] = {
        "published.a": sum(found.a["splits"].values()),
        "published.b": sum(found.b["splits"].values()),
        "published.both": found.published["both"],
        "both": found.published["both"],
        "published.gained": found.published["gained"],
        "gained": found.published["gained"],
        "published.lost": found.published["lost"],
        "lost": found.published["lost"],
        "same_split": found.published["same_split"],
        "other_prompt": found.published["other_prompt"],
        "matched.row": 60,
        "matched.parent_asin": 0,
        "only_a": 0,
        "only_b": 0,
    }
    for side in "ab":
        expected |= {f"{side}.{key}": getattr(found, side)[key] for key in ("rows_in", "items", "sampled")}
        expected |= {f"{side}.{split}": rows for split, rows in getattr(found, side)["splits"].items()}
        expected |= {f"{side}.fate.{one['fate']}": one[side] for one in found.fates}
    expected |= {f"difference.{one['fate']}": one["b"] - one["a"] for one in found.fates}
    expected |= {f"move.{one['a']}.{one['b']}": one["rows"] for one in found.moves}
    for kind in ("gained", "lost"):
        for one in getattr(found, kind):
            expected[f"{kind}.{one['reason']}"] = one["rows"]
            expected |= {f"{kind}.{one['reason']}.{n}.price": row["price"] for n, row in enumerate(one["examples"])}
    assert {key: float(value) for key, (value, _) in page.numbers.items()} == {
        key: float(value) for key, value in expected.items()
    }


def test_runs_with_next_to_nothing(invoke: Any, build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Path) -> None:
    build_run(write_rows(tmp_path / "other.parquet", [raw_row(1), raw_row(0, price="None")]), tmp_path / "a")
    build_run(write_rows(tmp_path / "one.parquet", [raw_row(0)]), tmp_path / "b")
    for a, b in ("ab", "ba", "aa"):
        assert invoke("compare", tmp_path / a, tmp_path / b, "--out", tmp_path / "page.html").exit_code == 0
        check_against_ledgers(compare(tmp_path / a, tmp_path / b), tmp_path / a, tmp_path / b)


def test_a_run_that_is_not_there(invoke: Any, build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Path) -> None:
    build_run(write_rows(tmp_path / "one.parquet", [raw_row(0)]), tmp_path / "a")
    done = invoke("compare", tmp_path / "a", tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "there is no folder" in done.stderr
    (tmp_path / "empty").mkdir()
    empty = invoke("compare", tmp_path / "empty", tmp_path / "a")
    assert empty.exit_code == 1
    assert "holds no run" in empty.stderr
    (tmp_path / "a/sources.json").write_text("{}")
    assert "can't be read" in invoke("compare", tmp_path / "a", tmp_path / "a").stderr


@pytest.fixture(scope="module")
def page(build_run: Any, rows: Any, write_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs that differ, one of them with a setting that must not get out of its place."""
    folder = tmp_path_factory.mktemp("page")
    source = write_rows(folder / "rows.parquet", rows)
    build_run(source, folder / "a")
    build_run(source, folder / "b", price__min=100.0, prompt__question=HOSTILE, text__min_chars=400)
    made = folder / "page.html"
    done = CliRunner().invoke(main, ["compare", str(folder / "a"), str(folder / "b"), "--out", str(made)])
    assert done.exit_code == 0, done.output
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser(page: Path, width: int, scheme: str) -> None:
    with browser.browser() as started:
        look = browser.Look(started, page, width, scheme)
        assert look.requests == look.errors == look.broken_images() == []
        assert look.overflow() <= 0
        assert [piece for piece in look.contrasts() if piece["ratio"] < 4.5] == []
