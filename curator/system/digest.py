"""The digest that files are known by."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the digest (SHA-256, hex) of a file's bytes.

    Raises:
        OSError: It can't be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
