"""Text as it is shown: nothing in it acts, numbers and columns in one form; bars of progress on a terminal only."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_UNSAFE = re.compile(
    # Controls, half characters, and what ends a line or a paragraph.
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029"
    # What turns the direction of the text around (Unicode's Bidi_Control).
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def visible(text: str, keep: str = "") -> str:
    r"""Return a text with every character written as an escape that would act instead of being seen.

    The escapes are those that JSON, TOML and Python share.

    Args:
        text: Any text.
        keep: Characters that stay, such as the newlines of a text of several lines.

    >>> print(visible("Toys \u202ednuof"))
    Toys \u202ednuof
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text)


def json_line(value: Any) -> str:
    """Return a value as JSON on one line of ASCII, in which nothing acts either."""
    # A DEL is the only control character that JSON does not escape by itself.
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


def counted(count: int, what: str) -> str:
    """Return a number and what it counts, one or several.

    >>> counted(1, "row"), counted(0, "row"), counted(1200, "file")
    ('1 row', '0 rows', '1,200 files')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Return names and values in two columns; nothing in them moves the cursor."""
    rows = [(visible(name), visible(value)) for name, value in rows]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


@contextmanager
def bars_on_terminal(
    shown: Callable[[], bool], hide: Callable[[], object], show: Callable[[], object]
) -> Iterator[None]:
    """Show a library's progress bars on a terminal only.

    Args:
        shown: Tells whether the library shows them.
        hide: Makes it stop.
        show: Makes it go on.
    """
    hidden = not sys.stderr.isatty() and shown()
    if hidden:
        hide()
    try:
        yield
    finally:
        if hidden:
            show()
