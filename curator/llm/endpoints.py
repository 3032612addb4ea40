"""Addresses and keys of endpoints that speak OpenAI's interface, where models are trained and asked."""

from __future__ import annotations

from urllib.parse import urlsplit

OPENAI = "https://api.openai.com/v1"
"""OpenAI's own endpoint."""


def host(address: str) -> str | None:
    """Return the host of a web address, None if it is none.

    >>> host("https://example.org/v1"), host("example.org/v1"), host("http://:80/")
    ('example.org', None, None)
    """
    try:
        parts = urlsplit(address)
        return parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None
    except ValueError:
        return None


def is_plain(address: str) -> bool:
    """Tell whether a web address holds nothing that may be secret: https://HOST/PATH without user, password and query.

    >>> is_plain("https://example.org/v1"), is_plain("https://me:secret@example.org/v1")
    (True, False)
    """
    if host(address) is None:
        return False
    parts = urlsplit(address)
    return not any((parts.username, parts.password, parts.query, parts.fragment))


def is_key(text: str) -> bool:
    """Tell whether a text can be sent as a key: printable ASCII without spaces.

    >>> is_key("sk-abc"), is_key("my key"), is_key("ключ")
    (True, False, False)
    """
    return text.isascii() and text.isprintable() and " " not in text and text != ""
