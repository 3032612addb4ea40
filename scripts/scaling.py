"""What a build costs on 2, 64 and 1,024 cores: measure the rates, and model the cost.

    python scripts/scaling.py measure SOURCE.parquet      rates into reports/benchmarks.json; minutes
    python scripts/scaling_page.py                        reports/scaling.md from reports/benchmarks.json

The time of the map step itself comes from scripts/bench.py, Ray's start-up and time a task from scripts/bench_ray.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from bench import machine

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "reports" / "benchmarks.json"
PAGE = ROOT / "reports" / "scaling.md"
DEMO_ROWS = (400_000, 1_600_000)
REPEATS = 2
"""Builds of each size: the least time is kept, for other work on the machine only adds to it, and the most memory."""
RECIPES = ("pricer", "course-v1")
CORES = (2, 64, 1_024)

FILESYSTEM = 1e9
"""Bytes a second of the shared filesystem, to all nodes together; assumed."""
COURSE_ITEMS = 2_811_408
"""Items of the course's eight categories that its authors published: the share of rows that become items."""


@click.group(help=__doc__.split("\n", maxsplit=1)[0])
def main() -> None:
    """Choose what to do."""


# -- measuring


def build(source: str, recipe: str, run: Path) -> dict[str, Any]:
    """Build a run with two workers and return its summary."""
    # The bundled tokenizer, for both recipes: selecting and writing don't depend on it.
    options = ["--recipe", recipe, "--set", "tokenizer=o200k_base", "--workers", "2", "--json", "--out", str(run)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "curator", "build", source, *options]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("source")
def one(run: Path, source: str) -> None:
    """Select again from the items of a finished RUN of SOURCE, in this process; print times and memory."""
    from curator.recipe.load import load_recipe
    from curator.run import parts
    from curator.run.directory import RunDirectory
    from curator.selection import record, select
    from curator.selection.summary import summarise
    from curator.sources import resolve
    from curator.system.platform import peak_memory_bytes
    from curator.tokens.vocabulary import find_vocabulary

    files = sorted((run / "items").glob("part-*.parquet"))
    recipe = load_recipe(str(run / "recipe.toml"), {})
    before, start = peak_memory_bytes(), perf_counter()
    selection = select.select(files, recipe)
    seconds, memory = perf_counter() - start, peak_memory_bytes() - before
    found = resolve.resolve([source], recipe)
    start = perf_counter()
    fates = record.write_ledger(RunDirectory(run), resolve.cut(found), selection)
    summarise(recipe, find_vocabulary(recipe.tokenizer), [each.source for each in found], files, selection, fates)
    ledger = perf_counter() - start
    start = perf_counter()
    for _ in parts.batches(files):
        pass
    scan = perf_counter() - start
    told = {"items": selection.items.height, "select": seconds, "memory": memory, "ledger": ledger, "scan": scan}
    click.echo(json.dumps(told))


def sizes(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def share_taken_whole(summary: dict[str, Any]) -> float:
    """Return the share of items in the slots that are never capped: what is published grows with the rows by them."""
    slots = summary["distributions"]["slots"]["items"]
    return sum(slots[summary["settings"]["slots"]["whole_from"] :]) / summary["items"]


def hash_rate() -> float:
    """Return the bytes a second at which a file in memory is hashed."""
    with tempfile.TemporaryFile() as file:
        file.write(bytes(256 * 2**20))
        file.seek(0)
        start = perf_counter()
        hashlib.file_digest(file, "sha256")
        return 256 * 2**20 / (perf_counter() - start)


@main.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def measure(source: Path) -> None:
    """Measure bytes on SOURCE, a file of real rows, and time and memory of selection and writing on demo rows."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    selects = []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "real")
        real = build(str(source), "pricer", run)
        given = {
            "name": source.name,
            "rows": real["rows_in"],
            "items": real["items"],
            "bytes": source.stat().st_size,
            "items_bytes": sizes(run / "items"),
            "ledger_bytes": sizes(run / "ledger"),
            "dataset_bytes": sizes(run / "dataset"),
            "published": sum(real["splits"].values()),
            "taken_whole": share_taken_whole(real),
        }
        for recipe in RECIPES:
            for rows in DEMO_ROWS:
                runs = []
                for repeat in range(REPEATS):
                    run = Path(folder, f"{recipe}-{rows}-{repeat}")
                    summary = build(f"demo:{rows}", recipe, run)
                    command = [sys.executable, __file__, "one", str(run), f"demo:{rows}"]
                    alone = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
                    published = sum(summary["splits"].values())
                    runs.append({"published": published, "write_lap": summary["seconds"]["write"]})
                    runs[-1] |= json.loads(alone.stdout)
                    click.echo(json.dumps(runs[-1]), err=True)
                best = {name: (max if name == "memory" else min)(one[name] for one in runs) for name in runs[0]}
                selects.append({"recipe": recipe, "rows": rows} | best)
    result = {
        "source": given,
        "hash_bytes_per_second": hash_rate(),
        "selects": selects,
        "machine": machine(os.cpu_count() or 1, pinned=False),
    }
    whole = json.loads(BENCHMARKS.read_text("utf-8")) | {"scaling": result}
    BENCHMARKS.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")


# -- the model


@dataclass(frozen=True)
class Rates:
    """What was measured; seconds, bytes, a row, an item or a published row each."""

    map_row: float
    row_bytes: float
    item_bytes: float
    ledger_bytes: float
    published_bytes: float
    select_item: float
    select_row: float
    memory_item: float
    write_row: float
    scan_item: float
    hash_byte: float
    task: float
    startup: float

    @classmethod
    def of(cls, measured: dict[str, Any], recipe: str) -> Rates:
        """Take the rates of one recipe; what grows with the items is the slope between two sizes."""
        given, ray = measured["scaling"]["source"], measured["ray"]
        small, large = (some for some in measured["scaling"]["selects"] if some["recipe"] == recipe)
        more = large["items"] - small["items"]
        return cls(
            map_row=measured["us_per_row"][recipe] * 1e-6,
            row_bytes=given["bytes"] / given["rows"],
            item_bytes=given["items_bytes"] / given["items"],
            ledger_bytes=given["ledger_bytes"] / given["rows"],
            published_bytes=given["dataset_bytes"] / given["published"],
            select_item=(large["select"] - small["select"]) / more,
            select_row=large["ledger"] / large["rows"],
            memory_item=(large["memory"] - small["memory"]) / more,
            write_row=(large["write_lap"] - small["write_lap"] - large["scan"] + small["scan"])
            / (large["published"] - small["published"]),
            scan_item=large["scan"] / large["items"],
            hash_byte=1 / measured["scaling"]["hash_bytes_per_second"],
            task=ray["seconds_a_task"],
            startup=ray["startup_seconds"]["ray"],
        )


@dataclass(frozen=True)
class Cost:
    """What a build costs; seconds of each step, and bytes of memory of the process that selects."""

    seconds: dict[str, float]
    memory: float
    read: float
    written: float

    @property
    def total(self) -> float:
        """Seconds of the whole build."""
        return sum(self.seconds.values())

    @property
    def first(self) -> str:
        """The step that takes longest."""
        return max(self.seconds, key=lambda step: self.seconds[step])


def cost(rates: Rates, rows: int, cores: int, most_published: int, shard_rows: int) -> Cost:
    """Model a build.

    Args:
        rates: What was measured.
        rows: Raw rows.
        cores: Cores of the map step; selection and writing have one process.
        most_published: Rows that the recipe publishes at most.
        shard_rows: Rows of a shard.
    """
    items = rows * items_per_row()
    published = min(items, most_published)
    shards = -(-rows // shard_rows)
    read = rows * rates.row_bytes
    written = items * rates.item_bytes + rows * rates.ledger_bytes
    computing = -(-shards // cores) * shard_rows * rates.map_row
    seconds = {
        "hash the sources": max(read * rates.hash_byte, read / FILESYSTEM),
        "start": rates.startup,
        # Tasks are handed out by one process, and bytes by one filesystem, while others compute.
        "map": max(computing, shards * rates.task, (read + written) / FILESYSTEM),
        "select": items * rates.select_item + rows * rates.select_row,
        "write": items * rates.scan_item + published * rates.write_row,
    }
    return Cost(seconds, items * rates.memory_item, read, written + published * rates.published_bytes)


def published(measured: dict[str, Any], recipe: str, rows: int) -> int:
    """Return the rows that a recipe publishes at most: full slots, and the items of those that are taken whole."""
    from curator.recipe.load import load_recipe

    settings = load_recipe(recipe, {})
    whole = rows * items_per_row() * measured["scaling"]["source"]["taken_whole"]
    sampled = int((settings.slots.whole_from - 1) * settings.slots.cap + whole)
    most = settings.split.train + settings.split.validation + settings.split.test
    return min(sampled, most) if settings.split.train else sampled


def items_per_row() -> float:
    """Return the share of rows that become items."""
    from curator.sources.categories import COURSE, ITEMS

    return COURSE_ITEMS / sum(ITEMS[name] for name in COURSE)


if __name__ == "__main__":
    main()
