"""Talk to the Hugging Face Hub: what is in a repository, and download it."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from curator.errors import HubError, UsageError
from curator.hub.errors import hub_errors
from curator.system.display import bars_on_terminal


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: bytes, the sha256 of a large one, git's digest (both hex)."""

    size: int
    sha256: str | None
    blob: str | None


@dataclass(frozen=True)
class Remote:
    """A repository at its newest commit."""

    name: str
    revision: str
    private: bool
    files: dict[str, RemoteFile]


def check_name(name: str) -> None:
    """Refuse a name that can't be a dataset repository's.

    Raises:
        UsageError: It isn't ``owner/name``.
    """
    if reason := wrong_name(name):
        raise UsageError(f"{name!r} is not the name of a Hub repository (OWNER/NAME): {reason}")


def wrong_name(name: str) -> str:
    """Return why a name can't be a repository's; nothing if it can."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # documented, as no type says

    owner, slash, rest = name.partition("/")
    if "://" in name:
        return "that is an address; leave out what stands before the owner"
    if not slash:
        return "the owner is missing"
    if "/" in rest:
        return f"it has {name.count('/')} slashes where one belongs"
    if not owner or not rest:
        return "the owner is missing" if not owner else "the name after the slash is missing"
    try:
        validate_repo_id(name)
    except HFValidationError:
        return (
            "it holds letters, digits, - _ and . only, at most 96 of them, no -- or .., none of - and . at either end,"
            " and does not end in .git"
        )
    return ""


def look(name: str) -> Remote | None:
    """Return a dataset repository as it is now, or None if there is none that this login may see.

    Raises:
        HubError: The Hub can't be asked.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    with hub_errors(f"dataset {name}"):
        try:
            return _newest(name)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None


def newest(name: str, advice: str = "", revision: str | None = None) -> Remote:
    """Return a dataset repository, which must be there, as it is now, or at a revision (commit, branch or tag).

    Raises:
        HubError: The Hub can't be asked, or has none; the message ends with the `advice`.
    """
    with hub_errors(f"dataset {name}", advice):
        return _newest(name, revision)


def _newest(name: str, revision: str | None = None) -> Remote:
    from huggingface_hub import HfApi, constants

    _check_token()
    # One answer holds the commit and its files; unlike the calls for either of them it can time out.
    info = HfApi().dataset_info(name, revision=revision, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
    if info.sha is None or info.siblings is None:
        raise ValueError("an answer without a commit or files")
    files = {
        one.rfilename: RemoteFile(one.size or 0, one.lfs.sha256 if one.lfs else None, one.blob_id)
        for one in info.siblings
    }
    return Remote(name, info.sha, bool(info.private), files)


def download(remote: Remote, names: list[str]) -> Path:
    """Download files into the library's cache, those it has not yet, and return the folder they lie in.

    Raises:
        HubError: One can't be had.
    """
    folder = Path()
    for name in names:
        folder = fetch(remote.name, name, remote.revision).parents[name.count("/")]
    return folder


def fetch(repository: str, name: str, revision: str, advice: str = "") -> Path:
    """Return the cached copy of a file of a dataset repository, downloaded if it isn't there.

    Raises:
        HubError: It can't be had; the message ends with the `advice`.
    """
    from huggingface_hub import hf_hub_download

    with hub_errors(f"{name} of {repository}", advice), quiet_unless_terminal():
        return Path(hf_hub_download(repository, name, repo_type="dataset", revision=revision))


def quiet_unless_terminal() -> AbstractContextManager[None]:
    """Show the library's progress bars on a terminal only."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    return bars_on_terminal(lambda: not are_progress_bars_disabled(), disable_progress_bars, enable_progress_bars)


def require_login(what: str) -> None:
    """Refuse to go on without a token.

    Raises:
        HubError: There is none.
    """
    from huggingface_hub import get_token

    if not get_token():
        raise HubError(f"{what}: you are not logged in. Run `hf auth login`, or set HF_TOKEN (with write access).")


def _check_token() -> None:
    from huggingface_hub import get_token

    if re.fullmatch(r"[\x21-\x7e]*", get_token() or "") is None:
        # The HTTP client would quote it in its error.
        raise HubError(
            "the Hub's token (HF_TOKEN, or the one of `hf auth login`) holds a space or another character that no"
            " token has. Copy it again."
        )
