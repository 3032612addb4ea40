"""Print the peak memory of builds of more and more demo rows: the map and write steps hold a shard, not the input.

    python scripts/memory.py 250000 1000000 4000000 --tokenizer o200k_base --recipe course-v1

One worker maps, so that the peak of all processes is that of one. What grows with the rows is the selection, which
holds a few narrow columns of all items.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click


@click.command(help=__doc__.split("\n", maxsplit=1)[0])
@click.argument("rows", nargs=-1, required=True, type=click.IntRange(min=1))
@click.option("--tokenizer", default="o200k_base", show_default=True, help="As in a recipe.")
@click.option("--recipe", default="course-v1", show_default=True, help="Built-in recipe or TOML file.")
def main(rows: tuple[int, ...], tokenizer: str, recipe: str) -> None:
    """Build one after the other, each in a process of its own."""
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))}
    click.echo("| rows | items | peak memory, MiB | map, s | select, s | write, s |\n|---:|---:|---:|---:|---:|---:|")
    for many in rows:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "curator", "build", f"demo:{many}", "--recipe", recipe, "--json"]
            command += ["--set", f"tokenizer={tokenizer}", "--workers", "1", "--out", f"{folder}/run"]
            made = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
            summary = json.loads(made.stdout)
            fates, seconds = summary["fates"], summary["seconds"]
            items = sum(fates.get(name, 0) for name in ("train", "validation", "test", "not_sampled", "beyond_splits"))
            peak = summary["peak_memory_bytes"] / 2**20
            steps = " | ".join(f"{seconds[step]:.1f}" for step in ("map", "select", "write"))
            click.echo(f"| {many:,} | {items:,} | {peak:,.0f} | {steps} |")


if __name__ == "__main__":
    main()
