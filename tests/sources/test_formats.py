"""Text files of every form that tables come in, and folders of several: the same rows, whatever holds them."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
import small_tokenizer
from curator.errors import CuratorError
from curator.recipe.load import load_recipe
from curator.sources import resolve, text_files
from curator.sources import rows as row_files
from curator.sources.records import Csv, Lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PRICER = load_recipe()
COURSE = load_recipe("course-v1", {"tokenizer": "o200k_base"})
ROW = {"title": "Lamp", "features": ["of brass"], "details": {"Color": "Red"}, "price": 9.5, "parent_asin": "B1"}
LINE = json.dumps(ROW)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


@pytest.fixture
def read(folder: Path) -> Callable[..., pl.DataFrame]:
    """Write a file and read it."""

    def call(content: str | bytes, name: str = "rows.csv", recipe: Any = PRICER) -> pl.DataFrame:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return read_file(folder / name, recipe)

    return call


def read_file(path: Path, recipe: Any = PRICER, shard_rows: int = 16_384) -> pl.DataFrame:
    shards = resolve.cut(resolve.resolve([str(path)], recipe), shard_rows)
    return pl.concat((batch for shard in shards for batch in resolve.read(shard, recipe)), how="vertical_relaxed")


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(CuratorError) as caught:
        call()
    assert len(str(caught.value)) < 500
    return str(caught.value)


def faults(frame: pl.DataFrame) -> list[bool]:
    return frame["malformed"].is_not_null().to_list()


# -- CSV


def written(rows: list[list[str]], **options: Any) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator=options.pop("lineterminator", "\n"), **options).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('["a, b", "c"]', ["a, b", "c"]),
        ('["a", null, 1]', ["a", None, "1"]),
        ("['a, b', \"it's\", 'say \"hi\"', None]", ["a, b", "it's", 'say "hi"', None]),
        ("['x\\ny', 'tab\\t', 'back\\\\slash', '\\xe9']", ["x\ny", "tab\t", "back\\slash", "é"]),
        ("['a' 'b']", ["a", "b"]),
        ("['a, b'\n \"it's\" None nan]", ["a, b", "it's", None, None]),
        ("[array(['a', 'b'], dtype=object)\n array(['c'], dtype=object)]", ["a", "b", "c"]),
        ("[list(['a']) list(['b', 'c'])]", ["a", "b", "c"]),
        ("[['a' 'b']\n ['c' 'd']]", ["a", "b", "c", "d"]),
        ("['x (y)', 'list(', 'z]']", ["x (y)", "list(", "z]"]),
        ("[]", []),
        ("", None),
        ("nan", None),
        ("[sic]", ["[sic]"]),
        ("[a] and [b]", ["[a] and [b]"]),
        ("['a'] and ['b']", ["['a'] and ['b']"]),
        ("[__import__('os').getcwd()]", ["[__import__('os').getcwd()]"]),
        ("[" * 5_000 + "]" * 5_000, ["[" * 5_000 + "]" * 5_000]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_cell_holds_a_list_in_any_notation(cell: str, expected: list[str] | None, read: Any) -> None:
    frame = read(written([["title", "price", "features", "description"], ["Lamp", "1", cell, cell]]))
    assert frame.select("features", "description").row(0) == (expected, expected)
    assert faults(frame) == [False]


def test_of_several_paths_the_first_is_the_category(read: Any) -> None:
    cells = ["[['Home', 'Lamps'], ['Gifts']]", '[["Home", "Lamps"]]', "Home > Lamps", "[array(['Home', 'Lamps'])]"]
    frame = read(written([["title", "price", "categories"], *(["Lamp", "1", cell] for cell in cells)]))
    assert frame["categories"].to_list() == [["Home", "Lamps"]] * 4


def test_a_list_that_numpy_cut_short_is_malformed(read: Any) -> None:
    short, long = (np.array([f"part {number}" for number in range(size)]) for size in (3, 2_000))
    frame = read(pd.DataFrame({"title": ["a", "b"], "price": [1, 2], "features": [short, long]}).to_csv(index=False))
    assert faults(frame) == [False, True]
    assert frame["features"].to_list() == [["part 0", "part 1", "part 2"], None]


@pytest.mark.parametrize(
    ("content", "titles"),
    [
        ('title,price\n"a\n\nb\r\nc",1\n\n\nd,2\n', ["a\n\nb\r\nc", "d"]),
        ('title;price\n"a;b";1\nc, d;2\n', ["a;b", "c, d"]),
        ("title\tprice\na, b\t1\nc;d\t2\n", ["a, b", "c;d"]),
        ("title|price\na, b|1\nc|2", ["a, b", "c"]),
        ("sep=;\ntitle;price\na;1\nb;2\n", ["a", "b"]),
        ("\ufeffsep=\t\r\ntitle\tprice\r\na\t1\r\nb\t2\r\n", ["a", "b"]),
        ("\ufefftitle,price\na,1\nb,2\n", ["a", "b"]),
        ('\ufeff"title","price"\r\n"a","1"\r\n"b","2"\r\n', ["a", "b"]),
        ("title,title,price,price\na,x,1,7\nb,x,2,7\n", ["a", "b"]),
        (',title,,price\n0,a,,1\n1,b,"",2\n', ["a", "b"]),
        (' title , "price"\na, 1\nb,2\n', ["a", "b"]),
        ('title,price\n"say \\"hi\\", a",1\n"b",2\n', ['say "hi", a', "b"]),
        ('title,price\n"C:\\",1\n"b",2\n', ["C:\\", "b"]),
        ('title,price\n"C:\\",1\n"6"" \\""x",2\n', ["C:\\", '6" \\"x']),
        ('title,price\n6" pipe,1\n"6"" pipe",2\n', ['6" pipe', '6" pipe']),
        ('details,title,price\n"{""a"": 1}",a,1\n"\n{\n""b"": 2}",b,2\n', ["a", "b"]),
        ('details;title;price\n{"a": 1};a;1\n{};b;2\n', ["a", "b"]),
        ("price,title\n1,a\0b\n2,日本\n".replace("\0", "\x0b"), ["a\x0bb", "日本"]),
    ],
    ids=ascii,
)
def test_the_forms_of_csv(content: str, titles: list[str], read: Any, folder: Path) -> None:
    frame = read(content)
    assert frame["title"].to_list() == titles
    assert frame["price"].to_list() == ["1", "2"]
    assert faults(frame) == [False, False]
    for pack in (gzip.compress, zstd.compress):
        assert read(pack(content.encode())).equals(frame)
    # Read from the second row on, as a worker does.
    (found,) = resolve.resolve([str(folder / "rows.csv")], PRICER)
    (folder / "rows.csv").write_text(content, "utf-8", newline="")
    scan = row_files.scan(Csv, folder / "rows.csv", PRICER, 1)
    assert len(scan.offsets) == 2
    assert found.source.rows == 2


@pytest.mark.parametrize(
    ("content", "malformed", "said"),
    [
        ("title,price,x\na,1\nb,2,3,4\nc,3,1\nd,4,5,\n", [True, True, False, False], "cells"),
        (b"title,price\ncaf\xe9,1\nb,2\n", [True, False], "UTF-8"),
        (b"title,price,gr\xf6\xdfe\ncaf\xe9,1,2\nb,2,3\n", [True, False], "UTF-8"),
        ('title,price\na,1\n"b,2\nc,3\n', [False, True], "quote"),
        ('title,price\na,1\n"b,2\nc,3\n"d",4\n"e",5\n', [False, True, False], "quote"),
        ('title,price\n"6" pipe",1\nb,2\n', [True, False], "quote"),
        ("title,price\na,1\nb\rc,2\nd,3\n", [False, True, False], "new-line"),
        ('title,price,features\na,1,"[""\\ud800""]"\nb,2,\n', [True, False], "lone surrogate"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_row_that_is_no_row_is_malformed(content: str | bytes, malformed: list[bool], said: str, read: Any) -> None:
    frame = read(content)
    assert faults(frame) == malformed
    assert all(said in one for one in frame["malformed"].drop_nulls())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title,price\n", "no row"),
        ("title,price", "no row"),
        ("title\na\nb\n", "begins 'title'"),
        ("title,price\ra,1\rb,2\r", "new-line character"),
        ('title,price\n"a,1\nb,2\n', "quote"),
        ("title,price\na\0b,1\n", "binary data"),
        ("title,cost\na,1\n", "--map price=cost"),
        (b"gr\xf6\xdfe,title\na,1\n", "no column 'price'"),
        ("title,price\n".encode("utf-16"), "UTF-16"),
        ("a,b\n1,2\n", "'title'"),
    ],
    ids=lambda value: ascii(value)[:32],
)
def test_what_is_no_table_is_refused(content: str | bytes, said: str, read: Any) -> None:
    found = refusal(lambda: read(content))
    assert said in found
    found.encode()


def test_a_line_that_is_too_long_costs_its_row(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "LINE_LIMIT", 1_000)
    frame = read(f'title,price\na,1\n"{"x" * 2_000}",2\nb,3\n')
    assert faults(frame) == [False, True, False]


CELLS = st.text(st.sampled_from("ab,;\t|\"'\\\n[]{}é😀 "), max_size=8).map(str.strip)
LISTS = st.lists(CELLS, max_size=3)
DICTS = st.dictionaries(CELLS.filter(bool), CELLS, max_size=2)
TABLE = st.lists(st.tuples(CELLS, LISTS, DICTS, st.integers(0, 999)), min_size=1, max_size=6)
HEADER = ["title", "features", "details", "price", "parent_asin"]


@settings(max_examples=50)
@given(
    rows=TABLE,
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
    notation=st.sampled_from((json.dumps, repr)),
    bom=st.booleans(),
    end=st.sampled_from(("\n", "\r\n")),
    piece_rows=st.integers(1, 4),
)
def test_csv_and_json_give_equal_rows_however_they_are_cut(
    rows: list[tuple[str, list[str], dict[str, str], int]],
    delimiter: str,
    quoting: Any,
    notation: Callable[[Any], str],
    bom: bool,
    end: str,
    piece_rows: int,
    folder: Path,
) -> None:
    records = [
        {"title": f"a{title}", "features": features, "details": details, "price": price, "parent_asin": f"B{number}"}
        for number, (title, features, details, price) in enumerate(rows)
    ]
    cells: list[list[str]] = [
        [
            str(one["title"]),
            notation(one["features"]),
            notation(one["details"]),
            str(one["price"]),
            str(one["parent_asin"]),
        ]
        for one in records
    ]
    path = folder / "cut.csv"
    text = written([HEADER, *cells], delimiter=delimiter, quoting=quoting, lineterminator=end)
    path.write_text("\ufeff" * bom + text, "utf-8", newline="")
    whole = read_file(path)
    assert faults(whole) == [False] * len(rows)
    (found,) = resolve.resolve([str(path)], PRICER)
    scan = row_files.scan(Csv, path, PRICER, piece_rows)
    shards = resolve.cut([resolve.Found(found.source, scan.pieces, scan.offsets)], piece_rows)
    assert pl.concat(batch for shard in shards for batch in resolve.read(shard, PRICER)).equals(whole)
    texts = {
        "lines.jsonl": "\n".join(map(json.dumps, records)),
        "array.json": json.dumps(records),
        "pretty.json": json.dumps(records, indent=2),
        "objects.json": "\n".join(json.dumps(record, indent=1) for record in records),
        "python.json": "\n".join(map(repr, records)),
    }
    for name, content in texts.items():
        (folder / name).write_text("\ufeff" * bom + content, "utf-8", newline="")
        frame = read_file(folder / name)
        assert frame.equals(whole) or _same(frame, whole)


def _same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Tell whether rows are equal, details as what their JSON stands for: a CSV cell has its own white space."""
    objects = [[*map(json.loads, frame["details"])] for frame in (one, other)]
    return one.drop("details").equals(other.drop("details")) and objects[0] == objects[1]


# -- JSON and Python


@pytest.mark.parametrize(
    "content",
    [
        f"[{LINE},{LINE}]",
        f"[\n{LINE},\n{LINE}\n]\n",
        f"[{LINE}]\n[{LINE}]",
        json.dumps([ROW, ROW], indent=4),
        "\n".join([json.dumps(ROW, indent=2)] * 2),
        ",\n".join([json.dumps(ROW, indent=2)] * 2),
        f"\ufeff{LINE}\n\ufeff{LINE}",
        f"{LINE}{LINE}\n",
        f"\ufeff{LINE}\ufeff {LINE}\r\n",
        f"{ROW}\n{ROW}\n",
        f"{LINE}\r\n\r\n{LINE}\r\n",
    ],
    ids=ascii,
)
def test_objects_come_in_an_array_or_one_after_another(content: str, read: Any) -> None:
    for name in ("rows.json", "rows"):
        frame = read(content, name)
        assert frame["title"].to_list() == ["Lamp", "Lamp"]
        assert frame["details"].to_list() == ['{"Color": "Red"}'] * 2
        assert frame["price"].to_list() == ["9.5", "9.5"]
        assert read(gzip.compress(content.encode()), f"{name}.gz").drop("parent_asin").equals(frame.drop("parent_asin"))


@pytest.mark.parametrize("cut", [1, 20, len(LINE) + 2, len(LINE) + 3, len(LINE) + 30])
def test_an_array_that_is_cut_short_is_refused(cut: int, read: Any) -> None:
    assert "cut short" in refusal(lambda: read(f"[{LINE}, {LINE}]"[:-cut], "rows.json"))


def test_files_that_were_joined_are_read_as_far_as_they_can(read: Any, folder: Path) -> None:
    lines = [f"\ufeff{LINE}", f"\ufeff{LINE}{LINE}", f"{LINE}\ufeff{LINE}", f"{LINE} {{x: 1}}{LINE}", LINE]
    frame = read("\n".join(lines), "rows.jsonl")
    assert faults(frame) == [False] * 6 + [True] + [False]
    assert frame["malformed"][6]
    (found,) = resolve.resolve([str(folder / "rows.jsonl")], PRICER)
    scan = row_files.scan(Lines, folder / "rows.jsonl", PRICER, 1)
    shards = resolve.cut([resolve.Found(found.source, scan.pieces, scan.offsets)], 1)
    assert len(shards) == 8
    assert pl.concat(batch for shard in shards for batch in resolve.read(shard, PRICER)).equals(frame)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("{'title': 'a', 'price': 1.5, 'features': ['x', None], 'x': nan, 'y': True}", "a"),
        ("{'title': u'a' 'b', 'price': -1}", "ab"),
        ("{\"it's\": 1, 'title': 'a', 'price': 1}", "a"),
        ("{'title': 'a', 'price': 1, 'x': " + "[" * 80 + "]" * 80 + "}", "a"),
        ("{'title': 'a', 'price': __import__('os').getcwd()}", None),
        ("{'title': 'a'.upper(), 'price': 1}", None),
        ("{'title': f'{1}', 'price': 1}", None),
        ("{'title': b'a', 'price': 1}", None),
        ("{'title': 'a', 'price': " + "9" * 5_000 + "}", None),
        ("{'title': 'a', 'price': 1, 'x': " + "[" * 5_000 + "]" * 5_000 + "}", None),
        ("{'title': 'a', 'price': 1, 'x': " + "-" * 5_000 + "1}", None),
        ("{'title': 'a', 'price': 1, 'x': '" + "y" * 2**20 + "'}", None),
        ("{'title': f'" + "{1}" * 300_000 + "', 'price': 1}", None),
        ("{'a', 'b'}", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_python_dicts_are_read_as_literals(line: str, title: str | None, read: Any) -> None:
    frame = read(f"{{'title': 'first', 'price': 1}}\n{line}\n{{'title': 'last', 'price': 1}}", "rows.json")
    assert frame["title"].to_list() == ["first", title, "last"]
    assert faults(frame) == [False, title is None, False]


def test_details_in_python_notation_are_parsed_but_by_the_course(read: Any) -> None:
    notation = str({"Color": "Red", "It's": None, "Sizes": [1, 2.5]})
    line = json.dumps(ROW | {"details": notation, "description": []})
    assert json.loads(read(line, "rows.jsonl")["details"][0]) == ast.literal_eval(notation)
    assert read(line, "rows.jsonl", COURSE)["details"].to_list() == [notation]
    for other in ("{'a': open('x')}", "{'a': 1", "{'a'}", "{\"a\": 'b'}x"):
        assert read(json.dumps(ROW | {"details": other}), "rows.jsonl")["details"].to_list() == [other]


def test_nan_is_missing_in_json(read: Any) -> None:
    nan = float("nan")
    odd = {"title": nan, "price": nan, "features": [nan, "a"], "details": {"b": nan}}
    for content in (json.dumps(odd), json.dumps([odd])):
        frame = read(content, "rows.json")
        assert faults(frame) == [False]
        assert frame.select("title", "price", "features", "details").row(0) == (None, None, [None, "a"], "{}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "is empty"),
        (f"[{LINE}] rubbish", "no JSON"),
        (f"[{LINE} rubbish {LINE}]", "no JSON"),
        (f"[[{LINE}]]", "is a list"),
        (json.dumps({"products": [ROW]}), "It has products."),
        (json.dumps({"title": {"0": "a"}, "price": {"0": 1}}), "'title' holds an object"),
        (f"[{LINE}]".replace("brass", "é").encode("latin-1"), "not UTF-8"),
        (f"[{LINE}, {'[' * 100_000}]", "nested too deep"),
        ('["title", "price"]\n["a", 1]\n', "expected an object"),
        ('{"title": "a", "\\ud800": 1}', "no column 'price'"),
    ],
    ids=lambda value: ascii(value)[:32],
)
def test_json_of_another_form_is_refused(content: str | bytes, said: str, read: Any) -> None:
    found = refusal(lambda: read(content, "rows.json"))
    assert said in found
    found.encode()


def test_one_odd_value_of_an_array_is_one_row(read: Any) -> None:
    large = LINE.replace("9.5", "9" * 5_000)
    deep = LINE.replace('{"Color": "Red"}', "[" * 300 + "]" * 300)
    frame = read(f"[{LINE}, {large}, 1, null, {deep}, {LINE}]", "rows.json")
    assert faults(frame) == [False, False, True, True, True, False]
    assert float(frame["price"][1]) == float("inf")


def test_editions_are_told_by_their_keys(read: Any) -> None:
    of_2018 = {"asin": "A1", "title": "Lamp", "feature": ["f"], "main_cat": "Tools", "category": ["Tools", "Lamps"]}
    of_2014 = {"asin": "A1", "title": "Lamp", "salesRank": {"Tools": 1}, "categories": [["Tools", "Lamps"], ["Home"]]}
    for content in (json.dumps(of_2018 | {"price": "$1.5"}), str(of_2014 | {"price": 1.5, "imUrl": "x"})):
        frame = read(content, "meta.json")
        assert frame["parent_asin"].to_list() == ["A1"]
        assert frame["categories"].to_list() == [["Tools", "Lamps"]]
    assert read(json.dumps(of_2018 | {"price": 1}), "meta.json")["features"].to_list() == [["f"]]


# -- folders, names, compression


def test_a_folder_is_read_whole_and_the_rest_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def line(name: str) -> str:
        return json.dumps(ROW | {"parent_asin": name}) + "\n"

    (tmp_path / "a.jsonl").write_text(line("a"), "utf-8")
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(line("b").encode()))
    (tmp_path / "c.json").write_text(f"[{line('c')}]", "utf-8")
    (tmp_path / "d.ndjson").write_text(line("d"), "utf-8")
    (tmp_path / "e.csv").write_text("title,price,parent_asin\nLamp,1,e\n", "utf-8")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "f.tsv").write_text("title\tprice\tparent_asin\nLamp\t1\tf\n", "utf-8")
    pq.write_table(pa.table({"title": ["Lamp"], "price": [1], "parent_asin": ["g"]}), tmp_path / "g.parquet")
    pq.write_table(pa.table({"title": ["Lamp"], "price": [1]}), tmp_path / "_metadata")
    others = {
        "README.md": b"# Lamps, hinges and more\n\n| title | price |\n",
        "LICENSE": b"Do, or do not.\n",
        "picture.png": b"\x89PNG\r\n\x1a\n\0\0",
        "_SUCCESS": b"",
        "dataset_info.json": b'{"features": {}, "splits": {}}',
        "state.json": b'{\n "_fingerprint": "x"\n}',
        "settings.yaml": b"- a, b\n- {c: d}\n",
    }
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / ".hidden.jsonl").write_text("{}", "utf-8")
    with caplog.at_level(logging.WARNING):
        frame = read_file(tmp_path)
    assert frame["parent_asin"].to_list() == ["a", "b", "c", "d", "e", "f", "g"]
    (said,) = (record.getMessage() for record in caplog.records if "no table" in record.getMessage())
    assert all(name in said for name in (*others, "_metadata"))
    assert ".hidden" not in said
    # What is named like a table must be one.
    (tmp_path / "h.csv").write_text("a,b\n1,2\n", "utf-8")
    assert "h.csv" in refusal(lambda: read_file(tmp_path))


def test_the_category_is_named_by_a_category_only(tmp_path: Path) -> None:
    row = ROW | {"main_category": "Tools"}
    for name, category in (("meta_sample.jsonl", "Tools"), ("meta_Appliances.jsonl", "Appliances")):
        (tmp_path / name).write_text(json.dumps(row), "utf-8")
        assert read_file(tmp_path / name)["category"].to_list() == [category]


def test_zstandard_with_a_long_window_is_read(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parameter = zstd.CompressionParameter
    options = {int(parameter.window_log): 31, int(parameter.enable_long_distance_matching): 1}
    packer = zstd.ZstdCompressor(options=options)
    # In pieces, so that the frame doesn't say its size, which would make the window as small.
    packed = packer.compress(LINE.encode()[:9], zstd.ZstdCompressor.FLUSH_BLOCK) + packer.compress(LINE.encode()[9:])
    packed += packer.flush()
    assert read(packed, "rows.jsonl.zst")["title"].to_list() == ["Lamp"]
    monkeypatch.setattr(text_files, "ZSTD_WINDOW", 2**27)
    assert "longer window" in refusal(lambda: read(packed, "rows.jsonl.zst"))


# -- one table, as everybody writes it


def product(number: int, raw_row: Any) -> dict[str, Any]:
    row = raw_row(number)
    features = [['it\'s "new"', "a, b"], ["one\ntwo"], [], ["plain", "words; more", "é"]][number % 4]
    details = {"Color": ["Red", "Blue"][number % 2], "Item Weight": f"{number + 1} oz", 'a "b"': "c\\d"}
    kept = ("title", "description", "price", "store", "categories", "parent_asin", "main_category")
    return {name: row[name] for name in kept} | {
        "features": features,
        "details": dict([*details.items()][: 1 + number % 3]),
        "price": float(row["price"]),
        "main_category": "Appliances",
    }


def as_spark(rows: list[dict[str, Any]], path: Path, *, int96: bool) -> None:
    listed = pa.list_(pa.field("element", pa.string()))
    lists = ("features", "description", "categories")
    columns = {name: pa.array([row[name] for row in rows], listed) for name in lists}
    columns["details"] = pa.array([[*row["details"].items()] for row in rows], pa.map_(pa.string(), pa.string()))
    columns |= {name: pa.array([row[name] for row in rows]) for name in rows[0] if name not in columns}
    columns["crawled"] = pa.array([0] * len(rows), pa.timestamp("us", "UTC"))
    pq.write_table(pa.table(columns), path, use_deprecated_int96_timestamps=int96, compression="snappy")


def as_datasets(path: Path, folder: Path) -> None:
    import datasets

    loaded = datasets.Dataset.from_json(str(path), cache_dir=str(folder / "cache"))
    loaded.to_parquet(folder / "meta_Appliances.parquet")


def test_one_table_gives_one_dataset_whoever_wrote_it(raw_row: Any, tree: Any, tmp_path: Path) -> None:
    rows = [product(number, raw_row) for number in range(60)]
    frame = pd.DataFrame(rows)
    arrays = frame.assign(
        **{
            name: frame[name].map(lambda cell: np.array(cell, object))
            for name in ("features", "description", "categories")
        }
    )
    ways = ("lines", "csv", "arrays", "excel", "array", "pandas", "spark", "spark96", "datasets")
    for way in ways:
        (tmp_path / way).mkdir()
    lines = tmp_path / "lines" / "meta_Appliances.jsonl"
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    frame.to_csv(tmp_path / "csv" / "meta_Appliances.csv", index=False)
    arrays.to_csv(tmp_path / "arrays" / "meta_Appliances.csv")
    frame.to_csv(tmp_path / "excel" / "meta_Appliances.csv", sep=";", encoding="utf-8-sig", lineterminator="\r\n")
    frame.to_json(tmp_path / "array" / "meta_Appliances.json", orient="records", indent=1)
    arrays.to_parquet(tmp_path / "pandas" / "meta_Appliances.parquet")
    as_spark(rows, tmp_path / "spark" / "meta_Appliances.parquet", int96=False)
    as_spark(rows, tmp_path / "spark96" / "meta_Appliances.parquet", int96=True)
    as_datasets(lines, tmp_path / "datasets")
    changes = {"tokenizer": str(small_tokenizer.FOLDER), "text.min_chars": 0, "tokens.min": 0, "slots.cap": 60}
    datasets_made = {}
    for way in ways:
        (source,) = (tmp_path / way).glob("meta_Appliances.*")
        curator.build(source, tmp_path / f"run-{way}", settings=changes, workers=1)
        datasets_made[way] = tree(tmp_path / f"run-{way}" / "dataset" / "data")
    assert datasets_made["lines"]
    assert [way for way, made in datasets_made.items() if made != datasets_made["lines"]] == []
