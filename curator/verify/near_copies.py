"""Check how near the rows of one split come to those of another, against the certificate and the recipe's promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curator.dataset.certificate import certify, certify_exhaustively, data_files
from curator.dataset.manifest import Manifest
from curator.verify.rows import Unreadable, locate
from curator.verify.verdict import Check


def apart(folder: Path, manifest: Manifest, exhaustive: bool) -> list[Check]:
    """Check the certificate of a dataset folder.

    Args:
        folder: The dataset folder.
        manifest: What it says about itself.
        exhaustive: Compare every two rows of different splits as well.
    """
    recipe = manifest.recipe
    promised = recipe.duplicates.near == "together"
    least = recipe.duplicates.similarity
    near = Check(f"no row has a similarity of {least:g} or more with a row of another split", warning=not promised)
    same = Check("the certificate is that of the files")
    brute = Check("brute force over every two rows finds the same certificate")
    checks = [near, same, *([brute] if exhaustive else [])]
    files = data_files(folder, list(manifest.files))
    try:
        found = certify(files, recipe)
        every = (
            certify_exhaustively(files, recipe, lambda line: setattr(brute, "skipped", line)) if exhaustive else None
        )
    except Unreadable as error:
        for check in checks:
            check.problem(f"the prompts can't be read: {str(error).splitlines()[0][:200]}")
        return checks
    near.detail = ", ".join(f"{one['split']} and {one['against']} {one['highest']:.3f}" for one in found)
    if not promised:
        near.detail += "; the recipe keeps near-copies where they fall"
    for one in found:
        if one["reaching"]:
            near.problem(
                f"{_place(manifest, one['split'], one['row'])} and"
                f" {_place(manifest, one['against'], one['other_row'])} have {one['highest']:.3f};"
                f" {one['reaching']:,} rows of {one['split']} reach {least:g} with {one['against']}"
            )
    _compare(same, [one.model_dump() for one in manifest.certificate], found, "manifest.json says")
    if every is not None:
        _compare(brute, found, every, "the index found")
    return checks


def _compare(check: Check, said: list[dict[str, Any]], found: list[dict[str, Any]], who: str) -> None:
    """Note every two splits about which the one says something else than was found."""

    def by_splits(entries: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
        return {(one["split"], one["against"]): one for one in entries}

    mine, theirs = by_splits(said), by_splits(found)
    for split, against in [*theirs, *(key for key in mine if key not in theirs)]:
        if mine.get((split, against)) != theirs.get((split, against)):
            there, here = mine.get((split, against)), theirs.get((split, against))
            check.problem(f"{split} and {against}: {who} {_told(there)}, the rows give {_told(here)}")


def _told(one: dict[str, Any] | None) -> str:
    return f"{one['highest']} (rows {one['row']} and {one['other_row']}), {one['reaching']}" if one else "nothing"


def _place(manifest: Manifest, split: str, at: int) -> str:
    return locate(
        [(name, one.rows) for name, one in sorted(manifest.files.items()) if name.startswith(f"data/{split}-")], at
    )
