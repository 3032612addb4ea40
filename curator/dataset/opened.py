"""Where rows to evaluate on come from: a run, a dataset folder or a repository of the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from curator.dataset.columns import CONFIGS
from curator.dataset.manifest import BESIDE_DATA, FILE, IMAGE, NAME, Manifest, ManifestError, read
from curator.errors import HubError, RunError, UsageError
from curator.hub import repository
from curator.recipe.load import Recipe
from curator.run.finished import FinishedRun
from curator.run.ledger import SPLITS
from curator.system.paths import is_folder, is_run
from curator.text import prompts

COLUMNS = tuple(CONFIGS["default"].names)
"""Columns of the rows that models are asked about."""


@dataclass(frozen=True)
class OpenDataset:
    """A dataset to evaluate on.

    Attributes:
        name: What it is called: the run's folder or the repository.
        dataset: The folder with its files.
        results: Where the results go by default.
        manifest: What the dataset says about itself.
    """

    name: str
    dataset: Path
    results: Path
    manifest: Manifest

    @property
    def recipe(self) -> Recipe:
        """Return the recipe of the dataset."""
        return self.manifest.recipe

    def rows(self, split: str) -> int:
        """Return how many rows a split has."""
        return sum(self.manifest.data_files(split).values())

    def read(self, split: str, start: int = 0, limit: int | None = None) -> pl.DataFrame:
        """Return rows of a split in their order, with the product text as `text`.

        Args:
            split: Which split.
            start: How many rows are passed over.
            limit: Most rows; None for all.

        Raises:
            RunError: A file can't be read, or lacks a column.
        """
        files = [self.dataset / name for name in self.manifest.data_files(split)]
        try:
            frame = pl.scan_parquet(files, glob=False).select(COLUMNS).slice(start, limit).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise RunError(f"{split} of {self.name} can't be read: {first}; `curator verify` explains it") from error
        return with_text(frame, self.recipe)


@dataclass(frozen=True)
class Chosen:
    """Which rows are learned from, and which are guessed.

    Attributes:
        train: How many of the first rows of train are learned from.
        split: The split that was asked for.
        source: The split whose rows serve: train itself, where there is no validation.
        start: The first of them.
        rows: How many they are.
    """

    train: int
    split: str
    source: str
    start: int
    rows: int


def choose(place: OpenDataset, split: str, limit: int | None, most_train: int | None) -> Chosen:
    """Decide which rows are learned from and which are guessed.

    A dataset without validation (course-v1) gives, in its place, the train rows after those that are learned from, as
    the course does; without `most_train` these are all but the last `limit` (or a tenth).

    Args:
        place: The dataset.
        split: Whose rows are guessed.
        limit: Most of them, the first ones; None for all.
        most_train: Most rows that are learned from, the first ones of train; None for all.

    Raises:
        UsageError: The split has no rows.
    """
    train, there = place.rows("train"), place.rows(split)
    learned = train if most_train is None else min(train, most_train)
    if split == "train":
        raise UsageError("--split train: what was learned from can't be the test; choose validation or test")
    if there:
        return Chosen(learned, split, split, 0, there if limit is None else min(limit, there))
    if split != "validation" or train < 2:
        full = [name for name in SPLITS if place.rows(name)]
        raise UsageError(f"{place.name} has no split {split!r}; it has {', '.join(full) or 'none'}")
    wanted = max(1, train // 10) if limit is None else min(limit, train // 2)
    learned = min(learned, train - wanted)
    return Chosen(learned, split, "train", learned, min(wanted, train - learned))


def with_text(rows: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Add `text`: what stands between the question and the answer words of `prompt`."""
    return rows.with_columns(text=prompts.product_text(pl.col("prompt"), recipe.prompt))


def is_dataset(path: Path) -> bool:
    """Return whether a folder holds a dataset of curator, or what is left of one."""
    return (path / NAME).is_file() and (path / "data").is_dir()


def open_dataset(name: str, config: str = "default") -> OpenDataset:
    """Return the dataset of a name.

    Args:
        name: A finished run's folder, a dataset folder, or else a repository of the Hub, whose files are downloaded.
        config: The config whose files are downloaded.

    Raises:
        UsageError: There is no such folder, and it can't be a repository's name.
        RunError: The folder holds no dataset.
        HubError: The repository can't be had.
    """
    path = Path(name)
    if is_folder(path):
        folder = path.resolve()
        run = path if is_run(path) else path.parent if folder.name == "dataset" and is_run(folder.parent) else None
        # A folder that was published must hold nothing but what its manifest names: results go beside it.
        results = (run or Path()) / "evaluate" / ("" if run else folder.name or "dataset")
        dataset = FinishedRun(run).directory.dataset if run else path
        return OpenDataset(name, dataset, results, _manifest(dataset, name))
    remote = find_published(name)
    start = f"{CONFIGS[config].folder}/"
    wanted = [one for one in published_files(remote) if one == NAME or one.startswith(start)]
    folder = repository.download(remote, wanted)
    return OpenDataset(name, folder, Path("evaluate") / name.replace("/", "--"), _manifest(folder, name))


def _manifest(dataset: Path, name: str) -> Manifest:
    try:
        return read(dataset)[0]
    except ManifestError as error:
        if is_run(dataset.parent):
            raise RunError(f"the dataset of {name} can't be read: {error}; `curator verify` explains it") from error
        raise RunError(
            f"{name} holds no run and no dataset of curator ({error}); build one: curator build --out {name}"
        ) from error


def find_published(name: str) -> repository.Remote:
    """Return the repository of a name that is no folder here, with a dataset of curator in it.

    Raises:
        UsageError: That can't be a repository's name.
        HubError: There is none, or it holds something else.
    """
    if name.startswith((".", "/", "~")):
        raise UsageError(f"there is no folder {name!r}")
    if reason := repository.wrong_name(name):
        raise UsageError(
            f"there is no folder {name!r}, and it is not the name of a Hub repository (OWNER/NAME): {reason}"
        )
    try:
        remote = repository.look(name)
    except HubError as error:
        raise HubError(f"there is no folder {name!r}, and the Hub can't be asked: {error}") from None
    if remote is None:
        raise HubError(f"there is no folder {name!r}, and no dataset {name} on the Hub that this login may read")
    if NAME not in remote.files:
        raise HubError(f"dataset {name} holds no {NAME}: it was not published by curator")
    return remote


def published_files(remote: repository.Remote) -> list[str]:
    """Return the names of the files that a dataset of curator has: data, manifest, card and description."""
    return sorted(name for name in remote.files if name in BESIDE_DATA or FILE.fullmatch(name) or IMAGE.fullmatch(name))
