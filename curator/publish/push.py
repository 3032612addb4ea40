"""Publish a dataset to the Hugging Face Hub: look first, then data, card and deletions in one commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curator.errors import CheckError, HubError
from curator.publish import facts, hub, manifest, merge
from curator.publish.card import render
from curator.publish.dataset import sha256
from curator.publish.verify import verify_folder

_NO_DATA = frozenset({".gitattributes", ".gitignore", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"})
"""What a repository may hold and still count as empty."""


@dataclass
class Plan:
    """What publishing would do.

    Attributes:
        folder: The dataset.
        repository: Where it goes.
        remote: The repository as it is, or None if it is to be made.
        public: Whether everyone will be able to read it.
        demo: Whether the data is made up.
        card: The card as it will be.
        send: Bytes of each file that is sent.
        keep: Files that are there already.
        delete: Files of an earlier version that go.
        notes: What else the user should know.
    """

    folder: Path
    repository: str
    remote: hub.Remote | None
    public: bool
    demo: bool
    rows: int
    version: str
    card: bytes = b""
    send: dict[str, int] = field(default_factory=dict)
    keep: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def visibility(self) -> str:
        """``public`` or ``private``."""
        return "public" if self.public else "private"

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it."""
        return {
            "repository": self.repository,
            "exists": self.remote is not None,
            "visibility": self.visibility,
            "rows": self.rows,
            "send": self.send,
            "bytes": sum(self.send.values()),
            "keep": self.keep,
            "delete": self.delete,
            "notes": self.notes,
        }

    def to_text(self) -> str:
        """Return the plan as `--dry-run` prints it."""
        state = "a new dataset repository" if self.remote is None else f"at {self.remote.revision}"
        lines = [f"repository  {self.repository} ({state})", f"visibility  {self.visibility}"]
        lines += [f"rows        {self.rows:,}"]
        lines += [f"send        {len(self.send)} files, {sum(self.send.values()):,} bytes"]
        lines += [f"  {size:>15,}  {name}" for name, size in self.send.items()]
        lines += [f"unchanged   {len(self.keep)} files"]
        lines += [f"delete      {len(self.delete)} files", *(f"  {name}" for name in self.delete)]
        return "\n".join([*lines, *self.notes])

    def warning(self) -> str:
        """Return what to tell a user before everyone can read the data."""
        licence = (
            "All of its data is made up; no source's licence applies."
            if self.demo
            else "The upstream dataset, Amazon Reviews 2023, states no licence: whether you may share texts and prices"
            " from it is for you to find out."
        )
        return f"{self.repository} will be public: everyone can read and copy it. {licence}"


def plan(run: Path, repository: str, *, public: bool = False) -> Plan:
    """Check a run's dataset and say what publishing it would do; nothing is sent.

    Args:
        run: A run directory, or a dataset folder.
        repository: ``owner/name`` of a dataset repository.
        public: Whether everyone shall be able to read it.

    Raises:
        UsageError: That is no repository's name.
        CheckError: The dataset does not hold what it promises.
        HubError: The Hub can't be asked, or the repository is not to be published to.
    """
    hub.check_name(repository)
    verdict = verify_folder(run)
    try:
        verdict.raise_for_failures()
    except CheckError as error:
        raise CheckError(f"nothing was published: {error}") from None
    folder = run / "dataset" if (run / "recipe.toml").is_file() else run
    checked, raw = manifest.read(folder)
    remote = hub.look(repository)
    if remote is not None:
        _refuse_strangers(remote, public)
    rows = sum(verdict.rows.values())
    made = Plan(folder, repository, remote, public, facts.is_demo(raw), rows, checked.curator)
    made.card = _card(made, raw)
    there = remote.files if remote is not None else {}
    sizes = {name: one.bytes for name, one in checked.files.items()}
    beside = (manifest.NAME, "croissant.json", *_images(folder, raw))
    sizes |= {name: (folder / name).stat().st_size for name in beside}
    sizes["README.md"] = len(made.card)
    for name, size in sorted(sizes.items()):
        if name in there and _is_there(made, name, there[name]):
            made.keep.append(name)
        else:
            made.send[name] = size
    inside = tuple(f"{place}/" for place in manifest.FOLDERS)
    made.delete = sorted(name for name in there if name.startswith(inside) and name not in sizes)
    return made


def push(made: Plan) -> str:
    """Do what a plan says, all in one commit, and return the repository's address.

    Raises:
        HubError: The Hub refuses, or can't be reached; the same command can be run again.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants

    api = HfApi()
    what = f"publishing to {made.repository}"
    hub.require_login(what)
    remote = made.remote
    if remote is None:
        # Private until everything is there, whatever it shall be in the end.
        with hub.told(what):
            api.create_repo(made.repository, repo_type="dataset", private=True, exist_ok=True)
        remote = hub.look(made.repository)
        if remote is None:
            raise HubError(f"{what}: the repository was made, but can't be read with this login")
        _refuse_strangers(remote, public=True)
    if made.send or made.delete:
        contents = {name: made.card if name == "README.md" else made.folder / name for name in made.send}
        with hub.told(what), hub.quiet_unless_terminal():
            api.create_commit(
                made.repository,
                [
                    *(CommitOperationAdd(name, content) for name, content in contents.items()),
                    *(CommitOperationDelete(name, is_folder=False) for name in made.delete),
                ],
                commit_message=f"Publish {made.rows:,} rows with curator {made.version}",
                repo_type="dataset",
                parent_commit=remote.revision,
            )
    if made.public and remote.private:
        with hub.told(what):
            api.update_repo_settings(made.repository, repo_type="dataset", visibility="public")
    return f"{constants.ENDPOINT}/datasets/{made.repository}"


def _refuse_strangers(remote: hub.Remote, public: bool) -> None:
    """Refuse a repository that holds something else, or that everyone can read although that was not asked for."""
    if not remote.private and not public:
        raise HubError(
            f"dataset {remote.name} is public. Publish with --public, or make it private on the Hub first; without"
            " --public nothing is sent where everyone can read it."
        )
    if manifest.NAME in remote.files:
        folder = hub.download(remote, [manifest.NAME])
        try:
            if manifest.is_ours(json.loads((folder / manifest.NAME).read_bytes())):
                return
        except ValueError:
            pass
    strange = sorted(remote.files.keys() - _NO_DATA)
    if strange:
        shown = ", ".join(strange[:5]) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
        raise HubError(
            f"dataset {remote.name} holds something that curator did not publish ({shown}). Choose another name, or"
            " empty the repository."
        )


def _card(made: Plan, raw: dict[str, Any]) -> bytes:
    """Return the card as it will be: the one that is there, a person's edits kept, or else the folder's."""
    own = (made.folder / "README.md").read_bytes()
    theirs, before, where = own, raw, str(made.folder / "README.md")
    if made.remote is not None and "README.md" in made.remote.files:
        names = [name for name in ("README.md", manifest.NAME) if name in made.remote.files]
        folder = hub.download(made.remote, names)
        theirs, where = (folder / "README.md").read_bytes(), f"README.md of {made.repository}"
        if manifest.NAME in names:
            before = json.loads((folder / manifest.NAME).read_bytes())
        if own != render(raw).encode():
            made.notes.append(
                f"note: {made.folder / 'README.md'} has been edited; the card that is on the Hub is kept instead"
            )
    try:
        return merge.merge(theirs.decode(), raw, made.repository, before).encode()
    except ValueError as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise HubError(f"{where}: {reason}. Mend it and publish again.") from None


def _images(folder: Path, raw: Mapping[str, Any]) -> list[str]:
    """Return the names of the card's figures; a manifest that names anything else would send it."""
    names = list(raw["images"])
    for name in names:
        if not manifest.IMAGE.fullmatch(name):
            raise CheckError(f"{folder / manifest.NAME}: {name!r} is no figure of the card")
    return names


def _is_there(made: Plan, name: str, remote: hub.RemoteFile) -> bool:
    """Tell whether a file is on the Hub as it is here."""
    path = made.folder / name
    if remote.sha256 is not None:
        return remote.sha256 == (hashlib.sha256(made.card).hexdigest() if name == "README.md" else sha256(path))
    content = made.card if name == "README.md" else path.read_bytes()
    return remote.blob == hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
