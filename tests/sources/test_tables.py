"""Tables of any column types: as Parquet, as Arrow files and in memory they give the rows that plain strings give."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

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
from curator.recipe.settings import Column
from curator.sources import columns, resolve
from curator.sources.tables import read_table, rows_of

PRICER = load_recipe()
COURSE = load_recipe("course-v1", {"tokenizer": "o200k_base"})
MOMENT = dt.datetime(2024, 2, 29, 12, 30)
PLAIN = {"title": ["Lamp", "Hinge"], "price": ["12.50", "3"], "parent_asin": ["B1", "B2"]}


def read(path: Path, recipe: Any = PRICER) -> pl.DataFrame:
    shards = resolve.cut(resolve.resolve([str(path)], recipe))
    return pl.concat(batch for shard in shards for batch in resolve.read(shard, recipe))


def write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path)


def write_ipc_file(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def write_ipc_stream(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


WRITERS = (write_parquet, write_ipc_file, write_ipc_stream)


def everywhere(table: pa.Table, folder: Path, recipe: Any = PRICER) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in memory and from each kind of file that can hold it."""
    yield rows_of(table, recipe)
    for number, write in enumerate(WRITERS):
        try:
            write(table, folder / f"table-{number}")
        except pa.ArrowNotImplementedError:
            assert write is write_parquet
            continue
        yield read(folder / f"table-{number}", recipe)


def table(**columns: Any) -> pa.Table:
    return pa.table(PLAIN | columns)


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(CuratorError) as caught:
        call()
    said = str(caught.value)
    said.encode()
    assert len(said) < 500
    return said


def values(frame: pl.DataFrame, column: str) -> list[Any]:
    """What a column holds, details as what the JSON stands for and prices as numbers."""
    assert frame["malformed"].null_count() == frame.height
    found = frame[column].to_list()
    if column == "details":
        return [json.loads(one or "null") for one in found]
    return [None if one is None else float(one) for one in found] if column == "price" else found


# -- types


def zoned(zone: str, unit: str = "us") -> pa.Array:
    return pa.array([MOMENT, None], pa.timestamp(unit, zone))


@pytest.mark.parametrize(
    "unread",
    [
        zoned("+05:30"),
        zoned("-04:00", "ns"),
        zoned("America/New_York", "s"),
        pa.array([[MOMENT], None], pa.list_(pa.timestamp("ms", "+01:00"))),
        pa.array([{"a": [MOMENT]}, None], pa.struct({"a": pa.large_list(pa.timestamp("us", "-09:30"))})),
        pa.array([[("a", MOMENT)], None], pa.map_(pa.string(), pa.timestamp("us", "+00:30"))),
        pa.array([Decimal("1.5"), None], pa.decimal256(50, 3)),
        pa.array([np.float16(1), None], pa.float16()),
        pa.array([1, None], pa.duration("ns")),
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
        pa.RunEndEncodedArray.from_arrays([2], ["a"]),
        pa.array(["[1]", None], pa.json_()),
        pa.array([uuid.UUID(int=1).bytes, None], pa.uuid()),
    ],
    ids=lambda array: str(array.type)[:40],
)
def test_a_column_that_is_not_read_may_be_of_any_type(unread: pa.Array, tmp_path: Path) -> None:
    for frame in everywhere(table(unread=unread), tmp_path):
        assert frame["title"].to_list() == PLAIN["title"]
        assert values(frame, "price") == [12.5, 3]


JSON_TEXTS = ['{"Color": "Red", "Sizes": [1, 2]}', None]


@pytest.mark.parametrize(
    ("column", "array", "expected"),
    [
        ("details", pa.array(JSON_TEXTS, pa.json_()), [json.loads(JSON_TEXTS[0] or ""), None]),
        ("price", pa.array(['"$9"', "12"], pa.json_()), None),
        ("details", pa.array([{"a": "1", "b": None, "c": {"d": None}}, None]), [{"a": "1", "c": {}}, None]),
        ("details", pa.array([[("a", "1"), ("b", None)], None], pa.map_(pa.string(), pa.string())), [{"a": "1"}, None]),
        ("details", pa.array([[("a", 1), ("a", 2)], []], pa.map_(pa.string(), pa.int8())), [{"a": 2}, {}]),
        ("details", pa.array([[["a", "1"]], []]), [{"a": "1"}, {}]),
        (
            "details",
            pa.array([[{"key": "a", "value": "1"}], [{"key": "b", "value": None}]]),
            [{"a": "1"}, {"b": None}],
        ),
        ("details", pa.array([{"at": MOMENT, "of": Decimal("1.50"), "x": float("nan")}, {}]), None),
        ("details", pa.array([b'{"a": 1}', b"{'a': 2, \"it's\": None}"]), [{"a": 1}, {"a": 2, "it's": None}]),
        ("details", pa.array(["{\"it's\": 'b'}", "nan"]), [{"it's": "b"}, None]),
        ("details", pa.array([float("nan"), None]), [None, None]),
        ("details", pa.array([{}, None], pa.struct([])), [{}, None]),
        ("title", pa.array([b"caf\xc3\xa9", None]), ["café", None]),
        ("title", pa.array([b"xy", b"zw"], pa.binary(2)), ["xy", "zw"]),
        ("title", pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
        ("title", pa.array([b"a", None], pa.binary_view()), ["a", None]),
        ("title", pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        ("title", pa.array([1, 2]).dictionary_encode(), ["1", "2"]),
        ("title", pa.RunEndEncodedArray.from_arrays([2], ["a"]), ["a", "a"]),
        ("title", pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None])), ["a", None]),
        ("title", pa.array([12.99, 2], pa.float32()), ["12.99", "2"]),
        ("parent_asin", pa.array([123.0, None]), ["123", None]),
        ("parent_asin", pa.array([uuid.UUID(int=255).bytes] * 2, pa.uuid()), [str(uuid.UUID(int=255))] * 2),
        ("features", pa.array([["a", "b"], None], pa.list_(pa.string(), 2)), [["a", "b"], None]),
        ("features", pa.array([["a"], [None]], pa.large_list(pa.string_view())), [["a"], [None]]),
        ("features", pa.array([[b"a"], []], pa.list_(pa.binary())), [["a"], []]),
        ("features", pa.array([[1, 2], [3, None]]), [["1", "2"], ["3", None]]),
        ("features", pa.array(["['a' 'b']", '["c"]']), [["a", "b"], ["c"]]),
        ("features", pa.array([[None], []], pa.list_(pa.null())), [[None], []]),
        ("categories", pa.array([[["a", "b"], ["c"]], [["d"]]]), [["a", "b"], ["d"]]),
        ("price", pa.array([12.99, None], pa.float16()), [12.99, None]),
        ("price", pa.array([12.99, None], pa.float32()), [12.99, None]),
        ("price", pa.array([Decimal("12.50"), None], pa.decimal128(9, 2)), [12.5, None]),
        ("price", pa.array([1, 2], pa.uint64()).dictionary_encode(), [1, 2]),
    ],
    ids=str,
)
def test_a_column_that_is_read_may_be_of_odd_types(
    column: str, array: pa.Array, expected: list[Any] | None, tmp_path: Path
) -> None:
    for frame in everywhere(table(**{column: array}), tmp_path):
        if expected is not None:
            assert values(frame, column) == expected
        elif column == "price":
            assert frame["price"].to_list() == ["$9", "12"]
        else:
            assert values(frame, column) == [{"at": str(MOMENT), "of": "1.50"}, {}]


def test_nan_is_a_missing_value(tmp_path: Path) -> None:
    rows = table(price=pa.array([float("nan"), 2.5]), title=pa.array([float("nan")] * 2), features=pa.nulls(2))
    for frame in everywhere(rows, tmp_path):
        assert frame["title"].to_list() == [None, None]
    mapped = curator.map_rows(rows.set_column(0, "title", pa.array(PLAIN["title"])), settings=SMALL)
    assert mapped.fates["fate"].to_list() == ["no_price", "kept"]


@pytest.mark.parametrize("details", [[None], [{"a": None}], [float("nan")], ["null"], [{}]], ids=str)
def test_details_that_are_missing_leave_no_trace(details: list[Any], tmp_path: Path) -> None:
    """As an object, a string, a column of nulls, or a key that is not there."""
    line = {"title": "Lamp", "price": "1"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(line | {"details": details[0]}) + "\n" + json.dumps(line), "utf-8")
    rows = pa.table({"title": ["Lamp"], "price": ["1"], "details": details})
    prompts = {*curator.map_rows(rows, settings=SMALL).items["prompt"]}
    written = read(tmp_path / "rows.jsonl").select("title", "price", "details")
    prompts.update(curator.map_rows(written, settings=SMALL).items["prompt"])
    assert len(prompts) == 1
    assert "\n\nLamp\n\n" in prompts.pop()


@pytest.mark.parametrize(
    ("column", "array", "said"),
    [
        ("title", pa.array([b"ok", b"caf\xe9"]), "bytes"),
        ("features", pa.array([["a"], [[["b"]]][:0] or None]), None),
        ("details", pa.array([["a", "b"], None]), "a list"),
        ("features", pa.array([None, "['a' 'b' ... 'z']"]), "a string"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_makes_its_row_malformed(
    column: str, array: pa.Array, said: str | None, tmp_path: Path
) -> None:
    for frame in everywhere(table(**{column: array}), tmp_path):
        faults = [one for one in frame["malformed"].to_list() if one is not None]
        assert len(faults) == (said is not None)
        assert all(said in one and repr(column) in one for one in faults if said)
        # Its id is what it can be found by.
        assert frame["parent_asin"].to_list() == ["B1", "B2"]


def test_strings_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    """What Polars would take on trust, and panic at later."""
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"caf\xe9", b"x"], pa.binary()).buffers())
    assert "UTF8" in refusal(lambda: rows_of(table(title=broken), PRICER))
    for write in WRITERS:
        write(table(title=broken), tmp_path / "broken.table")
        assert "broken.table" in refusal(lambda: read(tmp_path / "broken.table"))


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    listed = pa.array([["a"]] * 2, pa.list_(pa.field("elements", pa.string())))
    objects = table(details=pa.array([{"misspelt": 1}] * 2), unwanted=[1, 2], features=listed)
    for write in WRITERS:
        write(objects, tmp_path / "names.table")
        content = (tmp_path / "names.table").read_bytes()
        # Polars does not look at what a list of Parquet calls its elements.
        for name in (b"misspelt", b"unwanted", b"elements")[: 2 if write is write_parquet else 3]:
            (tmp_path / "names.table").write_bytes(content.replace(name, name[:-1] + b"\xff"))
            assert "names.table" in refusal(lambda: read(tmp_path / "names.table"))


def test_an_arrow_file_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curator.sources.arrow.BOMB_BYTES", 2**20)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    bomb = table(title=["x" * 2**20] * 2)
    with (
        pa.OSFile(str(tmp_path / "bomb"), "wb") as sink,
        pa.ipc.new_stream(sink, bomb.schema, options=options) as writer,
    ):
        writer.write_table(bomb, max_chunksize=1)
    assert "swells" in refusal(lambda: read(tmp_path / "bomb"))


def test_two_columns_of_a_name_matter_where_they_are_read(tmp_path: Path) -> None:
    twice = table().append_column("title", pa.array(["x", "y"]))
    assert "two columns are called 'title'" in refusal(lambda: rows_of(twice, PRICER))
    unread = table(x=[1, 2]).append_column("x", pa.array([3, 4]))
    for frame in everywhere(unread, tmp_path):
        assert frame["title"].to_list() == PLAIN["title"]
    for write in WRITERS:
        write(twice, tmp_path / "twice.table")
        assert "twice.table: two columns are called 'title'" in refusal(lambda: read(tmp_path / "twice.table"))


def test_row_groups_and_batches_without_rows_are_none(tmp_path: Path) -> None:
    empty = table().slice(0, 0)
    with pq.ParquetWriter(tmp_path / "some", empty.schema) as writer:
        for part in (empty, table(), empty, table(), empty):
            writer.write_table(part)
    with pa.OSFile(str(tmp_path / "ipc"), "wb") as sink, pa.ipc.new_stream(sink, empty.schema) as stream:
        for part in (empty, table(), empty, table()):
            for batch in part.to_batches() or [pa.RecordBatch.from_pylist([], empty.schema)]:
                stream.write_batch(batch)
    assert read(tmp_path / "some")["title"].to_list() == PLAIN["title"] * 2
    assert read(tmp_path / "ipc")["title"].to_list() == PLAIN["title"] * 2
    for write in WRITERS:
        write(empty, tmp_path / "none")
        assert "no row" in refusal(lambda: read(tmp_path / "none"))
    assert "no rows" in refusal(lambda: rows_of(empty, PRICER))


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.97])
def test_an_arrow_file_that_is_cut_short_is_refused(cut: float, tmp_path: Path) -> None:
    for write in WRITERS[1:]:
        write(table(title=["x" * 5_000] * 2), tmp_path / "rows.arrow")
        content = (tmp_path / "rows.arrow").read_bytes()
        (tmp_path / "cut.arrow").write_bytes(content[: int(len(content) * cut)])
        assert "cut.arrow" in refusal(lambda: read(tmp_path / "cut.arrow"))


def test_json_as_datasets_writes_it(tmp_path: Path) -> None:
    import datasets

    lines: list[dict[str, Any]] = [
        {"title": "a", "price": 1, "details": {"x": 1, "y": None}, "parent_asin": "B1"},
        {"title": "b", "price": "2.50", "details": {"z": ["q"]}, "parent_asin": "B2"},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    loaded = datasets.Dataset.from_json(str(tmp_path / "rows.jsonl"), cache_dir=str(tmp_path / "cache"))
    loaded.to_parquet(tmp_path / "rows.parquet")
    assert "arrow.json" in str(pq.read_schema(tmp_path / "rows.parquet"))
    for frame in (read(tmp_path / "rows.parquet"), rows_of(loaded, PRICER)):
        assert frame["price"].to_list() == ["1", "2.50"]
        assert [*map(json.loads, frame["details"])] == [line["details"] for line in lines]
    assert rows_of(loaded.select([1]), PRICER)["title"].to_list() == ["b"]


# -- any types at all

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
LISTS = st.none() | st.lists(st.none() | WORDS, max_size=3)
KEYS = st.sampled_from(("Color", "größe", "it's", 'a "b"', "c\\d", "_", "key"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.none() | WORDS,
            "features": LISTS,
            "details": st.none() | st.dictionaries(KEYS, WORDS, max_size=3),
            "price": st.none() | st.integers(0, 99_999).map(lambda cents: f"{cents / 100:.2f}"),
            "parent_asin": st.none() | WORDS,
        }
    ),
    min_size=1,
    max_size=5,
)


def dictionary(array: pa.Array) -> pa.Array:
    return array.dictionary_encode()


def as_type(type_: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda array: array.cast(type_)


TEXT_TYPES = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary())
TEXTS = st.sampled_from([*map(as_type, TEXT_TYPES), dictionary])


@st.composite
def lists(draw: st.DrawFn) -> Callable[[pa.Array], pa.Array]:
    inner = draw(st.sampled_from((*TEXT_TYPES, pa.dictionary(pa.int32(), pa.string()))))
    kind = draw(st.sampled_from((pa.list_, pa.large_list, "fixed")))

    def make(array: pa.Array) -> pa.Array:
        found = array.to_pylist()
        sizes = {len(one) for one in found if one is not None}
        if kind == "fixed" and len(sizes) == 1 and inner in (pa.string(), pa.binary()):
            return pa.array(found, pa.list_(inner, sizes.pop()))
        return pa.array(found, (pa.list_ if kind == "fixed" else kind)(inner))

    return make


def as_struct(array: pa.Array) -> pa.Array:
    found = [None if one is None else json.loads(one) for one in array.to_pylist()]
    names = {key: pa.string() for one in found for key in one or ()}
    return pa.array(found, pa.struct(names or {"unused": pa.null()}))


def as_map(array: pa.Array) -> pa.Array:
    found = [None if one is None else [*json.loads(one).items()] for one in array.to_pylist()]
    return pa.array(found, pa.map_(pa.string(), pa.large_string()))


def as_pairs(array: pa.Array) -> pa.Array:
    found = [None if one is None else [[*pair] for pair in json.loads(one).items()] for one in array.to_pylist()]
    return pa.array(found, pa.list_(pa.list_(pa.string(), 2)))


def as_json(array: pa.Array) -> pa.Array:
    return pa.array(array.to_pylist(), pa.json_())


DETAILS = st.one_of(TEXTS, st.sampled_from((as_struct, as_map, as_pairs, as_json)))
PRICES = st.one_of(
    TEXTS, st.sampled_from([as_type(pa.decimal128(12, 2)), as_type(pa.float64()), as_type(pa.decimal256(50, 4))])
)

LEAVES: dict[pa.DataType, Any] = {
    pa.int8(): 1,
    pa.bool_(): True,
    pa.null(): None,
    pa.float16(): np.float16(1),
    pa.float32(): 1.5,
    pa.date64(): 86_400_000,
    pa.time64("ns"): 1,
    pa.duration("s"): 1,
    pa.timestamp("ns"): 1,
    pa.timestamp("us", "+05:30"): 1,
    pa.timestamp("s", "Asia/Tokyo"): 1,
    pa.timestamp("ms", "UTC"): 1,
    pa.decimal128(5, 2): Decimal("1.5"),
    pa.decimal256(60, 1): Decimal("1.5"),
    pa.binary(3): b"abc",
    pa.binary_view(): b"\xff",
    pa.string(): "é",
    pa.month_day_nano_interval(): (1, 2, 3),
}
TYPES = st.recursive(
    st.sampled_from([*LEAVES.items()]),
    lambda inner: st.one_of(
        inner.map(lambda one: (pa.list_(one[0]), [one[1], None])),
        inner.map(lambda one: (pa.large_list(one[0]), [one[1]])),
        inner.map(lambda one: (pa.list_(one[0], 2), [one[1], one[1]])),
        inner.map(lambda one: (pa.struct({"a": one[0]}), {"a": one[1]})),
        inner.map(lambda one: (pa.map_(pa.string(), one[0]), [("k", one[1])])),
    ),
    max_leaves=3,
)


@settings(max_examples=40)
@given(
    rows=ROWS,
    texts=st.tuples(TEXTS, TEXTS),
    features=lists(),
    details=DETAILS,
    prices=PRICES,
    unread=st.lists(TYPES, max_size=3),
)
def test_any_types_give_the_rows_of_plain_strings(
    rows: list[dict[str, Any]],
    texts: tuple[Any, Any],
    features: Any,
    details: Any,
    prices: Any,
    unread: list[tuple[pa.DataType, Any]],
    tmp_path: Path,
) -> None:
    plain = {name: [row[name] for row in rows] for name in ("title", "price", "parent_asin")}
    arrays = {name: pa.array(found, pa.string()) for name, found in plain.items()}
    arrays["features"] = pa.array([row["features"] for row in rows], pa.list_(pa.string()))
    written = [None if row["details"] is None else json.dumps(row["details"]) for row in rows]
    arrays["details"] = pa.array(written, pa.string())
    expected = rows_of(pa.table(arrays), PRICER)
    changes = {"title": texts[0], "parent_asin": texts[1], "features": features, "details": details, "price": prices}
    odd = {name: change(arrays[name]) for name, change in changes.items()}
    others = {
        f"unread{number}": pa.array([None if row % 2 else value for row in range(len(rows))], type_)
        for number, (type_, value) in enumerate(unread)
    }
    for frame in everywhere(pa.table(odd | others), tmp_path):
        for name in ("title", "parent_asin", "features"):
            assert frame[name].to_list() == expected[name].to_list()
        for name in ("details", "price"):
            assert values(frame, name) == values(expected, name)


# -- tables in memory

SMALL = {
    "tokenizer": str(small_tokenizer.FOLDER),
    "text.min_chars": 0,
    "tokens.min": 0,
}


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        ("title", pd.Categorical(["a", None]), ["a", None]),
        ("title", ["a", 1.0], ["a", "1"]),
        ("title", [pd.NA, "x"], [None, "x"]),
        ("title", [b"a", "b"], ["a", "b"]),
        ("parent_asin", pd.array([12, pd.NA], "Int64"), ["12", None]),
        ("parent_asin", ["x", 7], ["x", "7"]),
        ("price", [Decimal("1.5"), "2.5"], [1.5, 2.5]),
        ("price", pd.array([1, pd.NA], "Int64"), [1, None]),
        ("details", [{"a": 1}, '{"b": 2}'], [{"a": 1}, {"b": 2}]),
        ("details", [{"a": 1}, {"a": "x", "b": [1, "2"]}], [{"a": 1}, {"a": "x", "b": [1, "2"]}]),
        ("details", [{1: "x"}, {"a": np.array([1, 2]), "b": float("nan")}], [{"1": "x"}, {"a": [1, 2]}]),
        ("features", [["a", 1], ["b", None]], [["a", "1"], ["b", None]]),
        ("features", ["c", np.array(["d", "it's"])], [["c"], ["d", "it's"]]),
        ("features", ["c", np.array(["x"] * 1_500)], [["c"], ["x"] * 1_500]),
        ("x", [Path("mixed"), object], None),
        ("x", [1, "mixed"], None),
        ("x", pd.arrays.SparseArray([1.0, 2.0]), None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_pandas_mixes_is_read(column: str, cells: Any, expected: list[Any] | None) -> None:
    frame = rows_of(pd.DataFrame(PLAIN | {column: cells}), PRICER)
    assert values(frame, "title" if expected is None else column) == (expected or PLAIN["title"])


def test_pandas_tables_of_other_shapes_are_read_or_refused() -> None:
    frame = pd.DataFrame(PLAIN)
    assert rows_of(frame.set_index("parent_asin"), PRICER)["parent_asin"].to_list() == ["B1", "B2"]
    assert rows_of(frame.iloc[[1, 0]], PRICER)["title"].to_list() == ["Hinge", "Lamp"]
    assert rows_of(frame.assign(**{"0": 1}).rename(columns={"0": 0}), PRICER).height == 2
    assert "'title'" in refusal(lambda: rows_of(pd.concat([frame, frame[["title"]]], axis=1), PRICER))
    assert "column 'price'" in refusal(lambda: rows_of(frame.assign(price=[1j, 2]), PRICER))
    assert "column 'title'" in refusal(
        lambda: rows_of(frame.assign(title=pd.Series(["\ud800", "x"], dtype=object)), PRICER)
    )
    assert "no column" in refusal(lambda: rows_of(frame.T, PRICER))


@pytest.mark.parametrize(
    ("column", "series", "expected"),
    [
        ("title", pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), ["a", "b"]),
        ("title", pl.Series([12, 13], dtype=pl.Int128), ["12", "13"]),
        ("price", pl.Series([12, None], dtype=pl.Int128), [12, None]),
        ("price", pl.Series(["1.50", "2"]).cast(pl.Decimal(10, 2)), [1.5, 2]),
        ("features", pl.Series([["x"], ["y"]], dtype=pl.Array(pl.String, 1)), [["x"], ["y"]]),
        ("features", pl.Series([["x"], None], dtype=pl.List(pl.Categorical)), [["x"], None]),
        (
            "categories",
            pl.Series([[["x", "y"]], [["z", "w"]]], dtype=pl.Array(pl.String, (1, 2))),
            [["x", "y"], ["z", "w"]],
        ),
        ("details", pl.Series([{"a": 1, "b": None}, {"a": None, "b": "x"}]), [{"a": 1}, {"b": "x"}]),
        ("x", pl.Series([1, 2], dtype=pl.Int128), None),
        ("x", pl.Series([{1}, {2}], dtype=pl.Object), None),
        ("x", pl.Series([dt.timedelta(1), None]), None),
    ],
    ids=lambda value: str(value)[:24].replace("\n", " "),
)
def test_types_of_polars_are_read(column: str, series: pl.Series, expected: list[Any] | None) -> None:
    frame = pl.DataFrame(PLAIN).with_columns(series.alias(column))
    for one in (frame, frame.lazy()):
        read_rows = rows_of(one, PRICER)
        assert values(read_rows, "title" if expected is None else column) == (expected or PLAIN["title"])


def test_a_lazy_frame_that_fails_is_refused() -> None:
    lazy = pl.DataFrame(PLAIN).lazy()
    assert "nope" in refusal(lambda: rows_of(lazy.select("nope"), PRICER))
    assert "can't be read" in refusal(lambda: rows_of(lazy.with_columns(pl.col("title").cast(pl.Int64)), PRICER))


def test_chunks_with_dictionaries_of_their_own_are_one_table() -> None:
    parts = [table(title=pa.array(two).dictionary_encode()) for two in (["a", "b"], ["c", "b"])]
    assert rows_of(pa.concat_tables(parts).slice(1, 3), PRICER)["title"].to_list() == ["b", "c", "b"]


@pytest.mark.parametrize(
    "odd",
    [
        {"details": pa.array([{"Color": "Red", "Size": None}, {"Color": None, "Size": "L"}])},
        {"title": pa.RunEndEncodedArray.from_arrays([2], ["Lamp"])},
        {"details": pa.array([{}, None], pa.struct([]))},
        {"title": pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["Lamp", None]))},
        {"features": pa.array([["a"], []], pa.list_view(pa.string())), "price": pa.array([1, 2], pa.float16())},
    ],
    ids=lambda odd: "-".join(odd),
)
def test_a_table_in_memory_is_kept_as_what_it_is(odd: dict[str, pa.Array], tmp_path: Path) -> None:
    rows = table(**odd)
    (tmp_path / "kept.parquet").write_bytes(read_table(rows, PRICER).parquet)
    here = curator.map_rows(rows, settings=SMALL)
    kept = curator.map_rows(pq.read_table(io.BytesIO((tmp_path / "kept.parquet").read_bytes())), settings=SMALL)
    assert here.items.equals(kept.items)
    assert here.items.height
    again = read(tmp_path / "kept.parquet")
    before = rows_of(rows, PRICER)
    for name in ("title", "details", "price"):
        assert values(again, name) == values(before, name)


# -- which columns


THEIRS = {
    "Product Name": ["Lamp of brass", "Hinge"],
    "größe": ["L", None],
    "a=b": ["x", "y"],
    "made": pa.array([2020, None]),
    "Sale-Price ($)": ["9.99", "bad"],
}
MAPPING = {
    "title": "Product Name",
    "price": "Sale-Price ($)",
    "details": ["größe", "made"],
    "features": ["größe", "a=b"],
}


def test_columns_come_from_a_recipe_from_map_and_from_python_alike(invoke: Any, tmp_path: Path) -> None:
    pq.write_table(pa.table(THEIRS), tmp_path / "rows.parquet")
    from_python = curator.map_rows(pa.table(THEIRS), settings=SMALL, columns=MAPPING)
    item = from_python.items.row(0, named=True)
    assert item["title"] == "Lamp of brass"
    assert item["price"] == 9.99
    assert from_python.fates["fate"].to_list() == ["kept", "no_price"]
    recipe = load_recipe("pricer", {"source.columns": MAPPING})
    frame = read(tmp_path / "rows.parquet", recipe)
    assert values(frame, "details") == [{"größe": "L", "made": 2020}, {}]
    assert frame["features"].to_list() == [["L", "x"], ["y"]]
    # Without an id a row is named by its place.
    assert frame["parent_asin"].to_list() == ["rows.parquet:0", "rows.parquet:1"]
    settings_ = [text for key, value in SMALL.items() for text in ("--set", f"{key}={value}")]
    mapping = [
        (ours, one) for ours, theirs in MAPPING.items() for one in ([theirs] if isinstance(theirs, str) else theirs)
    ]
    options = [text for ours, theirs in mapping for text in ("--map", f"{ours}={theirs}")]
    done = invoke("build", tmp_path / "rows.parquet", *settings_, *options, "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert "Lamp of brass" in done.stdout


def test_the_advice_of_a_missing_column_works(tmp_path: Path, invoke: Any) -> None:
    theirs = {"Product Title": ["Lamp", "Hinge"], "List Price": ["1", "2"], "SKU": ["a", "b"], "specs": ["{}", "{}"]}
    for name, rows in (("rows.parquet", theirs), ("cost.parquet", {"title": ["x"], "unit_price": [2.5]})):
        pq.write_table(pa.table(rows), tmp_path / name)
        said = refusal(lambda name=name: read(tmp_path / name))  # type: ignore[misc]
        advice = shlex.split(said.split(" Try ")[1])
        assert advice[::2] == ["--map"] * (len(advice) // 2)
        mapping = dict(one.split("=", 1) for one in advice[1::2])
        frame = read(tmp_path / name, load_recipe("pricer", {"source.columns": mapping}))
        assert frame["title"].null_count() == frame["price"].null_count() == 0
    assert "no column 'price'" in said


def test_a_named_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    recipe = load_recipe("pricer", {"source.columns": {"title": "Titel", "price": "price"}})
    said = refusal(lambda: rows_of(table(), recipe))
    assert "'Titel'" in said
    assert "Did you mean 'title'?" in said


def test_editions_are_told_by_their_columns(tmp_path: Path) -> None:
    of_2018 = {
        "asin": ["A1"],
        "title": ["Lamp"],
        "feature": [["bright"]],
        "main_cat": ["Tools"],
        "category": [["Tools", "Lamps"]],
        "brand": ["Anvil"],
        "price": ["$1.50"],
        "description": [["of brass"]],
    }
    of_2014 = {
        "asin": ["A1"],
        "title": ["Lamp"],
        "description": ["of brass"],
        "salesRank": [{"Tools": 1}],
        "imUrl": ["x"],
        "categories": [[["Tools", "Lamps"], ["Home"]]],
        "price": [1.5],
        "brand": ["Anvil"],
    }
    for edition in (of_2018, of_2014):
        for frame in everywhere(pa.table(edition), tmp_path):
            assert frame["parent_asin"].to_list() == ["A1"]
            assert frame["categories"].to_list() == [["Tools", "Lamps"]]
            assert frame["description"].to_list() == [["of brass"]]
    assert frame["category"].to_list() == [None]
    assert rows_of(pa.table(of_2018), PRICER)["category"].to_list() == ["Tools"]


def test_why_finds_a_malformed_row_by_its_place(invoke: Any, tmp_path: Path) -> None:
    rows = [
        f'{{"title": "Lamp {number}", "price": {number}.5, "details": {{"No": "{number}"}}}}' for number in range(1, 9)
    ]
    rows.insert(3, '{"title": ["x"], "price": 1}')
    (tmp_path / "lamps.jsonl").write_text("\n".join(rows), "utf-8")
    changes = [text for key, value in SMALL.items() for text in ("--set", f"{key}={value}")]
    built = invoke("build", tmp_path / "lamps.jsonl", *changes, "--out", tmp_path / "run", "--json", "--workers", 1)
    assert built.exit_code == 0, built.stderr
    assert json.loads(built.stdout)["fates"]["malformed_row"] == 1
    assert "lamps.jsonl" in built.stderr
    assert "expected a string" in built.stderr
    shown = invoke("why", tmp_path / "run", "lamps.jsonl:3")
    assert shown.exit_code == 0, shown.stderr
    assert "'title' holds a list, expected a string" in shown.stdout
    assert "Lamp 1" in invoke("why", tmp_path / "run", "lamps.jsonl:0").stdout


# -- messages


@pytest.mark.parametrize(
    "rows",
    [
        {"title": [{f"key {number}": 1 for number in range(2_000)}], "price": [1]},
        {"title": ["x"], "price": [{f"key {number}": [{"x": {"y": 1}}] for number in range(2_000)}]},
        {f"{'x' * 10_000}{number}": [1] for number in range(3)},
        {f"{'x' * 100}{number}": [1] for number in range(1_000)},
        {f"title{number}": [1] for number in range(1_000)},
        {f"price {'x' * 30} {number}": [1] for number in range(1_000)},
        {"product_specifications": [1], "product_category_tree": [1], "about_product": [1], "salary_in_usd": [1]}
        | {"product_description": [1], "manufacturer": [1], "department": [1], "uniq_id": [1], "job_title": [1]}
        | {"x" * 5_000: [1], "y\n\x1b[31m": [1]},
    ],
    ids=lambda rows: f"{len(rows)} {next(iter(rows))[:12]}",
)
def test_messages_stay_short(rows: dict[str, Any], tmp_path: Path) -> None:
    pq.write_table(pa.table(rows), tmp_path / "t")
    for call in (
        lambda: rows_of(pa.table(rows), PRICER),
        lambda: read(tmp_path / "t"),
        lambda: read(tmp_path / "t", COURSE),
    ):
        assert not re.search(r"[\x00-\x1f]", refusal(call))
    recipe = load_recipe("pricer", {"source.columns": {"title": "z" * 10_000}})
    refusal(lambda: rows_of(pa.table(rows), recipe))


def test_a_recipe_can_name_every_column_that_is_read() -> None:
    assert get_args(Column) == tuple(columns.TYPES)
