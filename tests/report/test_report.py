"""The page of a run: its numbers, its safety, its bytes, and how a browser shows it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import browser
import page_reader
from curator.dataset import card, promises
from curator.dataset.certificate import certify_exhaustively, data_files
from curator.dataset.forms import beside
from curator.dataset.manifest import Manifest
from curator.dataset.measures import Measures
from curator.figures import clouds
from curator.pages.svg import COLOUR
from curator.recipe.load import keys as recipe_keys
from curator.recipe.load import load_recipe
from curator.report.complete import verdict
from curator.report.write import write_report
from curator.run.finished import FinishedRun

pytestmark = pytest.mark.figures

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
CONSTANTS = {"0", "1", "10", "50", "999"}
"""Numbers of the prose that belong to the method, not to a run."""


@pytest.fixture(scope="module")
def build_pricer() -> Any:
    """Build with the recipe pricer in a small form."""
    from curator.items import mapper
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    load = mapper.load_tokenizer
    loaded: dict[str, Any] = {}

    def make(source: Any, out: Path, recipe: str = "pricer", **settings: Any) -> dict[str, Any]:
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mapper, "load_tokenizer", lambda spec: loaded.setdefault(spec, load(spec)))
            return build([str(source)], load_recipe(recipe, {"tokenizer": "o200k_base"} | changes), out, workers=1)

    return make


@pytest.fixture(scope="module")
def hostile_rows(raw_row: Any) -> list[dict[str, Any]]:
    """Rows that say evil things wherever a row can say anything, one of them dropped, one a copy, one very long."""
    evil = [
        raw_row(n, title=f"{HOSTILE} {n}", store=HOSTILE)
        | {"main_category": f"{HOSTILE}$x^2$" if n % 2 else "Größe 家 \u202e"}
        for n in range(40)
    ]
    for row in evil[20:]:
        row["price"] = "15.00"
    evil[3] |= {"parent_asin": HOSTILE, "details": json.dumps({"Item Weight": "2 pounds"})}
    evil[4] |= {"price": HOSTILE}
    evil[5] |= {"title": "x" * 100_000, "price": "9" * 5_000}
    evil[6] |= {name: evil[7][name] for name in ("title", "description", "main_category")}
    evil[8] |= {"title": None, "main_category": "<" * 3_000}
    return evil


@pytest.fixture(scope="module")
def hostile(build_pricer: Any, hostile_rows: Any, write_rows: Any, tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    source = write_rows(folder / "<b>&rows.parquet", hostile_rows)
    build_pricer(source, folder / "run", slots__cap=2, split__test=5, split__validation=5, split__held_out_share=0.3)
    return folder / "run"


@pytest.fixture(scope="module")
def demo(build_pricer: Any, tmp_path_factory: Any) -> Path:
    run: Path = tmp_path_factory.mktemp("demo") / "run"
    build_pricer("demo:4000:7", run, slots__cap=25)
    return run


@pytest.fixture(scope="module", params=["demo", "hostile", "real", "course"])
def run(request: Any, build_pricer: Any, tmp_path_factory: Any) -> Path:
    """A run: the demo catalogue, hostile rows, real rows, and rows under course-v1."""
    if request.param in ("demo", "hostile"):
        return request.getfixturevalue(request.param)
    out: Path = tmp_path_factory.mktemp("run") / request.param
    if request.param == "real":
        build_pricer(request.getfixturevalue("shared_data") / "amazon-2023-meta-dev.parquet", out, slots__cap=60)
    else:
        build_pricer("demo:3000", out, "course-v1", slots__cap=9, split__train=500, split__test=40)
    return out


def read(run: Path) -> Any:
    return page_reader.Page((run / "report.html").read_text("utf-8"))


def test_every_number_comes_from_the_runs_files(run: Path) -> None:
    page, expected = read(run), page_reader.recomputed(run)
    assert {*page.numbers} - {*expected} == set()
    for key, (value, text) in page.numbers.items():
        assert float(value) == pytest.approx(float(expected[key]), abs=0.0011), key
        shown = float(re.sub(r"[^0-9.-]", "", text.replace(",", "")))
        decimals = len(shown_text.partition(".")[2]) if "." in (shown_text := re.sub(r"[^0-9.]", "", text)) else 0
        assert shown == pytest.approx(float(expected[key]), abs=0.51 * 10**-decimals), key
    # A number that is not there is not known, or belongs to what the page leaves out.
    for key in {*expected} - {*page.numbers}:
        known = expected[key] not in (None, 0) and not key.startswith(("category.", "duplicates.", "share.", "fates."))
        assert not known, f"{key} = {expected[key]} is not on the page"


def test_the_prose_says_no_other_number(run: Path) -> None:
    manifest = json.loads((run / "dataset/manifest.json").read_text("utf-8"))
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    page = read(run)
    known = [*page.checks.values(), *summary["versions"].values(), summary["curator"], manifest["tokenizer"]["name"]]
    known += [one["name"] for one in summary["checks"]]
    known += [one["name"] for one in manifest["sources"]] + [manifest["recipe"]["name"]]
    known += [one["category"] or "" for one in summary["distributions"]["categories"]]
    known += [sentence for _, sentence in recipe_keys()]
    prose = [text for text in page.prose if text not in known]
    prose = [text for text in prose if not re.fullmatch(r"\$[0-9]?99|[0-9,]+\+( rows)?", text)]  # scales of figures
    for text in prose:
        for name in (one for one in known if one):
            text = text.replace(name, "")
        found = set(re.findall(r"(?<![\w.])[0-9][0-9,.]*[0-9]|(?<![\w.])[0-9]", text)) - CONSTANTS
        assert not found, text


def test_checks_say_what_the_files_hold(run: Path) -> None:
    numbers = page_reader.recomputed(run)
    recipe = json.loads((run / "dataset/manifest.json").read_text("utf-8"))["recipe"]
    rows = [pl.read_parquet(path) for path in sorted((run / "dataset/data").glob("*.parquet"))]
    capped = [slot for one in rows for slot in one["slot"] if slot < recipe["slots"]["whole_from"]]
    fullest = max(Counter(capped).values())
    checks = read(run).checks
    assert checks["rows"] == f"{numbers['rows_in']:,} rows read"
    assert checks["slot-cap"] == f"the fullest has {fullest:,}"
    longest = max(one["tokens"].max() for one in rows)
    if recipe["tokens"]["of"] == "prompt":
        assert checks["token-cap"] == f"the longest has {longest:,}"
    splits = [{*prompts} for prompts in (one["prompt"] for one in rows)]
    shared = any(count > 1 for count in Counter(prompt for split in splits for prompt in split).values())
    assert ("of an earlier split" in checks.get("prompts-apart", "")) == shared
    dataset, settings = run / "dataset", load_recipe(str(run / "recipe.toml"))
    files = data_files(dataset, [path.relative_to(dataset).as_posix() for path in dataset.glob("data/*")])
    sizes = {split: sum(pl.read_parquet(path).height for path in paths) for split, paths in files.items()}
    if sizes["train"] < 3_000:  # brute force takes its time
        for one in certify_exhaustively(files, settings, pytest.fail) or []:
            assert f"{one['split']} and {one['against']} {one['highest']:.3f}" in checks["near-copies-apart"]
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    warned = [text for name, text in checks.items() if name.startswith("warning")]
    assert warned == summary["warnings"]
    assert [one["name"] for one in summary["checks"] if one["id"] == "slot-cap"] == [
        f"no whole-dollar price below {recipe['slots']['whole_from']} USD has more than {recipe['slots']['cap']:,} rows"
    ]


def test_the_same_run_gives_the_same_page(run: Path, tmp_path: Path) -> None:
    page = (run / "report.html").read_bytes()
    assert write_report(FinishedRun(run), tmp_path / "again.html").path.read_bytes() == page
    assert len(page) < 2_000_000
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    assert manifest["files"]["report.html"]["sha256"] == hashlib.sha256(page).hexdigest()


def test_the_page_is_whole_and_loads_nothing(run: Path) -> None:
    html = (run / "report.html").read_text("utf-8")
    page = read(run)
    assert page.loads == [("href", "data:,")]
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & {*page.tags}
    assert page.tags["figure"] >= 8
    assert page.tags["svg"] == page.tags["figure"] == html.count('role="img" aria-label="')
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len({*ids})
    assert {*re.findall(r'(?:href="|url\()#([^")]+)', html)} <= {*ids}
    assert not any(colour in html for colour in COLOUR.values())
    assert str(run.parent) not in html
    assert [*re.findall(r'<h2 id="(\w+)"', html)] == [
        "verdict",
        "rows",
        "prices",
        "slots",
        "categories",
        "tokens",
        "clouds",
        "copies",
        "kept",
        "dropped",
        "made",
    ]


def test_hostile_texts_are_texts(hostile: Path) -> None:
    page, html = read(hostile), (hostile / "report.html").read_text("utf-8")
    assert not {"script", "img", "b"} & {*page.tags}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<b>&rows.parquet" in "".join(page.prose)
    assert "x^2$" in html  # as it is, not as a formula
    assert "x" * 400 not in html
    assert len(html.encode()) < 1_500_000


def test_samples_are_what_the_source_says(hostile: Path, hostile_rows: Any) -> None:
    samples = json.loads((hostile / "summary.json").read_text("utf-8"))["samples"]
    ledger = pl.read_parquet(hostile / "ledger" / "*.parquet")
    reasons = {fate for fate in ledger["fate"] if fate not in page_reader.SPLITS}
    assert {*samples["dropped"]} == reasons >= {"no_price", "price_out_of_range", "exact_duplicate", "not_sampled"}
    for reason, rows in samples["dropped"].items():
        assert [row["row"] for row in rows] == ledger.filter(fate=reason)["row"].head(5).to_list()
        for row in rows:
            raw = hostile_rows[row["row"]]
            assert (raw["title"] or "").startswith((row["title"] or "").rstrip("…"))
            assert (raw["price"] or "").startswith((row["price"] or "").rstrip("…"))
            assert row["parent_asin"] == raw["parent_asin"]
    assert samples["dropped"]["exact_duplicate"][0]["twin"] == hostile_rows[6]["parent_asin"]
    for split, rows in samples["kept"].items():
        data = pl.read_parquet(hostile / f"dataset/data/{split}-00000-of-00001.parquet")
        assert [row["parent_asin"] for row in rows] == data["parent_asin"].head(5).to_list()


@pytest.mark.parametrize("rows", [1, 2], ids=["one item", "two items"])
@pytest.mark.parametrize("recipe", ["pricer", "course-v1"])
def test_runs_with_next_to_nothing(
    build_pricer: Any, raw_row: Any, write_rows: Any, tmp_path: Path, rows: int, recipe: str
) -> None:
    made = [raw_row(n) for n in range(rows)] + [raw_row(9, price="None")]
    summary = build_pricer(write_rows(tmp_path / "rows.parquet", made), tmp_path / "run", recipe)
    assert summary["verdict"] == "warn"
    page, expected = read(tmp_path / "run"), page_reader.recomputed(tmp_path / "run")
    assert {key: float(value) for key, (value, _) in page.numbers.items()} == pytest.approx(
        {key: float(expected[key]) for key in page.numbers}, abs=0.0011
    )
    assert page.tags["figure"] >= 8


def test_waterfall_adds_up(run: Path) -> None:
    fates = Counter(pl.read_parquet(run / "ledger" / "*.parquet")["fate"])
    numbers = {key: int(value) for key, (value, _) in read(run).numbers.items() if key.startswith(("fates.", "left."))}
    left = sum(fates.values())
    for step in page_reader.ordered(fates):
        left -= step["rows"]
        assert numbers[f"left.{step['fate']}"] == left
    assert left == sum(numbers[f"fates.{split}"] for split in page_reader.SPLITS)
    drawn = re.search(r'id="figure-waterfall".*?</svg>', (run / "report.html").read_text("utf-8"), re.DOTALL)
    assert drawn is not None
    labels = re.findall(r">([0-9,]+)</text>", drawn[0])
    assert {f"{count:,}" for count in fates.values()} <= {*labels}


def test_broken_promises_fail(demo: Path) -> None:
    """What the build would never write: each promise is found broken, on page and card alike."""
    manifest = json.loads((demo / "dataset/manifest.json").read_text("utf-8"))
    recipe = load_recipe("pricer", {"slots.cap": 24, "tokens.cap": 100, "tokenizer": "o200k_base"})
    measures = Measures(recipe, promises.made(recipe))
    for split in page_reader.SPLITS:
        name = f"{split}-00000-of-00001.parquet"
        rows, text = (pl.read_parquet(demo / "dataset" / form / name) for form in ("data", "text"))
        if split == "train":
            prompts, slots = rows["prompt"].to_list(), rows["slot"].to_list()
            prompts[0] = pl.read_parquet(demo / "dataset/data/test-00000-of-00001.parquet")["prompt"][0]
            prompts[1] += "!"
            slots[2] = 0
            rows = rows.with_columns(prompt=pl.Series(prompts), slot=pl.Series(slots, dtype=pl.Int32))
        measures.add(split, beside(rows, text))
    measured = measures.to_dict()
    assert measured["broken"] | {"token-cap": 0} == {
        "prompts": 1,
        "completions": 1,
        "prices": 1,
        "token-cap": 0,
        "config-text": 2,
        "texts-once": 1,
    }
    assert measured["broken"]["token-cap"] > 1_000
    manifest |= {"measured": measured, "recipe": recipe.model_dump(mode="json")}
    manifest["counts"]["fates"]["no_price"] -= 1
    manifest["certificate"][0]["reaching"] = 1
    found = list(promises.findings(Manifest.model_validate(manifest)))
    assert {one["id"] for one in found if one["status"] == "note"} == {"files", "tokens", "config-openai"}
    assert not any(one["status"] == "pass" for one in found)
    assert verdict(found) == "fail"
    assert card.body(manifest).count("| **no** |") == 10


def test_cells_count_each_point_once() -> None:
    draw = np.random.default_rng(1)
    x, y = draw.uniform(-1, 11, 500), draw.uniform(-1, 4, 500)
    grid = clouds.count(x, y, (0.0, 10.0), (-0.5, 3.0))
    columns, rows = np.shape(grid["counts"])
    expected = np.zeros((columns, rows), int)
    for at_x, at_y in zip(x, y, strict=True):
        column, row = int(at_x / 10 * columns), int((at_y + 0.5) / 3.5 * rows)
        expected[min(max(column, 0), columns - 1), min(max(row, 0), rows - 1)] += 1
    assert grid["counts"] == expected.tolist()


def test_report_command(invoke: Any, demo: Path, tmp_path: Path) -> None:
    done = invoke("report", demo, "--out", tmp_path / "page.html")
    assert done.exit_code == 0
    assert (tmp_path / "page.html").read_bytes() == (demo / "report.html").read_bytes()
    missing = invoke("report", tmp_path / "nowhere")
    assert missing.exit_code == 2
    assert "there is no folder" in missing.stderr
    (tmp_path / "empty").mkdir()
    empty = invoke("report", tmp_path / "empty")
    assert empty.exit_code == 1
    assert "holds no run" in empty.stderr
    old = shutil.copytree(demo, tmp_path / "old")
    (old / "summary.json").write_text("{}")
    assert "another version of curator" in invoke("report", old).stderr


def test_a_page_drawn_anew_is_in_the_manifest(build_pricer: Any, raw_row: Any, write_rows: Any, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.parquet", [raw_row(n) for n in range(5)])
    build_pricer(source, tmp_path / "run")
    run = FinishedRun(tmp_path / "run")
    files = run.directory
    whole = files.manifest.read_bytes()
    files.report.write_text("someone's notes")
    write_report(run)
    assert files.manifest.read_bytes() == whole
    files.summary.write_text(json.dumps(run.summary | {"curator": "9.9.9"}))
    write_report(run)
    noted = json.loads(files.manifest.read_text("utf-8"))["files"]["report.html"]
    assert noted["sha256"] == hashlib.sha256(files.report.read_bytes()).hexdigest()


def test_a_source_that_goes_away_leaves_a_report(
    build_pricer: Any, raw_row: Any, write_rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curator.errors import SourceError
    from curator.report import samples

    def gone(*_: Any) -> Any:
        raise SourceError("gone")

    monkeypatch.setattr(samples.resolve, "read", gone)
    source = write_rows(tmp_path / "rows.parquet", [raw_row(0), raw_row(1, price="None")])
    summary = build_pricer(source, tmp_path / "run")
    (row,) = summary["samples"]["dropped"]["no_price"]
    assert (row["row"], row["title"]) == (1, None)
    assert "(no title)" in (tmp_path / "run/report.html").read_text("utf-8")


def test_figures_follow_no_matplotlibrc(demo: Path, tmp_path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "x", "text.usetex": False}):
        again = write_report(FinishedRun(demo), tmp_path / "again.html").path
        assert mpl.rcParams["font.size"] == 30
    assert again.read_bytes() == (demo / "report.html").read_bytes()


@pytest.fixture(scope="module")
def started() -> Any:
    with browser.browser() as one:
        yield one


def test_the_browser_sees_what_is_wrong(started: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        '<!DOCTYPE html><body style="background: white"><p style="color: #999">faint</p>'
        '<p style="width: 2000px">wide</p><img src="http://127.0.0.1:9/x.png" alt="">'
        '<svg viewBox="0 0 10 10"><rect width="10" height="10" fill="#333"/>'
        '<text y="5" font-size="3" fill="#444">dark</text></svg>'
        "<script>document.body.textContent = ''</script>",
        "utf-8",
    )
    look = browser.Look(started, tmp_path / "bad.html", 360, "light")
    assert look.requests == ["http://127.0.0.1:9/x.png"]
    assert look.errors
    assert len(look.broken_images()) == 1
    assert look.overflow() > 1000
    assert [piece["text"] for piece in look.contrasts() if piece["ratio"] < 4.5] == ["faint", "dark"]
    look.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["demo", "hostile"])
def test_in_a_browser(started: Any, request: Any, name: str, width: int, scheme: str) -> None:
    look = browser.Look(started, request.getfixturevalue(name) / "report.html", width, scheme)
    assert look.requests == []
    assert look.errors == []
    assert look.broken_images() == []
    assert look.overflow() <= 0
    pieces = look.contrasts()
    assert len(pieces) > 400
    assert [piece for piece in pieces if piece["ratio"] < 4.5] == []
    assert min(piece["size"] for piece in pieces) >= 9
    look.page.context.close()
