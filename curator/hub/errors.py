"""What goes wrong at the Hub, in words that hold no token, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from curator.errors import CuratorError, HubError


@contextmanager
def hub_errors(what: str, advice: str = "") -> Iterator[None]:
    """Turn whatever the Hub's library raises into a `HubError` in our own words, not chained to it.

    Args:
        what: What was wanted, such as ``dataset NAME``.
        advice: What else to do, said in the end.

    Raises:
        HubError: With what went wrong and what to do; the library's own text may hold headers or signed addresses.
    """
    try:
        yield
    except CuratorError:
        raise
    except Exception as error:  # the library, its HTTP client and its storage client share no base
        problem = _problem(error, what, advice)
        try:
            raise problem from None
        finally:
            problem.__context__ = None


def _is_a(error: BaseException, name: str) -> bool:
    """Tell whether an error is one of the HTTP client's, which is the library's choice and not imported here."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _problem(error: BaseException, what: str, advice: str) -> HubError:
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    while isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    host = urlsplit(constants.ENDPOINT).netloc.rpartition("@")[2] or constants.ENDPOINT
    login = "`hf auth login`, or HF_TOKEN in the environment,"
    again = "Run again; what has arrived is not sent again."
    if isinstance(error, OfflineModeIsEnabled):
        problem = "HF_HUB_OFFLINE forbids it. Unset it and run again."
    elif status == 401 and get_token():
        problem = (
            f"{host} refused the token (401). {login} with a token that has not expired; or unset HF_TOKEN and run"
            " `hf auth logout`, if it is public."
        )
    elif status == 401:
        problem = (
            f"{host} wants to know who you are, or has nothing of that name (401). Log in: {login} with a token that"
            " may read it (to publish: write it)."
        )
    elif status == 403:
        problem = (
            f"{host} denies it (403): the token (HF_TOKEN, `hf auth login`) lacks the right, the repository belongs to"
            " someone else, or its terms are not accepted yet (on its page). To publish, a token needs write access to"
            " the owner's repositories."
        )
    elif status == 404:
        problem = f"{host} doesn't have it, or not for this login (404). Is HF_ENDPOINT right?"
    elif status in (409, 412):
        problem = f"someone else changed it meanwhile ({status}). Run again."
    elif status == 429:
        problem = f"{host} limits the rate of requests (429). Wait, or log in with `hf auth login`. {again}"
    elif status is not None:
        problem = f"{host} answered with an error (HTTP {status}). {again}"
    elif _is_a(error, "TimeoutException"):
        problem = (
            f"{host} didn't answer within {constants.HF_HUB_DOWNLOAD_TIMEOUT} seconds. HF_HUB_DOWNLOAD_TIMEOUT sets a"
            f" longer time. {again}"
        )
    elif _is_a(error, "ConnectError"):
        problem = f"there is no connection to {host}. Check the network, HF_ENDPOINT and the proxy. {again}"
    elif _is_a(error, "TransportError"):
        problem = f"the connection to {host} broke ({type(error).__name__}). {again}"
    elif isinstance(error, OSError) and error.strerror:
        problem = f"{error.strerror}. The library's cache is {constants.HF_HUB_CACHE}; HF_HOME moves it."
    elif isinstance(error, ValueError) and "README.md" in str(error):
        problem = f"{host} refuses the card: {' '.join(str(error).split())[:300]}"
    else:
        problem = (
            f"{host} gave no sensible answer ({type(error).__name__}). Is HF_ENDPOINT right? If it fails again,"
            " HF_HUB_DISABLE_XET=1 takes another way."
        )
    made = HubError(f"{what}: {problem} {advice}".rstrip())
    made.away = status == 429 or status >= 500 if status is not None else _is_a(error, "TransportError")
    return made
