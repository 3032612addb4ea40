"""Where jobs go: the address, the client for it, its errors as messages, and POSTs that are safe to repeat."""

from __future__ import annotations

import ipaddress
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from curator.errors import ProviderError, UsageError
from curator.llm.endpoints import OPENAI, host, is_key, is_plain
from curator.train.gpt.events import plain

if TYPE_CHECKING:
    from openai import OpenAI

RETRIES = 5
"""How often a request is made again after a rate limit, a server's error or a lost connection."""

Say = Callable[[str], None]
"""Shows a line to the user."""
_Made = TypeVar("_Made")


def endpoint(base_url: str | None, *, azure: bool, api_version: str | None) -> dict[str, Any]:
    """Return where jobs go, as a record's settings hold it: `endpoint` (an address), `azure` and `api_version`.

    What is not given comes from the variables that the client reads itself: OPENAI_BASE_URL, or AZURE_OPENAI_ENDPOINT
    and OPENAI_API_VERSION.

    Raises:
        UsageError: It is no address, or Azure lacks something.
    """
    variable = "AZURE_OPENAI_ENDPOINT" if azure else "OPENAI_BASE_URL"
    address = base_url or os.environ.get(variable) or ("" if azure else OPENAI)
    if not address:
        raise UsageError(
            f"--azure needs the resource's address: --base-url https://NAME.openai.azure.com, or {variable}"
        )
    if not is_plain(address):
        # It is written into the run, so nothing secret may be in it.
        raise UsageError(
            f"{'--base-url' if base_url else variable} is no plain address such as {OPENAI} (https://HOST/PATH, without"
            " user, password or query)"
        )
    version = (api_version or os.environ.get("OPENAI_API_VERSION")) if azure else None
    if azure and not version:
        raise UsageError("--azure needs the version of its interface: --api-version, or OPENAI_API_VERSION")
    return {"endpoint": address.rstrip("/"), "azure": azure, "api_version": version}


def is_known(settings: Mapping[str, Any]) -> bool:
    """Tell whether the key may go to the endpoint of a record's settings without a word from the user.

    A run may come from somebody else, and its record can name any host. Known are OpenAI, what the environment names,
    and this machine.
    """
    azure, address = settings["azure"], str(settings["endpoint"])
    own = os.environ.get("AZURE_OPENAI_ENDPOINT" if azure else "OPENAI_BASE_URL") or ("" if azure else OPENAI)
    known = {own.rstrip("/"), "" if azure else OPENAI} - {""}
    return address in known or _is_here(address)


def _is_here(address: str) -> bool:
    name = (host(address) if is_plain(address) else None) or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_named(settings: Mapping[str, Any], base_url: str | None) -> None:
    """Check that the endpoint of a record is known (see `is_known`), or is the one that the user names.

    Raises:
        UsageError: It is neither: the key would go to a host that nobody here has named.
    """
    address = str(settings["endpoint"])
    if base_url is not None and base_url.rstrip("/") != address:
        raise UsageError(f"--base-url {base_url}: the run's job is at {address}")
    if base_url is None and not is_known(settings):
        raise UsageError(
            f"the run says that its job is at {address}, where your key would be sent; whoever made the run wrote that."
            f" If it is your endpoint, say so: --base-url {shlex.quote(address)}"
        )


def check_key(settings: Mapping[str, Any]) -> None:
    """Check that the environment has a key for the endpoint of a record's settings.

    Raises:
        ProviderError: It has none, or one that can be none.
    """
    variables = ("AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_API_KEY") if settings["azure"] else ("OPENAI_API_KEY",)
    keys = {name: os.environ[name] for name in variables if os.environ.get(name, "").strip()}
    if not keys:
        raise ProviderError(
            f"there is no key for {settings['endpoint']}: set {' or '.join(variables)} in the environment"
            " (it is never stored)"
        )
    for name, key in keys.items():
        if not is_key(key):
            raise ProviderError(f"{name} holds characters that no key can have; is it another text?")


def connect(settings: Mapping[str, Any]) -> OpenAI:
    """Return the client for the endpoint of a record's settings, to be closed; it reads its key from the environment.

    Raises:
        ProviderError: There is no key in the environment.
    """
    import openai

    check_key(settings)
    if settings["azure"]:
        return openai.AzureOpenAI(
            azure_endpoint=settings["endpoint"], api_version=settings["api_version"], max_retries=RETRIES
        )
    return openai.OpenAI(base_url=settings["endpoint"], max_retries=RETRIES)


@contextmanager
def errors(client: OpenAI, doing: str) -> Iterator[None]:
    """Turn the client's errors into one message each, without the key, whoever put it there."""
    import openai

    try:
        yield
    except openai.AuthenticationError as error:
        # What was said is left out: servers like to repeat the key.
        raise ProviderError(f"{doing}: {client.base_url} does not accept the key in the environment (401)") from error
    except openai.APIStatusError as error:
        said = plainly(client, error.message)
        raise ProviderError(f"{doing}: {client.base_url} answered {error.status_code}: {said}") from error
    except openai.APIConnectionError as error:
        said = plainly(client, str(error.__cause__ or error))
        raise ProviderError(f"{doing}: {client.base_url} can't be reached: {said}") from error
    except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
        # An answer that is no JSON, or not what was asked for, comes back as it is and fails where it is used.
        raise ProviderError(
            f"{doing}: {client.base_url} gave an answer that is not OpenAI's; is the address right?"
            f" ({type(error).__name__}: {plainly(client, str(error))})"
        ) from error


def plainly(client: OpenAI, text: str) -> str:
    """Return what an endpoint said as one line for a terminal."""
    for secret in (client.api_key, os.environ.get("AZURE_OPENAI_AD_TOKEN")):
        text = text.replace(secret, "(the key)") if secret else text
    return plain(text)


def once(find: Callable[[], _Made | None], create: Callable[[], _Made], say: Say) -> _Made:
    """Return what is there, or else create it.

    The client sends a POST again when the connection is lost, though it may have been the answer alone that was lost,
    and then there are two. So its own retries are off for `create`, and before each new try we look.
    """
    import openai

    for tries in range(RETRIES + 1):
        found = find()
        if found is not None:
            return found
        try:
            return create()
        except (openai.APIConnectionError, openai.APIStatusError) as error:
            wait = _wait(error, tries)
            if wait is None or tries == RETRIES:
                raise
            say(f"{type(error).__name__}; trying again in {wait:.0f} s" if wait >= 1 else "trying again")
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _wait(error: Exception, tries: int) -> float | None:
    """Return the seconds before another try as the client counts them, or None if another would end the same way."""
    response = getattr(error, "response", None)
    if response is not None:
        if response.status_code not in (408, 409, 429) and response.status_code < 500:
            return None
        for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
            try:
                seconds = float(response.headers[name]) / unit
            except (KeyError, ValueError):
                continue
            return seconds if 0 <= seconds <= 120 else None
    return float(min(0.5 * 2**tries, 8))
