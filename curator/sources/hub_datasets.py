"""Any dataset of the Hub as a source: ``hub:OWNER/NAME[@REVISION][:CONFIG]``, ``hf://datasets/OWNER/NAME/PATH``.

The files of a config are those that `datasets` would load, split by split, at one commit; each is read as a local file
would be, by its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from curator.errors import HubError, SourceError, UsageError
from curator.hub import repository
from curator.hub.errors import hub_errors
from curator.sources.categories import ITEMS, REPOSITORY, category_of_name
from curator.sources.hub import File

_HUB = re.compile(r"hub:(?P<name>[^@:]*)(?:@(?P<revision>[^:]+))?(?::(?P<config>.+))?")
_ADDRESS = re.compile(r"hf://datasets/(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.*))?")
_DATA = re.compile(r"(?i)\.(parquet|arrow|jsonl?|ndjson|csv|tsv)(\.gz|\.zst)?$")


class Named(NamedTuple):
    """What a source names: a dataset, and a revision, a config or a path in it where they are given."""

    name: str
    revision: str | None
    config: str | None
    path: str | None


def named(spec: str) -> Named | None:
    """Return what a source names, or None for one that is no dataset of the Hub.

    >>> named("hub:me/prices:lite")
    Named(name='me/prices', revision=None, config='lite', path=None)

    Raises:
        UsageError: It begins like one, and is none.
    """
    if not spec.startswith(("hub:", "hf://")):
        return None
    found = _HUB.fullmatch(spec) or _ADDRESS.fullmatch(spec)
    if found is None:
        raise UsageError(f"source {spec!r} is neither hub:OWNER/NAME[:CONFIG] nor hf://datasets/OWNER/NAME/PATH")
    parts = found.groupdict()
    repository.check_name(parts["name"])
    return Named(parts["name"], parts["revision"], parts.get("config"), parts.get("path"))


def category(one: Named) -> str | None:
    """Return the category that a config of Amazon Reviews 2023 names; its files are found by their own names."""
    known = (one.config or "").removeprefix("raw_meta_")
    return known if one.name == REPOSITORY and known in ITEMS and one.revision is None else None


def files(one: Named) -> Iterator[File]:
    """Download the files that a source names, those that are not in the cache yet, and yield them in order.

    Raises:
        HubError: The Hub can't be asked, or has no such dataset or revision.
        SourceError: The dataset has no file of a table there.
    """
    remote = repository.newest(one.name, revision=one.revision)
    names = _under(one.path, list(remote.files)) if one.path is not None else _configured(one, remote.revision)
    if not names:
        where = f"{one.path!r} of dataset {one.name}" if one.path else f"dataset {one.name}"
        raise SourceError(f"{where} has no file of a table (Parquet, Arrow, JSON, CSV) at commit {remote.revision}")
    for name in names:
        path = repository.fetch(one.name, name, remote.revision)
        yield File(path, name, one.name, category_of_name(name), remote.revision, remote.files[name].sha256)


def _under(path: str, names: list[str]) -> list[str]:
    """Return the files that a path names: one, those below a folder, or those that match a glob."""
    if path in names:
        return [path]
    folder = f"{path.rstrip('/')}/" if path.strip("/") else ""
    below = [name for name in names if name.startswith(folder) and _DATA.search(name)]
    return sorted(below or (name for name in names if fnmatchcase(name, path)))


def _configured(one: Named, revision: str) -> list[str]:
    """Return the files of a config, split by split, as `datasets` finds them."""
    from datasets import load_dataset_builder

    with hub_errors(f"dataset {one.name}"):
        try:
            builder = load_dataset_builder(one.name, one.config, revision=revision)
        except (ValueError, RuntimeError, FileNotFoundError) as error:
            # It lists the configs, or says that the dataset is a script.
            said = " ".join(str(error).split())[:400].rstrip(".")
            raise HubError(
                f"dataset {one.name}: {said}. Name a config (hub:{one.name}:CONFIG), or files"
                f" (hf://datasets/{one.name}/PATH)"
            ) from None
    prefix = f"@{revision}/"
    return [str(file).partition(prefix)[2] for split in (builder.config.data_files or {}).values() for file in split]
