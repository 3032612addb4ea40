"""The help of every command ends with an example, every example runs, and bash completes what is typed."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import fine_tuning_peer as peer
import hub_stand_in as hub
from curator.cli.commands import main
from repository import ROOT

BASH = shutil.which("bash")
MODEL = "HuggingFaceTB/SmolLM2-135M"
PROGRAM = f"#!{sys.executable}\nimport sys\nfrom curator.cli.commands import main\nsys.exit(main())\n"
# Runs one command after the other, and loads the tokenizer once.
WORKER = """
import json, sys
from functools import lru_cache
from click.testing import CliRunner
from curator.items import mapper
from curator.cli.commands import main
from curator.verify import verify
from curator.train.gpt import examples

for module in (mapper, verify, examples):
    module.load_tokenizer = lru_cache(module.load_tokenizer)
answers = sys.stdout
for line in sys.stdin:
    done = CliRunner().invoke(main, json.loads(line))
    print(json.dumps([done.exit_code, done.stdout, done.stderr, repr(done.exception)]), file=answers, flush=True)
"""


def commands(command: click.Command = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group below one, as the words that are typed."""
    yield path
    if isinstance(command, click.Group):
        for name, one in sorted(command.commands.items()):
            yield from commands(one, (*path, name))


def example(path: tuple[str, ...]) -> list[list[str]]:
    """The commands that the help of a command ends with, as arguments of `curator`."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    with click.Context(command, info_name=" ".join(("curator", *path))) as context:
        printed = command.get_help(context)
    text, mark, end = printed.rpartition("\n\n  Example:\n")
    assert mark, printed
    assert "Options:" in text
    lines = [shlex.split(line) for line in end.splitlines()]
    assert all(line[0] == "curator" for line in lines), end
    return [line[1:] for line in lines]


PATHS = list(commands())


@pytest.fixture(scope="module")
def model() -> dict[str, bytes]:
    """What of a language model `train llama --dry-run` reads: a tokenizer, whose words are characters, and numbers."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = [str(number) for number in range(1_000)]
    known = dict.fromkeys(["<|end|>", *alphabet, *numbers])
    merges = [(number[:-1], number[-1]) for number in numbers if len(number) > 1]
    engine = Tokenizer(models.BPE(vocab={word: n for n, word in enumerate(known)}, merges=merges))
    digits = pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated")
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    engine.decoder = decoders.ByteLevel()
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2_048}
    return {
        "tokenizer.json": engine.to_str().encode(),
        "tokenizer_config.json": json.dumps(settings).encode(),
        "config.json": json.dumps(config).encode(),
    }


Run = Callable[[list[str]], list[Any]]


@pytest.fixture(scope="module")
def curator(tmp_path_factory: pytest.TempPathFactory, model: dict[str, bytes]) -> Iterator[Run]:
    """Runs `curator` in one empty folder; the Hub and OpenAI are those on loopback."""
    folder = tmp_path_factory.mktemp("examples")
    with hub.hub({}, home=folder / "hf", repo="someone/else") as server, peer.peer() as provider:
        server.add(MODEL, model, kind="model")
        keys = {"HF_TOKEN": "hf_0123456789", "OPENAI_API_KEY": peer.KEY, "OPENAI_BASE_URL": provider.address}
        with subprocess.Popen(
            [sys.executable, "-c", WORKER],
            cwd=folder,
            env=server.environment(PYTHONPATH=str(ROOT), **keys),
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def call(arguments: list[str]) -> list[Any]:
                process.stdin.write(json.dumps(arguments) + "\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                found: list[Any] = json.loads(process.stdout.readline())  # type: ignore[union-attr]
                return found

            yield call
            process.stdin.close()


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_example_that_the_help_ends_with_runs(curator: Run, path: tuple[str, ...]) -> None:
    lines = example(path)
    if path == ("train", "llama") and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed (extra `llama`), by which the names of layers are checked")
    if path[:2] == ("train", "gpt") and path[2:] not in ((), ("start",)):
        # In a run of its own: what others are asked to start must not have been started.
        run, base = "runs/jobs", "gpt-4.1-nano-2025-04-14"
        lines[0][3] = run
        lines.insert(0, ["build", "demo:5000", "--out", run])
        start = ["train", "gpt", "start", run, "--base", base, "--train-rows", "12", "--validation-rows", "5"]
        # Each looks at, follows or ends the last job: where an example before this one has ended it, there is another.
        lines.insert(1, [*start, "--yes", "--again", "--no-follow"])
        lines[-1] += ["--every", "0.01"] if path[2] == "follow" else []
    for line in lines:
        code, out, err, raised = curator(line)
        assert code == 0, (line, out, err, raised)
        assert out, line
    own = [line for line in lines if line[: len(path)] == list(path)]
    assert own, f"the example of {' '.join(path)} does not use it"


@pytest.mark.parametrize("path", [path for path in PATHS if path], ids=" ".join)
def test_a_list_of_commands_shows_every_summary_whole(path: tuple[str, ...]) -> None:
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    summary = (command.help or "").splitlines()[0]
    assert len(summary) < 45
    assert summary.rstrip(".") == command.get_short_help_str(45).rstrip(".")


@pytest.fixture
def bash(tmp_path: Path) -> Callable[..., list[str]]:
    """What bash offers for a line whose last word is not finished, after the line that the README names."""
    if BASH is None:
        pytest.skip("bash is not installed")
    program = tmp_path / "bin" / "curator"
    program.parent.mkdir()
    program.write_text(PROGRAM, "utf-8")
    program.chmod(0o755)
    (line,) = [one for one in (ROOT / "README.md").read_text("utf-8").splitlines() if "_CURATOR_COMPLETE=bash" in one]
    (tmp_path / "bashrc").write_text(line.removeprefix("$ "), "utf-8")

    def offered(*words: str) -> list[str]:
        asked = shlex.join(["curator", *words])
        code = f"""
            source bashrc
            compopt() {{ echo "+$2"; }}  # bash knows it in a completion alone
            COMP_WORDS=({asked}) COMP_CWORD={len(words)}
            _curator_completion curator
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = f"{program.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [BASH, "--norc", "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return [one for one in done.stdout.splitlines() if one]

    return offered


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (("ca",), ["categories"]),
        (("train", ""), ["gpt", "llama"]),
        (("build", "App"), ["+default", "Appliances"]),
        (("build", "--dry"), ["--dry-run"]),
        (("build", "--engine", "r"), ["ray"]),
        (("build", "--recipe", "co"), ["+default", "course-v1"]),
        (("recipes", "show", "pri"), ["+default", "pricer"]),
        (("verify", "runs/"), ["+dirnames"]),
    ],
)
def test_bash_completes(bash: Callable[..., list[str]], words: tuple[str, ...], offers: list[str]) -> None:
    assert sorted(bash(*words)) == sorted(offers)
