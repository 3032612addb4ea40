"""What a run directory says about itself: ``sources.json``, and ``manifest.json``, which is written last."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from curator.errors import RunError
from curator.run.directory import CARD, RunDirectory
from curator.sources.shards import Shard, Source
from curator.system.digest import sha256
from curator.system.files import write_json
from curator.system.version import VERSION

LIBRARIES = ("polars", "numpy", "pyarrow", "fastokens", "tokenizers")
"""Distributions whose versions may change what a run holds."""


def finished_summary(run: RunDirectory, key: str) -> dict[str, Any] | None:
    """Return the summary of a run that is complete and was made for this key."""
    try:
        manifest = json.loads(run.manifest.read_text("utf-8"))
        whole = manifest["key"] == key and all(
            (run.path / name).stat().st_size == file["bytes"]
            for name, file in manifest["files"].items()
            if name != CARD  # People edit the card.
        )
        if not whole or sha256(run.summary) != manifest["files"][run.summary.name]["sha256"]:
            return None
        summary: dict[str, Any] = json.loads(run.summary.read_text("utf-8"))
        return summary
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # No manifest, or one that something else has written over: the run is not complete.
        return None


def write_sources(run: RunDirectory, read: Sequence[Source], shards: Sequence[Shard]) -> None:
    """Write what the build reads: each source, and the shards that it is cut into."""
    numbers = {source.location: number for number, source in enumerate(read)}
    described = {
        "sources": [_described(run, source) for source in read],
        "shards": [
            {"shard": one.index, "source": numbers[one.source.location]}
            | {"start": one.start, "stop": one.stop, "offset": one.offset}
            for one in shards
        ],
    }
    write_json(run.sources, described)


def _described(run: RunDirectory, source: Source) -> dict[str, Any]:
    """Return a source as JSON; a table that the run keeps moves with it."""
    tables = run.tables.resolve()
    inside = Path(source.location).is_relative_to(tables)
    return asdict(source) | ({"location": f"{tables.name}/{source.name}"} if inside else {})


def refuse_other_sources(run: RunDirectory, read: Sequence[Source]) -> None:
    """Refuse a directory whose run has sources that are not read now; more of them continue it.

    Raises:
        RunError: It names one of them, and what to do.
    """
    if not run.sources.exists():
        return
    mine = {one["name"] if one["repository"] else one["location"] for one in (_described(run, one) for one in read)}
    try:
        there = json.loads(run.sources.read_text("utf-8"))["sources"]
        gone = [one["name"] for one in there if (one["name"] if one["repository"] else one["location"]) not in mine]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        gone = [f"its {run.sources.name} can't be read"]
    if gone:
        raise RunError(
            f"{run.path} holds a run of other sources ({gone[0]}{', …' * (len(gone) > 1)}): name another folder with"
            f" --out, or --out {run.path} to replace it"
        )


def own_files(run: RunDirectory, shards: Sequence[Shard], manifest: Mapping[str, Any]) -> list[Path]:
    """Return the files that a build writes; what somebody else puts beside them is not the run's."""
    names = ("README.md", "manifest.json", "croissant.json", *manifest["files"], *manifest["images"])
    parts = [part for shard in shards for part in (run.items(shard.index), run.ledger(shard.index))]
    own = [run.recipe, run.sources, run.selection, run.summary, run.report, *sorted(run.tables.glob("*.parquet"))]
    return [*own, *parts, *(run.dataset / name for name in names)]


def write_manifest(
    run: RunDirectory, key: str, read: Sequence[Source], files: Sequence[Path] = (), failed: str | None = None
) -> None:
    """Write the run's manifest, which ends the build: with its files, or with why there is no dataset."""
    write_json(
        run.manifest,
        {
            "key": key,
            "curator": VERSION,
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in LIBRARIES},
            "sources": [_described(run, source) for source in read],
            "files": {
                path.relative_to(run.path).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
                for path in sorted(files)
            },
        }
        | ({} if failed is None else {"failed": failed}),
    )
