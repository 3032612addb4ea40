"""What goes wrong at the Hub, in words that hold no token, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from curator.errors import CuratorError, HubError


@contextmanager
def hub_errors(what: str) -> Iterator[None]:
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
