"""Time the map step on Ray against the local engine, on the same demo rows, and put it into reports/benchmarks.json.

    python scripts/bench_ray.py --rows 1000000 --pairs 1

Start-up is the time to the first finished shard; what is compared comes after it: from there to the last shard. The
two engines run in turn, so that other work on the machine troubles both alike; processor time is that of this process
and all below it. Needs the extra ray, and a system with /proc.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from bench import machine

from curator.items.map_shard import shard_key
from curator.items.ray_cluster import run_ray
from curator.items.workers import Done, Task, run_local
from curator.recipe.load import load_recipe
from curator.sources.resolve import cut, resolve
from curator.system.platform import cores
from curator.tokens.vocabulary import find_vocabulary

TICKS = os.sysconf("SC_CLK_TCK")
EMPTY_TASKS = 2_000


def processor_seconds() -> float:
    """Return the processor time of this process and of all below it, those that ended included."""
    times: dict[int, float] = {}
    below: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # It ended meanwhile.
            continue
        pid = int(path.parent.name)
        below.setdefault(int(fields[1]), []).append(pid)
        times[pid] = sum(map(int, fields[11:15])) / TICKS
    total, todo = 0.0, [os.getpid()]
    while todo:
        pid = todo.pop()
        total += times.get(pid, 0.0)
        todo += below.get(pid, [])
    return total


class Watch:
    """Notes when each shard was finished."""

    def __init__(self, shards: int) -> None:
        self.started = perf_counter()
        self.left = shards
        self.first: tuple[float, float] | None = None
        self.last = (0.0, 0.0)

    def __call__(self, done: Done) -> None:
        """Note a shard; the processor is asked at the first and at the last."""
        self.left -= 1
        if self.first is None:
            self.first = (perf_counter(), processor_seconds())
        elif not self.left:
            self.last = (perf_counter(), processor_seconds())

    def result(self) -> dict[str, float]:
        """Return seconds to the first shard, from there to the last, and of the processor meanwhile."""
        assert self.first is not None
        times = (self.first[0] - self.started, self.last[0] - self.first[0], self.last[1] - self.first[1])
        return dict(zip(("startup", "wall", "processor"), times, strict=True))


def _nothing() -> None:
    pass


def seconds_a_task(workers: int) -> float:
    """Return the time that Ray takes for a task that does nothing, as many at once as the engine would have."""
    import ray

    ray.init("local", num_cpus=workers, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    nothing = ray.remote(num_cpus=1)(_nothing)
    ray.get([nothing.remote() for _ in range(50)])
    start = perf_counter()
    running = [nothing.remote() for _ in range(2 * workers)]
    for _ in range(EMPTY_TASKS):
        finished, running = ray.wait(running)
        ray.get(finished)
        running.append(nothing.remote())
    ray.get(running)
    seconds = perf_counter() - start
    ray.shutdown()
    return seconds / (EMPTY_TASKS + 2 * workers)


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.option("--rows", type=click.IntRange(min=100_000), default=1_000_000, show_default=True, help="Demo rows.")
@click.option("--pairs", type=click.IntRange(min=1), default=3, show_default=True, help="How often both are run.")
@click.option("--workers", type=click.IntRange(min=2), help="Worker processes.  [default: the cores, at least 2]")
@click.option("--recipe", "name", default="pricer", show_default=True, help="Built-in recipe or TOML file.")
@click.option(
    "--json", "json_file", type=click.Path(exists=True, path_type=Path), default=Path("reports/benchmarks.json")
)
def main(rows: int, pairs: int, workers: int | None, name: str, json_file: Path) -> None:
    """Run the benchmark."""
    workers = workers or max(2, cores())
    recipe = load_recipe(name)
    vocabulary = find_vocabulary(recipe.tokenizer)
    shards = cut(resolve([f"demo:{rows}"], recipe))
    runs: dict[str, list[dict[str, float]]] = {"local": [], "ray": []}
    for pair in range(pairs):
        for engine in ("local", "ray") if pair % 2 == 0 else ("ray", "local"):
            with tempfile.TemporaryDirectory() as folder:
                tasks = [
                    Task(one, *(Path(folder, kind, str(one.index)) for kind in ("items", "ledger")), key)
                    for one in shards
                    for key in [shard_key(one, recipe, vocabulary)]
                ]
                watch = Watch(len(tasks))
                if engine == "ray":
                    run_ray(tasks, recipe, None, workers, watch)
                else:
                    run_local(tasks, recipe, workers, watch)
                runs[engine].append(watch.result())
                click.echo(f"{engine}: {watch.result()}", err=True)

    def overhead(what: str) -> float:
        return statistics.median(b[what] / a[what] - 1 for a, b in zip(runs["local"], runs["ray"], strict=True))

    result: dict[str, Any] = {
        "rows": rows,
        "shards": len(shards),
        "recipe": recipe.name,
        "workers": workers,
        "pairs": pairs,
        "overhead_wall": overhead("wall"),
        "overhead_processor": overhead("processor"),
        "startup_seconds": {engine: statistics.median(one["startup"] for one in runs[engine]) for engine in runs},
        "seconds_a_task": seconds_a_task(workers),
        "runs": runs,
        "machine": machine(os.cpu_count() or 1, pinned=False),
    }
    whole = json.loads(json_file.read_text("utf-8")) | {"ray": result}
    json_file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    click.echo(
        f"{rows:,} demo rows in {len(shards)} shards, {workers} workers, medians of {pairs} interleaved pairs: Ray"
        f" takes {result['overhead_wall']:+.1%} time and {result['overhead_processor']:+.1%} processor time after the"
        f" start-up; the first shard is there after {result['startup_seconds']['ray']:.1f} s"
        f" (local: {result['startup_seconds']['local']:.1f} s); an empty task takes"
        f" {result['seconds_a_task'] * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main()
