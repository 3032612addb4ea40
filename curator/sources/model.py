"""What a run reads: sources, and the shards they are cut into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One file of raw rows, or the demo catalogue.

    Attributes:
        kind: ``parquet`` or ``demo``.
        location: Path of the file, or the seed of the demo catalogue.
        name: What may be published: the file's name without its folder.
        category: The category of all its rows, if file or folder name it.
        rows: Raw rows.
        size: Bytes; 0 for the demo catalogue.
        modified: Time of the last change (ns since 1970); 0 for the demo catalogue.
        sha256: Digest of the content (hex).
    """

    kind: str
    location: str
    name: str
    category: str | None
    rows: int
    size: int
    modified: int
    sha256: str


@dataclass(frozen=True)
class Shard:
    """Rows `start` (inclusive) to `stop` (exclusive) of a source; `index` counts over all sources of a run."""

    index: int
    source: Source
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """Raw rows of the shard."""
        return self.stop - self.start
