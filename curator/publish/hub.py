"""Talk to the Hugging Face Hub: what is in a repository, download it, and errors in words that hold no token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from curator.errors import CuratorError, HubError, UsageError
from curator.publish.manifest import BESIDE_DATA, FILE, IMAGE, NAME


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
    if reason := _wrong_name(name):
        raise UsageError(f"{name!r} is not the name of a Hub repository (OWNER/NAME): {reason}")


def find(name: str) -> Remote:
    """Return the repository of a name that is no folder here, with a dataset of curator in it.

    Raises:
        UsageError: That can't be a repository's name.
        HubError: There is none, or it holds something else.
    """
    if name.startswith((".", "/", "~")):
        raise UsageError(f"there is no folder {name!r}")
    if reason := _wrong_name(name):
        raise UsageError(
            f"there is no folder {name!r}, and it is not the name of a Hub repository (OWNER/NAME): {reason}"
        )
    try:
        remote = look(name)
    except HubError as error:
        raise HubError(f"there is no folder {name!r}, and the Hub can't be asked: {error}") from None
    if remote is None:
        raise HubError(f"there is no folder {name!r}, and no dataset {name} on the Hub that this login may read")
    if NAME not in remote.files:
        raise HubError(f"dataset {name} holds no {NAME}: it was not published by curator")
    return remote


def _wrong_name(name: str) -> str:
    """Return why a name can't be a repository's; nothing if it can."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

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
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    with told(f"dataset {name}"):
        _check_token()
        try:
            info = HfApi().dataset_info(name, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None
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
    from huggingface_hub import hf_hub_download

    folder = Path()
    for name in names:
        with told(f"{name} of {remote.name}"), quiet_unless_terminal():
            path = Path(hf_hub_download(remote.name, name, repo_type="dataset", revision=remote.revision))
        folder = path.parents[name.count("/")]
    return folder


def ours(remote: Remote) -> list[str]:
    """Return the names of the files that a dataset of curator has: data, manifest, card and description."""
    return sorted(name for name in remote.files if name in BESIDE_DATA or FILE.fullmatch(name) or IMAGE.fullmatch(name))


@contextmanager
def quiet_unless_terminal() -> Iterator[None]:
    """Show the library's progress bars on a terminal only."""
    import sys

    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn whatever the Hub's library raises into a `HubError` in our own words, not chained to it.

    Raises:
        HubError: With what went wrong and what to do; the library's own text may hold headers or signed addresses.
    """
    problem: CuratorError | None = None
    try:
        yield
    except CuratorError:
        raise
    except Exception as error:  # the library, its HTTP client and its storage client share no base
        problem = _problem(error, what)
    # Raised outside the handler: what the library raised is not to be chained.
    if problem is not None:
        raise problem


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


def _is_a(error: BaseException, name: str) -> bool:
    """Tell whether an error is one of the HTTP client's, which is the library's choice and not imported here."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _problem(error: BaseException, what: str) -> HubError:
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    while isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    host = urlsplit(constants.ENDPOINT).netloc.rpartition("@")[2] or constants.ENDPOINT
    login = "`hf auth login`, or HF_TOKEN in the environment,"
    if isinstance(error, OfflineModeIsEnabled):
        advice = "HF_HUB_OFFLINE forbids it. Unset it and run again."
    elif status == 401 and get_token():
        advice = f"{host} refused the token (401). {login} with a token that has not expired."
    elif status == 401:
        advice = (
            f"{host} wants to know who you are, or has nothing of that name (401). Log in: {login} with a token that"
            " may read it (to publish: write it)."
        )
    elif status == 403:
        advice = (
            f"{host} denies it (403): the token lacks the right, the repository belongs to someone else, or its terms"
            " are not accepted yet (on its page). To publish, a token needs write access to the owner's repositories."
        )
    elif status == 404:
        advice = f"{host} doesn't have it, or not for this login (404)."
    elif status in (409, 412):
        advice = f"someone else changed it meanwhile ({status}). Run again."
    elif status == 429:
        advice = f"{host} limits the rate of requests (429). Wait, and run again."
    elif status is not None:
        advice = f"{host} answered with an error (HTTP {status}). Run again; what has arrived is not sent again."
    elif _is_a(error, "TimeoutException"):
        advice = f"{host} did not answer in time. Run again."
    elif _is_a(error, "ConnectError"):
        advice = f"there is no connection to {host}. Check the network, HF_ENDPOINT and the proxy, and run again."
    elif _is_a(error, "TransportError"):
        advice = f"the connection to {host} broke ({type(error).__name__}). Run again."
    elif isinstance(error, OSError) and error.strerror:
        advice = f"{error.strerror}."
    elif isinstance(error, ValueError) and "README.md" in str(error):
        advice = f"{host} refuses the card: {' '.join(str(error).split())[:300]}"
    else:
        advice = f"{host} gave no sensible answer ({type(error).__name__}). Is HF_ENDPOINT right?"
    return HubError(f"{what}: {advice}")
