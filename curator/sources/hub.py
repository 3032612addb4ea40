"""Categories of Amazon Reviews 2023, fetched from the Hugging Face Hub: ``Appliances``, or ``course``, eight of them.

Whole files are fetched, into the library's own cache. Reading only the columns a recipe needs by range requests was
decided against: the columns that no recipe reads are mostly images and videos, 16 % of the compressed bytes of real
rows, and a cached whole file serves every recipe.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from curator.errors import HubError, SourceError
from curator.hub import repository
from curator.sources.categories import COURSE, ITEMS, REPOSITORY
from curator.sources.shards import Found

_SHARD = re.compile(r"full-[0-9]{5}-of-[0-9]{5}\.parquet")
_BY_HAND = f"Or download the folder raw_meta_<Category> of {REPOSITORY} by hand and name that folder as the source."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class File:
    """One file of the dataset, in the cache.

    Attributes:
        path: Where it lies in the cache.
        name: Its path in the repository.
        repository: The dataset.
        category: The category of its rows, if there is one for all.
        revision: The commit it belongs to (hex).
        sha256: What the Hub says its digest is (hex); None without a connection.
    """

    path: Path
    name: str
    repository: str
    category: str | None
    revision: str
    sha256: str | None


def categories(spec: str) -> tuple[str, ...]:
    """Return the categories that a source names: itself, the course's eight, or none.

    >>> categories("Appliances"), len(categories("course")), categories("appliances")
    (('Appliances',), 8, ())
    """
    return COURSE if spec == "course" else (spec,) if spec in ITEMS else ()


def described(found: Found, file: File) -> Found:
    """Return a source with its origin on the Hub, its content checked against what the Hub says.

    Raises:
        SourceError: The cached copy is damaged.
    """
    source = found.source
    if file.sha256 not in (None, source.sha256):
        raise _damaged(file.path, f"{file.name} of {file.repository}", f"sha256 {source.sha256}", file.sha256)
    # The cache's files have the content's digest as their name; the link to one has the name of the file.
    location = str(file.path.absolute())
    return replace(
        found,
        source=replace(
            source,
            location=location,
            name=file.name,
            category=file.category,
            repository=file.repository,
            revision=file.revision,
        ),
    )


@dataclass(frozen=True)
class _Commit:
    """A commit of the dataset.

    Attributes:
        revision: Its digest (hex).
        names: Paths of its files, with the size (bytes) and sha256 (hex) of each where they are known.
        folder: Where all its files lie, if only those in the cache count.
    """

    revision: str
    names: Mapping[str, tuple[int | None, str | None]]
    folder: Path | None = None

    def shards(self, category: str) -> list[str]:
        """Return the paths of a category's files, sorted."""
        folders = ((name, name.rpartition("/")) for name in self.names)
        return sorted(n for n, (top, _, base) in folders if top == f"raw_meta_{category}" and _SHARD.fullmatch(base))

    def total(self, category: str) -> int:
        """Return how many files the category has, by their own names: ``full-00000-of-000NN.parquet``."""
        return max((int(name[-13:-8]) for name in self.shards(category)), default=0)

    def is_whole(self, category: str) -> bool:
        """Tell whether all files of the category are there."""
        return 0 < self.total(category) == len(self.shards(category))


def _damaged(path: Path, name: str, found: str, expected: str | None) -> SourceError:
    # The library follows links: it is the file itself that must go.
    return SourceError(
        f"{name}: the cached copy is damaged: it has {found}, the Hub says {expected}."
        f" Remove {str(path.resolve())!r} and run again."
    )


class Snapshot:
    """The dataset at one commit: the present one, or without a connection the latest that is cached.

    Nothing is asked or downloaded before the first file is wanted; the commit is asked for once.
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = tuple(dict.fromkeys(wanted))

    def files(self, category: str) -> Iterator[File]:
        """Download the files of a category that are not in the cache yet, and yield them in order.

        Raises:
            HubError: They can't be had; the message says how to get them.
            SourceError: They are not what they should be.
        """
        commit = self._commit
        if not commit.is_whole(category):
            raise SourceError(
                f"folder raw_meta_{category} of {REPOSITORY} at commit {commit.revision} has"
                f" {len(commit.shards(category))} of {commit.total(category) or 'the expected'} files named"
                " full-0000i-of-000NN.parquet. Has the dataset changed?"
            )
        for name in commit.shards(category):
            path = (
                commit.folder / name if commit.folder else repository.fetch(REPOSITORY, name, commit.revision, _BY_HAND)
            )
            size, sha256 = commit.names[name]
            if size not in (None, path.stat().st_size):
                raise _damaged(path, f"{name} of {REPOSITORY}", f"{path.stat().st_size:,} bytes", f"{size:,}")
            yield File(path, name, REPOSITORY, category, commit.revision, sha256)

    @cached_property
    def _commit(self) -> _Commit:
        from huggingface_hub import constants

        problem: HubError | None = None
        if not constants.HF_HUB_OFFLINE:
            try:
                return _present()
            except HubError as error:
                if not error.away:
                    raise
                problem = error
        for commit in _cached():
            if all(map(commit.is_whole, self._wanted)):
                if problem is not None:
                    _log.warning("%s Commit %s is in the cache and is used instead.", problem, commit.revision)
                return commit
        raise problem or SourceError(
            f"{', '.join(self._wanted)} of {REPOSITORY}: not all of it is in the cache {constants.HF_HUB_CACHE}, and"
            f" HF_HUB_OFFLINE forbids to download it. Unset HF_HUB_OFFLINE and run again. {_BY_HAND}"
        )


def _present() -> _Commit:
    """Ask the Hub for the newest commit and its files."""
    remote = repository.newest(REPOSITORY, _BY_HAND)
    return _Commit(remote.revision, {name: (file.size or None, file.sha256) for name, file in remote.files.items()})


def _cached() -> Iterator[_Commit]:
    """Yield the commits that are in the cache, the latest first."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return
    folders = [
        (revision.snapshot_path, revision.commit_hash)
        for one in repositories
        if (one.repo_type, one.repo_id) == ("dataset", REPOSITORY)
        for revision in one.revisions
    ]
    for folder, revision in sorted(folders, key=lambda one: (-one[0].stat().st_mtime_ns, one)):
        files = (path for path in folder.glob("raw_meta_*/*") if path.is_file())
        yield _Commit(revision, {f"{path.parent.name}/{path.name}": (None, None) for path in files}, folder)
