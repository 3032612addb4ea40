"""Names that a user gave, as paths."""

from __future__ import annotations

from pathlib import Path


def existing(name: str) -> Path | None:
    """Return the path that `name` is, if there is such a file or folder.

    A name that no file can have (too long, of an unknown user, with a zero byte) is no path, not an error.
    """
    if not name:
        return None  # `Path` would take it for the current folder.
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):
        return None
