"""Check the files of a dataset folder as files: digests, names, counts, the card and the Croissant description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from curator.ledger import FATES, SPLITS
from curator.publish import card, chats, croissant
from curator.publish.dataset import sha256
from curator.publish.manifest import FOLDERS, IMAGE, Manifest
from curator.publish.measures import Measures
from curator.publish.rows import locate
from curator.publish.verdict import Check


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


def unnamed(folder: Path, manifest: Manifest) -> Check:
    """Check that no file lies where data is loaded from, but those that the manifest names."""
    check = Check("no data file that the manifest does not name")
    for place in FOLDERS:
        for path in sorted((folder / place).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if not path.is_dir() and name not in manifest.files:
                check.problem(f"{name} is not in manifest.json")
    return check


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
        for start in (*(f"{folder}/{split}-" for folder in FOLDERS), f"openai/{split}."):
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
        named = [(name, one.rows) for name, one in sorted(manifest.files.items()) if name.startswith(f"data/{split}-")]
        for at in places:
            check.problem(f"{locate(named, at)}: an earlier split has the same prompt")
    return check


def measured(manifest: Manifest, found: Mapping[str, Any]) -> Check:
    """Check the numbers that the card states against the rows."""
    check = Check("the manifest's measures are those of the rows")
    _differences(check, "measured", manifest.measured, json.loads(json.dumps(found)))
    return check


def _differences(check: Check, where: str, said: Any, found: Any) -> None:
    if isinstance(said, dict) and isinstance(found, dict):
        for key in [*found, *(key for key in said if key not in found)]:
            _differences(check, f"{where}.{key}", said.get(key), found.get(key))
    elif said != found:
        check.problem(f"manifest.json: {where} is {said}, the rows give {found}")


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


def described(folder: Path, raw: Mapping[str, Any]) -> list[Check]:
    """Check that card and Croissant file describe these files and no others."""
    return [_card(folder, raw), _images(folder, raw), _croissant(folder, raw)]


def _images(folder: Path, raw: Mapping[str, Any]) -> Check:
    check = Check("the card's figures have the sha256 of the manifest")
    named = raw.get("images")
    for name, entry in named.items() if isinstance(named, dict) else ():
        if not IMAGE.fullmatch(name) or not isinstance(entry, dict):
            check.problem(f"manifest.json: {name!r} is no figure of the card")
        elif not (folder / name).is_file():
            check.problem(f"{name} is missing")
        elif sha256(folder / name) != entry.get("sha256"):
            check.problem(f"{name}: its sha256 is not that of the manifest")
    return check


def _card(folder: Path, raw: Mapping[str, Any]) -> Check:
    from huggingface_hub import DatasetCard

    check = Check("the card's configs and dataset_info are those of the files")
    path = folder / "README.md"
    try:
        data: dict[str, Any] = vars(DatasetCard(path.read_text("utf-8-sig")).data)
    except OSError as error:
        check.problem(f"README.md can't be read: {error.strerror}")
        return check
    except Exception as error:  # whatever the YAML library raises
        check.problem(f"README.md: its YAML can't be read ({type(error).__name__})")
        return check
    try:
        expected = card.metadata(raw)
        card.body(raw)
    except (AttributeError, LookupError, TypeError, ValueError, UndefinedError) as error:
        check.problem(f"manifest.json: the card can't be made from it ({type(error).__name__}: {error})")
        return check
    for key in ("configs", "dataset_info"):
        stated = data.get(key)
        listed = stated if isinstance(stated, list) else []
        mine = {one.get("config_name"): one for one in listed if isinstance(one, dict)}
        for one in expected[key]:
            if mine.get(one["config_name"]) != one:
                check.problem(f"README.md: {key} of config {one['config_name']} is not that of the files")
    return check


def _croissant(folder: Path, raw: Mapping[str, Any]) -> Check:
    check = Check("croissant.json has the sha256 of every data file")
    try:
        stated = croissant.checksums(json.loads((folder / "croissant.json").read_bytes()))
    except OSError as error:
        check.problem(f"croissant.json can't be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        check.problem(f"croissant.json is not such a description ({type(error).__name__})")
    else:
        for name in sorted(stated.keys() | raw["files"].keys()):
            if stated.get(name) != raw["files"].get(name, {}).get("sha256"):
                check.problem(f"croissant.json: {name} is not as in manifest.json")
    return check
