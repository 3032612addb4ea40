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
from urllib.parse import urlsplit

from curator.errors import CuratorError, SourceError
from curator.sources.categories import COURSE, ITEMS, REPOSITORY
from curator.sources.model import Found

_SHARD = re.compile(r"full-[0-9]{5}-of-[0-9]{5}\.parquet")
_BY_HAND = f"Or download the folder raw_meta_<Category> of {REPOSITORY} by hand and name that folder as the source."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class File:
    """One file of the dataset, in the cache.

    Attributes:
        path: Where it lies in the cache.
        name: Its path in the repository.
        category: The category of its rows.
        revision: The commit it belongs to (hex).
        sha256: What the Hub says its digest is (hex); None without a connection.
    """

    path: Path
    name: str
    category: str
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
        raise _damaged(file.path, file.name, f"sha256 {source.sha256}", file.sha256)
    # The cache's files have the content's digest as their name; the link to one has the name of the file.
    location = str(file.path.absolute())
    return replace(
        found,
        source=replace(
            source,
            location=location,
            name=file.name,
            category=file.category,
            repository=REPOSITORY,
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
        f"{name} of {REPOSITORY}: the cached copy is damaged: it has {found}, the Hub says {expected}."
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
            SourceError: They can't be had; the message says how to get them.
        """
        commit = self._commit
        if not commit.is_whole(category):
            raise SourceError(
                f"folder raw_meta_{category} of {REPOSITORY} at commit {commit.revision} has"
                f" {len(commit.shards(category))} of {commit.total(category) or 'the expected'} files named"
                " full-0000i-of-000NN.parquet. Has the dataset changed?"
            )
        for name in commit.shards(category):
            path = commit.folder / name if commit.folder else _download(name, commit.revision)
            size, sha256 = commit.names[name]
            if size not in (None, path.stat().st_size):
                raise _damaged(path, name, f"{path.stat().st_size:,} bytes", f"{size:,}")
            yield File(path, name, category, commit.revision, sha256)

    @cached_property
    def _commit(self) -> _Commit:
        from huggingface_hub import constants

        problem: SourceError | None = None
        if not constants.HF_HUB_OFFLINE:
            try:
                return _present()
            except Exception as error:  # the library, its HTTP client and its storage client share no base
                problem, may_stand_in = _problem(error, f"dataset {REPOSITORY}"), _is_away(error)
            if not may_stand_in:
                # Raised outside the handler: what the library raised may hold headers, and is not to be chained.
                raise problem
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
    from huggingface_hub import HfApi, constants, get_token

    if re.fullmatch(r"[\x21-\x7e]*", get_token() or "") is None:
        # The HTTP client would quote it in its error.
        raise SourceError(
            "the Hub's token (HF_TOKEN, or the one of `hf auth login`) holds a space or another character that no"
            " token has. Copy it again, or unset it: the dataset is public."
        )
    # One answer holds the commit and its files; unlike the calls for either of them it can time out.
    info = HfApi().dataset_info(REPOSITORY, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
    if info.sha is None or info.siblings is None:
        raise ValueError("an answer without a commit or files")
    return _Commit(info.sha, {one.rfilename: (one.size, one.lfs.sha256 if one.lfs else None) for one in info.siblings})


def _cached() -> Iterator[_Commit]:
    """Yield the commits that are in the cache, the latest first."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return
    folders = [
        (revision.snapshot_path, revision.commit_hash)
        for repository in repositories
        if (repository.repo_type, repository.repo_id) == ("dataset", REPOSITORY)
        for revision in repository.revisions
    ]
    for folder, revision in sorted(folders, key=lambda one: (-one[0].stat().st_mtime_ns, one)):
        files = (path for path in folder.glob("raw_meta_*/*") if path.is_file())
        yield _Commit(revision, {f"{path.parent.name}/{path.name}": (None, None) for path in files}, folder)


def _download(name: str, revision: str) -> Path:
    """Return the cached copy of a file, downloaded if need be; its progress bar shows on a terminal only."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(REPOSITORY, name, repo_type="dataset", revision=revision))
    except Exception as error:  # as above
        problem = _problem(error, f"{name} of {REPOSITORY}")
    raise problem


def _cause(error: BaseException) -> BaseException:
    """Return what an error of the library that says only "not found locally" was raised from."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    from huggingface_hub.errors import HfHubHTTPError

    return error.response.status_code if isinstance(error, HfHubHTTPError) else None


def _is_a(error: BaseException, name: str) -> bool:
    """Tell whether an error is one of the HTTP client's, which is the library's choice and not imported here."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _is_away(error: BaseException) -> bool:
    """Tell whether the Hub is out of reach or out of order, so that what is cached may stand in."""
    status = _status(error)
    return status == 429 or status >= 500 if status is not None else _is_a(error, "TransportError")


def _problem(error: BaseException, what: str) -> SourceError:
    """Say what went wrong and what to do, in words of our own: the library's may quote headers or signed addresses."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError

    error = _cause(error)
    if isinstance(error, CuratorError):
        return SourceError(str(error))
    status, again = _status(error), "Run again: what is downloaded is kept."
    host = urlsplit(constants.ENDPOINT).netloc.rpartition("@")[2] or constants.ENDPOINT
    if status == 401 and _has_token():
        advice = (
            "the Hub refused the token (401). Get a new one with `hf auth login`, or unset HF_TOKEN and run"
            " `hf auth logout`: the dataset is public and needs none."
        )
    elif status == 401:
        advice = f"{host} wants a token (401), or doesn't have it. Log in with `hf auth login` or set HF_TOKEN."
    elif status == 403 or isinstance(error, GatedRepoError):
        advice = (
            "the Hub denies access (403). A token that is set (HF_TOKEN, `hf auth login`) may lack the right; the"
            " dataset is public and needs none."
        )
    elif status == 404:
        advice = f"{host} doesn't have it (404). Is HF_ENDPOINT right, and has the dataset moved? {_BY_HAND}"
    elif status == 429:
        advice = f"the Hub limits the rate of requests (429). Wait, or log in with `hf auth login`. {again}"
    elif status is not None:
        advice = f"the Hub answered with an error (HTTP {status}). {again} {_BY_HAND}"
    elif _is_a(error, "TimeoutException"):
        advice = (
            f"{host} didn't answer within {constants.HF_HUB_DOWNLOAD_TIMEOUT} seconds. HF_HUB_DOWNLOAD_TIMEOUT sets a"
            f" longer time. {again} {_BY_HAND}"
        )
    elif _is_a(error, "ConnectError"):
        advice = f"there is no connection to {host}. Check the network, HF_ENDPOINT and the proxy. {again} {_BY_HAND}"
    elif _is_a(error, "TransportError"):
        advice = f"the connection to {host} broke ({type(error).__name__}). Is HF_ENDPOINT right? {again}"
    elif isinstance(error, OSError) and error.strerror:
        advice = f"it can't be stored in the cache {constants.HF_HUB_CACHE}: {error.strerror}. HF_HOME moves the cache."
    else:
        advice = (
            f"{host} gave no sensible answer ({type(error).__name__}). Is HF_ENDPOINT right? {again} If it fails again,"
            f" HF_HUB_DISABLE_XET=1 takes another way. {_BY_HAND}"
        )
    return SourceError(f"{what} can't be had: {advice}")


def _has_token() -> bool:
    from huggingface_hub import get_token

    return bool(get_token())
