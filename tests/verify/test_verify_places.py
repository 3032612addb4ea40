"""What is no dataset, or a damaged one, ends in one message."""

import json
from pathlib import Path

import pytest

from curator.errors import CheckError, CuratorError, RunError, UsageError
from curator.verify.verify import verify, verify_folder
from verify_tools import failures


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        b'{"format": 2}',
    ],
)
def test_manifest_that_is_none_fails(dataset, content):
    (dataset / "manifest.json").write_bytes(content)
    verdict = verify(str(dataset))
    assert failures(verdict).keys() == {"manifest"}
    with pytest.raises(CheckError, match=r"manifest\.json"):
        verdict.raise_for_failures()


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "data/../../x.parquet", "data/train.parquet\n"])
def test_manifest_leads_nowhere_else(dataset, name):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["files"][name] = next(iter(manifest["files"].values()))
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    assert "is no file of a dataset" in failures(verify(str(dataset)))["manifest"]


def test_places_that_are_nothing_of_ours(tmp_path, run, invoke):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="neither a run"):
        verify(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="is a file"):
        verify(str(run / "summary.json"))
    with pytest.raises(UsageError, match="no folder"):
        verify(str(tmp_path / "nowhere"))
    (run / "manifest.json").unlink()
    with pytest.raises(RunError, match="did not finish"):
        verify(str(run))
    assert invoke("verify", "no-such-run").exit_code == 2


def test_exit_code_is_3_with_the_list(dataset, invoke):
    Path(dataset / "data/test-00000-of-00001.parquet").write_bytes(b"")
    result = invoke("verify", dataset)
    assert result.exit_code == 3
    assert "do not hold" in result.stderr
    assert "data/test-00000-of-00001.parquet has 0 bytes" in result.stderr
    told = json.loads(invoke("verify", dataset, "--json").stdout)
    assert told["holds"] is False


@pytest.mark.parametrize("part", ["measured", "images", "counts", "files", "recipe"])
@pytest.mark.parametrize("value", [{}, [1], None, "x"], ids=repr)
def test_a_damaged_manifest_is_named_and_ends_in_no_error(dataset, part, value):
    path = dataset / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), part: value}), "utf-8")
    try:
        verdict = verify_folder(dataset)
    except CuratorError:
        return
    assert failures(verdict)


def test_a_changed_figure_is_named(dataset):
    path = dataset / "images" / "prices.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert "images/prices.png" in "".join(failures(verify_folder(dataset)).values())


def test_half_a_character_in_a_chat_is_named(dataset):
    path = dataset / "openai" / "test.jsonl"
    path.write_bytes(path.read_bytes().replace(b"How", b"\\ud800", 1))
    assert "openai/test.jsonl line 1: it is not UTF-8" in "".join(failures(verify_folder(dataset)).values())


def test_a_recipe_that_no_longer_loads_is_a_check_that_fails(run):
    path = run / "recipe.toml"
    path.write_bytes(path.read_bytes().replace(b"style", b"styld", 1))
    assert failures(verify_folder(run))
