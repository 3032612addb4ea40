#!/usr/bin/env python3
"""Measure the search for near-copies: time and memory for growing numbers of items, and its recall.

    python scripts/near_copies.py RUN [--items 100000 --items 1000000] [--recall 20000]

RUN is a finished run; the first so many of its items are clustered with its recipe, each time in a process of its own.
With --recall so many items are also compared each with each: how many of the pairs that reach the threshold lie in one
cluster, which is what the splits go by, and how many were measured as pairs. In a large cluster not all need to be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from curator.duplicates import find, index
from curator.duplicates.clusters import cluster, verified
from curator.duplicates.grams import Grams, grams
from curator.recipe.load import Recipe, load_recipe
from curator.selection import select
from curator.system.platform import give_back_early, peak_memory_bytes
from curator.text import prompts


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--items", type=int, action="append", help="items to cluster; may be repeated")
    parser.add_argument("--recall", type=int, default=0, help="items to compare each with each")
    parser.add_argument("--share", type=float, help="of the grams, kept for --recall; by default as for so many items")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    recipe = load_recipe(str(given.run / "recipe.toml"), {"duplicates.near": "together"})
    parts = sorted((given.run / "items").glob("part-*.parquet"))
    if given.one is not None:
        print(json.dumps(measure(parts, given.one, recipe)))
        return
    heads = ("items", "seconds", "processor seconds", "µs an item", "bytes an item at the peak", "clusters", "largest")
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for items in given.items or [10_000, 100_000]:
        command = [sys.executable, __file__, str(given.run), "--one", str(items)]
        one = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        times = f"{one['seconds']:.1f} | {one['processor']:.1f} | {one['processor'] / one['items'] * 1e6:.0f}"
        each = f"{one['bytes'] / one['items']:.0f}"
        print(f"| {one['items']:,} | {times} | {each} | {one['clusters']:,} | {one['largest']:,} |")
    if given.recall:
        together, found, every = recall(parts, given.recall, recipe, given.share)
        print(f"\nof {every:,} pairs among {given.recall:,} items")
        print(f"{together:,} ({together / every:.4f}) lie in one cluster")
        print(f"{found:,} ({found / every:.4f}) were measured as pairs")


def measure(parts: list[Path], items: int, recipe: Recipe) -> dict[str, float]:
    """Return what clustering the first so many items takes, beyond what the process had at its start."""
    rows = pl.scan_parquet(parts, glob=False).select("text_hash", "tokens").head(items).collect()
    copies = select.exact_copies(rows["text_hash"].to_numpy())
    tokens = float(rows["tokens"].to_numpy().mean())
    give_back_early()
    before, start, busy = peak_memory_bytes(), time.perf_counter(), time.process_time()
    found = find.find_clusters(parts, copies, tokens, recipe)
    seconds = time.perf_counter() - start
    sizes = np.bincount(found.of[copies == np.arange(len(copies))])
    return {
        "items": len(copies),
        "seconds": seconds,
        "processor": time.process_time() - busy,
        "bytes": peak_memory_bytes() - before,
        "clusters": int((sizes > 1).sum()),
        "largest": int(sizes.max()),
    }


def recall(parts: list[Path], items: int, recipe: Recipe, share: float | None) -> tuple[int, int, int]:
    """Return how many pairs among the first so many items lie in one cluster, were measured, and are there.

    `share` is the share of grams that are kept; by default that of so many items.
    """
    published = prompts.before_completion(pl.col("prompt"), pl.col("slot"))
    rows = pl.scan_parquet(parts, glob=False).head(items)
    texts = rows.select(prompts.product_text(published, recipe.prompt)).collect().to_series()
    sets = grams(texts)
    threshold = recipe.duplicates.similarity
    sketches = index.Sketches(share or index.kept_share(len(sets), float(sets.sizes.mean())))
    sketches.add(grams(texts, sketches.below))
    found = verified(sketches.candidates(threshold), lambda at: grams(texts.gather(at)), threshold)
    every = brute(sets, threshold)
    assert {tuple(pair) for pair in found.tolist()} <= every
    of = cluster(len(sets), found, len(sets)).of
    return sum(of[a] == of[b] for a, b in every), len(found), len(every)


def brute(sets: Grams, threshold: float) -> set[tuple[int, int]]:
    """Return every pair that reaches the threshold, by counting the shared grams of every two texts."""
    names, number = np.unique(sets.hashes, return_inverse=True)
    marked = np.zeros(len(names), np.bool_)
    rows, pairs = sets.rows, set()
    for at in range(len(sets)):
        mine = number[sets.bounds[at] : sets.bounds[at + 1]]
        marked[mine] = True
        after = sets.bounds[at + 1]
        shared = np.bincount(rows[after:][marked[number[after:]]], minlength=len(sets))
        marked[mine] = False
        other = np.flatnonzero(shared)
        near = shared[other] / (len(mine) + sets.sizes[other] - shared[other]) >= threshold
        pairs |= {(at, one) for one in other[near].tolist()}
    return pairs


if __name__ == "__main__":
    main()
