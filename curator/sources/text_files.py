"""Text files as streams of lines, plain or compressed, in bounded memory; and what a file is by its first bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINE_LIMIT = 16 * 2**20
"""Longest line that is read (bytes), its newline not counted: as Python objects, JSON takes up to 25 times its text."""

BOMB_BYTES, BOMB_RATIO = 256 * 2**20, 200
"""A file that has given more than so many bytes, and so many times its own size, is refused; product data gives 5."""

ZSTD_WINDOW = 2**31
"""Longest window of a Zstandard file (bytes), which is the memory that reading it takes: that of ``zstd --long=31``."""

_BLOCK = 2**20
BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
"""The byte order mark of UTF-8."""

_GZIP = b"\x1f\x8b"
# Frames, and the skippable ones that parallel compressors put in front.
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16)))

_SIGNATURES = (
    (b"PAR1", "Parquet"),
    (_GZIP, "gzip"),
    *((magic, "Zstandard") for magic in _ZSTD),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)


def looks_like(start: bytes) -> str:
    r"""Say in words what content begins with `start`.

    >>> looks_like(b"PK\x03\x04...")
    'it looks like a zip archive'
    >>> looks_like(b"title,price\nLamp,3\n")
    'it looks like CSV'
    """
    for magic, what in _SIGNATURES:
        if start.startswith(magic):
            return f"it looks like {what}"
    text = start.removeprefix(BOM).lstrip()
    first = text.split(b"\n", 1)[0]
    if not text:
        return "it is empty"
    if text[:1] == b"<":
        page = text[:200].lower()
        return f"it looks like {'an HTML page' if b'html' in page else 'XML'}"
    if text[:1] in (b"[", b"{"):
        return "it looks like JSON of another form"
    if any(byte < 32 and byte not in b"\t\r\n\f" for byte in text):
        return f"it looks like binary data (its first bytes are {start[:8].hex(' ')})"
    if b"," in first or b"\t" in first:
        return "it looks like CSV"
    return f"it looks like text that begins {first[:40].decode('utf-8', 'replace')!a}"


def reason(error: OSError) -> str:
    """Return what went wrong, without the path that an operating system's error repeats."""
    return error.strerror or str(error)


class TextFile:
    """A text file as a stream of lines, decompressed by what its first bytes say, not its name.

    Gzip files of several members and Zstandard files of several frames are read to their end; checksums are checked.

    Attributes:
        compressed: Whether it is; then it can only be read from its start.
        offset: Where reading began (bytes).

    Raises:
        OSError: At any step: it can't be opened or read, is damaged or cut short, or swells beyond all measure.
    """

    def __init__(self, path: Path, offset: int = 0, *, hashed: bool = False) -> None:
        """Open a file at `offset` (bytes; plain files only); `hashed` computes `sha256` while it is read."""
        self._raw = _Raw(path, hashed)
        try:
            magic = self._raw.peek(4)
            self.offset = offset
            self.compressed = magic.startswith((_GZIP, *_ZSTD))
            plain: io.RawIOBase = self._raw
            if self.compressed:
                plain = _Decompressed(self._raw, "gzip" if magic.startswith(_GZIP) else "zstd")
            elif offset:
                self._raw.seek(offset)
            self._stream = io.BufferedReader(plain, _BLOCK)
        except BaseException:
            self._raw.close()
            raise

    @property
    def size(self) -> int:
        """Bytes read from the file so far, compressed as they are."""
        return self._raw.count

    @property
    def sha256(self) -> str:
        """Digest (hex) of the bytes read from the file so far."""
        assert self._raw.digest is not None
        return self._raw.digest.hexdigest()

    def start(self) -> bytes:
        """Return the first bytes (at most 4,096) of the text without moving on."""
        return self._stream.peek(4096)[:4096]

    def blocks(self) -> Iterator[bytes]:
        """Yield what is left of the text, some at a time."""
        while block := self._stream.read(_BLOCK):
            yield block

    def lines(self, *, blank: bool = False) -> Iterator[tuple[int, bytes | None]]:
        """Yield where each line starts (bytes of text) and the line, or None for one longer than `LINE_LIMIT`.

        Lines end with a line feed. Those that hold nothing but ASCII white space are left out, unless `blank` ones are
        wanted; so is a byte order mark at the start of a line, where files were joined.
        """
        readline = self._stream.readline
        position = self.offset
        while line := readline(LINE_LIMIT + 1):
            start, position = position, position + len(line)
            if len(line) > LINE_LIMIT and line[-1:] != b"\n":
                while rest := readline(_BLOCK):
                    position += len(rest)
                    if rest[-1:] == b"\n":
                        break
                yield start, None
                continue
            line = line.removeprefix(BOM)
            if blank or (line and not line.isspace()):
                # Where the line itself starts: reading may begin there.
                yield position - len(line), line

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    def __enter__(self) -> TextFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Raw(io.RawIOBase):
    """The bytes of a file, counted and hashed as they are read."""

    def __init__(self, path: Path, hashed: bool) -> None:
        self._file = path.open("rb", buffering=0)
        self.count = 0
        self.digest = hashlib.sha256() if hashed else None

    def peek(self, size: int) -> bytes:
        """Return the first bytes, to be called before reading."""
        start = self._file.read(size) or b""
        self._file.seek(0)
        return start

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._file.readinto(buffer) or 0
        self.count += count
        if self.digest is not None:
            self.digest.update(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Decompressed(io.RawIOBase):
    """What a compressed file holds. Every fault of it is an OSError that says what is wrong."""

    def __init__(self, raw: _Raw, compression: str) -> None:
        self._raw = raw
        self._compression = compression
        self._count = 0
        buffered = io.BufferedReader(raw, _BLOCK)
        self._stream = gzip.GzipFile(fileobj=buffered, mode="rb") if compression == "gzip" else _zstd(buffered)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            count: int = self._stream.readinto(buffer)
        except EOFError as error:
            raise OSError(f"its {self._compression} data is cut short") from error
        except (zlib.error, OSError, zstd.ZstdError) as error:
            said = str(error)
            if "too much memory" in said:
                raise OSError(
                    f"its {self._compression} data has a longer window than {ZSTD_WINDOW:,} bytes; compress it again"
                    " with `zstd` as it is"
                ) from error
            raise OSError(f"its {self._compression} data is damaged ({said[:200]})") from error
        self._count += count
        if self._count > BOMB_BYTES and self._count > BOMB_RATIO * self._raw.count:
            raise OSError(
                f"it swells to more than {BOMB_RATIO} times its size ({self._count:,} bytes from {self._raw.count:,}),"
                " which product data never does"
            )
        return count


def _zstd(file: Any) -> Any:
    return zstd.ZstdFile(file, options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW.bit_length() - 1})
