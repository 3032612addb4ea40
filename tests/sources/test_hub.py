"""Categories from the Hub, read from a stand-in on the loopback interface by the command line in its own process."""

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import small_tokenizer
from curator.sources.categories import COURSE, ITEMS
from hub_stand_in import hub
from repository import ROOT

TOKEN = "hf_rightRIGHTrightRIGHTrightRIGHTri"
WRONG = "hf_wrongWRONGwrongWRONGwrongWRONGwr"
AMAZON = "McAuley-Lab/Amazon-Reviews-2023"
ONE, TWO = (f"raw_meta_Appliances/full-0000{number}-of-00002.parquet" for number in range(2))

RESOLVE = """
import json, sys
from dataclasses import asdict
from curator.recipe.load import load_recipe
from curator.sources import resolve
found = resolve.resolve(sys.argv[1:], load_recipe("course-v1", {"tokenizer": "o200k_base"}))
print(json.dumps([asdict(one.source) for one in found]))
"""

TRACED = """
import traceback
from curator.errors import HubError
from curator.recipe.load import load_recipe
from curator.sources import resolve
try:
    resolve.resolve(["Appliances"], load_recipe("course-v1", {"tokenizer": "o200k_base"}))
except HubError as error:
    assert error.__cause__ is None and error.__context__ is None
    traceback.print_exc()
"""


@pytest.fixture(scope="module")
def files(raw_row, write_rows, tmp_path_factory):
    """Appliances in two files, Automotive in one of the same name as one of them, and what else such a dataset has."""
    folder = tmp_path_factory.mktemp("rows")
    rows = {ONE: range(60), TWO: range(60, 90), "raw_meta_Automotive/full-00000-of-00001.parquet": range(90, 120)}
    for name, numbers in rows.items():
        write_rows(folder / name, [raw_row(number, main_category="Other") for number in numbers])
    found = {name: (folder / name).read_bytes() for name in rows}
    return found | {"README.md": b"# Amazon Reviews 2023\n", "raw/meta_categories/meta_Appliances.jsonl": b"{}\n"}


@pytest.fixture
def server(files, tmp_path):
    with hub(files, home=tmp_path / "home") as running:
        yield running


def command(server, *args, **changes):
    """Run Python with `args` as a user of the stand-in; no token that was set is ever printed."""
    environment = server.environment(PYTHONPATH=str(ROOT), PYTHONUTF8="1", **changes)
    done = subprocess.run(
        [sys.executable, *map(str, args)],
        env=environment,
        cwd=server.home.parent,
        capture_output=True,
        text=True,
        timeout=100,
    )
    for token in (TOKEN, WRONG, *(text for name, text in changes.items() if name == "HF_TOKEN")):
        assert token not in done.stdout + done.stderr
    return done


def build(server, *sources, out="run", **changes):
    options = ("--recipe", "course-v1", "--set", f"tokenizer={small_tokenizer.FOLDER}", "--workers", "1", "--out", out)
    return command(server, "-m", "curator", "build", *sources, *options, **changes)


def resolve(server, *sources, **changes):
    """Find sources without building: what `build` reads, in order."""
    done = command(server, "-c", RESOLVE, *sources, **changes)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fails(done, *words, code=1):
    """Check that a command ended in one message that holds `words`."""
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


# -- a build


def test_a_category_builds_from_the_hub_and_again_without_a_download_or_a_connection(server, files, tmp_path):
    done = build(server, "Appliances")
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "" or "Warning" in done.stderr  # no progress bar where there is no terminal
    assert "%|" not in done.stderr
    repository = server.repositories["dataset", AMAZON]

    read = json.loads((tmp_path / "run/sources.json").read_text("utf-8"))["sources"]
    assert [one["name"] for one in read] == [ONE, TWO]
    assert [one["sha256"] for one in read] == [hashlib.sha256(files[name]).hexdigest() for name in (ONE, TWO)]
    assert {(one["category"], one["repository"], one["revision"]) for one in read} == {
        ("Appliances", AMAZON, repository.sha)
    }
    published = json.loads((tmp_path / "run/dataset/manifest.json").read_text("utf-8"))["sources"]
    assert [(one["repository"], one["revision"], one["name"]) for one in published] == [
        (AMAZON, repository.sha, ONE),
        (AMAZON, repository.sha, TWO),
    ]
    assert str(tmp_path) not in (tmp_path / "run/dataset/manifest.json").read_text("utf-8")
    import polars as pl

    assert set(pl.read_parquet(tmp_path / "run/items/*.parquet")["category"]) == {"Appliances"}
    assert len(server.downloads()) == 2

    server.requests.clear()
    again = resolve(server, "Appliances")
    # One question for the commit and its files, and nothing else.
    assert [(one.method, one.path) for one in server.requests] == [("GET", f"/api/datasets/{AMAZON}")]

    server.requests.clear()
    offline = build(server, "Appliances", out="offline", HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr
    assert not server.requests
    manifests = [(tmp_path / run / "dataset/manifest.json").read_bytes() for run in ("run", "offline")]
    assert manifests[0] == manifests[1]
    assert again == read


def test_downloads_show_their_progress_on_a_terminal_only(server):
    quiet = command(server, "-c", RESOLVE, "Automotive")
    assert quiet.stderr == ""
    termios = pytest.importorskip("termios")
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    arguments = [sys.executable, "-c", RESOLVE, "Appliances"]
    subprocess.run(
        arguments, env=server.environment(PYTHONPATH=str(ROOT)), stdout=subprocess.DEVNULL, stderr=terminal, check=True
    )
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    os.close(controller)
    assert "full-00000-of-00002.parquet: 100%|" in shown


def test_a_new_commit_with_the_same_files_downloads_nothing(server, files):
    first = resolve(server, "Appliances")
    server.requests.clear()
    new = server.repositories["dataset", AMAZON].commit(files | {"README.md": b"# Changed\n"})
    second = resolve(server, "Appliances")
    assert not server.downloads()
    assert {one["revision"] for one in second} == {new} != {one["revision"] for one in first}
    assert [one["sha256"] for one in second] == [one["sha256"] for one in first]


def test_two_categories_come_from_one_commit_and_keep_their_names_apart(server):
    names = [one["name"] for one in resolve(server, "Automotive", "Appliances")]
    assert names == ["raw_meta_Automotive/full-00000-of-00001.parquet", ONE, TWO]
    assert [one.path for one in server.requests].count(f"/api/datasets/{AMAZON}") == 1


def test_course_is_its_eight_categories_in_order(server, files):
    content = files["raw_meta_Automotive/full-00000-of-00001.parquet"]
    names = [f"raw_meta_{category}/full-00000-of-00001.parquet" for category in COURSE]
    server.repositories["dataset", AMAZON].commit(dict.fromkeys(names, content))
    found = resolve(server, "course")
    assert [one["name"] for one in found] == names
    assert [one["category"] for one in found] == list(COURSE)
    assert len({one["location"] for one in found}) == 8


@pytest.mark.parametrize("name", ["Appliances", "course", "demo"])
def test_a_name_beats_a_folder(server, files, tmp_path, name):
    """What is documented works wherever it is typed; `./` names the folder."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.parquet").write_bytes(files[TWO])
    assert [(one["name"], one["repository"]) for one in resolve(server, f"./{name}")] == [("mine.parquet", None)]
    assert not server.requests
    if name == "course":
        fails(build(server, name), f"raw_meta_{COURSE[1]}")  # The Hub was asked for it; this one has no such category.
    else:
        assert "mine.parquet" not in [one["name"] for one in resolve(server, name)]


# -- interruptions


def test_a_dropped_connection_is_picked_up_where_it_broke(server, files):
    # The library writes 10 MiB at a time, and goes on after the last it has written.
    table = pq.read_table(io.BytesIO(files[ONE]))
    padding = pa.array([random.Random(row).randbytes(200_000) for row in range(table.num_rows)])
    stream = io.BytesIO()
    pq.write_table(table.append_column("padding", padding), stream)
    name, content = "raw_meta_Gift_Cards/full-00000-of-00001.parquet", stream.getvalue()
    server.repositories["dataset", AMAZON].commit({name: content})
    server.drop(name, after=11 << 20)
    found = resolve(server, "Gift_Cards")
    assert found[0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert [(one.range, one.status) for one in server.downloads()] == [(None, 0), (f"bytes={10 << 20}-", 206)]


def test_a_build_that_was_killed_downloads_only_what_is_missing(server, files):
    server.hang(TWO, after=5_000)
    environment = server.environment(PYTHONPATH=str(ROOT), HF_HUB_DOWNLOAD_TIMEOUT="60")
    killed = subprocess.Popen([sys.executable, "-c", RESOLVE, "Appliances"], env=environment, start_new_session=True)
    try:
        assert server.hanging.wait(60)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    server.requests.clear()
    found = resolve(server, "Appliances")
    assert [one["sha256"] for one in found] == [hashlib.sha256(files[name]).hexdigest() for name in (ONE, TWO)]
    assert [one.path.endswith(TWO) for one in server.downloads()] == [True]


def test_a_damaged_copy_is_named_and_can_be_had_again(server):
    place = Path(resolve(server, "Appliances")[0]["location"]).resolve()
    content = place.read_bytes()
    place.write_bytes(content[:-100])
    fails(build(server, "Appliances"), ONE, "damaged", "bytes", str(place))
    # Of the right size and still Parquet: only the digest tells.
    place.write_bytes(content.replace(b"Anvil", b"anvil"))
    fails(build(server, "Appliances"), ONE, "damaged", "sha256", str(place))
    place.unlink()
    assert resolve(server, "Appliances")


# -- tokens


def test_a_token_goes_to_the_hub_and_to_nobody_else(files, tmp_path):
    with hub(files, home=tmp_path / "home", token=TOKEN) as server:
        resolve(server, "Appliances", HF_TOKEN=TOKEN)
        assert {one.authorization for one in server.requests if one.host == server.address} == {f"Bearer {TOKEN}"}
        assert {one.authorization for one in server.requests if one.host == server.storage} == {None}
        assert {one.host for one in server.requests} == {server.address, server.storage}


def test_without_a_token_nothing_is_sent(server):
    resolve(server, "Automotive")
    assert {one.authorization for one in server.requests} == {None}


def test_a_wrong_or_missing_token_is_one_clear_error(files, tmp_path):
    with hub(files, home=tmp_path / "home", token=TOKEN) as server:
        wrong = build(server, "Appliances", HF_TOKEN=WRONG)
        fails(wrong, "refused the token (401)", "hf auth login", "unset HF_TOKEN")
        missing = build(server, "Appliances")
        fails(missing, "401", "hf auth login", "HF_TOKEN")
        # A library's error about a header quotes it.
        broken = build(server, "Appliances", HF_TOKEN="hf_bro\x01kenTOKEN")
        fails(broken, "token", "Copy it again")
        assert "kenTOKEN" not in broken.stderr
        # Nor is it in the traceback that a caller of the package sees, or in what lies behind it.
        traced = command(server, "-c", TRACED, HF_TOKEN=WRONG)
        assert traced.returncode == 0, traced.stderr
        assert "HubError" in traced.stderr


# -- names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Aplliances", "Appliances"),
        ("appliances", "Appliances"),
        ("Toys and Games", "Toys_and_Games"),
        ("cours", "course"),
        ("Course", "course"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest(invoke, name, nearest):
    done = invoke("build", name, "--recipe", "course-v1", "--set", "tokenizer=o200k_base")
    assert done.exit_code == 2
    assert f"{name!r}" in done.stderr
    assert f"Did you mean {nearest!r}?" in done.stderr
    assert "curator categories" in done.stderr


def test_categories_lists_all_of_them_and_marks_the_courses(invoke):
    lines = invoke("categories").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(ITEMS)
    assert {line.split()[0] for line in lines if line.endswith("course")} == set(COURSE)
    assert lines[2].split() == ["Appliances", "94,300", "course"]
    listed = json.loads(invoke("categories", "--json").stdout)["categories"]
    assert {one["name"]: one["items"] for one in listed} == ITEMS
    assert {one["name"] for one in listed if one["course"]} == set(COURSE)
    assert len(listed) == 34
    assert sum(ITEMS.values()) == pytest.approx(48_190_000, rel=0.02)  # the authors' total


# -- a Hub that is away, or other than expected


def test_offline_without_a_copy_is_one_clear_error(server):
    words = ("Appliances", AMAZON, "HF_HUB_OFFLINE", "raw_meta_<Category>")
    fails(build(server, "Appliances", HF_HUB_OFFLINE="1"), *words)
    # Half a copy is none.
    place = Path(resolve(server, "Appliances")[1]["location"])
    place.unlink()
    fails(build(server, "Appliances", HF_HUB_OFFLINE="1"), *words)


def test_a_hub_out_of_reach_is_one_clear_error_or_the_copy_is_used(server, tmp_path):
    away = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    fails(build(server, "Appliances", **away), "no connection to 127.0.0.1:9", "Check the network")
    first = resolve(server, "Appliances")
    # The latest commit that is whole, though a later one was begun.
    begun = server.home / "hub" / f"datasets--{AMAZON.replace('/', '--')}" / "snapshots" / ("f" * 40)
    shutil.copytree(Path(first[0]["location"]).parents[1], begun, symlinks=True)
    (begun / TWO).unlink()
    assert begun.is_dir()
    done = command(server, "-c", RESOLVE, "Appliances", **away)
    assert json.loads(done.stdout) == first
    assert first[0]["revision"] in done.stderr
    assert "in the cache" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    server.fail(503)
    assert resolve(server, "Appliances") == first


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, ("403", "hf auth login")),
        (404, ("404", "HF_ENDPOINT")),
        (429, ("429", "Wait")),
        (503, ("HTTP 503", "Run again")),
    ],
)
def test_an_answer_that_is_no_success_is_one_clear_error(server, status, words):
    server.fail(status)
    fails(build(server, "Appliances"), AMAZON, *words)


def test_a_silent_hub_is_one_clear_error(server):
    server.hang("/api/datasets")
    started = time.monotonic()
    done = build(server, "Appliances", HF_HUB_DOWNLOAD_TIMEOUT="1")
    fails(done, "within 1 seconds", "HF_HUB_DOWNLOAD_TIMEOUT")
    assert time.monotonic() - started < 30


def test_a_refused_file_is_one_clear_error(server):
    server.fail(403, times=9, path="/resolve/")
    fails(build(server, "Appliances"), ONE, "403")


def test_a_server_that_is_no_hub_is_one_clear_error(server):
    server.fail(200, path="/api/datasets")
    fails(build(server, "Appliances"), "no sensible answer", "HF_ENDPOINT")


def test_a_dataset_that_has_changed_is_one_clear_error(server, files):
    repository = server.repositories["dataset", AMAZON]
    repository.commit({name: content for name, content in files.items() if name != TWO})
    fails(build(server, "Appliances"), "raw_meta_Appliances", repository.sha, "1 of 2 files")
    repository.commit({"README.md": b""})
    fails(build(server, "Appliances"), "raw_meta_Appliances", "0 of the expected files")


# -- the stand-in itself, as publishing needs it

PUBLISH = """
import io, sys
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem
import pyarrow as pa, pyarrow.parquet as pq
def table(*numbers):
    stream = io.BytesIO()
    pq.write_table(pa.table({"n": list(numbers)}), stream)
    return stream.getvalue()
api = HfApi()
assert api.whoami()["name"] == "tester"
repo = api.create_repo("tester/set", repo_type="dataset", private=True, exist_ok=True).repo_id
api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
from pathlib import Path
folder = Path(sys.argv[1])
(folder / "data").mkdir(parents=True)
(folder / "data/train-00000-of-00002.parquet").write_bytes(table(1, 2))
(folder / "data/train-00001-of-00002.parquet").write_bytes(table(3))
(folder / "README.md").write_text("---\\nlicense: other\\n---\\n# Set\\n")
api.upload_folder(repo_id=repo, folder_path=folder, repo_type="dataset")
from datasets import load_dataset
assert load_dataset(repo, split="train")["n"][:] == [1, 2, 3]
api.create_commit(repo, [
    CommitOperationAdd("data/train-00000-of-00001.parquet", table(7)),
    *(CommitOperationDelete(f"data/train-0000{n}-of-00002.parquet") for n in range(2)),
], commit_message="second", repo_type="dataset", parent_commit=api.dataset_info(repo).sha)
files = HfFileSystem().glob(f"hf://datasets/{repo}/data/*.parquet")
assert files == [f"datasets/{repo}/data/train-00000-of-00001.parquet"]
assert pq.read_table(HfFileSystem().open(files[0]))["n"].to_pylist() == [7]
assert load_dataset(repo, split="train", download_mode="force_redownload")["n"][:] == [7]
"""


def test_the_stand_in_takes_uploads_and_gives_them_back(files, tmp_path):
    with hub(files, home=tmp_path / "home", token=TOKEN) as server:
        done = command(server, "-W", "error::UserWarning", "-c", PUBLISH, tmp_path / "folder", HF_TOKEN=TOKEN)
        assert done.returncode == 0, done.stderr
        repository = server.repositories["dataset", "tester/set"]
        assert repository.private
        assert sorted(repository.files) == ["README.md", "data/train-00000-of-00001.parquet"]
        assert repository.titles[-1] == "second"
