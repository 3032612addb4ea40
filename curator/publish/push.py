"""Publish a dataset to the Hugging Face Hub: look first, then data, card and deletions in one commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curator.dataset import manifest
from curator.dataset.card import render
from curator.dataset.origin import Origin, origin
from curator.errors import CheckError, HubError
from curator.hub import repository as hub
from curator.hub.errors import hub_errors
from curator.pages.result import Result, html
from curator.publish import merge
from curator.system.digest import sha256
from curator.system.display import visible
from curator.system.paths import is_run
from curator.verify.verify import verify_folder

_NO_DATA = frozenset({".gitattributes", ".gitignore", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"})
"""What a repository may hold and still count as empty."""


@dataclass(repr=False)
class Plan(Result):
    """What publishing would do.

    Attributes:
        folder: The dataset.
        repository: Where it goes.
        remote: The repository as it is, or None if it is to be made.
        public: Whether everyone will be able to read it.
        origin: Where the rows come from.
        card: The card as it will be.
        send: Bytes of each file that is sent.
        keep: Files that are there already.
        delete: Files of an earlier version that go; its manifest lists them.
        notes: What else the user should know.
    """

    folder: Path
    repository: str
    remote: hub.Remote | None
    public: bool
    origin: Origin
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

    @property
    def address(self) -> str:
        """Where people find it."""
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/datasets/{self.repository}"

    @property
    def changes(self) -> bool:
        """Whether anything on the Hub would be another way afterwards."""
        shown = self.public and (self.remote is None or self.remote.private)
        return self.remote is None or bool(self.send or self.delete) or shown

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

    def __str__(self) -> str:
        state = "a new dataset repository" if self.remote is None else f"at {self.remote.revision}"
        lines = [f"repository  {self.repository} ({state})", f"visibility  {self.visibility}"]
        lines += [f"rows        {self.rows:,}"]
        lines += [f"send        {len(self.send)} files, {sum(self.send.values()):,} bytes"]
        lines += [f"  {size:>15,}  {name}" for name, size in self.send.items()]
        lines += [f"unchanged   {len(self.keep)} files"]
        lines += [f"delete      {len(self.delete)} files", *(f"  {name}" for name in self.delete)]
        return "\n".join([*lines, *self.notes])

    def _repr_html_(self) -> str:
        return html(self.address, folded=[("what changes there", str(self))], is_open=True)

    def warning(self) -> str:
        """Return what to tell a user before everyone can read the data."""
        words = [f"{self.repository} will be public: everyone can read and copy it.", *self.origin.licences(visible)]
        if licence := self.origin.stated.license:
            words.append(f"The recipe states the licence {licence}.")
        if not self.origin.only_demo:
            words.append("Whether you may share these texts and prices is for you to find out.")
        return " ".join(words)


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
    folder = run / "dataset" if is_run(run) else run
    checked, raw = manifest.read(folder)
    remote = hub.look(repository)
    before = _earlier(remote) if remote is not None else None
    if remote is not None:
        _refuse_strangers(remote, before, public)
    rows = sum(verdict.rows.values())
    made = Plan(folder, repository, remote, public, origin(raw), rows, checked.curator)
    made.card = _card(made, raw, before)
    there = remote.files if remote is not None else {}
    sizes = {name: one.bytes for name, one in checked.files.items()}
    beside = (manifest.NAME, "croissant.json", *checked.images)
    sizes |= {name: (folder / name).stat().st_size for name in beside}
    sizes["README.md"] = len(made.card)
    for name, size in sorted(sizes.items()):
        if name in there and _is_there(made, name, there[name]):
            made.keep.append(name)
        else:
            made.send[name] = size
    earlier = _listed(before)
    made.delete = sorted(name for name in there if name in earlier and name not in sizes)
    # What we neither made nor replace stays; but some names change what is loaded, whoever put them there.
    mine = earlier | sizes.keys()
    strange = sorted(name for name in there if manifest.changes_loading(name, repository) and name not in mine)
    if strange:
        raise HubError(
            f"dataset {repository} holds {_shown(strange)}: no manifest of curator lists that, and it would change"
            " what is loaded. Rename or delete it there, and publish again; files of other names may stay."
        )
    return made


def push(made: Plan) -> str:
    """Do what a plan says, all in one commit, and return the repository's address.

    Raises:
        HubError: The Hub refuses, or can't be reached; the same command can be run again.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    what = f"publishing to {made.repository}"
    hub.require_login(what)
    remote = made.remote
    if remote is None:
        # Private until everything is there, whatever it shall be in the end.
        with hub_errors(what):
            api.create_repo(made.repository, repo_type="dataset", private=True, exist_ok=True)
        remote = hub.look(made.repository)
        if remote is None:
            raise HubError(f"{what}: the repository was made, but can't be read with this login")
        _refuse_strangers(remote, _earlier(remote), public=True)
    if made.send or made.delete:
        contents = {name: made.card if name == "README.md" else made.folder / name for name in made.send}
        with hub_errors(what), hub.quiet_unless_terminal():
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
        with hub_errors(what):
            api.update_repo_settings(made.repository, repo_type="dataset", visibility="public")
    return made.address


def _earlier(remote: hub.Remote) -> dict[str, Any] | None:
    """Return the manifest that an earlier publish left, if there is one."""
    if manifest.NAME not in remote.files:
        return None
    folder = hub.download(remote, [manifest.NAME])
    try:
        raw = json.loads((folder / manifest.NAME).read_bytes())
    except (ValueError, RecursionError):
        return None
    return raw if manifest.is_ours(raw) else None


def _listed(before: Mapping[str, Any] | None) -> set[str]:
    """Return the files of the dataset that an earlier manifest lists, whatever version wrote it."""
    if before is None:
        return set()
    named = (before.get(key) for key in ("files", "images"))
    names = [name for one in named if isinstance(one, dict) for name in one]
    return {name for name in names if manifest.FILE.fullmatch(name) or manifest.IMAGE.fullmatch(name)}


def _refuse_strangers(remote: hub.Remote, before: Mapping[str, Any] | None, public: bool) -> None:
    """Refuse a repository that holds something else, or that everyone can read although that was not asked for."""
    if not remote.private and not public:
        raise HubError(
            f"dataset {remote.name} is public. Publish with --public, or make it private on the Hub first; without"
            " --public nothing is sent where everyone can read it."
        )
    strange = sorted(remote.files.keys() - _NO_DATA)
    if before is None and strange:
        raise HubError(
            f"dataset {remote.name} holds something that curator did not publish ({_shown(strange)}). Choose another"
            " name, or empty the repository."
        )


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return visible(", ".join(names[:5])) + more


def _card(made: Plan, raw: dict[str, Any], earlier: Mapping[str, Any] | None) -> bytes:
    """Return the card as it will be: the one that is there, a person's edits kept, or else the folder's."""
    own = (made.folder / "README.md").read_bytes()
    theirs, where = own, str(made.folder / "README.md")
    before: Mapping[str, Any] | None = raw
    if made.remote is not None and "README.md" in made.remote.files:
        folder = hub.download(made.remote, ["README.md"])
        theirs, where, before = (folder / "README.md").read_bytes(), f"README.md of {made.repository}", earlier
        if own != render(raw).encode():
            made.notes.append(
                f"note: {made.folder / 'README.md'} has been edited; the card that is on the Hub is kept instead"
            )
    try:
        return merge.merge(theirs.decode(), raw, made.repository, before).encode()
    except ValueError as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise HubError(f"{where}: {reason}. Mend it and publish again.") from None


def _is_there(made: Plan, name: str, remote: hub.RemoteFile) -> bool:
    """Tell whether a file is on the Hub as it is here."""
    path = made.folder / name
    if remote.sha256 is not None:
        return remote.sha256 == (hashlib.sha256(made.card).hexdigest() if name == "README.md" else sha256(path))
    content = made.card if name == "README.md" else path.read_bytes()
    return remote.blob == hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
