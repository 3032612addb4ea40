"""Time curator's map step against the row-at-a-time baseline and against its floor, on the same rows and core.

    python scripts/bench.py --tokenizer FOLDER                    demo rows
    python scripts/bench.py ROWS.parquet --tokenizer FOLDER --pairs 3 --json reports/benchmarks.json
    python scripts/bench.py --rows 1000000 --baseline-rows 20000 --tokenizer FOLDER

The baseline reads Parquet rows and parses each; curator reads, maps and writes the two Parquet parts; the floor reads
the same columns and encodes, once, the texts that are cut. The two take turns in processes of their own, so that
neither works in the memory that the other left, curator in the environment of its workers. Tokenizers are loaded anew
for each pair, untimed, and each pair runs twice: `first` has met none of the words, the other all of them, as late in a
long run; the other runs of curator map a short file several times. Times are those of the processor, so that other work
on the machine counts little. Shares of the steps come from runs of their own, so that no clock is read in a timed one.
Ends with 1 if the baseline and curator make other items, prompts or token counts.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import subjects
from subjects import RECIPES, Baseline, Curator, Made, last_core, load_baseline_tokenizer, own_process, seconds_of

LIBRARIES = ("polars", "numba", "fastokens", "transformers", "tokenizers", "pyarrow", "numpy")
DEMO_ROWS, DEMO_SEED = 20_000, 42
RUNS = ("baseline, first", "course-v1, first", "baseline", "course-v1", "floor", "pricer")


@dataclass(frozen=True)
class Result:
    """What a benchmark found; times a row count raw rows.

    Attributes:
        rows: Raw rows.
        baseline_rows: How many of them, the first, the baseline ran on.
        items: Items that course-v1 made of all.
        us_per_row: Microseconds a row of each run, the median of the pairs.
        first_speedup: Baseline over course-v1, texts and words not met before; the median of the pairs.
        speedup: The same once they have been met.
        over_floor: Course-v1 over the floor.
        pricer_over_course: `pricer` over course-v1.
        shares: Microseconds a row of each step, of both recipes.
        startup: Seconds of `curator --help` over those of importing Polars and click.
        seconds: All timed runs.
    """

    rows: int
    baseline_rows: int
    items: int
    pairs: int
    us_per_row: dict[str, float]
    first_speedup: float
    speedup: float
    over_floor: float
    pricer_over_course: float
    shares: dict[str, dict[str, float]]
    startup: float
    seconds: dict[str, list[float]]


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


def prepare(source: Path | None, rows: int | None, folder: Path) -> Path:
    """Return a Parquet file with the rows to run on: the source, its first rows, or rows of the demo catalogue."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if source is None:
        from curator.sources import demo

        path, many = folder / "demo.parquet", rows or DEMO_ROWS
        bounds = [(start, min(start + DEMO_ROWS, many)) for start in range(0, many, DEMO_ROWS)]
        pieces = (demo.rows(DEMO_SEED, start, stop).to_arrow() for start, stop in bounds)
        first = next(pieces)
        with pq.ParquetWriter(path, first.schema) as writer:
            for piece in chain([first], pieces):
                writer.write_table(piece)
        return path
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


def compare(
    path: Path, tokenizer: str, pairs: int, baseline_rows: int | None, folder: Path
) -> tuple[Result, dict[str, Any], str | None]:
    """Time all on the rows of a file; returns the result, the tokenizer, and how the two differ, if they do."""
    import pyarrow.parquet as pq

    from curator.items.workers import WORKER

    few = min(baseline_rows or sys.maxsize, pq.read_metadata(path).num_rows)
    load_baseline_tokenizer(tokenizer)  # says here what is wrong with it
    threads = {name: value for name, value in WORKER.items() if "MALLOC" not in name}
    seconds: dict[str, list[float]] = {name: [] for name in RUNS}
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in RECIPES}
    with (
        own_process(Baseline, path, tokenizer, few, **threads) as baseline,
        own_process(Curator, path, tokenizer, folder, **WORKER) as curator,
    ):
        for _ in range(pairs):
            for process in (baseline, curator):
                process(subjects.ask, "load")
            seconds["baseline, first"].append(baseline(subjects.timed, "run"))
            seconds["course-v1, first"].append(curator(subjects.timed, "run", "course-v1"))
            seconds["baseline"].append(baseline(subjects.timed, "run"))
            seconds["course-v1"].append(curator(subjects.timed, "repeat", "course-v1"))
            seconds["floor"].append(curator(subjects.timed, "floor"))
            seconds["pricer"].append(curator(subjects.timed, "repeat", "pricer"))
            for name in RECIPES:
                parts[name].append(curator(subjects.ask, "steps", name))
        rows, items, times, digest = curator(subjects.ask, "found")
        problem = difference(baseline(subjects.baseline_items), curator(subjects.ask, "made", few))

    counted = dict.fromkeys(RUNS, rows * times) | {"course-v1, first": rows}
    own = {name: few if name.startswith("baseline") else rows for name in RUNS}
    counted |= {name: few for name in RUNS if name.startswith("baseline")}
    each = {name: [one / counted[name] for one in every] for name, every in seconds.items()}

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(each[one], each[other], strict=True))

    steps = list(parts["course-v1"][0])
    result = Result(
        rows=rows,
        baseline_rows=few,
        items=items,
        pairs=pairs,
        us_per_row={name: statistics.median(every) * 1e6 for name, every in each.items()},
        first_speedup=ratio("baseline, first", "course-v1, first"),
        speedup=ratio("baseline", "course-v1"),
        over_floor=ratio("course-v1", "floor"),
        pricer_over_course=ratio("pricer", "course-v1"),
        shares={
            name: {step: statistics.median(one[step] for one in every) / rows * 1e6 for step in steps}
            for name, every in parts.items()
        },
        startup=startup(),
        seconds={name: [one * own[name] for one in every] for name, every in each.items()},
    )
    return result, {"name": Path(tokenizer).name, "sha256": digest}, problem


def startup(pairs: int = 7) -> float:
    """Return the time of `curator --help` over that of importing Polars and click; the median of interleaved pairs."""
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))}

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)

    commands = (("-m", "curator", "--help"), ("-c", "import polars, click"))
    # The first one of each fills caches.
    each = [[seconds_of(partial(run, *command), perf_counter) for command in commands] for _ in range(pairs + 1)][1:]
    return statistics.median(ours / theirs for ours, theirs in each)


def difference(expected: Made, got: Made) -> str | None:
    """Say in one line how curator's items differ from the baseline's."""
    if len(expected) != len(got):
        return f"the baseline kept {len(expected):,} items, curator {len(got):,}"
    differing = [left[0] for left, right in zip(expected, got, strict=True) if left != right]
    if differing:
        return f"{len(differing):,} items differ, the first one in row {differing[0]}"
    return None


def table(result: Result) -> str:
    """The result as Markdown: two tables and what they say."""
    lines = ["| run | µs a row | rows a second |", "|---|---:|---:|"]
    lines += [f"| {name} | {each:.1f} | {1e6 / each:,.0f} |" for name, each in result.us_per_row.items()]
    steps = list(result.shares["course-v1"])
    lines += ["", f"| µs a row | {' | '.join(steps)} |", f"|---|{'---:|' * len(steps)}"]
    for name, shares in result.shares.items():
        whole = sum(shares.values())
        lines.append(f"| {name} | {' | '.join(f'{one:.1f} ({one / whole:.0%})' for one in shares.values())} |")
    lines += [
        "",
        f"{result.rows:,} rows, {result.items:,} items, medians of {result.pairs} interleaved pairs on one core.",
        f"course-v1, writing included, is {result.speedup:.1f} times as fast as the baseline, which writes nothing;"
        f" {result.first_speedup:.1f} times on texts not met before.",
        f"It takes {result.over_floor:.2f} times its floor;"
        f" pricer takes {result.pricer_over_course:.2f} times as long as course-v1.",
        f"`curator --help` takes {result.startup:.2f} times as long as importing Polars and click.",
    ]
    return "\n".join(lines)


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.argument("source", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tokenizer", required=True, help="Tokenizer folder that transformers.AutoTokenizer loads.")
@click.option("--rows", type=click.IntRange(min=1), help="Only the first rows; of the demo catalogue, how many.")
@click.option("--baseline-rows", type=click.IntRange(min=1), help="Run the baseline on the first rows only.")
@click.option("--pairs", type=click.IntRange(min=1), default=5, show_default=True, help="How often both are run.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the result here; that of demo rows goes under the key demo.",
)
def main(
    source: Path | None,
    tokenizer: str,
    rows: int | None,
    baseline_rows: int | None,
    pairs: int,
    json_file: Path | None,
) -> None:
    """Run the benchmark."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = prepare(source, rows, folder)
        result, vocabulary, problem = compare(path, tokenizer, pairs, baseline_rows, folder)
    if json_file is not None:
        others = json.loads(json_file.read_text("utf-8")) if json_file.exists() else {}
        found = {
            "source": source.name if source else f"demo, seed {DEMO_SEED}",
            "tokenizer": vocabulary,
            "same_items": problem is None,
            **asdict(result),
            "machine": machine(cores, pinned=last_core() is not None),
        }
        # What other scripts measured stays, and so do the rows of the demo beside real ones.
        kept = {name: others[name] for name in ("ray", "scaling", "demo") if name in others}
        whole = found | kept if source else others | {"demo": found}
        json_file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    click.echo(table(result))
    if problem is not None:
        click.echo(f"error: {problem}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
