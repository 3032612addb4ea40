"""`curator publish` against a Hub on the loopback interface: what arrives, what stays, what a second time does."""

import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import curator
from curator.pipeline import build
from curator.recipe.load import load_recipe
from hub_stand_in import hub

USER = "tester"
REPO = f"{USER}/prices"
TOKEN = "hf_0123456789abcdefABCDEF"
CONFIGS = ("default", "text", "openai")
LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset

repo, configs = sys.argv[1], sys.argv[2:]
assert get_dataset_config_names(repo) == configs, get_dataset_config_names(repo)
rows = {}
for config in configs:
    for split, table in load_dataset(repo, config).items():
        rows[f"{config}/{split}"] = table.to_list()
print(json.dumps(rows))
"""
WORKER = """
import json, os, sys, traceback
from functools import lru_cache
from click.testing import CliRunner
from curator.cli.commands import main
from curator.verify import verify

verify.load_tokenizer = lru_cache(verify.load_tokenizer)
answers = sys.stdout
for line in sys.stdin:
    asked = json.loads(line)
    os.environ.pop("HF_TOKEN", None)
    if asked["token"] is not None:
        os.environ["HF_TOKEN"] = asked["token"]
    done = CliRunner().invoke(main, asked["args"], input=asked["answer"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        traceback.print_exception(done.exception)
    print(json.dumps({"code": done.exit_code, "out": done.stdout, "err": done.stderr}), file=answers, flush=True)
"""
PERSON = "## From me\n\nThis section is a person's: <b>1 & 2</b> | café.\n"


@pytest.fixture(scope="module")
def runs(tmp_path_factory, demo_run):
    """Three runs: `large` has files and splits that `small` and `other` don't."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "large").symlink_to(demo_run)
    build(["demo:500:7"], load_recipe("pricer"), folder / "other", workers=1)
    settings = {"split.validation": 0, "split.test": 20}
    build(["demo:500"], load_recipe("pricer", settings), folder / "small", workers=1)
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with hub({}, home=tmp_path_factory.mktemp("hub") / "home", repo="someone/else", token=TOKEN) as one:
        yield one


@pytest.fixture
def server(running):
    """The Hub, as empty as if it had just been started."""
    running.reset()
    running.add("someone/else", {})
    return running


@pytest.fixture(scope="module")
def worker(running, tmp_path_factory):
    """A process that runs one command after the other: a fresh one would load libraries and tokenizer each time."""
    errors = tmp_path_factory.mktemp("worker") / "stderr"
    environment = running.environment(PYTHONPATH=str(Path(curator.__file__).parents[1]))
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
        ) as process,
    ):

        def call(**asked):
            seen = errors.stat().st_size
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            beside = errors.read_bytes()[seen:].decode()
            assert answer, beside
            told = json.loads(answer)
            return subprocess.CompletedProcess(asked["args"], told["code"], told["out"], told["err"] + beside)

        yield call
        process.stdin.close()


@pytest.fixture
def run_command(server, worker):
    """Runs `curator` as a user does, logged in unless told otherwise; nothing it prints holds the token.

    With changes to the environment it runs in a process of its own, as do the tests that kill it.
    """

    def call(*args, token=TOKEN, answer="", **changes):
        command = [str(arg) for arg in args]
        if changes:
            done = subprocess.run(
                [sys.executable, "-m", "curator", *command],
                env=environment(server, HF_TOKEN=token, **changes),
                input=answer,
                capture_output=True,
                encoding="utf-8",
                timeout=120,
                check=False,
            )
        else:
            done = worker(args=command, token=token, answer=answer)
        assert "Traceback" not in done.stderr, done.stderr
        for held in (token, TOKEN):
            assert held is None or held not in done.stdout + done.stderr
        return done

    return call


def environment(server, **changes):
    return server.environment(PYTHONPATH=str(Path(curator.__file__).parents[1]), **changes)


@pytest.fixture
def publish(run_command):
    def call(run, *args, **options):
        done = run_command("publish", run, REPO, *args, **options)
        assert done.returncode == 0, done.stderr
        return done

    return call


@pytest.fixture
def remote(server):
    return lambda: server.repositories["dataset", REPO]


def load(server, repo=REPO, *configs):
    """What `load_dataset` gives for all configs and splits of a repository."""
    command = [sys.executable, "-c", LOAD, repo, *(configs or CONFIGS)]
    known = server.environment(HF_TOKEN=TOKEN, HF_DATASETS_CACHE=str(server.home / "datasets"))
    done = subprocess.run(command, env=known, capture_output=True, encoding="utf-8", timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_of(run):
    """The rows of a run's files, read without `datasets`."""
    rows = {}
    for config, folder in (("default", "data"), ("text", "text")):
        for split in ("train", "validation", "test"):
            files = sorted((run / "dataset" / folder).glob(f"{split}-*.parquet"))
            if files:
                rows[f"{config}/{split}"] = pl.read_parquet(files, glob=False).to_dicts()
    for path in (run / "dataset/openai").glob("*.jsonl"):
        rows[f"openai/{path.stem}"] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return rows


def files_of(run):
    folder = run / "dataset"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def edit_card(repository, edit):
    """A person changes the card on the Hub."""
    files = dict(repository.files)
    files["README.md"] = edit(files["README.md"].decode()).encode()
    repository.commit(files, "edit the card")


# -- what arrives


def test_published_dataset_loads_and_verifies(runs, server, publish, remote, run_command):
    done = publish(runs / "large")
    assert remote().private
    assert len(remote().commits) == 2  # the one that made the repository, and ours
    assert remote().titles[-1] == "Publish 1,051 rows with curator 0.1.0"
    assert set(remote().files) == files_of(runs / "large")
    assert f"published   {server.address}/datasets/{REPO}" in done.stdout
    assert load(server) == rows_of(runs / "large")
    checked = run_command("verify", REPO, "--json")
    assert checked.returncode == 0, checked.stderr
    told = json.loads(checked.stdout)
    assert (told["holds"], told["revision"]) == (True, remote().sha)


def test_second_publish_replaces_the_data_and_keeps_a_persons_card(runs, server, publish, remote, run_command):
    publish(runs / "large")
    extra = "- config_name: mine\n  data_files: mine.parquet\n"

    def edit(card):
        named = "pretty_name: Our prices\nannotations_creators:\n- me"
        card = card.replace("pretty_name: Product prices (pricer)", named)
        card = card.replace("- regression\n", "- regression\n- ours\n").replace("configs:\n", f"configs:\n{extra}")
        card = card.replace("## Limits", "## Limits, says a person")
        return card.replace("<!-- curator:begin splits -->", f"{PERSON}\n<!-- curator:begin splits -->")

    edit_card(remote(), edit)
    pl.DataFrame({"a": [1]}).write_parquet(mine := io.BytesIO())
    own = {"mine.parquet": mine.getvalue(), "data/notes.csv": b"a,b\n", "data/extra.parquet": mine.getvalue()}
    remote().commit({**remote().files, **own}, "a person's files")
    before = len(remote().commits)
    plan = publish(runs / "small", "--dry-run").stdout
    assert "delete      4 files" in plan
    for folder in ("data", "text", "openai"):
        assert f"\n  {folder}/validation-00000-of-00001.parquet\n" in plan.partition("delete")[2]
    assert len(remote().commits) == before
    publish(runs / "small")
    assert len(remote().commits) == before + 1
    assert set(remote().files) == files_of(runs / "small") | set(own)
    assert {name: remote().files[name] for name in own} == own
    # A person's own config comes after ours, which hold the run's rows.
    assert load(server, REPO, *CONFIGS, "mine") == rows_of(runs / "small") | {"mine/train": [{"a": 1}]}
    card = remote().files["README.md"].decode()
    assert f"{PERSON}\n<!-- curator:begin splits -->" in card
    assert "pretty_name: Our prices\nannotations_creators:\n- me\n" in card
    assert "- ours\n" in card
    assert "config_name: mine" in card
    assert "Limits, says a person" not in card  # inside our comments, where the card says it is written anew
    assert "size_categories:\n- n<1K" in card
    assert "num_examples: 20\n" in card
    assert "demo:500:42" in card
    assert "demo:2000:42" not in card
    checked = run_command("verify", REPO)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in own:
        assert f"{name} is not curator's" in checked.stdout


@pytest.mark.parametrize("name", ["data/train-00001-of-00002.parquet", ".huggingface.yaml", "prices.py"])
def test_file_that_changes_what_is_loaded_is_not_deleted_but_refused(runs, publish, remote, run_command, name):
    publish(runs / "small")
    mine = {**remote().files, name: b"PAR1"}
    remote().commit(mine, "a person's file that lies in our way")
    done = run_command("publish", runs / "other", REPO)
    assert done.returncode == 1
    assert f"holds {name}: no manifest of curator lists that" in done.stderr
    assert remote().files == mine
    assert f"{name} is not in manifest.json" in run_command("verify", REPO).stderr


def test_unchanged_data_is_not_sent_again(runs, server, publish, remote):
    publish(runs / "large")
    before, seen = len(remote().commits), len(server.requests)
    done = publish(runs / "large")
    assert "send        0 files, 0 bytes" in done.stdout
    assert f"up to date  {server.address}/datasets/{REPO}: nothing to send" in done.stdout
    assert "published" not in done.stdout
    assert len(remote().commits) == before
    assert all(one.method in ("GET", "HEAD") for one in server.requests[seen:])
    edit_card(remote(), lambda card: card.replace("## Limits", "## My limits"))
    seen = len(server.requests)
    assert "send        1 files" in publish(runs / "large").stdout
    assert not [one for one in server.requests[seen:] if one.method == "PUT"]
    assert "## Limits" in remote().files["README.md"].decode()


@pytest.mark.parametrize("place", ["/storage/", "/commit/main"])
def test_publish_killed_half_way_is_run_again(runs, server, publish, remote, run_command, place):
    """Killed with files sent and no commit, and killed with the commit made and its answer not heard."""
    publish(runs / "other")
    edit_card(remote(), lambda card: f"{card}\n{PERSON}")
    before = remote().sha, dict(remote().files)
    server.hang(place)
    command = [sys.executable, "-m", "curator", "publish", str(runs / "large"), REPO]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment(server, HF_TOKEN=TOKEN), **quiet) as process:
        assert server.hanging.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    if place == "/storage/":
        # Nobody sees half of it.
        assert (remote().sha, dict(remote().files)) == before
    publish(runs / "large")
    # That these bytes load is another test's.
    mine = {name: (runs / "large/dataset" / name).read_bytes() for name in files_of(runs / "large")}
    assert {**remote().files, "README.md": b""} == {**mine, "README.md": b""}
    assert PERSON in remote().files["README.md"].decode()
    assert run_command("verify", REPO).returncode == 0


def test_upload_that_fails_once_sends_nothing_twice_that_arrived(runs, server, publish, remote, run_command):
    server.fail(500, times=20, path="/commit/main")
    failed = run_command("publish", runs / "large", REPO)
    assert failed.returncode == 1
    assert "Run again" in failed.stderr
    assert remote().files == {}
    server.well()
    seen = len(server.requests)
    publish(runs / "large")
    assert not [one for one in server.requests[seen:] if one.method == "PUT"]
    assert set(remote().files) == files_of(runs / "large")


# -- who may see it


def test_dry_run_shows_everything_and_sends_nothing(runs, server, publish):
    done = publish(runs / "large", "--dry-run")
    sizes = {name: (runs / "large/dataset" / name).stat().st_size for name in files_of(runs / "large")}
    assert "visibility  private" in done.stdout
    for name, size in sizes.items():
        # The card is written for the repository.
        assert name == "README.md" or f"{size:,}  {name}\n" in done.stdout
    assert f"send        {len(sizes)} files" in done.stdout
    assert ("dataset", REPO) not in server.repositories
    assert all(one.method == "GET" for one in server.requests)


def test_public_asks_first(runs, server, publish, remote, run_command):
    refused = run_command("publish", runs / "large", REPO, "--public", answer="n\n")
    assert refused.returncode == 1
    assert "everyone can read and copy it" in refused.stderr
    assert "made up" in refused.stderr
    assert "Not published: nothing was sent." in refused.stderr
    assert ("dataset", REPO) not in server.repositories
    silent = run_command("publish", runs / "large", REPO, "--public")
    assert silent.returncode == 1
    assert "Not published: nothing was sent." in silent.stderr
    assert ("dataset", REPO) not in server.repositories
    publish(runs / "large", "--public", answer="y\n")
    assert not remote().private
    again = run_command("publish", runs / "other", REPO)
    assert again.returncode == 1
    assert "is public" in again.stderr
    assert len(remote().commits) == 2


def test_public_without_asking(runs, publish, remote):
    publish(runs / "large")
    assert remote().private
    publish(runs / "large", "--public", "--yes")
    assert not remote().private


# -- what is refused


def test_dataset_that_does_not_hold_is_refused(runs, tmp_path, server, run_command):
    run = shutil.copytree(runs / "small", tmp_path / "run")
    path = run / "dataset/openai/test.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Price", b"Prize", 1))
    done = run_command("publish", run, REPO)
    assert done.returncode == 3
    assert "nothing was published" in done.stderr
    assert "openai/test.jsonl" in done.stderr
    assert server.requests == []


def test_foreign_file_in_the_dataset_is_refused(runs, tmp_path, invoke):
    run = shutil.copytree(runs / "small", tmp_path / "run")
    (run / "dataset/secret.env").write_text("KEY=1")
    done = invoke("publish", run, REPO)
    assert done.exit_code == 3
    assert "nothing was published" in done.stderr
    assert "secret.env is no file of the dataset" in done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("prices", "the owner is missing"),
        ("", "the owner is missing"),
        ("/x", "the owner is missing"),
        ("a/b/c", "it has 2 slashes where one belongs"),
        ("me/", "the name after the slash is missing"),
        ("me/a--b", "it holds letters, digits"),
        ("me/pri ces", "it holds letters, digits"),
        ("https://huggingface.co/me/x", "that is an address"),
    ],
)
def test_wrong_name_is_a_usage_error(runs, tmp_path, invoke, name, reason):
    done = invoke("publish", runs / "small", name)
    assert done.exit_code == 2
    assert f"{name!r} is not the name of a Hub repository (OWNER/NAME): {reason}" in done.stderr
    if name and not name.startswith("/"):
        checked = invoke("verify", name)
        assert checked.exit_code == 2
        assert f"there is no folder {name!r}, and it is not the name of a Hub repository" in checked.stderr
        assert reason in checked.stderr


@pytest.mark.parametrize("place", ["nowhere", "summary.json"])
@pytest.mark.parametrize(
    "command",
    [
        ("publish", "RUN", REPO),
        ("verify", "RUN"),
        ("report", "RUN"),
        ("compare", "RUN", "small"),
        ("compare", "small", "RUN"),
        ("why", "RUN", "B000000000"),
        ("evaluate", "RUN", "--model", "constant"),
        ("train", "gpt", "start", "RUN", "--base", "gpt-4.1-nano"),
        ("train", "gpt", "status", "RUN"),
    ],
    ids=" ".join,
)
def test_run_that_is_no_folder_is_wrong_usage_for_every_command(runs, invoke, command, place):
    run = runs / "small" / place
    done = invoke(*({"RUN": run, "small": runs / "small"}.get(word, word) for word in command))
    assert done.exit_code == 2
    assert str(run) in done.stderr
    assert ("is a file" in done.stderr) == (place == "summary.json")


def test_interrupted_publish_does_not_speak_of_builds(runs, invoke, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("curator.publish.push.plan", interrupted)
    done = invoke("publish", runs / "small", REPO)
    assert done.exit_code == 1
    assert "Interrupted: the repository has all of it or nothing" in done.stderr
    assert "run." not in done.stderr


@pytest.mark.parametrize(
    "files",
    [
        {"model.safetensors": b"x"},
        {"data/train.csv": b"x"},
        {"manifest.json": b"{}", "data/x.parquet": b"x"},
        {"manifest.json": b"\xff"},
    ],
)
def test_repository_with_something_else_is_left_alone(runs, server, run_command, files):
    repository = server.add(REPO, files, private=True)
    done = run_command("publish", runs / "small", REPO)
    assert done.returncode == 1
    assert "curator did not publish" in done.stderr
    assert len(repository.commits) == 2


def test_empty_repository_with_a_card_is_taken(runs, server, publish, remote, run_command):
    card = b"---\r\nlicense: mit\r\n---\r\n# Mine\r\n\r\nHello.\r\n"
    server.add(REPO, {"README.md": card, ".gitattributes": b"* text\n"}, private=True)
    publish(runs / "small")
    merged = remote().files["README.md"].decode()
    assert merged.startswith("---\nlicense: mit\n")
    assert "license_name" not in merged
    assert "The head of this card names the licence `mit`." in merged
    assert "# Mine\n\nHello.\n" in merged
    assert "<!-- curator:begin limits -->" in merged
    assert remote().files[".gitattributes"] == b"* text\n"
    checked = run_command("verify", REPO)
    assert checked.returncode == 0, checked.stderr
    assert "its licence, 'mit', is a person's word" in checked.stdout
    assert ".gitattributes" not in checked.stdout


def test_card_that_cannot_be_read_is_not_overwritten(runs, publish, remote, run_command):
    publish(runs / "small")
    edit_card(remote(), lambda card: card.replace("language:", "language: ["))
    before = len(remote().commits)
    done = run_command("publish", runs / "other", REPO)
    assert done.returncode == 1
    assert f"README.md of {REPO}: the YAML head can't be read" in done.stderr
    assert len(remote().commits) == before


def test_change_by_someone_else_meanwhile_is_not_overwritten(runs, server, run_command):
    server.fail(412, path="/commit/main")
    done = run_command("publish", runs / "small", REPO)
    assert done.returncode == 1
    assert "someone else changed it meanwhile" in done.stderr


# -- the login


def test_without_a_login(runs, run_command, server):
    done = run_command("publish", runs / "small", REPO, token=None)
    assert done.returncode == 1
    assert "not logged in" in done.stderr
    assert ("dataset", REPO) not in server.repositories


@pytest.mark.parametrize(
    ("token", "said"), [("hf_wrongwrongwrongwrong", "refused the token (401)"), ("hf_ wrong", "another character")]
)
def test_with_a_wrong_token(runs, run_command, token, said):
    done = run_command("publish", runs / "small", REPO, token=token)
    assert done.returncode == 1
    assert said in done.stderr


def test_without_permission(runs, run_command, server):
    server.fail(403, times=5, path="/api/repos/create")
    done = run_command("publish", runs / "small", "another/prices")
    assert done.returncode == 1
    assert "denies it (403)" in done.stderr


def test_without_a_network(runs, run_command):
    done = run_command("publish", runs / "small", REPO, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "no connection to 127.0.0.1:9" in done.stderr


# -- verifying a repository


def test_repository_that_changed_is_named(runs, publish, remote, run_command):
    publish(runs / "small")
    files = dict(remote().files)
    name = "text/train-00000-of-00001.parquet"
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    remote().commit({**files, name: bytes(content)}, "one byte")
    done = run_command("verify", REPO)
    assert done.returncode == 3
    assert f"{name} has sha256" in done.stderr


def test_repository_that_is_not_there_or_not_ours(run_command, server):
    server.add("someone/model", {"x.txt": b"x"})
    missing = run_command("verify", "someone/nothing")
    assert (missing.returncode, "no dataset someone/nothing" in missing.stderr) == (1, True)
    other = run_command("verify", "someone/model")
    assert (other.returncode, "was not published by curator" in other.stderr) == (1, True)


def test_folder_that_is_not_there_is_said_where_the_hub_cannot_be_asked(run_command):
    done = run_command("verify", "runs/nothing", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "there is no folder 'runs/nothing', and the Hub can't be asked: dataset runs/nothing: " in done.stderr
