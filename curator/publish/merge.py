"""Bring a card that a person has edited up to date: our parts anew, theirs as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from curator.dataset import card

_ANY_MARK = re.compile(r"(?m)^<!-- curator:(?:begin|end) [^\n]*-->[ \t]*\n?")
_HEAD = re.compile(r"\s*---\n(?P<yaml>(?:.*?\n)?)---[ \t]*(?:\n|$)", re.DOTALL)
_KEY = re.compile(r"(?m)^([A-Za-z_][\w-]*):")
_DERIVED = ("configs", "dataset_info")
_LICENCE = ("license", "license_name")
_TITLE = re.compile(r"(?m)\A\s*# [^\n]*$")


class CardError(ValueError):
    """A card that can't be read; the message says why."""


def merge(theirs: str, manifest: Mapping[str, Any], repository: str, before: Mapping[str, Any] | None) -> str:
    """Return a card with everything that its data decides written anew.

    Of the YAML head, `configs`, `dataset_info` and `size_categories` are new; any other key is updated if it still is
    what curator wrote before, and stays if a person has changed, added or removed it. The text says whose the licence
    is. Of the text, the sections between
    curator's comments are new, and all else stays where it is.

    Args:
        theirs: The card that is there.
        manifest: Of the dataset that the card is to describe.
        repository: Where it is published.
        before: The manifest that `theirs` was made from, if there is one.

    Raises:
        CardError: The YAML head of `theirs` can't be read.
    """
    theirs = theirs.removeprefix("\ufeff").replace("\r\n", "\n")
    data, text = _parts(theirs)
    old_data, old_text = _written(before, repository)
    new = card.metadata(manifest)
    merged = _merge_data(data, new, old_data)
    licence = card.own_licence(merged, new)
    return card.join(merged, _merge_text(text, card.body(manifest, repository, licence), old_text))


def _parts(theirs: str) -> tuple[dict[str, Any], str]:
    from huggingface_hub import DatasetCard

    head = _HEAD.match(theirs)
    if head is None or not head["yaml"].strip():
        return {}, theirs if head is None else theirs[head.end() :]
    try:
        found = DatasetCard(theirs)
    except Exception as error:  # whatever the YAML library raises
        raise CardError(f"the YAML head can't be read ({type(error).__name__})") from None
    data = {key: value for key, value in vars(found.data).items() if value is not None}
    # The library puts the keys that it knows first; a card keeps the order that it has.
    order = {key: place for place, key in enumerate(_KEY.findall(head["yaml"]))}
    return dict(sorted(data.items(), key=lambda item: order.get(item[0], len(order)))), found.text


def _written(before: Mapping[str, Any] | None, repository: str) -> tuple[dict[str, Any], str]:
    """Return what curator wrote for an earlier manifest; nothing where this version can't tell."""
    try:
        return (card.metadata_before(before), card.body(before, repository)) if before is not None else ({}, "")
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}, ""


def _merge_data(theirs: Mapping[str, Any], new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    # Both are one statement: who changes the name states the `other` before it, too.
    licence_is_theirs = any(theirs.get(key) != old.get(key) for key in _LICENCE)
    for key, value in theirs.items():
        if key in _DERIVED:
            merged[key] = [*new[key], *_others(value, new[key])]
        elif key == "size_categories":
            merged[key] = new[key]
        elif key in old and value == old[key] and not (licence_is_theirs and key in _LICENCE):
            if key in new:
                merged[key] = new[key]
        else:
            merged[key] = value
    order, last = list(merged), None
    for key, value in new.items():
        removed = key in old and key not in theirs
        if key not in merged and (not removed or key in _DERIVED):
            merged[key] = value
            order.insert(order.index(last) + 1 if last is not None else len(order), key)
        if key in merged:
            last = key
    if merged.get("license") != new.get("license"):
        # A licence is its owner's to state; our name and link for "other" would contradict it.
        for key in ("license_name", "license_link"):
            if merged.get(key) in (old.get(key), new.get(key)):
                merged.pop(key, None)
    return {key: merged[key] for key in order if key in merged}


def _others(theirs: Any, new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the configs that a person has added, none of which can be the default one."""
    names = {one["config_name"] for one in new}
    listed = theirs if isinstance(theirs, list) else []
    added = (one for one in listed if isinstance(one, dict) and one.get("config_name") not in names)
    return [{key: value for key, value in one.items() if key != "default"} for one in added if one.get("config_name")]


def _merge_text(theirs: str, new: str, old: str) -> str:
    sections = card.sections(new)
    if not theirs.strip():
        return new
    seen: set[str] = set()

    def renew(name: str, _: str) -> str:
        # A name stands for its place until all is done, so that no text of ours is taken for a stray mark.
        first = name in sections and name not in seen
        seen.add(name)
        return f"\0{name}\0" if first else ""

    text = card.replace_sections(theirs.replace("\0", ""), renew)
    text = _ANY_MARK.sub("", text)
    if not seen & sections.keys():
        return "\n\n".join([text.strip(), *sections.values()]) + "\n"
    last = None
    for name in sections:
        mark = f"\0{name}\0"
        if mark not in text:
            text = text.replace(last, f"{last}\n\n{mark}", 1) if last is not None else f"{mark}\n\n{text.lstrip()}"
        last = mark
    if (title := _TITLE.match(old)) and text.lstrip().startswith(f"{title[0].strip()}\n"):
        new_title = _TITLE.match(new)
        text = text.lstrip().replace(title[0].strip(), new_title[0].strip() if new_title else "", 1)
    for name, section in sections.items():
        text = text.replace(f"\0{name}\0", section, 1)
    return text.strip() + "\n"
