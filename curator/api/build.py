"""Builds from Python: from names, paths and tables in memory."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from curator.api.run import Run
from curator.errors import CuratorWarning, UsageError
from curator.estimate import Estimate, estimate
from curator.pipeline import EngineName
from curator.pipeline import build as build_run
from curator.recipe.load import DEFAULT, Recipe, as_recipe
from curator.run.directory import RunDirectory
from curator.sources.tables import InMemory, Table, is_table, read_table
from curator.system import progress
from curator.system.files import remove, writing
from curator.system.paths import as_path
from curator.system.platform import cores

Sources = str | Path | InMemory | Sequence[str | Path | InMemory]
"""What a build reads: a name, a path, a table in memory, or several of these."""


def build(
    sources: Sources = "demo",
    out: str | Path | None = None,
    *,
    recipe: str | Path | Recipe = DEFAULT,
    settings: Mapping[str, Any] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    workers: int | None = None,
    engine: EngineName = "local",
    address: str | None = None,
) -> Run:
    """Build a dataset, or continue a build.

    Args:
        sources: A file (Parquet, CSV, JSON, Arrow), folder or glob, a dataset of the Hub (``hub:OWNER/NAME``), a
            category of Amazon Reviews 2023, ``course``, ``demo[:ROWS[:SEED]]``; a table in memory (Polars, pandas,
            Arrow, `datasets.Dataset`), which is kept in the run; or a list of these.
        out: The run directory; by default ``runs/<source>-<recipe>``.
        recipe: A built-in recipe, a TOML file, or what `load_recipe` returned.
        settings: Recipe keys to set, such as ``{"slots.cap": 600}``.
        columns: Which columns of a table hold ours, such as ``{"title": "name"}``; of details, features, description
            and categories several.
        workers: Worker processes; by default the cores, fewer for few rows.
        engine: Where the map step runs: ``local`` or ``ray``.
        address: ``HOST:PORT`` of a Ray cluster, or ``auto``; by default Ray on this machine alone.

    Returns:
        The run. What should be known before the data is used is warned of (`CuratorWarning`), and in `Run.warnings`.

    Raises:
        UsageError: A source, recipe key or option makes no sense.
        SourceError: A source can't be read.
        CuratorError: Anything else; the message says what to do.

    Example:
        >>> run = curator.build("demo:2000", "runs/small", settings={"slots.cap": 600})
        >>> sum(run.fates.values())
        2000
    """
    if address is not None and engine != "ray":
        raise UsageError("an address names a Ray cluster: add --engine ray (engine='ray')")
    if engine not in get_args(EngineName):
        raise UsageError(f"engine is {engine!r}; it can be {' or '.join(get_args(EngineName))}")
    require_workers(workers)
    given, chosen = _listed(sources), as_recipe(recipe, settings, columns)
    tables = {at: read_table(one, chosen) for at, one in enumerate(given) if is_table(one)}
    labels = [tables[at].label if at in tables else str(one) for at, one in enumerate(given)]
    if len({table.label for table in tables.values()}) < len(tables):
        raise UsageError("a table is given twice: name each source once")
    path = as_path(out).expanduser() if out is not None else Path("runs") / f"{default_label(labels)}-{chosen.name}"
    kept = _keep(tables, RunDirectory(path))
    specs = [str(kept.get(at, one)) for at, one in enumerate(given)]
    with progress.steps() as report_step:
        summary = build_run(
            specs,
            chosen,
            path,
            workers=workers,
            progress=report_step,
            engine=engine,
            address=address,
            replace=out is not None,
        )
    for text in summary["warnings"]:
        warnings.warn(text, CuratorWarning, stacklevel=2)
    return Run(path)


def dry_run(
    sources: str | Path | Sequence[str | Path] = "demo",
    *,
    recipe: str | Path | Recipe = DEFAULT,
    settings: Mapping[str, Any] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    workers: int | None = None,
) -> Estimate:
    """Show how sources are read, and estimate rows, time, disk and tokens from a sample; nothing is written.

    Args:
        sources: As for `build`, without tables in memory.
        recipe: As for `build`.
        settings: As for `build`.
        columns: As for `build`.
        workers: Worker processes that the build would have; by default the cores.

    Raises:
        CuratorError: As `build`.

    Example:
        >>> curator.dry_run("demo:2000").rows_in
        2000
    """
    require_workers(workers)
    specs = []
    for one in _listed(sources):
        if is_table(one):
            raise UsageError("dry_run takes names and paths; try a table in memory by curator.map_rows")
        specs.append(str(one))
    return estimate(specs, as_recipe(recipe, settings, columns), workers or cores())


def default_label(sources: Sequence[str]) -> str:
    """Return a folder name for the sources: the first one's without ending, or its folder's if any folder has such.

    >>> default_label(["data/raw_meta_Appliances/full-00000-of-00001.parquet"])
    'raw_meta_Appliances'
    """
    path = Path(sources[0]).absolute()
    alike = re.compile(r"full-\d{5}-of-\d{5}\.parquet|.*[*?\[].*")  # a file of the Hub's dataset, a glob
    first = next((part for part in reversed(path.parts) if not alike.fullmatch(part)), "").split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", first).strip("-") or "run"


def _listed(sources: Any) -> list[Any]:
    """Return the sources one by one: a name is not a sequence of letters, nor a table one of columns."""
    if isinstance(sources, str | Path) or is_table(sources):
        return [sources]
    if not isinstance(sources, Sequence):
        wrong = [type(sources).__name__]
    elif not sources:
        raise UsageError("the list of sources is empty")
    else:
        wrong = sorted({type(one).__name__ for one in sources if not (isinstance(one, str | Path) or is_table(one))})
    if wrong:
        rows = "; rows as dicts become a table by polars.DataFrame(rows)" if wrong == ["dict"] else ""
        raise UsageError(
            "sources can be names, paths and tables (Polars, pandas, Arrow, datasets.Dataset), or a list of these, not"
            f" {', '.join(wrong)}{rows}"
        )
    return list(sources)


def require_workers(workers: int | None) -> None:
    """Refuse what is no number of processes.

    Raises:
        UsageError: It is none.
    """
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise UsageError(f"workers is {workers!r}; it is a number of processes from 1 on, or None")


def _keep(tables: Mapping[int, Table], run: RunDirectory) -> dict[int, Path]:
    """Write tables into a run, named by their content, and return where each is; other ones go."""
    if not tables and not run.tables.is_dir():
        return {}
    with run.locked():
        kept = {at: run.tables / f"{table.label}.parquet" for at, table in tables.items()}
        for at, path in kept.items():
            if not path.exists():
                with writing(path) as temporary:
                    temporary.write_bytes(tables[at].parquet)
        for stale in set(run.tables.iterdir()) - set(kept.values()):
            remove(stale)
    return kept
