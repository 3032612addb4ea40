"""Complete a run's summary with what its report shows: measures of the published rows, promises, and sample rows."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import polars as pl

from curator.dataset import promises
from curator.dataset.manifest import Manifest
from curator.recipe.load import Recipe
from curator.report.measure import Published
from curator.report.samples import dropped_samples, unread
from curator.run.directory import RunDirectory
from curator.sources.shards import Shard


def complete(
    summary: Mapping[str, Any],
    run: RunDirectory,
    shards: Sequence[Shard],
    recipe: Recipe,
    manifest: Mapping[str, Any],
    published: Published,
    libraries: Sequence[str],
) -> dict[str, Any]:
    """Return the summary with `published`, `duplicates`, `samples`, `checks`, `verdict`, `files` and `versions`.

    Args:
        summary: What `summary.summarise` counted.
        run: The run directory, dataset and ledger written.
        shards: The run's shards.
        recipe: The run's recipe.
        manifest: The dataset's manifest.
        published: Saw the rows that were written.
        libraries: Distributions whose versions matter to the result.
    """
    promised = promises.findings(Manifest.model_validate(manifest))
    dropped = dropped_samples(run, shards, recipe, summary["fates"])
    notes = list(unread(summary["fates"], dropped))
    checks = [
        *promised,
        _balance(recipe, summary["balance"]),
        *_told("warning", "warn", "warning", summary["warnings"]),
        *_told("unread", "note", "rows that could not be read", notes),
    ]
    return {
        **summary,
        "notes": notes,
        "certificate": manifest["certificate"],
        "sources": manifest["sources"],
        "published": published.to_dict(),
        "duplicates": _duplicates(run),
        "samples": {"kept": published.kept, "dropped": dropped},
        "checks": checks,
        "verdict": verdict(checks),
        "files": manifest["files"],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
    }


def verdict(checks: Sequence[Mapping[str, str]]) -> str:
    """Return the worst status among the checks; a note, which checks nothing, counts for nothing."""
    statuses = {one["status"] for one in checks}
    return next((status for status in ("fail", "warn") if status in statuses), "pass")


def _told(key: str, status: str, name: str, texts: Sequence[str]) -> Iterator[dict[str, str]]:
    for number, text in enumerate(texts, 1):
        yield {"id": f"{key}-{number}", "name": name, "status": status, "detail": text}


def _balance(recipe: Recipe, balance: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Note the largest gap between the rows of a category or price band in a held-out split and its share."""
    gaps = [
        (abs(one[split] - one[f"{split}_aim"]), one[split], one[f"{split}_aim"], split)
        for entries in balance.values()
        for one in entries
        for split in ("validation", "test")
    ]
    _, rows, aim, split = max(gaps, default=(0.0, 0, 0.0, "test"))
    aimed = "" if recipe.duplicates.near == "together" else "; the recipe draws them without regard to either"
    detail = f"the largest gap: {rows:,} rows of {split} where its share would be {aim:,.1f}{aimed}"
    name = "validation and test have the sample's mix of categories and prices"
    return {"id": "balance", "name": name, "status": "note", "detail": detail}


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
