"""Check a dataset as a whole: digests and names of its files, counts, slots, copies, measures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from curator.dataset import chats, promises
from curator.dataset.certificate import certify, certify_exhaustively, data_files
from curator.dataset.manifest import BESIDE_DATA, Manifest, changes_loading
from curator.dataset.measures import Measures
from curator.run.ledger import SPLITS
from curator.system.digest import sha256
from curator.system.version import VERSION
from curator.verify.row_checks import Unreadable
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


def files(check: Check, digests: Digests, manifest: Manifest) -> None:
    """Note each data file that is not the one that the manifest names."""
    for name, one in manifest.files.items():
        compare_file(check, digests, name, one.bytes, one.sha256)


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
    data = Check("foreign-data", "no data file that the manifest does not name")
    others = Check("foreign-files", "no file beside the dataset's own", warning=repository)
    for name in sorted({*names} - ours):
        if changes_loading(name, repository_name):
            data.problem(f"{name} is not in manifest.json, and changes what is loaded")
        elif not repository:
            others.problem(f"{name} is no file of the dataset, and would be public with it: take it away")
        elif not name.startswith(_OF_THE_HUB):
            others.problem(f"{name} is not curator's: nothing here speaks for it")
    return [data, others]


def places(checks: Mapping[str, Check], manifest: Manifest, measures: Measures) -> None:
    """Note the rows whose prompt or text another row has, where that is promised not to be."""
    if (apart := checks.get("prompts-apart")) is not None:
        for split, rows in measures.shared_rows().items():
            for at in rows:
                apart.problem(f"{manifest.place(split, at)}: an earlier split has the same prompt")
    if (once := checks.get("texts-once")) is not None:
        for here, there in measures.repeated_rows():
            once.problem(f"{manifest.place(*here)} has the text of {manifest.place(*there)}")


def certificate(
    folder: Path, manifest: Manifest, exhaustive: bool, near: Check
) -> tuple[list[dict[str, Any]], list[Check]]:
    """Return the certificate of a dataset's files, and the checks of the one that its manifest states.

    Args:
        folder: The dataset folder.
        manifest: What it says about itself.
        exhaustive: Compare every two rows of different splits as well.
        near: Notes prompts that can't be read.
    """
    same = Check("certificate", "the certificate is that of the files")
    brute = Check("brute-force", "brute force over every two rows finds the same certificate")
    checks = [same, *([brute] if exhaustive else [])]
    files, found, every = data_files(folder, list(manifest.files)), [], None
    try:
        found = certify(files, manifest.recipe)
        if exhaustive:
            every = certify_exhaustively(files, manifest.recipe, lambda line: setattr(brute, "skipped", line))
    except Unreadable as error:
        for check in (near, *checks):
            check.problem(f"the prompts can't be read: {str(error).splitlines()[0][:200]}")
        return [], checks
    said = [one.model_dump() for one in manifest.certificate]
    for where, one, other in differences(said, found, "certificate"):
        same.problem(f"manifest.json: {where} is {one}, the rows give {other}")
    for where, one, other in differences(found, found if every is None else every, "certificate"):
        brute.problem(f"{where} is {one} by the index, {other} by brute force")
    return found, checks


def measured(manifest: Manifest, raw: Mapping[str, Any], found: Mapping[str, Any], memory: Mapping[str, int]) -> Check:
    """Check the numbers that the card states against the rows, and that it promises what its recipe does.

    Args:
        manifest: What the dataset says about itself.
        raw: The same as it was read.
        found: As `Measures.to_dict` gives it.
        memory: What the rows of each Parquet file take in memory (bytes); files that can't be read are missing.
    """
    check = Check("measured", "the manifest's promises are its recipe's, its measures those of the rows")
    expected = [one.id for one in promises.made(manifest.recipe)]
    if is_current(raw) and manifest.promises != expected:
        check.problem(f"manifest.json promises {manifest.promises}, its recipe {expected}")
    # What an earlier version did not measure, its manifest doesn't state.
    found = {key: value for key, value in found.items() if key in raw["measured"] or is_current(raw)}
    for where, one, other in differences(raw["measured"], json.loads(json.dumps(found)), "measured"):
        check.problem(f"manifest.json: {where} is {one}, the rows give {other}")
    # The lines of a split are its chats, written a second time.
    lines = {f"openai/{split}.jsonl": [n for n in memory if n.startswith(f"openai/{split}-")] for split in SPLITS}
    twice = {name: sum(memory[one] for one in parts) for name, parts in lines.items() if parts}
    for name, one in manifest.files.items():
        is_now = {**memory, **twice}.get(name)
        if is_now is not None and one.memory_bytes != is_now:
            check.problem(f"manifest.json: files.{name}.memory_bytes is {one.memory_bytes:,}, the rows give {is_now:,}")
    return check


def is_current(raw: Mapping[str, Any]) -> bool:
    """Tell whether this version wrote a manifest; those of 0.1.0, which this is still called, list no promises."""
    return raw["curator"] == VERSION and "promises" in raw


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


def openai_limits(folder: Path, manifest: Manifest) -> Check:
    """Say where a file is too small or too large for OpenAI; it is still a good dataset."""
    check = Check("openai-limits", "OpenAI files have at least 10 examples and at most 512 MB", warning=True)
    for name, one in manifest.files.items():
        if name.endswith(".jsonl"):
            if one.rows < chats.FEWEST_EXAMPLES:
                check.problem(f"{name} has {one.rows} examples; OpenAI takes {chats.FEWEST_EXAMPLES} or more")
            path = folder / name
            if path.is_file() and (size := path.stat().st_size) > chats.MOST_BYTES:
                most = f"{chats.MOST_BYTES:,}"
                check.problem(f"{name} has {size:,} bytes; OpenAI takes up to {most}: train on a part of it")
    return check
