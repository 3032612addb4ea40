"""Complete a run's summary with what its report shows: measures of the published files, checks, and sample rows."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import polars as pl

from curator.recipe.load import Recipe
from curator.report import checks
from curator.report.measure import measure
from curator.report.samples import dropped_samples
from curator.run.directory import RunDirectory
from curator.sources.model import Shard


def complete(
    summary: Mapping[str, Any],
    run: RunDirectory,
    shards: Sequence[Shard],
    recipe: Recipe,
    manifest: Mapping[str, Any],
    libraries: Sequence[str],
) -> dict[str, Any]:
    """Return the summary with `published`, `duplicates`, `samples`, `checks`, `verdict`, `files` and `versions`.

    Args:
        summary: What `summary.summarise` counted.
        run: The run directory, dataset and ledger written.
        shards: The run's shards.
        recipe: The run's recipe.
        manifest: The dataset's manifest.
        libraries: Distributions whose versions matter to the result.
    """
    published = measure(run.dataset, manifest["files"], recipe)
    kept = published.pop("kept")
    summary = {**summary, "certificate": manifest["certificate"]}
    results = checks.check(recipe, summary, published, [run.ledger(shard.index) for shard in shards])
    return {
        **summary,
        "sources": manifest["sources"],
        "published": published,
        "duplicates": _duplicates(run),
        "samples": {"kept": kept, "dropped": dropped_samples(run, shards, recipe, summary["fates"])},
        "checks": results,
        "verdict": checks.verdict(results),
        "files": manifest["files"],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
    }


def _duplicates(run: RunDirectory) -> dict[str, Any]:
    """Return how many clusters of items with one text, or nearly one, there are, of each size above one."""
    cluster = pl.scan_parquet(run.selection, glob=False).select("cluster").drop_nulls()
    sizes = cluster.group_by("cluster").agg(size=pl.len()).filter(pl.col("size") > 1)
    counted = sizes.group_by("size").agg(clusters=pl.len()).sort("size").collect()
    return {
        "clusters": int(counted["clusters"].sum()),
        "items": int((counted["size"] * counted["clusters"]).sum()),
        "sizes": [[size, clusters] for size, clusters in counted.iter_rows()],
    }
