"""Check a dataset as a whole: digests and names of its files, counts, slots, copies, measures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.dataset import chats
from curator.dataset.columns import CONFIGS
from curator.dataset.manifest import BESIDE_DATA, Manifest, changes_loading
from curator.dataset.measures import Measures
from curator.run.ledger import FATES, SPLITS
from curator.system.digest import sha256
from curator.verify.rows import locate
from curator.verify.verdict import Check

_OF_THE_HUB = (".gitattributes", ".git/", ".cache/huggingface/")
"""What the Hub and its library put into a repository and its copies."""


class Digests:
    """The sha256 of files below a folder; each is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the digest (hex) of a file by its name in the folder.

        Raises:
            OSError: It can't be read.
        """
        if name not in self._known:
            self._known[name] = sha256(self.folder / name)
        return self._known[name]


def compare_file(check: Check, digests: Digests, name: str, size: int, digest: str, shown: str | None = None) -> None:
    """Note a file that is missing or not the one that a manifest names."""
    shown = shown or name
    try:
        found = (digests.folder / name).stat().st_size
        if found != size:
            check.problem(f"{shown} has {found:,} bytes, the manifest says {size:,}")
        elif (is_now := digests.of(name)) != digest:
            check.problem(f"{shown} has sha256 {is_now}, the manifest says {digest}")
    except OSError as error:
        check.problem(f"{shown} can't be read: {error.strerror}")


def files(digests: Digests, manifest: Manifest) -> Check:
    """Check that each data file is the one that the manifest names."""
    check = Check("every data file has the sha256 of the manifest", f"{len(manifest.files)} files")
    for name, one in manifest.files.items():
        compare_file(check, digests, name, one.bytes, one.sha256)
    return check


def listed(folder: Path) -> list[str]:
    """Return the names of all files below a folder, links to folders among them."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def unnamed(
    names: Iterable[str], manifest: Manifest, *, repository: bool, repository_name: str | None = None
) -> list[Check]:
    """Check that no file is there that curator did not put there.

    What would change the rows that are loaded always counts. Any other file is a failure in a folder, which someone may
    upload as it is; in a repository of the Hub it is its owner's, and worth a word.

    Args:
        names: Of all files that are there.
        manifest: What should be there.
        repository: Whether this is a repository of the Hub, or a copy of one.
        repository_name: Its name, ``owner/name``, if it is known.
    """
    ours = {*manifest.files, *manifest.images, *BESIDE_DATA}
    data = Check("no data file that the manifest does not name")
    others = Check("no file beside the dataset's own", warning=repository)
    for name in sorted({*names} - ours):
        if changes_loading(name, repository_name):
            data.problem(f"{name} is not in manifest.json, and changes what is loaded")
        elif not repository:
            others.problem(f"{name} is no file of the dataset, and would be public with it: take it away")
        elif not name.startswith(_OF_THE_HUB):
            others.problem(f"{name} is not curator's: nothing here speaks for it")
    return [data, others]


def counts(manifest: Manifest, measures: Mapping[str, Any]) -> Check:
    """Check that the counts of the manifest add up, and that the files have as many rows."""
    check = Check("rows add up: sources, fates, splits and files")
    fates, rows_in = manifest.counts.fates, manifest.counts.rows_in
    if sum(fates.values()) != rows_in:
        check.problem(f"manifest.json: the fates sum to {sum(fates.values()):,}, rows_in is {rows_in:,}")
    if (read := sum(one.rows for one in manifest.sources)) != rows_in:
        check.problem(f"manifest.json: the sources have {read:,} rows, rows_in is {rows_in:,}")
    for unknown in fates.keys() - set(FATES):
        check.problem(f"manifest.json: {unknown!r} is no fate")
    for split in SPLITS:
        expected = fates.get(split, 0)
        for start in (*(f"{config.folder}/{split}-" for config in CONFIGS.values()), f"openai/{split}."):
            named = sum(one.rows for name, one in manifest.files.items() if name.startswith(start))
            if named != expected:
                check.problem(f"manifest.json: the files {start}* have {named:,} rows, the split {expected:,}")
        found = measures["splits"].get(split, {"rows": 0})["rows"]
        if found != expected:
            check.problem(f"the files data/{split}-* hold {found:,} rows, manifest.json says {expected:,}")
    return check


def slots(manifest: Manifest, measures: Measures) -> Check:
    """Check that no capped price slot holds more rows than its cap."""
    settings = manifest.recipe.slots
    found = measures.slot_counts()
    most = int(found[: settings.whole_from].max())
    check = Check(f"no slot below {settings.whole_from} USD is over its cap", f"most {most:,}, cap {settings.cap:,}")
    for slot, count in enumerate(found[: settings.whole_from].tolist()):
        if count > settings.cap:
            check.problem(f"slot {slot} has {count:,} rows, the cap is {settings.cap:,}")
    return check


def disjoint(manifest: Manifest, measures: Measures) -> Check:
    """Check that no prompt lies in two splits; where the recipe keeps copies that is only worth knowing."""
    keeps = manifest.recipe.duplicates.exact == "keep"
    check = Check("no prompt lies in two splits", "the recipe keeps copies" if keeps else "", warning=keeps)
    for split, places in measures.shared_rows().items():
        for at in places:
            check.problem(f"{locate(_files(manifest, split), at)}: an earlier split has the same prompt")
    return check


def copies(manifest: Manifest, hashes: Mapping[str, Sequence[NDArray[np.uint64]]]) -> list[Check]:
    """Check that no text comes twice, case and punctuation ignored, where the recipe drops copies.

    Args:
        manifest: What the dataset says about itself.
        hashes: For each split the hash of each row's text, in their order.
    """
    if manifest.recipe.duplicates.exact == "keep":
        return []
    check = Check("no text is published twice, case and punctuation ignored")
    splits = [(split, np.concatenate(hashes[split])) for split in SPLITS if hashes.get(split)]
    together = np.concatenate([np.zeros(0, np.uint64), *(mine for _, mine in splits)])
    _, first, group = np.unique(together, return_index=True, return_inverse=True)

    def where(at: int) -> str:
        for split, mine in splits:
            if at < len(mine):
                return locate(_files(manifest, split), at)
            at -= len(mine)
        raise IndexError(at)

    for at in np.flatnonzero(first[group] != np.arange(len(together))):
        check.problem(f"{where(int(at))} has the text of {where(int(first[group[at]]))}")
    return [check]


def measured(manifest: Manifest, found: Mapping[str, Any], memory: Mapping[str, int]) -> Check:
    """Check the numbers that the card states against the rows.

    Args:
        manifest: What the dataset says about itself.
        found: As `Measures.to_dict` gives it.
        memory: What the rows of each Parquet file take in memory (bytes); files that can't be read are missing.
    """
    check = Check("the manifest's measures are those of the rows")
    said = manifest.measured.model_dump(mode="json")
    for where, one, other in differences(said, json.loads(json.dumps(found)), "measured"):
        check.problem(f"manifest.json: {where} is {one}, the rows give {other}")
    # The lines of a split are its chats, written a second time.
    lines = {f"openai/{split}.jsonl": [n for n in memory if n.startswith(f"openai/{split}-")] for split in SPLITS}
    twice = {name: sum(memory[one] for one in parts) for name, parts in lines.items() if parts}
    for name, one in manifest.files.items():
        is_now = {**memory, **twice}.get(name)
        if is_now is not None and one.memory_bytes != is_now:
            check.problem(f"manifest.json: files.{name}.memory_bytes is {one.memory_bytes:,}, the rows give {is_now:,}")
    return check


def differences(said: Any, found: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield dotted name and both values wherever two JSON values differ.

    >>> list(differences({"a": {"b": 1}, "c": [1, 2]}, {"a": {"b": 2}, "c": [1]}))
    [('a.b', 1, 2), ('c.1', 2, None)]
    """
    if isinstance(said, list) and isinstance(found, list):
        said, found = dict(enumerate(said)), dict(enumerate(found))
    if isinstance(said, dict) and isinstance(found, dict):
        for key in [*found, *(key for key in said if key not in found)]:
            yield from differences(said.get(key), found.get(key), f"{where}.{key}" if where else str(key))
    elif said != found:
        yield where, said, found


def _files(manifest: Manifest, split: str) -> list[tuple[str, int]]:
    """Return names and rows of the files of a split in config `default`."""
    return [(name, one.rows) for name, one in sorted(manifest.files.items()) if name.startswith(f"data/{split}-")]


def openai_limits(folder: Path, manifest: Manifest) -> Check:
    """Say where a file is too small or too large for OpenAI; it is still a good dataset."""
    check = Check("OpenAI files have at least 10 examples and at most 512 MB", warning=True)
    for name, one in manifest.files.items():
        if name.endswith(".jsonl"):
            if one.rows < chats.FEWEST_EXAMPLES:
                check.problem(f"{name} has {one.rows} examples; OpenAI takes {chats.FEWEST_EXAMPLES} or more")
            path = folder / name
            if path.is_file() and (size := path.stat().st_size) > chats.MOST_BYTES:
                most = f"{chats.MOST_BYTES:,}"
                check.problem(f"{name} has {size:,} bytes; OpenAI takes up to {most}: train on a part of it")
    return check
