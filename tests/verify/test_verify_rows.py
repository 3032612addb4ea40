"""One byte, one row or one price that is off is named."""

import json
import shutil

import polars as pl
import pytest

from curator.pipeline import build
from curator.recipe.load import load_recipe
from curator.system.digest import sha256
from curator.verify import row_checks
from curator.verify.verify import verify, verify_folder
from verify_tools import change, failures, set_at


def fix_manifest(dataset):
    """Make the digests of manifest, card and Croissant file those of the files as they are now."""
    manifest = json.loads((dataset / "manifest.json").read_text())
    croissant = json.loads((dataset / "croissant.json").read_text())
    for name, one in manifest["files"].items():
        one |= {"bytes": (dataset / name).stat().st_size, "sha256": sha256(dataset / name)}
    for one in croissant["distribution"]:
        if one["@id"] in manifest["files"]:
            one["sha256"] = manifest["files"][one["@id"]]["sha256"]
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    (dataset / "croissant.json").write_text(json.dumps(croissant))


@pytest.mark.parametrize(
    "name",
    [
        "data/train-00000-of-00001.parquet",
        "text/test-00000-of-00001.parquet",
        "openai/validation-00000-of-00001.parquet",
        "openai/test.jsonl",
    ],
)
@pytest.mark.parametrize("where", ["dataset", "run"])
def test_one_flipped_byte_is_named(run, name, where):
    path = run / "dataset" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = failures(verify(str(run if where == "run" else run / "dataset")))
    assert name in found["files"]
    if where == "run":
        assert f"dataset/{name}" in found["run-files"]


def test_every_single_byte_of_a_small_file_may_be_anything(run, tmp_path):
    """Whatever damage: a verdict with exit code 3, not a crash."""
    path = run / "dataset/data/test-00000-of-00001.parquet"
    whole = path.read_bytes()
    for at in [*range(0, len(whole), len(whole) // 25), *range(len(whole) - 40, len(whole), 7)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert not verify_folder(run / "dataset").ok
    for size in (0, 1, 8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not verify_folder(run / "dataset").ok


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("folder", ["data", "text", "openai"])
def test_one_dropped_row_is_named(dataset, folder, fixed):
    name = f"{folder}/validation-00000-of-00001.parquet"
    change(dataset / name, lambda table: table.filter(pl.int_range(pl.len()) != 7))
    if fixed:
        fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    text = "\n".join(found.values())
    assert name in text
    check = {
        "data": "rows",
        "text": "config-text",
        "openai": "config-openai",
    }[folder]
    assert check in found
    if fixed:
        assert "files" not in found
        # From row 7 on, each row's fellow is another row.
        assert "row 7" in text


@pytest.mark.parametrize("rows", [0, 40, 75])
@pytest.mark.parametrize(("folder", "check"), [("text", "config-text"), ("openai", "config-openai")])
def test_config_that_ends_early_or_goes_on_is_named_once(dataset, monkeypatch, folder, check, rows):
    """Files are read by batches; a file may also end with one."""
    monkeypatch.setattr(row_checks, "_BATCH", 20)
    (short,) = dataset.glob(f"{folder}/test-*.parquet")
    change(short, lambda table: table.head(rows))
    said = failures(verify_folder(dataset))[check]
    data = f"data/{short.name}"
    assert f"{folder}/{short.name} ends after {rows} rows, {data} goes on" in said
    assert said.count("goes on") == 1

    (whole,) = dataset.glob("data/test-*.parquet")
    change(whole, lambda table: table.head(rows // 2))
    said = failures(verify_folder(dataset))[check] if rows else ""
    assert said.count(f"{data} ends after {rows // 2} rows, {folder}/{short.name} goes on") == bool(rows)


@pytest.mark.parametrize("fixed", [False, True])
def test_one_edited_price_is_named(dataset, fixed):
    """A price that rounds to the same dollar: nothing within the row contradicts it, the other configs do."""
    name = "data/train-00000-of-00001.parquet"
    rows = pl.read_parquet(dataset / name)
    row = rows.with_row_index("at").filter((pl.col("price") % 1).is_between(0.1, 0.3))["at"][0]
    change(dataset / name, set_at("price", row, rows["price"][row] + 0.01))
    if fixed:
        fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    assert f"{name} row {row}: price" in found["config-text"]
    openai = found["config-openai"]
    assert f"openai/train-00000-of-00001.parquet row {row}: the chat" in openai
    assert f"openai/train.jsonl line {row + 1}: the chat" in openai
    assert ("files" in found) == (not fixed)


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("price", 1234.5, "completions"),
        ("price", 1234.5, "prices"),
        ("slot", 0, "prices"),
        ("completion", "12", "completions"),
        ("prompt", "How much?\n\nPrice is $", "prompts"),
        ("prompt", None, "prompts"),
        ("tokens", 181, "token-cap"),
        ("tokens", 3, "tokens"),
    ],
)
def test_one_wrong_value_is_named(dataset, column, value, check):
    name = "data/test-00000-of-00001.parquet"
    change(dataset / name, set_at(column, 11, value))
    fix_manifest(dataset)
    assert f"{name} row 11" in failures(verify(str(dataset)))[check]


def test_course_text_over_its_cap_is_named(runs, tmp_path):
    dataset = shutil.copytree(runs / "course-v1/dataset", tmp_path / "dataset")
    name = "data/test-00000-of-00001.parquet"
    longer = "How much does this cost to the nearest dollar?\n\n" + "one two three " * 60 + "\n\nPrice is $"
    change(dataset / name, set_at("prompt", 4, longer))
    fix_manifest(dataset)
    assert f"{name} row 4: the text has 18" in failures(verify(str(dataset)))["token-cap"]


CHAT = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]

BAD_LINES = {
    "not JSON": b"{oops}\n",
    "two objects": b'{"messages": []} {"messages": []}\n',
    "empty": b"\n",
    "a list": b"[]\n",
    "another key": json.dumps({"messages": CHAT, "weight": 1}).encode() + b"\n",
    "not UTF-8": b'{"messages": "\xff"}\n',
    "order": json.dumps({"messages": [CHAT[1], CHAT[0], CHAT[2]]}).encode() + b"\n",
    "no assistant": json.dumps({"messages": CHAT[:2]}).encode() + b"\n",
    "blank": json.dumps({"messages": [*CHAT[:2], {"role": "assistant", "content": " "}]}).encode() + b"\n",
    "a number": json.dumps({"messages": [*CHAT[:2], {"role": "assistant", "content": 3}]}).encode() + b"\n",
    "deep": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_line_that_openai_refuses_is_named(dataset, line):
    path = dataset / "openai/test.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[8] = line
    path.write_bytes(b"".join(lines))
    fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    assert "openai/test.jsonl line 9: " in found["config-openai"]


@pytest.mark.parametrize(
    ("within", "forged"), [(b"{", b'"messages":[],'), (b'{"role":"user",', b'"content":"forged",')]
)
def test_line_with_a_key_twice_is_named(dataset, within, forged):
    path = dataset / "openai/train.jsonl"
    line, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(line.replace(within, within + forged, 1) + b"\n" + rest)
    fix_manifest(dataset)
    key = forged.split(b'"')[1].decode()
    found = failures(verify(str(dataset)))["config-openai"]
    assert found == f"openai/train.jsonl line 1: the key {key} is there twice"


def test_last_line_without_an_end_is_named(dataset):
    path = dataset / "openai/test.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    assert "line 105: the line has no end" in found["config-openai"]


def test_line_too_many_is_named(dataset):
    path = dataset / "openai/test.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[0]]))
    fix_manifest(dataset)
    assert "1 lines more" in failures(verify(str(dataset)))["config-openai"]


def test_too_few_examples_are_a_warning(tmp_path):
    build(["demo:100"], load_recipe("pricer"), tmp_path / "run", workers=1)
    verdict = verify(str(tmp_path / "run"))
    assert verdict.ok
    (warned,) = [one for one in verdict.checks if one.state == "warns"]
    assert "openai/test.jsonl has 4 examples" in "\n".join(warned.problems)
