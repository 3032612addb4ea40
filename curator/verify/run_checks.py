"""Check that ledger, selection, summary and recipe of a run agree with the dataset it made."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from curator.dataset.manifest import Manifest, SourceEntry
from curator.dataset.write import IMAGES
from curator.recipe.load import complete_settings
from curator.run.directory import CARD, RunDirectory
from curator.run.ledger import FATES, SPLITS
from curator.selection import select
from curator.system.display import counted
from curator.verify.dataset_checks import Digests, compare_file, differences
from curator.verify.item_checks import item_names, published_items
from curator.verify.row_checks import Unreadable
from curator.verify.verdict import Check


def check_run(path: Path, digests: Digests, manifest: Manifest) -> list[Check]:
    """Check a run directory beyond its dataset.

    Args:
        path: The run directory.
        digests: Of the files of `path`.
        manifest: That of the dataset.
    """
    run = RunDirectory(path)
    checks = [
        Check("run-files", "every file of the run has the sha256 of its manifest"),
        Check("card-edited", "the card is as it was built", warning=True),
        Check("summary", "summary and recipe agree with the dataset"),
        Check("ledger", "the ledger has every row once, and its fates are the dataset's"),
        Check("selection", "the selection agrees with the ledger and the published rows"),
        Check("items", "the published rows are the selected items"),
        Check("sources", "the manifest's sources are those that the run read"),
    ]
    whole, card, summary, book, selection, items, sources = checks
    steps: list[tuple[Check, Callable[[], None]]] = [
        (whole, lambda: _files(run, digests, whole, card)),
        (summary, lambda: _summary(run, manifest, summary)),
        (book, lambda: _ledger(run, manifest, book)),
        (selection, lambda: _selection(run, manifest, selection)),
        (selection, lambda: _unpublished(run, selection)),
        (items, lambda: published_items(run, manifest, items)),
        (items, lambda: item_names(run, items)),
        (sources, lambda: _sources(run, manifest, sources)),
    ]
    for check, step in steps:
        try:
            step()
        except (*Unreadable, KeyError, TypeError, AttributeError, RecursionError) as error:
            first = (str(error).splitlines() or [""])[0]
            check.problem(f"a file can't be read or is not what a run holds: {type(error).__name__}: {first[:200]}")
    return checks


def _files(run: RunDirectory, digests: Digests, whole: Check, card: Check) -> None:
    files = json.loads(run.manifest.read_bytes())["files"]
    whole.detail = counted(len(files), "file")
    shards = [one["shard"] for one in json.loads(run.sources.read_bytes())["shards"]]
    own = {path for shard in shards for path in (run.items(shard), run.ledger(shard))}
    for path in run.parts():
        if path not in own:
            whole.problem(f"{path.parent.name}/{path.name} belongs to no shard of sources.json")
    for name, one in files.items():
        # People edit the card; the data of the dataset is checked against its own manifest too.
        compare_file(card if name == CARD else whole, digests, name, one["bytes"], one["sha256"])


def _summary(run: RunDirectory, manifest: Manifest, check: Check) -> None:
    # Figures take a library that is slow to import.
    from curator.figures.images import alts

    summary: dict[str, Any] = json.loads(run.summary.read_bytes())
    for key, said, expected in (
        ("rows_in", summary["rows_in"], manifest.counts.rows_in),
        ("masked", summary.get("masked", 0), manifest.counts.masked),
        ("fates", summary["fates"], manifest.counts.fates),
        ("splits", summary["splits"], {split: manifest.counts.fates.get(split, 0) for split in SPLITS}),
        ("tokenizer", summary["tokenizer"]["sha256"], manifest.tokenizer.sha256),
        ("settings", complete_settings(summary["settings"]), manifest.recipe.model_dump(mode="json")),
    ):
        for where, one, other in differences(said, expected, key):
            check.problem(f"summary.json: {where} is {one!r}, dataset/manifest.json says {other!r}")
    said = {name: one.alt for name, one in manifest.images.items()}
    for where, one, other in differences(said, {f"{IMAGES}/{name}.png": alt for name, alt in alts(summary).items()}):
        check.problem(f"dataset/manifest.json: the words for {where} are {one!r}, summary.json gives {other!r}")
    recipe = complete_settings(tomllib.loads(run.recipe.read_text("utf-8")))
    # The published recipe has the tokenizer's name where the run's may have a path.
    if {**recipe, "tokenizer": manifest.recipe.tokenizer} != manifest.recipe.model_dump(mode="json"):
        check.problem("recipe.toml is not the recipe of dataset/manifest.json")


def _ledger(run: RunDirectory, manifest: Manifest, check: Check) -> None:
    counts: Counter[str] = Counter()
    shards = json.loads(run.sources.read_bytes())["shards"]
    check.detail = counted(len(shards), "part")
    for shard in shards:
        path = run.ledger(shard["shard"])
        part = pl.read_parquet(path, columns=["shard", "row", "fate"], glob=False)
        rows = pl.Series(range(0)) if part.is_empty() else part["row"]
        expected = pl.int_range(shard["start"], shard["stop"], eager=True)
        if not rows.cast(pl.Int64).sort().equals(expected, check_names=False):
            check.problem(f"ledger/{path.name} does not hold rows {shard['start']} to {shard['stop'] - 1} once each")
        counts.update(dict(part["fate"].value_counts().iter_rows()))
    found = {fate: counts[fate] for fate in FATES if counts[fate]}
    for fate in counts.keys() - set(FATES):
        check.problem(f"ledger: {fate!r} is no fate")
    for fate in found.keys() | manifest.counts.fates.keys():
        if found.get(fate, 0) != manifest.counts.fates.get(fate, 0):
            said = manifest.counts.fates.get(fate, 0)
            check.problem(f"ledger: {found.get(fate, 0):,} rows are {fate}, the manifest says {said:,}")


def _unpublished(run: RunDirectory, check: Check) -> None:
    """Note items that the ledger gives a fate from before the selection, and rows the other way round."""
    rows = pl.read_parquet(run.selection, columns=["shard", "row", "sampled", "split"], glob=False)
    # Train, validation and test are compared elsewhere; of all others only those beyond the splits have a place.
    left = rows.filter(pl.col("split").is_null())
    for path in sorted(run.path.glob("ledger/part-*.parquet")):
        part = pl.read_parquet(path, columns=["shard", "row", "fate"], glob=False)
        mine = left.join(part.select("shard").unique(), on="shard", how="semi").with_columns(item=pl.lit(value=True))
        both = part.filter(~pl.col("fate").is_in(SPLITS)).join(mine, on=["shard", "row"], how="full", coalesce=True)
        decided = pl.col("fate").is_in(select.FATES.categories.to_list())
        agrees = (decided == pl.col("item").fill_null(value=False)) & (
            pl.col("sampled").fill_null(value=False) == (pl.col("fate") == "beyond_splits")
        )
        for one in both.filter(~agrees.fill_null(value=False)).head(5).iter_rows(named=True):
            said = "no item" if one["item"] is None else "an item" + (" of the sample" if one["sampled"] else "")
            check.problem(
                f"shard {one['shard']} row {one['row']}: the ledger says {one['fate']}, in the selection it is {said}"
            )


def _sources(run: RunDirectory, manifest: Manifest, check: Check) -> None:
    check.detail = counted(len(manifest.sources), "source")
    read = json.loads(run.sources.read_bytes())
    found = [_published(one) for one in read["sources"]]
    for where, said, other in differences([one.model_dump() for one in manifest.sources], found, "sources"):
        check.problem(f"dataset/manifest.json: {where} is {said!r}, sources.json says {other!r}")
    for number, one in enumerate(found):
        rows = sum(shard["stop"] - shard["start"] for shard in read["shards"] if shard["source"] == number)
        if rows != one["rows"]:
            check.problem(f"sources.json: the shards of {one['name']} have {rows:,} rows, the source {one['rows']:,}")
    copied, summed = (json.loads(path.read_bytes())["sources"] for path in (run.manifest, run.summary))
    for name, said in (
        (run.manifest.name, [_published(one) for one in copied]),
        (run.summary.name, [SourceEntry(**one).model_dump() for one in summed]),
    ):
        for where, one, other in differences(said, found, "sources"):
            check.problem(f"{name}: {where} is {one!r}, sources.json says {other!r}")


def _published(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a dataset's manifest says about a source of ``sources.json``: all but where it lay."""
    names = ("kind", "name", "category", "rows", "bytes", "sha256", "repository", "revision")
    return {name: source["size" if name == "bytes" else name] for name in names}


def _selection(run: RunDirectory, manifest: Manifest, check: Check) -> None:
    selection = pl.read_parquet(run.selection, columns=["shard", "row", "slot", "position", "split"], glob=False)
    positions = selection["position"].drop_nulls().cast(pl.Int64).sort()
    if not positions.equals(pl.int_range(len(positions), eager=True), check_names=False):
        check.problem("selection.parquet: the positions of the sample are not 0, 1, 2 …")
    chosen = selection.filter(pl.col("split").is_not_null())
    fated = (
        pl.scan_parquet(sorted(run.path.glob("ledger/part-*.parquet")), glob=False)
        .filter(pl.col("fate").is_in(SPLITS))
        .select("shard", "row", "parent_asin", "fate")
        .collect()
    )
    both = chosen.join(fated, on=["shard", "row"], how="full", coalesce=True)
    for one in both.filter(pl.col("fate").ne_missing(pl.col("split"))).head(5).iter_rows(named=True):
        check.problem(
            f"shard {one['shard']} row {one['row']}: the ledger says {one['fate']}, the selection {one['split']}"
        )
    for split in SPLITS:
        files = [run.dataset / name for name in manifest.data_files(split)]
        if not files:
            continue
        published = pl.scan_parquet(files, glob=False).select("parent_asin", "slot").collect()
        expected = both.filter(pl.col("split") == split).sort("position").select("parent_asin", "slot")
        if published.height != expected.height:
            check.problem(f"{split}: {published.height:,} rows are published, {expected.height:,} selected")
            continue
        wrong = published["parent_asin"].ne_missing(expected["parent_asin"]) | published["slot"].ne_missing(
            expected["slot"]
        )
        for at in wrong.arg_true():
            check.problem(f"{manifest.place(split, at)} is not the item that the selection puts there")
