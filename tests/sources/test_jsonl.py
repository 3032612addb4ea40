"""JSONL sources: the Hub's form and the raw form, plain and compressed, sound and broken."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.errors import SourceError
from curator.items.mapper import Mapper
from curator.recipe.load import Recipe, load_recipe
from curator.sources import resolve, text_files
from curator.sources import rows as row_files
from curator.sources.records import MAX_DEPTH, Lines

COURSE = load_recipe("course-v1", {"tokenizer": "o200k_base"})
PRICER = load_recipe()
# One frame with a checksum, as the command `zstd` writes {"a": 1} and a newline.
ZSTD_FRAME = bytes.fromhex("28b52ffd0458490000") + b'{"a": 1}\n' + bytes.fromhex("3387dfc3")


def lines(rows: Iterable[Any], **options: Any) -> bytes:
    return b"".join(json.dumps(row, **options).encode() + b"\n" for row in rows)


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


PACK: dict[str, Callable[[bytes], bytes]] = {".jsonl": bytes, ".jsonl.gz": gzip.compress, ".jsonl.zst": zstd}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read_all(found: Sequence[resolve.Found], recipe: Recipe = COURSE, shard_rows: int = 16_384) -> pl.DataFrame:
    return pl.concat(batch for shard in resolve.cut(found, shard_rows) for batch in resolve.read(shard, recipe))


def read(path: Path, recipe: Recipe = COURSE) -> pl.DataFrame:
    return read_all(resolve.resolve([str(path)], recipe), recipe)


def mapped(path: Path, recipe: Recipe, tokenizer: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items and fates of all rows of a file."""
    mapper = Mapper.__new__(Mapper)
    mapper.recipe, mapper.tokenizer = recipe, tokenizer
    parts = [
        mapper(batch)
        for shard in resolve.cut(resolve.resolve([str(path)], recipe))
        for batch in resolve.read(shard, recipe)
    ]
    return pl.concat(items for items, _ in parts), pl.concat(fates for _, fates in parts)


def to_raw(row: dict[str, Any]) -> dict[str, Any]:
    """The raw form of a row of the Hub's Parquet."""
    price = row["price"]
    try:
        price = float(price) if repr(float(price)) == price else price
    except ValueError:
        price = None if price == "None" else price
    return row | {"details": json.loads(row["details"]), "price": price}


def refusal(path: Path, recipe: Recipe = COURSE) -> str:
    """The one error that a source gets; it names the file."""
    with pytest.raises(SourceError) as caught:
        resolve.resolve([str(path)], recipe)
    assert str(path) in str(caught.value)
    return str(caught.value)


# -- the same as Parquet


def test_real_rows_give_what_parquet_gives(shared_data: Path, tmp_path: Path, llama: Any) -> None:
    every = int(os.environ.get("CURATOR_TEST_EVERY", "6"))
    table = pl.read_parquet(shared_data / "amazon-2023-meta-dev.parquet").gather_every(every)
    table.write_parquet(tmp_path / "rows.parquet")
    expected = mapped(tmp_path / "rows.parquet", COURSE, llama)
    data = lines(map(to_raw, table.iter_rows(named=True)))
    items, fates = mapped(write(tmp_path / "rows.jsonl", data), COURSE, llama)
    assert items.equals(expected[0])
    assert fates.equals(expected[1])
    assert items.height > 0.3 * table.height
    plain = read(tmp_path / "rows.jsonl", PRICER)
    for ending in (".jsonl.gz", ".jsonl.zst"):
        assert read(write(tmp_path / f"packed{ending}", PACK[ending](data)), PRICER).equals(plain)


HARD_DETAILS = (
    {"a\\b": 'say "hi"', '"': "\\", "\\u0041": "\\n\n\t\x00\x1f\x7f"},
    {"big": 12345678901234567890123456789, "deep": {"list": [1, 1.0, -0.0, 1e400, -1e400, None, True, {}, []]}},
    {"Größe": "é\u00a0😀\u2028【】", "": "empty", "z": 1, "a": 2, "surrogate": "\ud83d\ude00"},
    {"lone": "\ud800", "Batteries Included?": "No"},
    {},
)


def test_hard_details_give_what_parquet_gives(raw_row: Any, write_rows: Any, tmp_path: Path, bundled: Any) -> None:
    texts = [None, "", "x" * 9, "é " * 400]
    rows = [
        raw_row(number, details=json.dumps(details), title="naïve 😀 “title”", description=texts)
        for number, details in enumerate(HARD_DETAILS)
    ]
    expected = mapped(write_rows(tmp_path / "rows.parquet", rows), COURSE, bundled)
    assert expected[0].height == len(HARD_DETAILS)
    raw = [to_raw(row) for row in rows]
    # Raw objects as others write them too: non-ASCII as it is, where that is possible, and without spaces.
    others = [json.dumps(row, ensure_ascii=number == 3, separators=(",", ":")) for number, row in enumerate(raw)]
    for data in (lines(rows), lines(raw), "\r\n".join(others).encode(), lines([rows[0], *raw[1:3], *rows[3:]])):
        items, fates = mapped(write(tmp_path / "rows.jsonl", data), COURSE, bundled)
        assert items.equals(expected[0])
        assert fates.equals(expected[1])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(details=st.dictionaries(st.text(), VALUES, max_size=4))
def test_details_are_what_json_dumps_writes(details: dict[str, Any]) -> None:
    line = json.dumps({"details": details}, ensure_ascii=False).encode()
    parse = row_files.RowParser(Lines(Path("rows")), {}, COURSE)
    malformed, values = parse(line)
    assert malformed is None
    # NaN is no JSON, and a missing value.
    assert "NaN" in json.dumps(details) or values[parse.names.index("details")] == json.dumps(details)


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        ({"price": 12}, "price", "12"),
        ({"price": 12.50}, "price", "12.5"),
        ({"price": 1e400}, "price", "inf"),
        ({"price": "from 9.99"}, "price", "from 9.99"),
        ({"price": None}, "price", None),
        ({"details": None}, "details", None),
        ({"details": "null"}, "details", None),
        ({"title": "x"}, "details", None),
        ({"details": {}}, "details", "{}"),
        ({"details": "not {JSON"}, "details", "not {JSON"),
        ({"title": None}, "title", None),
        ({"title": ""}, "title", ""),
        ({"features": None}, "features", None),
        ({"features": []}, "features", []),
        ({"features": [None, "a", ""]}, "features", [None, "a", ""]),
        ({"title": "x"}, "main_category", None),
        ({"title": "\ud83d\ude00"}, "title", "😀"),
        ({"price": 1, "images": [1], "average_rating": "odd", "subtitle": "\ud800"}, "price", "1"),
    ],
)
def test_values(row: dict[str, Any], column: str, expected: Any, raw_row: Any, tmp_path: Path) -> None:
    frame = read(write(tmp_path / "rows.jsonl", lines([raw_row(), row])), PRICER)
    types = {"row": pl.Int64, "malformed": pl.String, "category": pl.String}
    assert dict(frame.schema) == types | {
        name: pl.List(pl.String) if name in ("description", "features", "categories") else pl.String
        for name in frame.columns
        if name not in types
    }
    assert frame["malformed"].null_count() == frame.height
    if column == "main_category":
        column = "category"
    assert frame[column].to_list()[1] == expected


# -- bad rows


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"null",
        b'"text"',
        b"12",
        b"{",
        b"{}",
        b"}{",
        b"\x00",
        b'{"asin": "B1", "rank": 3}',
        b"\xff\xfe{",
        b'{"title": "\xff"}',
        b'{"title": "\xed\xa0\x80"}',
        b'{"title": "\\ud800"}',
        b'{"title": "\\uDFFF x"}',
        b'{"features": ["a", "\\ud83d"]}',
        b'{"title": true}',
        b'{"title": ["a"]}',
        b'{"description": {"a": "b"}}',
        b'{"features": [{"a": 1}]}',
        b'{"features": [true]}',
        b'{"price": true}',
        b'{"price": [1]}',
        b'{"price": {}}',
        b'{"details": [1, 2]}',
        b'{"details": 3}',
        b'{"price": ' + b"9" * 5000 + b"}",
        b'{"details": ' + b"[" * 100_000,
        b'{"details": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}",
        b'{"images": ' + b'{"a":' * 199 + b"[]" + b"}" * 199 + b', "title": "a"}',
    ],
    ids=lambda line: ascii(line[:30]),
)
def test_a_malformed_row_is_counted_and_the_rest_is_read(line: bytes, raw_row: Any, tmp_path: Path) -> None:
    frame = read(write(tmp_path / "rows.jsonl", lines([raw_row(1)]) + line + b"\n" + lines([raw_row(2)])))
    assert frame["malformed"].is_not_null().to_list() == [False, True, False]
    assert frame["row"].to_list() == [0, 1, 2]
    assert set(frame.drop("row", "malformed").row(1)) == {None}
    assert frame["parent_asin"].to_list() == ["B000000001", None, "B000000002"]


@pytest.mark.parametrize(
    ("row", "asin"),
    [
        ({"parent_asin": "B1", "title": ["x"]}, "B1"),
        ({"parent_asin": "B\ud800", "title": ["x"]}, None),
        ({"parent_asin": ["B1"], "title": "x"}, None),
    ],
)
def test_a_malformed_row_keeps_a_readable_identity(row: Any, asin: str | None, raw_row: Any, tmp_path: Path) -> None:
    frame = read(write(tmp_path / "rows.jsonl", lines([raw_row(), row])))
    assert frame["malformed"].is_not_null().to_list() == [False, True]
    assert frame["parent_asin"][1] == asin


def test_nesting_up_to_the_limit_is_read(raw_row: Any, tmp_path: Path) -> None:
    inner: Any = 1
    for _ in range(MAX_DEPTH - 1):
        inner = {"a": inner}
    row = raw_row() | {"details": inner}
    frame = read(write(tmp_path / "rows.jsonl", lines([row, row | {"details": {"a": inner}}])))
    assert frame["malformed"].is_not_null().to_list() == [False, True]
    assert frame["details"][0] == json.dumps(inner)


def test_blank_lines_are_no_rows(raw_row: Any, tmp_path: Path) -> None:
    one, two = lines([raw_row(1)]), lines([raw_row(2)])
    data = b"\xef\xbb\xbf\n \t\r\n" + one + b"\n\x0b\n" + two.rstrip(b"\n") + b"\r\n\n  "
    for ending, pack in PACK.items():
        frame = read(write(tmp_path / f"rows{ending}", pack(data)))
        assert frame["row"].to_list() == [0, 1]
        assert frame["parent_asin"].to_list() == ["B000000001", "B000000002"]
    bom = read(write(tmp_path / "bom.jsonl", b"\xef\xbb\xbf" + one))
    assert bom["malformed"].is_not_null().to_list() == [False]


def test_a_long_line_is_read(raw_row: Any, tmp_path: Path) -> None:
    data = lines([raw_row(1), raw_row(2, description=["x" * 10_000_000]), raw_row(3)])
    frame = read(write(tmp_path / "rows.jsonl.gz", gzip.compress(data, 1)))
    assert frame["malformed"].null_count() == frame.height
    assert frame["description"].list.join("").str.len_bytes()[1] == 10_000_000


def test_an_endless_line_is_skipped(raw_row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = len(lines([raw_row(2)])) - 1
    monkeypatch.setattr(text_files, "LINE_LIMIT", limit)
    long = raw_row(3)
    long["title"] += "x"
    rows = [raw_row(2), long, raw_row(2), raw_row(2) | {"title": "x" * 3_000_000}]
    for data in (lines(rows), lines(rows)[:-1]):
        frame = read(write(tmp_path / "rows.jsonl", data))
        assert frame["malformed"].is_not_null().to_list() == [False, True, False, True]


# -- files that are refused


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst"])
def test_a_truncated_file_is_refused(ending: str, raw_row: Any, tmp_path: Path) -> None:
    # Random texts that don't compress away: what was cut off is more than a buffer.
    rows = [raw_row(number, title=os.urandom(3000).hex()) for number in range(1000)]
    packed = PACK[ending](lines(rows))
    said = refusal(write(tmp_path / f"rows{ending}", packed[: len(packed) // 2]))
    assert "cut short" in said
    assert 100 < int(said.split("beyond row ")[1].split(":")[0].replace(",", "")) < 600
    assert "cut short" in refusal(write(tmp_path / f"rows{ending}", packed[:7]))


def test_a_damaged_file_is_refused(raw_row: Any, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(lines([raw_row()])))
    packed[-8] ^= 1
    assert "damaged (CRC check failed" in refusal(write(tmp_path / "rows.jsonl.gz", bytes(packed)))
    assert "damaged" in refusal(write(tmp_path / "rows.jsonl.gz", gzip.compress(lines([raw_row()])) + b"rubbish"))
    assert "damaged" in refusal(write(tmp_path / "rows.jsonl.zst", zstd(lines([raw_row()])) + b"rubbish"))
    assert "no column" in refusal(write(tmp_path / "rows.jsonl.zst", ZSTD_FRAME))
    assert "checksum" in refusal(write(tmp_path / "rows.jsonl.zst", ZSTD_FRAME.replace(b"1", b"2")))


def test_all_members_and_frames_are_read(raw_row: Any, tmp_path: Path) -> None:
    rows = [lines([raw_row(number)]) for number in range(3)]
    skippable = bytes.fromhex("512a4d18") + (4).to_bytes(4, "little") + b"meta"
    halves = rows[1][:100], rows[1][100:]
    parts = [rows[0], b"", *halves, rows[2]]
    packed = {
        "rows.jsonl.gz": b"".join(map(gzip.compress, parts)) + b"\0" * 100,
        "rows.jsonl.zst": skippable + b"".join(map(zstd, parts)) + skippable,
    }
    for name, data in packed.items():
        assert read(write(tmp_path / name, data))["parent_asin"].to_list() == ["B000000000", "B000000001", "B000000002"]
        source = resolve.resolve([str(tmp_path / name)], COURSE)[0].source
        assert (source.sha256, source.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_a_bomb_is_refused_in_bounded_memory(tmp_path: Path, raw_row: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "BOMB_BYTES", 64 * 2**20)
    first = lines([raw_row()])
    blank = gzip.compress(b" " * (2**20 - 1) + b"\n") * 128
    tracemalloc.start()
    said = refusal(write(tmp_path / "blank.jsonl.gz", gzip.compress(first) + blank))
    assert "swells to more than 200 times" in said
    said = refusal(write(tmp_path / "endless.jsonl.zst", zstd(first) + zstd(b"x" * 2**20) * 128))
    assert "swells to more than 200 times" in said
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * text_files.LINE_LIMIT


@pytest.mark.parametrize("data", [b"", b"\n \n"])
@pytest.mark.parametrize("ending", PACK)
def test_an_empty_file_is_refused(data: bytes, ending: str, tmp_path: Path) -> None:
    assert "is empty" in refusal(write(tmp_path / f"rows{ending}", PACK[ending](data)))
    assert "empty" in refusal(write(tmp_path / "rows", b""))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!DOCTYPE html>\n<html>Not found</html>\n", "looks like an HTML page"),
        (b"<rows/>\n", "looks like XML"),
        (b'["x", "y"]', "looks like JSON of another form"),
        (b"\x00\x01\x02", "binary data (its first bytes are 00 01 02)"),
        (b"hello \x1b[31m world", "binary data"),
        ("größe".encode(), r"text that begins 'gr\xf6\xdfe'"),
        ('{"title": "x"}\n'.encode("utf-16"), "UTF-16"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    ],
)
def test_other_content_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    for name, content in (("rows.jsonl", data), ("rows.jsonl.gz", data), ("rows.jsonl.zst", zstd(data))):
        found = refusal(write(tmp_path / name, content))
        assert said in found
        assert "columns title, description, features, details, price" in found
        assert "\x1b" not in found


def test_a_file_without_an_ending_is_recognised(raw_row: Any, write_rows: Any, tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf \n" + lines([raw_row()])
    write_rows(tmp_path / "table.parquet", [raw_row()]).rename(tmp_path / "table")
    packed = [write(tmp_path / f"rows{number}", pack(data)) for number, pack in enumerate(PACK.values())]
    for path in (tmp_path / "table", *packed):
        assert read(path)["parent_asin"].to_list() == ["B000000000"]
    # Browsers unpack downloads and keep their names.
    assert read(write(tmp_path / "unpacked.jsonl.gz", data)).height == 1
    for name, content, said in (
        ("a.csv", b"title,price\n", "is empty"),
        ("a.gz", gzip.compress(b"<html>"), "looks like an HTML page"),
        ("a.json.gz", gzip.compress(b"x")[:9], "cut short"),
        ("a.bz2", b"BZh91AY", "looks like bzip2"),
    ):
        assert said in refusal(write(tmp_path / name, content))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("rows.jsonl", data)
    assert "looks like a zip archive" in refusal(tmp_path / "a.zip")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_other_data_is_named(raw_row: Any, tmp_path: Path) -> None:
    said = refusal(write(tmp_path / "rows.jsonl", lines([{"rating": 5.0, "title": "t", "text": "x", "asin": "B1"}])))
    assert "no column 'description'" in said
    assert "It has rating, title, text, asin." in said
    assert "reviews" in said
    row = raw_row() | {"features": {"a": 1}}
    said = refusal(write(tmp_path / "rows.jsonl", b"junk\n" + lines([row] * 3)))
    assert "none of its first 4 rows can be read (row 0:" in said
    said = refusal(write(tmp_path / "rows.jsonl", lines([row] * 3)))
    assert "'features' holds an object, expected a list of strings" in said


def test_the_edition_of_2018_is_read(shared_data: Path) -> None:
    frame = read(shared_data / "magazine-subscriptions-2018.jsonl.gz", PRICER)
    assert frame["malformed"].null_count() == frame.height
    assert frame["parent_asin"].null_count() == 0
    assert frame["categories"].list.len().max() > 1
    assert frame["category"].count() > 1000


def test_absent_keys_are_null_and_gathered_over_rows(raw_row: Any, tmp_path: Path) -> None:
    bare, full = raw_row(1), raw_row(2)
    del bare["price"], bare["details"], bare["parent_asin"]
    frame = read(write(tmp_path / "rows.jsonl", b"junk\n" + lines([bare, full])))
    assert frame["malformed"].is_not_null().to_list() == [True, False, False]
    assert frame["price"].to_list() == [None, None, full["price"]]
    assert "no column 'details'" in refusal(write(tmp_path / "rows.jsonl", lines([bare] * 3)))


def test_only_the_first_rows_must_hold_product_metadata(raw_row: Any, tmp_path: Path) -> None:
    data = b"junk\n" * (row_files.FIRST_ROWS - 1) + lines([raw_row()])
    assert read(write(tmp_path / "rows.jsonl", data))["malformed"].count() == row_files.FIRST_ROWS - 1
    assert "none of its first 1,000 rows is an object" in refusal(write(tmp_path / "rows.jsonl", b"junk\n" + data))


def test_a_folder_is_read_whole_or_names_what_does_not_belong(raw_row: Any, write_rows: Any, tmp_path: Path) -> None:
    write_rows(tmp_path / "a.parquet", [raw_row(1)])
    write(tmp_path / "b.jsonl.gz", gzip.compress(lines([raw_row(2)])))
    write(tmp_path / "c.jsonl", lines([raw_row(3)]))
    write(tmp_path / "d.jsonl.zst", zstd(lines([raw_row(4)])))
    write(tmp_path / "README.md", b"# Rows")
    assert read(tmp_path)["parent_asin"].to_list() == [f"B00000000{number}" for number in range(1, 5)]
    stranger = write(tmp_path / "cc.jsonl.gz", gzip.compress(lines([{"user": 1}])))
    assert str(stranger) in refusal(tmp_path)


def test_a_file_that_changes_is_noticed(raw_row: Any, tmp_path: Path) -> None:
    rows = [raw_row(number) for number in range(3)]
    path = write(tmp_path / "rows.jsonl", lines(rows))
    found = resolve.resolve([str(path)], COURSE)
    path.write_bytes(lines(rows[:2]))
    with pytest.raises(SourceError, match="size changed"):
        read_all(found)
    path.write_bytes(lines(rows[:2]) + b" " * len(lines(rows[2:])))
    with pytest.raises(SourceError, match="ends at row 2, expected 3"):
        read_all(found)
    path.unlink()
    with pytest.raises(SourceError, match="vanished"):
        read_all(found)


# -- shards and batches


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that hypothesis may write to again and again."""
    return tmp_path_factory.mktemp("shards") / "rows.jsonl"


@example(sizes=[0, 3, 40, 0, 1], piece_rows=1, shard_rows=1)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=40),
    piece_rows=st.integers(1, 12),
    shard_rows=st.integers(1, 30),
)
def test_shards_by_offset_are_the_whole(sizes: list[int], piece_rows: int, shard_rows: int, one_file: Path) -> None:
    """Lines of any length, 0 being a blank one, cut into pieces and shards of any size."""
    full = {"title": "t", "description": [], "features": [], "details": {}, "price": 1, "parent_asin": "B"}
    texts = [json.dumps(full)]
    for size in sizes:
        texts.append("x" * size if size % 3 else json.dumps({"title": "é" * size}) * bool(size))
    one_file.write_bytes("\n".join(texts).encode())
    scan = row_files.scan(Lines, one_file, COURSE, piece_rows)
    rows = 1 + sum(size > 0 for size in sizes)
    source = resolve.Source("jsonl", str(one_file), one_file.name, None, rows, scan.size, 0, scan.sha256)
    whole = read_all([resolve.Found(source, [rows], (0,))])
    assert whole["row"].to_list() == list(range(rows))
    cut = read_all([resolve.Found(source, scan.pieces, scan.offsets)], shard_rows=shard_rows)
    assert cut.equals(whole)
    assert sum(scan.pieces) == rows


def test_batches_are_bounded_by_rows_and_bytes(raw_row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [raw_row(number) for number in range(50)]
    path = write(tmp_path / "rows.jsonl", lines(rows))
    found = resolve.resolve([str(path)], COURSE)
    whole = read_all(found)
    for name, value in (("BATCH_ROWS", 7), ("BATCH_BYTES", 3 * len(lines(rows[:1])))):
        monkeypatch.setattr(row_files, name, value)
        heights = [batch.height for shard in resolve.cut(found) for batch in resolve.read(shard, COURSE)]
        assert max(heights) < 9
        assert read_all(found).equals(whole)


# -- whole builds


def test_the_ledger_adds_up_on_real_rows(build_run: Any, shared_data: Path, tmp_path: Path) -> None:
    summary = build_run(shared_data / "all-beauty-first-3000.jsonl.gz", tmp_path / "run")
    assert summary["rows_in"] == sum(summary["fates"].values()) == 3000
    assert summary["fates"]["no_price"] > 2000
    assert "malformed_row" not in summary["fates"]
    assert summary["splits"]["train"] > 0


def test_plain_and_compressed_give_the_same_dataset(build_run: Any, raw_row: Any, tree: Any, tmp_path: Path) -> None:
    rows = [raw_row(number) for number in range(400)]
    data = lines(rows[:200]) + b"junk\n\n" + lines(map(to_raw, rows[200:]))
    trees = []
    for name, content in (("meta_Toys.jsonl", data), ("meta_Toys.jsonl.gz", gzip.compress(data))):
        out = tmp_path / f"run-{len(trees)}"
        summary = build_run(write(tmp_path / name, content), out)
        assert summary["fates"].pop("malformed_row") == 1
        assert sum(summary["fates"].values()) == len(rows)
        trees.append({name: data for name, data in tree(out / "dataset").items() if name.startswith("data/")})
    assert trees[0] == trees[1]
