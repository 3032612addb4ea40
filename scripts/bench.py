"""Time curator's map step against the row-at-a-time baseline, on the same rows, process and core.

    python scripts/bench.py --tokenizer FOLDER                    demo rows
    python scripts/bench.py ROWS.parquet --tokenizer FOLDER --rows 2000 --pairs 3 --json bench.json

Each pair times the baseline (read Parquet rows, parse each) and then curator (read, map, write the two Parquet parts).
Tokenizers are loaded anew before each pair, untimed: both remember words they have met, and in a real run no row comes
twice. Ends with 1 if the two do not make the same items, prompts and token counts.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import click

ONE_THREAD = ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS")
LIBRARIES = ("polars", "fastokens", "transformers", "tokenizers", "pyarrow", "numpy")
DEMO_ROWS, DEMO_SEED = 20_000, 42

Made = list[tuple[int, str, int]]
"""Of each item: row, prompt, tokens of the prompt."""


@dataclass(frozen=True)
class Side:
    """One of the two that are timed: seconds of each run."""

    seconds: list[float] = field(default_factory=list)

    def time(self, step: Callable[[], object]) -> None:
        """Run a step once more."""
        start = perf_counter()
        step()
        self.seconds.append(perf_counter() - start)

    def median(self) -> float:
        """The median of the runs, in seconds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Result:
    """What a benchmark found; times a row count raw rows."""

    rows: int
    items: int
    pairs: int
    baseline_us_per_row: float
    curator_us_per_row: float
    speedup: float
    baseline_seconds: list[float]
    curator_seconds: list[float]


def pin() -> int | None:
    """Keep this process on one core and its libraries on one thread; must come before they are imported."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def machine(cores: int, *, pinned: bool) -> dict[str, Any]:
    """Describe the machine and the versions, without its name."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.partition(":")[2].strip() for line in info.read_text("utf-8").splitlines() if "model name" in line
        ]
        cpu = models[0] if models else cpu
    names = getattr(os, "sysconf_names", {})
    known = "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else None
    return {
        "cpu": cpu,
        "cores": cores,
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "pinned_to_one_core": pinned,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    }


def load_baseline_tokenizer(name: str) -> Any:
    """Load a tokenizer the baseline's way, or say what it needs."""
    from transformers import AutoTokenizer

    hint = "the baseline needs a tokenizer folder (or a Hub repository) that transformers.AutoTokenizer loads"
    if not Path(name).is_dir() and "/" not in name:
        raise click.UsageError(f"--tokenizer {name!r}: {hint}, so a bundled vocabulary such as o200k_base won't do")
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise click.UsageError(f"--tokenizer {name!r}: {hint}: {reason}") from error


def prepare(source: Path | None, rows: int | None, folder: Path) -> Path:
    """Return a Parquet file with the rows to run on: the source, its first rows, or rows of the demo catalogue."""
    if source is None:
        from curator import demo

        path = folder / "demo.parquet"
        demo.rows(DEMO_SEED, 0, rows or DEMO_ROWS).write_parquet(path)
        return path
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    if rows is None or rows >= file.metadata.num_rows:
        return source
    # the folder's name may tell the category, so it stays
    path = folder / source.absolute().parent.name / source.name
    path.parent.mkdir()
    batches, left = [], rows
    for batch in file.iter_batches():
        batches.append(batch.slice(0, left))
        left -= batches[-1].num_rows
        if not left:
            break
    pq.write_table(pa.Table.from_batches(batches), path)
    return path


def compare(path: Path, tokenizer: str, pairs: int, folder: Path) -> tuple[Result, dict[str, Any], str | None]:
    """Time both on the rows of a file; returns the result, the tokenizer, and how the two differ, if they do."""
    import polars as pl
    import row_at_a_time as baseline

    from curator.items import Mapper
    from curator.mapping import map_shard
    from curator.recipe import load_recipe
    from curator.sources import cut, resolve

    recipe = load_recipe("course-v1", {"tokenizer": tokenizer})
    shards = cut(resolve([str(path)], recipe))
    made: dict[str, Made] = {}

    def run_baseline(reference: baseline.Tokenizer) -> None:
        items, _ = baseline.parse_rows(baseline.rows_of(path), reference, path=path)
        made["baseline"] = [(item.row or 0, item.prompt, item.token_count) for item in items]

    def run_curator(mapper: Mapper) -> None:
        for shard in shards:
            map_shard(mapper, shard, folder / f"items-{shard.index}", folder / f"ledger-{shard.index}", "bench")

    sides = {"baseline": Side(), "curator": Side()}
    for _ in range(pairs):
        reference, mapper = load_baseline_tokenizer(tokenizer), Mapper(recipe)
        sides["baseline"].time(partial(run_baseline, reference))
        sides["curator"].time(partial(run_curator, mapper))

    parts = [pl.read_parquet(folder / f"items-{shard.index}") for shard in shards]
    made["curator"] = pl.concat(parts).select("row", "prompt", "tokens").rows()
    rows = sum(shard.rows for shard in shards)
    ratios = [ours / theirs for ours, theirs in zip(sides["baseline"].seconds, sides["curator"].seconds, strict=True)]
    result = Result(
        rows=rows,
        items=len(made["curator"]),
        pairs=pairs,
        baseline_us_per_row=sides["baseline"].median() / rows * 1e6,
        curator_us_per_row=sides["curator"].median() / rows * 1e6,
        speedup=statistics.median(ratios),
        baseline_seconds=sides["baseline"].seconds,
        curator_seconds=sides["curator"].seconds,
    )
    vocabulary = {"name": Path(tokenizer).name, "sha256": mapper.tokenizer.vocabulary.sha256}
    return result, vocabulary, difference(made["baseline"], made["curator"])


def difference(expected: Made, got: Made) -> str | None:
    """Say in one line how curator's items differ from the baseline's."""
    if len(expected) != len(got):
        return f"the baseline kept {len(expected):,} items, curator {len(got):,}"
    differing = [left[0] for left, right in zip(expected, got, strict=True) if left != right]
    if differing:
        return f"{len(differing):,} items differ, the first one in row {differing[0]}"
    return None


def table(result: Result) -> str:
    """The result as a small table."""
    lines = [
        f"{'':10}{'µs/row':>10}{'rows/s':>12}{'median s':>10}",
        *(
            f"{name:10}{each:>10.1f}{1e6 / each:>12,.0f}{each * result.rows / 1e6:>10.2f}"
            for name, each in (("baseline", result.baseline_us_per_row), ("curator", result.curator_us_per_row))
        ),
        f"{result.rows:,} rows, {result.items:,} items; curator is {result.speedup:.1f} times as fast"
        f" (median of {result.pairs} pairs)",
    ]
    return "\n".join(lines)


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.argument("source", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tokenizer", required=True, help="Tokenizer folder that transformers.AutoTokenizer loads.")
@click.option("--rows", type=click.IntRange(min=1), help="Only the first rows; of the demo catalogue, how many.")
@click.option("--pairs", type=click.IntRange(min=1), default=5, show_default=True, help="How often both are run.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the result here."
)
def main(source: Path | None, tokenizer: str, rows: int | None, pairs: int, json_file: Path | None) -> None:
    """Run the benchmark."""
    cores = os.cpu_count() or 1
    core = pin()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = prepare(source, rows, folder)
        result, vocabulary, problem = compare(path, tokenizer, pairs, folder)
    if json_file is not None:
        whole = {
            "recipe": "course-v1",
            "source": source.name if source else f"demo, seed {DEMO_SEED}",
            "tokenizer": vocabulary,
            "same_items": problem is None,
            **asdict(result),
            "machine": machine(cores, pinned=core is not None),
        }
        json_file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    click.echo(table(result))
    if problem is not None:
        click.echo(f"error: {problem}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
