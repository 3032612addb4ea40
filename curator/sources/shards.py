"""What a run reads: sources, and the shards they are cut into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """One file of raw rows, or the demo catalogue.

    Attributes:
        kind: Its format, one of `formats.FORMATS`, or ``demo``.
        location: Path of the file, or ``demo:SEED``.
        name: What may be published: the file's name without its folder, or its path in the Hub repository.
        category: The category of all its rows, if file or folder name it.
        rows: Raw rows.
        size: Bytes; 0 for the demo catalogue.
        modified: Time of the last change (ns since 1970); 0 for the demo catalogue.
        sha256: Digest of the content (hex).
        repository: The Hub dataset it came from, if it did.
        revision: That repository's commit (hex).
        columns: Our columns, each with those of the file that hold it.
    """

    kind: str
    location: str
    name: str
    category: str | None
    rows: int
    size: int
    modified: int
    sha256: str
    repository: str | None = None
    revision: str | None = None
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Shard:
    """Rows `start` (inclusive) to `stop` (exclusive) of a source.

    Attributes:
        index: Number of the shard, counted over all sources of a run.
        source: Where the rows are.
        start: First row.
        stop: Row after the last.
        offset: Bytes before the first row, for readers that need it.
    """

    index: int
    source: Source
    start: int
    stop: int
    offset: int = 0

    @property
    def rows(self) -> int:
        """Raw rows of the shard."""
        return self.stop - self.start


@dataclass(frozen=True)
class Scan:
    """What one pass over a file tells.

    Attributes:
        pieces: Rows of its consecutive pieces.
        offsets: Bytes before each piece, where a reader needs them; empty otherwise.
        size: Bytes of the file.
        sha256: Digest of the file's bytes (hex).
        columns: Our columns, each with those of the file that hold it.
        names: All columns of the file, as far as its first rows show them.
    """

    pieces: list[int]
    offsets: tuple[int, ...]
    size: int
    sha256: str
    columns: Mapping[str, Sequence[str]]
    names: Sequence[str]


@dataclass(frozen=True)
class Found:
    """A source, and where it can be cut into shards.

    Attributes:
        source: The source.
        pieces: Rows of its consecutive pieces; a shard is made of whole ones.
        offsets: Bytes before each piece, where a reader needs them; empty otherwise.
        names: All columns of the source, as far as its first rows show them.
    """

    source: Source
    pieces: list[int]
    offsets: tuple[int, ...] = ()
    names: Sequence[str] = ()
