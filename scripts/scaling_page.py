"""Write reports/scaling.md from reports/benchmarks.json by the model of scripts/scaling.py.

python scripts/scaling_page.py [OUT.md]
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from scaling import (
    BENCHMARKS,
    CORES,
    FILESYSTEM,
    PAGE,
    RECIPES,
    Cost,
    Rates,
    cost,
    items_per_row,
    published,
)

from curator.sources.categories import COURSE, ITEMS
from curator.sources.resolve import SHARD_ROWS

STEPS = ("hash the sources", "start", "map", "select", "write")
SIZES = (sum(ITEMS[name] for name in COURSE), sum(ITEMS.values()))


def duration(seconds: float) -> str:
    """Say a time with two digits or so."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def rates_table(measured: dict[str, Any], rates: dict[str, Rates]) -> list[str]:
    """What goes into the model, and where each figure comes from."""
    pricer, course = rates["pricer"], rates["course-v1"]
    given = measured["scaling"]["source"]
    real = f"measured, {given['rows']:,} real rows"
    few, many = sorted({one["rows"] for one in measured["scaling"]["selects"]})
    demo = f"measured, slope from {few:,} to {many:,} demo rows"
    rows = [
        ("map, a row and core", f"{pricer.map_row * 1e6:.1f} µs", f"{course.map_row * 1e6:.1f} µs", real),
        ("source, a row", f"{pricer.row_bytes:.0f} bytes", "the same", real),
        ("items part, an item", f"{pricer.item_bytes:.0f} bytes", "taken as the same", real),
        ("ledger part, a row", f"{pricer.ledger_bytes:.0f} bytes", "taken as the same", real),
        ("dataset, a published row", f"{pricer.published_bytes:.0f} bytes", "taken as the same", real),
        ("select, an item", f"{pricer.select_item * 1e6:.1f} µs", f"{course.select_item * 1e6:.1f} µs", demo),
        (
            "ledger and summary, a row",
            f"{pricer.select_row * 1e6:.2f} µs",
            f"{course.select_row * 1e6:.2f} µs",
            "measured, demo rows",
        ),
        (
            "memory of the select step, an item",
            f"{pricer.memory_item:.0f} bytes",
            f"{course.memory_item:.0f} bytes",
            demo,
        ),
        ("write, a published row", f"{pricer.write_row * 1e6:.0f} µs", f"{course.write_row * 1e6:.0f} µs", demo),
        (
            "scan of the items, an item",
            f"{pricer.scan_item * 1e6:.2f} µs",
            f"{course.scan_item * 1e6:.2f} µs",
            "measured, demo rows",
        ),
        ("hashing, one process", f"{1 / pricer.hash_byte / 1e9:.2f} GB/s", "the same", "measured, from memory"),
        ("Ray, a task", f"{pricer.task * 1e3:.1f} ms", "the same", "measured, empty tasks on one machine"),
        ("Ray, time to the first shard", f"{pricer.startup:.1f} s", "the same", "measured, one machine"),
        ("items a row", f"{items_per_row():.2f}", "the same", "published counts of the course's eight categories"),
        ("items in slots taken whole", f"{given['taken_whole']:.1%}", "not used", real),
        ("shared filesystem, all nodes together", f"{FILESYSTEM / 1e9:.0f} GB/s", "the same", "assumed"),
    ]
    return ["| rate | `pricer` | `course-v1` | where from |", "|---|---:|---:|---|"] + [
        f"| {' | '.join(row)} |" for row in rows
    ]


def cost_table(costs: dict[tuple[int, int], Cost]) -> list[str]:
    """One line a size."""
    lines = [
        f"| rows | cores | {' | '.join(STEPS)} | in all | memory of select | read, GB | written, GB |",
        f"|---:|---:|{'---:|' * (len(STEPS) + 4)}",
    ]
    for (rows, cores), one in costs.items():
        steps = [
            f"**{duration(one.seconds[step])}**" if step == one.first else duration(one.seconds[step]) for step in STEPS
        ]
        memory = f"{one.memory / 2**30:.1f} GiB"
        lines.append(
            f"| {rows / 1e6:.1f} M | {cores:,} | {' | '.join(steps)} | {duration(one.total)} | {memory}"
            f" | {one.read / 1e9:.1f} | {one.written / 1e9:.1f} |"
        )
    return lines


def main() -> None:
    """Write the page."""
    measured = json.loads(BENCHMARKS.read_text("utf-8"))
    rates = {name: Rates.of(measured, name) for name in RECIPES}
    costs = {
        name: {
            (rows, cores): cost(rates[name], rows, cores, published(measured, name, rows), SHARD_ROWS)
            for rows in SIZES
            for cores in CORES
        }
        for name in RECIPES
    }
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    page.write_text("\n".join(map(wrapped, [*text(measured, rates, costs), ""])), "utf-8")


def wrapped(line: str) -> str:
    """Break a line of prose; tables and titles stay."""
    if line.startswith(("|", "#")):
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def text(measured: dict[str, Any], rates: dict[str, Rates], costs: dict[str, dict[tuple[int, int], Cost]]) -> list[str]:
    """The page, line by line."""
    ray, pricer = measured["ray"], rates["pricer"]
    few, many = SIZES
    least, middle, most = (costs["pricer"][many, cores] for cores in CORES)
    shards = -(-many // SHARD_ROWS)
    few_shards = -(-few // SHARD_ROWS)
    limits = {
        "the filesystem": (most.read + many * pricer.ledger_bytes + many * items_per_row() * pricer.item_bytes)
        / FILESYSTEM,
        "handing out tasks": shards * pricer.task,
        "computing": -(-shards // CORES[-1]) * SHARD_ROWS * pricer.map_row,
    }
    bound = max(limits, key=lambda name: limits[name])
    demand = CORES[-1] / pricer.map_row * (pricer.row_bytes + pricer.ledger_bytes + items_per_row() * pricer.item_bytes)
    return [
        "# From one machine to a cluster",
        "",
        "What a build costs on more and more cores: a model, not a measurement. Its rates were measured on one machine"
        f" ({measured['scaling']['machine']['cores']} cores, {measured['scaling']['machine']['cpu']}) unless they"
        " say otherwise; nothing here was run on 64 or 1,024 cores. `scripts/scaling.py measure` and"
        " `scripts/bench_ray.py` take the rates, `scripts/scaling_page.py` writes this page from"
        " [benchmarks.json](benchmarks.json).",
        "",
        "## Measured: Ray against the local engine",
        "",
        f"{ray['rows']:,} demo rows, {ray['shards']} shards, {ray['workers']} workers on one machine,"
        f" {ray['pairs']} interleaved pair{'s' if ray['pairs'] > 1 else ''}. From the first finished shard to the last"
        f" Ray takes {ray['overhead_wall']:+.1%} time and {ray['overhead_processor']:+.1%} processor time. The first"
        f" shard is there after {ray['startup_seconds']['ray']:.1f} s, with the local engine after"
        f" {ray['startup_seconds']['local']:.1f} s. Other work was going on, which the time shows more than the"
        " processor time does.",
        "",
        "## Rates",
        "",
        *rates_table(measured, rates),
        "",
        "## The model",
        "",
        "- *hash the sources*: one process reads everything once, for the digests in the manifest.",
        "- *start*: Ray, its workers, their tokenizer.",
        f"- *map*: the longest of computing in waves of shards of {SHARD_ROWS:,} rows, of handing out tasks one after"
        " the other, and of moving bytes through the shared filesystem.",
        "- *select*: one process; for `pricer` most of it is the search for near-copies. Then the ledger is finished.",
        "- *write*: one process; reads the items once, writes what is published.",
        "",
        "The longest step is bold. All is taken to grow with rows or items; the search for near-copies grows faster"
        " where much text is alike, which demo rows don't show. Left out: what a network filesystem takes for each file"
        " (two parts a shard, which one process opens again after the map step), hundreds of workers that load Python"
        " and the tokenizer from it at once, shards that take longer than others, and lost nodes.",
        "",
        "### `pricer`",
        "",
        *cost_table(costs["pricer"]),
        "",
        "### `course-v1`",
        "",
        *cost_table(costs["course-v1"]),
        "",
        "## What breaks first, and what would then change",
        "",
        f"**2 cores.** Nothing breaks at {few / 1e6:.1f} M rows: {duration(costs['pricer'][few, 2].total)} in all. At"
        f" {many / 1e6:.0f} M ({duration(least.total)}) it is memory: the select step holds"
        f" {pricer.memory_item:.0f} bytes an item, {least.memory / 2**30:.0f} GiB, and small machines have less."
        " `duplicates.near=keep` needs"
        f" {rates['course-v1'].memory_item:.0f} bytes an item. What would change: the sketches, which are most of it,"
        " could lie in a file that is mapped into memory.",
        "",
        f"**64 cores.** The map step of {many / 1e6:.0f} M rows takes {duration(middle.seconds['map'])}, and"
        f" {1 - middle.seconds['map'] / middle.total:.0%} of the build is what one process does while 63 cores wait."
        f" The longest is *{middle.first}*. What would change: sketches and grams are made shard by shard, so they"
        " belong into the map step, beside the items; so do the digests of the sources. What is left to one process is"
        " then the comparison of candidates, the draw and the split. The gathering of chosen rows can become tasks too,"
        " with the selection put into Ray's object store once a node.",
        "",
        f"**1,024 cores.** {few / 1e6:.1f} M rows are {few_shards:,} shards, so that"
        f" {max(0, CORES[-1] - few_shards):,} cores have none; {many / 1e6:.0f} M are {shards:,}, fewer than three"
        f" each. The map step is bound by {bound} ({duration(limits[bound])}; "
        + ", ".join(f"{name} {duration(each)}" for name, each in limits.items() if name != bound)
        + f"): at full speed the cores would ask {demand / 1e9:.0f} GB/s of the filesystem. The whole build takes"
        f" {duration(most.total)}, on 64 cores {duration(middle.total)}. What would change: sources in an object store,"
        " read by every node from there, parts written to the nodes' own disks until they are selected, and, once all"
        " of that is done, smaller shards, and several of them a task. Before that, more than 64 cores are not worth"
        " their price here.",
    ]


if __name__ == "__main__":
    main()
