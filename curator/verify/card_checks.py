"""Check that card, figures and Croissant file say what the manifest says, and leave a person's own words alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from curator.dataset import card, croissant
from curator.dataset.manifest import Manifest
from curator.verify.dataset_checks import Digests, differences, is_current
from curator.verify.verdict import Check

_DAMAGED = (AttributeError, LookupError, TypeError, ValueError, UndefinedError)
"""What a manifest makes of the code that writes card and description, if its parts don't go together."""

_LOADS = re.compile(r'load_dataset\("([\w.-]+/[\w.-]+)"\)')


def described(digests: Digests, manifest: Manifest, raw: Mapping[str, Any], repository: str | None) -> list[Check]:
    """Check that card, figures and Croissant file describe these files and no others.

    Args:
        digests: Of the dataset's files.
        manifest: What the dataset says about itself.
        raw: The same as it was read.
        repository: Where the card was published, if that is known; a folder's card may name it itself.
    """
    return [*_card(digests.folder, raw, repository), _images(digests, manifest), *_croissant(digests.folder, raw)]


def _card(folder: Path, raw: Mapping[str, Any], repository: str | None) -> list[Check]:
    from huggingface_hub import DatasetCard

    head = Check("card-head", "the card's configs and dataset_info are those of the files")
    text = Check("card-text", "the card's generated sections say what the manifest says")
    licence = Check("card-licence", "the card's licence is the one that curator wrote", warning=True)
    whole = Check("card-sections", "the card has all of its generated sections", warning=True)
    checks = [head, text, whole, licence]
    try:
        found = DatasetCard((folder / "README.md").read_text("utf-8-sig").replace("\r\n", "\n"))
        data = {key: value for key, value in vars(found.data).items() if value is not None}
    except OSError as error:
        head.problem(f"README.md can't be read: {error.strerror}")
        return checks[:1]
    except Exception as error:  # whatever the YAML library raises
        head.problem(f"README.md: its YAML can't be read ({type(error).__name__})")
        return checks[:1]
    try:
        expected = card.metadata(raw)
        card.body(raw)
    except _DAMAGED as error:
        head.problem(f"manifest.json: the card can't be made from it ({type(error).__name__}: {error})")
        return checks[:1]
    _head(head, data, expected)
    mine = card.own_licence(data, expected)
    if card.own_licence(data, card.metadata_before(raw)) is None:
        mine = None
    if mine is not None:
        said = f"its licence, {mine!r}, is" if mine else "that it names no licence is"
        licence.problem(f"README.md: {said} a person's word, not curator's")
    if reason := _another_version(raw):
        text.skipped = reason
        return checks
    stated = card.sections(found.text)
    if repository is None and (named := _LOADS.search(stated.get("use", ""))):
        repository = named[1]
    for name, section in card.sections(card.body(raw, repository, mine)).items():
        if name not in stated:
            whole.problem(f"README.md: section {name} is missing; `curator publish` writes it again")
        elif name == "licence" and stated[name] != section and _speaks_of_a_licence(raw, repository, stated[name]):
            licence.problem("README.md: its text speaks of another licence than its head; `curator publish` mends that")
        elif stated[name] != section:
            text.problem(f"README.md: section {name} {_first_difference(stated[name], section)}")
    return checks


def _head(check: Check, data: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for key in ("configs", "dataset_info"):
        listed = data[key] if isinstance(data.get(key), list) else []
        mine = {one.get("config_name"): one for one in listed if isinstance(one, dict)}
        for one in expected[key]:
            if mine.get(one["config_name"]) != one:
                check.problem(f"README.md: {key} of config {one['config_name']} is not that of the files")
        for name, times in Counter(one.get("config_name") for one in listed if isinstance(one, dict)).items():
            if times > 1:
                check.problem(f"README.md: {key} has config {name} {times} times")
        ours = {one["config_name"] for one in expected[key]}
        for name, one in mine.items():
            # With two defaults `load_dataset` loads nothing unless it is told a config.
            if name not in ours and one.get("default"):
                check.problem(f"README.md: {key} has config {name} as the default one, too")
    if data.get("size_categories") != expected["size_categories"]:
        check.problem(f"README.md: size_categories is not {expected['size_categories'][0]}")


def _speaks_of_a_licence(raw: Mapping[str, Any], repository: str | None, section: str) -> bool:
    """Tell whether a section is what curator writes about some licence: a person may have changed the head since."""
    named = card.licence_in(section)
    return any(section == card.sections(card.body(raw, repository, one))["licence"] for one in (None, "", named))


def _first_difference(stated: str, expected: str) -> str:
    lines = zip_longest(stated.splitlines(), expected.splitlines(), fillvalue="")
    one, other = next((one, other) for one, other in lines if one != other)
    return f"says {_short(one)}, from the manifest comes {_short(other)}"


def _short(line: str) -> str:
    return repr(line if len(line) <= 100 else f"{line[:99]}…")


def _another_version(raw: Mapping[str, Any]) -> str:
    """Return why words can't be compared, if another version wrote them; numbers always are."""
    return "" if is_current(raw) else f"curator {raw['curator']} wrote them, in other words than this version"


def _images(digests: Digests, manifest: Manifest) -> Check:
    check = Check("card-figures", "the card's figures have the sha256 of the manifest")
    for name, entry in manifest.images.items():
        try:
            if digests.of(name) != entry.sha256:
                check.problem(f"{name}: its sha256 is not that of the manifest")
        except OSError as error:
            check.problem(f"{name} can't be read: {error.strerror}")
    return check


def _croissant(folder: Path, raw: Mapping[str, Any]) -> list[Check]:
    digests = Check("croissant-digests", "croissant.json has the sha256 of every data file")
    whole = Check("croissant", "croissant.json describes the dataset as the manifest does")
    try:
        stated = json.loads((folder / "croissant.json").read_bytes())
        named = croissant.checksums(stated)
    except OSError as error:
        digests.problem(f"croissant.json can't be read: {error.strerror}")
        return [digests]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        digests.problem(f"croissant.json is not such a description ({type(error).__name__})")
        return [digests]
    for name in sorted(named.keys() | raw["files"].keys()):
        if named.get(name) != raw["files"].get(name, {}).get("sha256"):
            digests.problem(f"croissant.json: {name} is not as in manifest.json")
    if reason := _another_version(raw):
        whole.skipped = reason
        return [digests, whole]
    try:
        expected = json.loads(json.dumps(croissant.describe(raw)))
    except _DAMAGED as error:
        whole.problem(f"manifest.json: it can't be made from it ({type(error).__name__}: {error})")
    else:
        for where, one, other in differences(stated, expected):
            is_now, should = _short(str(one)), _short(str(other))
            whole.problem(f"croissant.json: {where} is {is_now}, from the manifest comes {should}")
    return [digests, whole]
