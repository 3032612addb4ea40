"""Bad input ends in one message that says what is wrong, and in the exit code of the design; never in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import small_tokenizer


@pytest.fixture
def good(raw_row: Any, write_rows: Any, tmp_path: Path) -> Path:
    return write_rows(tmp_path / "good.parquet", [raw_row(n) for n in range(8)])


@pytest.fixture
def build(invoke: Any, course_arguments: Any, tmp_path: Path) -> Any:
    """`curator build` with a small recipe; returns exit code and standard error, standard output being empty."""

    def call(*args: object, out: Path | None = None) -> tuple[int, str]:
        done = invoke("build", *course_arguments(), "--workers", 1, "--out", out or tmp_path / "run", *args)
        if done.exit_code:
            assert done.stdout == ""
            assert done.stderr.strip()
            assert "Traceback" not in done.stderr
        return done.exit_code, done.stderr

    return call


# -- files that are not what they should be


def test_not_parquet(build: Any, tmp_path: Path) -> None:
    path = tmp_path / "junk.parquet"
    path.write_bytes(b"PAR1 title,price\nHinge,9.99\n" * 100)
    code, message = build(path)
    assert code == 1
    assert str(path) in message
    assert "not Parquet" in message
    assert not (tmp_path / "run" / "manifest.json").exists()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_truncated_parquet(build: Any, good: Path, tmp_path: Path, share: float) -> None:
    path = tmp_path / "short.parquet"
    content = good.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    code, message = build(path)
    assert code == 1
    assert str(path) in message
    assert "cut short" in message


def test_one_bad_file_among_good_ones_is_named(build: Any, good: Path, tmp_path: Path) -> None:
    path = tmp_path / "zz.parquet"
    path.write_bytes(good.read_bytes()[:-20])
    code, message = build(good, path)
    assert code == 1
    assert "zz.parquet" in message
    assert "good.parquet" not in message


@pytest.mark.parametrize("byte", [b"\x00", b"\xff"])
def test_damaged_pages(build: Any, raw_row: Any, write_rows: Any, tmp_path: Path, byte: bytes) -> None:
    """The footer is sound, the data are not."""
    path = write_rows(tmp_path / "damaged.parquet", [raw_row(n) for n in range(300)])
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = byte * (len(content) // 2 - len(content) // 4)
    path.write_bytes(content)
    code, message = build(path)
    assert code == 1
    assert str(path) in message
    assert not (tmp_path / "run" / "dataset").exists()


def test_an_empty_file(build: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    path.touch()
    code, message = build(path)
    assert code == 1
    assert "empty" in message


def test_parquet_without_rows(build: Any, write_rows: Any, tmp_path: Path) -> None:
    code, message = build(write_rows(tmp_path / "none.parquet", []))
    assert code == 1
    assert "no row" in message
    assert "none.parquet" in message


def test_parquet_without_rows_beside_one_with_rows(build: Any, write_rows: Any, good: Path, tmp_path: Path) -> None:
    assert build(write_rows(tmp_path / "none.parquet", []), good)[0] == 0
    assert pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet").height == 8


@pytest.mark.parametrize(
    ("column", "instead"),
    [
        ("title", "titel"),
        ("description", "descriptions"),
        ("features", "feature"),
        ("details", "Details"),
        ("price", "prices"),
        ("parent_asin", "parent_asins"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest(
    build: Any, good: Path, tmp_path: Path, column: str, instead: str
) -> None:
    table = pq.read_table(good)
    names = [instead if name == column else name for name in table.column_names]
    pq.write_table(table.rename_columns(names), tmp_path / "renamed.parquet")
    code, message = build(tmp_path / "renamed.parquet")
    assert code == 1
    assert repr(column) in message
    assert f"Did you mean {instead!r}?" in message


def test_a_file_without_any_column_of_ours(build: Any, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    code, message = build(tmp_path / "other.parquet")
    assert code == 1
    assert "'title'" in message


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("title", [["a"], ["b"]]),
        ("title", [True, False]),
        ("description", [{"a": "b"}, {"a": "c"}]),
        ("features", [[{"a": "b"}], [{"a": "c"}]]),
        ("features", [[True], [False]]),
        ("details", [1, 2]),
        ("price", [True, False]),
        ("price", [["1"], ["2"]]),
        ("price", [{"x" * 20 + str(n): 1 for n in range(200)}] * 2),
    ],
    ids=lambda value: str(value)[:16],
)
def test_a_column_of_the_wrong_type_is_named(
    build: Any, raw_row: Any, write_rows: Any, tmp_path: Path, column: str, values: list[Any]
) -> None:
    table = pq.read_table(write_rows(tmp_path / "two.parquet", [raw_row(n) for n in range(2)]))
    table = table.set_column(table.column_names.index(column), column, pa.array(values))
    pq.write_table(table, tmp_path / "typed.parquet")
    code, message = build(tmp_path / "typed.parquet")
    assert code == 1
    assert repr(column) in message
    assert "expected" in message
    assert len(message) < 500


@pytest.mark.parametrize(
    "values",
    [
        pa.array([12.5, None, 7.0, 8.25] * 2, pa.float64()),
        pa.array([12, None, 7, 8] * 2, pa.int32()),
        pa.array([None] * 8, pa.null()),
        pa.array(["12.5", "None", "x", "9"] * 2).dictionary_encode(),
        pa.array(["12.50", None, "7", "9"] * 2, pa.string_view()),
    ],
    ids=["float", "int", "null", "dictionary", "view"],
)
def test_prices_of_other_types_are_read(build: Any, good: Path, tmp_path: Path, values: pa.Array) -> None:
    table = pq.read_table(good)
    table = table.set_column(table.column_names.index("price"), "price", values)
    pq.write_table(table, tmp_path / "typed.parquet")
    # Without a price there is no dataset, but there is an account of every row.
    assert build(tmp_path / "typed.parquet")[0] == (values.null_count == len(values))
    fates = pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet")["fate"].to_list()
    read = [None if value in (None, "None", "x") else float(value) for value in values.to_pylist()]
    assert [fate == "no_price" for fate in fates] == [price is None for price in read]


def test_optional_columns_may_be_absent(build: Any, good: Path, tmp_path: Path) -> None:
    table = pq.read_table(good, columns=["title", "description", "features", "details", "price", "parent_asin"])
    pq.write_table(table, tmp_path / "few.parquet")
    assert build(tmp_path / "few.parquet")[0] == 0


def test_columns_that_are_all_null(build: Any, good: Path, tmp_path: Path) -> None:
    table = pq.read_table(good)
    for name in ("title", "features", "details", "parent_asin", "main_category"):
        table = table.set_column(table.column_names.index(name), name, pa.nulls(8))
    pq.write_table(table, tmp_path / "nulls.parquet")
    assert build(tmp_path / "nulls.parquet")[0] == 0


def test_strings_that_are_not_utf8(build: Any, good: Path, tmp_path: Path) -> None:
    table = pq.read_table(good)
    raw = pa.array([b"caf\xe9 hinge"] * 8, pa.binary())
    text = pa.Array.from_buffers(pa.string(), 8, raw.buffers())
    table = table.set_column(table.column_names.index("title"), "title", text)
    pq.write_table(table, tmp_path / "latin.parquet")
    code, message = build(tmp_path / "latin.parquet")
    assert code == 1
    assert "latin.parquet" in message


@pytest.mark.parametrize("fill", ["hinge ", "x", "7", "日本", ", ", "<|endoftext|>"], ids=ascii)
@pytest.mark.timeout(60)
def test_a_title_of_10_mb_works(
    build: Any, raw_row: Any, write_rows: Any, tmp_path: Path, oracle: Any, fill: str
) -> None:
    title = fill * (10_000_000 // len(fill.encode()))
    rows = [raw_row(0), raw_row(1, title=title), raw_row(2)]
    assert build(write_rows(tmp_path / "rows.parquet", rows))[0] == 0
    ledger = pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet")
    assert ledger["fate"].to_list() == ["train"] * 3
    items = pl.read_parquet(tmp_path / "run" / "items" / "*.parquet")
    assert items["title"][1] == title
    shown = items["prompt"][1].split("\n\n", 1)[1]
    start = shown[: min(40, shown.index("\n"))].rstrip("\ufffd")
    assert oracle.scrub(title).startswith(start)
    assert items["tokens"].max() < 200


# -- sources


@pytest.mark.parametrize(
    "name",
    [
        "nowhere.parquet",
        "no/such/folder",
        "Aplliances",
        "x" * 5_000,
        "demo:x",
        "demo:5:-1",
        "~nobody-of-this-name/rows.parquet",
        "*.nothing",
        "[",
    ],
)
def test_a_source_that_is_not_there_is_wrong_usage(build: Any, name: str, tmp_path: Path) -> None:
    code, message = build(name)
    assert code == 2
    assert name[:20] in message
    assert not (tmp_path / "run").exists()


LITTLE_MEMORY = """
import resource
# or else the whole machine suffers
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
resource.setrlimit(resource.RLIMIT_CPU, (8, resource.getrlimit(resource.RLIMIT_CPU)[1]))
from curator.cli.commands import main
main()
"""


def test_a_demo_that_no_machine_can_hold_is_wrong_usage(
    course_arguments: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, "-c", LITTLE_MEMORY, "build", "demo:99999999999999999999999", *course_arguments()]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")],
        env=environment | {"POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
    assert "99999999999999999999999" in done.stderr


def test_a_source_of_no_rows_is_an_error(build: Any) -> None:
    assert build("demo:0")[0] in (1, 2)


def test_a_file_of_another_kind(build: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.db").write_bytes(b"SQLite format 3\0")
    code, message = build(tmp_path / "rows.db")
    assert code == 1
    assert "rows.db" in message
    assert "SQLite" in message
    assert "Parquet" in message


def test_a_folder_without_files(build: Any, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    code, message = build(tmp_path / "nothing")
    assert code == 1
    assert "nothing" in message


def test_the_same_file_twice(build: Any, good: Path) -> None:
    code, message = build(good, good)
    assert code == 2
    assert "twice" in message


def test_a_file_name_that_is_not_utf8(build: Any, good: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.parquet")
    try:
        (tmp_path / name).write_bytes(good.read_bytes())
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    code, message = build(tmp_path / name)
    assert code in (0, 1, 2)
    assert code == 0 or "caf" in message


# -- where the run goes


def test_a_file_where_the_run_should_go(build: Any, good: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        code, message = build(good, out=out)
        assert code == 1
        assert str(tmp_path / "file") in message
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc, where nobody can write")
def test_a_file_system_that_takes_no_files(build: Any, good: Path) -> None:
    code, message = build(good, out=Path("/proc/curator/run"))
    assert code == 1
    assert "can't write" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(build: Any, good: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    code, message = build(good, out=tmp_path / "locked" / "run")
    assert code == 1
    assert "locked" in message


@pytest.mark.parametrize("name", ["items", "dataset", "selection.parquet", "summary.json", ".lock"])
def test_something_else_where_a_part_of_the_run_goes(build: Any, good: Path, tmp_path: Path, name: str) -> None:
    """A file instead of a folder or the reverse: an error or replaced, and nothing else."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.toml").touch()
    if name in ("items", "dataset"):
        (run / name).write_text("mine")
    else:
        (run / name / "mine").mkdir(parents=True)
    code, message = build(good)
    assert code in (0, 1)
    assert code == 0 or str(run) in message


SMALL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing on is then an OSError, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
from curator.cli.commands import main
main()
"""


@pytest.mark.parametrize("limit", [0, 2_000, 60_000])
def test_a_disk_that_fills_up(
    good: Path,
    course_arguments: Any,
    environment: dict[str, str],
    tmp_path: Path,
    raw_row: Any,
    write_rows: Any,
    limit: int,
) -> None:
    """No file may grow beyond the limit; 60,000 bytes are enough for the ledger but not for the items.

    The bundled vocabulary goes through a temporary file, which would be too long.
    """
    pytest.importorskip("resource")
    source = write_rows(tmp_path / "many.parquet", [raw_row(n) for n in range(600)])
    command = [sys.executable, "-B", "-c", SMALL_DISK, str(limit), "build", str(source)]
    command += [*course_arguments(tokenizer=small_tokenizer.FOLDER), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "can't write" in done.stderr
    assert not (tmp_path / "run" / "manifest.json").exists()
    assert not list((tmp_path / "run").rglob("*.tmp"))


def test_a_folder_that_is_no_run(build: Any, good: Path, tmp_path: Path, tree: Any) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    code, message = build(good)
    assert code == 1
    assert "not empty" in message
    assert tree(tmp_path / "run") == {"thesis.txt": b"mine"}


def test_an_empty_folder_is_taken(build: Any, good: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert build(good)[0] == 0


def test_a_run_inside_its_source_folder_can_be_continued(build: Any, good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    good.rename(folder / "good.parquet")
    assert build(folder, out=folder / "run")[0] == 0
    code, message = build(folder, "--set", "slots.cap=2", out=folder / "run")
    assert code == 0, message


def test_the_source_is_never_written_over(build: Any, good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    assert build(good, out=good)[0] == 1
    assert good.read_bytes() == content


# -- recipes


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("slots.cpa=3", "Did you mean 'slots.cap'?"),
        ("slot.cap=3", "slot"),
        ("nonsense=3", "nonsense"),
        ("slots.cap.x=3", "slots.cap"),
        ("slots=3", "slots"),
        ("slots.cap", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("slots.cap=0", "slots.cap"),
        ("slots.cap=-1", "slots.cap"),
        ("slots.cap=many", "slots.cap"),
        ("slots.cap=3.5", "slots.cap"),
        ("slots.cap=true", "slots.cap"),
        ("slots.cap=1979-05-27", "slots.cap"),
        ("price.min=1000", "price.min"),
        ("price.min=nan", "price"),
        ("price.max=nan", "price"),
        ("price.min=-1", "price.min"),
        ("price.rounding=up", "price.rounding"),
        ("tokens.cap=0", "tokens.cap"),
        ("tokens.min=160", "tokens.min"),
        ("slots.whole_from=5000", "slots.whole_from"),
        ("slots.seed=4294967296", "slots.seed"),
        ("slots.seed=-1", "slots.seed"),
        ("slots.default_weight=0", "slots.default_weight"),
        ("slots.default_weight=nan", "slots.default_weight"),
        ("slots.default_weight=inf", "slots.default_weight"),
        ("slots.weights.Tools=0", "slots.weights"),
        ("slots.weights.Tools=nan", "slots.weights"),
        ("slots.weights.Tools=inf", "slots.weights"),
        ("split.train=-5", "split.train"),
        ("split.held_out_share=0", "split.held_out_share"),
        ("split.held_out_share=nan", "split.held_out_share"),
        ("prompt.question=", "prompt.question"),
        ("text.fields=[1]", "text.fields"),
        ("text.removals=[1]", "text.removals"),
        ("tokenizer=", "tokenizer"),
        ("tokenizer=5", "tokenizer"),
        ("openai.system=", "openai.system"),
    ],
)
def test_an_unusable_setting_is_wrong_usage(build: Any, good: Path, tmp_path: Path, setting: str, said: str) -> None:
    code, message = build(good, "--set", setting)
    assert code == 2
    assert said in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "price.max=inf",
        "price.max=1e300",
        "slots.cap=99999999999999999999",
        "split.train=99999999999999999999",
        "split.test=99999999999999999999",
        "tokens.cap=99999999999999999999",
        "text.max_chars=99999999999999999999",
        "text.min_chars=99999999999999999999",
        "split.seed=99999999999999999999",
        "slots.default_weight=1e-320",
        "slots.default_weight=1e308",
        "slots.weights={}",
        'text.removals=[""]',
        "tokens.min=99999999999",
        'prompt.answer="\\n"',
        'prompt.question="{x}\\u0000"',
        "text.categories=99999999999999999999",
        "price.min=0",
        "split.held_out_share=1e-320",
    ],
)
def test_an_extreme_setting_works_or_is_wrong_usage(
    build: Any, raw_row: Any, write_rows: Any, tmp_path: Path, setting: str
) -> None:
    prices = ["1e300", "99999999999999", "0", "7", "7", "7", "7", "inf"]
    rows = [raw_row(n, price=price) for n, price in enumerate(prices)]
    code, message = build(write_rows(tmp_path / "rows.parquet", rows), "--set", setting)
    assert code == 0 or (code == 2 and setting.split("=")[0].rsplit(".", 1)[-1] in message), message


def test_an_unknown_recipe_gets_the_nearest(build: Any, good: Path) -> None:
    code, message = build(good, "--recipe", "course-v2")
    assert code == 2
    assert "Did you mean 'course-v1'?" in message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name = ",
        b"\xff",
        b"name = 5",
        b"nonsense = 1",
        b"[price]\nmin = 'x'",
        b"extends = 5",
        b"extends = 'none'",
        b'extends = "mine.toml"',
        b"slots = [[[[",
        b"a = " + b"[" * 5_000,
        b"slots.cap = 3\nslots.cap = 4",
    ],
    ids=lambda content: content[:24].decode("latin-1") or "empty",
)
def test_a_recipe_file_that_is_none(build: Any, good: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    code, message = build(good, "--recipe", path, "--set", "tokenizer=o200k_base")
    assert code == (0 if content == b"" else 2), message


@pytest.mark.parametrize("name", ["missing.toml", "folder.toml", "x" * 5_000, "x" * 5_000 + ".toml", "."])
def test_a_recipe_that_is_not_there(build: Any, good: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.toml").mkdir()
    assert build(good, "--recipe", tmp_path / name if name == "folder.toml" else name)[0] == 2


@pytest.mark.parametrize(
    "name", ["o200k-base", "./nowhere", "/", "x" * 5_000, "x" * 5_000 + "/y", "a/b/c", "~nobody-here/x"]
)
def test_a_tokenizer_that_is_not_there(build: Any, good: Path, tmp_path: Path, name: str) -> None:
    code, message = build(good, "--set", f"tokenizer={name}")
    assert code == 1
    assert name[:20] in message
    assert not (tmp_path / "run" / "dataset").exists()


@pytest.mark.parametrize("options", [["--workers", "0"], ["--workers", "x"], ["--nonsense"], ["--out"], ["--set"]])
def test_wrong_options_are_wrong_usage(invoke: Any, good: Path, options: list[str]) -> None:
    done = invoke("build", good, *options)
    assert done.exit_code == 2
    assert done.stdout == ""


def test_the_command_as_a_user_runs_it(run_cli: Any, course_arguments: Any, good: Path, tmp_path: Path) -> None:
    """Exit codes of the process itself, and a run directory by default."""
    assert run_cli("build", good, *course_arguments(), "--set", "slots.cpa=1").returncode == 2
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    assert run_cli("build", tmp_path / "junk.parquet", *course_arguments()).returncode == 1
    options = course_arguments(tokenizer=small_tokenizer.FOLDER)
    done = run_cli("build", "good.parquet", *options, "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["run"] == "runs/good-course-v1"
    assert (tmp_path / "runs" / "good-course-v1" / "manifest.json").exists()
    assert run_cli("no-such-command").returncode == 2
