"""Print the peak memory of each step of builds of more and more demo rows.

    python scripts/memory.py 1000000 4000000 8000000 [--recipe course-v1 --recipe pricer] [--tokenizer o200k_base]

The map and write steps hold a shard or a file, not the input: their peaks are the resident memory of one process that
maps, selects and writes. The select step holds a few narrow columns of all items: it is done again in a fresh process,
from the same parts, and what it takes at its peak beyond what that process held before is divided by the items. Part
of it is fixed, so that fewer items cost more each. `course-v1` looks for no near-copies, `pricer` does. Linux only.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import click

ROOT = Path(__file__).resolve().parent.parent
STEPS = ("map", "select", "write")


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.argument("rows", nargs=-1, type=click.IntRange(min=1))
@click.option("--recipe", "recipes", multiple=True, default=("course-v1", "pricer"), show_default=True)
@click.option("--tokenizer", default="o200k_base", show_default=True, help="As in a recipe.")
@click.option("--one", nargs=4, hidden=True)
def main(rows: tuple[int, ...], recipes: tuple[str, ...], tokenizer: str, one: tuple[str, ...] | None) -> None:
    """Build one after the other, each in a process of its own."""
    if one is not None:
        click.echo(json.dumps(measure(*one)))
        return
    heads = ("recipe", "rows", "items", "map, MiB", "write, MiB", "select, bytes an item")
    click.echo(f"| {' | '.join((*heads, *(f'{step}, s' for step in STEPS)))} |\n|---|{'---:|' * (len(heads) + 2)}")
    for recipe in recipes:
        for many in rows:
            with tempfile.TemporaryDirectory() as folder:
                run = Path(folder, "run")
                first = in_process(f"demo:{many}", recipe, tokenizer, run)
                # The parts stay; all that comes after them is made again.
                (run / "manifest.json").unlink()
                again = in_process(f"demo:{many}", recipe, tokenizer, run)
            each = (again["peak"]["select"] - again["held"]["map"]) / first["items"]
            peaks = " | ".join(f"{first['peak'][step] / 2**20:,.0f}" for step in ("map", "write"))
            seconds = " | ".join(f"{first['seconds'][step]:.1f}" for step in STEPS)
            click.echo(f"| `{recipe}` | {many:,} | {first['items']:,} | {peaks} | {each:.0f} | {seconds} |")


def in_process(*given: str | Path) -> dict[str, Any]:
    """Return what `measure` returns in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    command = [sys.executable, __file__, "--one", *map(str, given)]
    made = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    told: dict[str, Any] = json.loads(made.stdout)
    return told


def measure(source: str, recipe: str, tokenizer: str, run: str) -> dict[str, Any]:
    """Build in this process: items, and for each step its seconds, peak, and what was held at its end (bytes)."""
    from curator import pipeline
    from curator.recipe.load import load_recipe

    peak, held = {}, {}
    lap = pipeline.Clock.lap

    def watched(self: pipeline.Clock, step: str) -> None:
        lap(self, step)
        status = Path("/proc/self/status").read_text()
        peak[step], held[step] = (int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) * 1024 for key in ("VmHWM", "VmRSS"))
        # Lets the peak begin again at what is held now (proc(5)).
        Path("/proc/self/clear_refs").write_text("5")

    with mock.patch.object(pipeline.Clock, "lap", watched):
        summary = pipeline.build([source], load_recipe(recipe, {"tokenizer": tokenizer}), Path(run), workers=1)
    return {"items": summary["items"], "seconds": summary["seconds"], "peak": peak, "held": held}


if __name__ == "__main__":
    main()
