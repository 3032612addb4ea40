"""Small parts of sentences."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """Return a number and what it counts, one or several.

    >>> counted(1, "row"), counted(0, "row"), counted(1200, "file")
    ('1 row', '0 rows', '1,200 files')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
