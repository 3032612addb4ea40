"""Write files and folders, all or nothing."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from curator.errors import RunError

TEMPORARY = ".tmp"
"""How the names of files end that are being written."""


@contextmanager
def writing(final: Path) -> Iterator[Path]:
    """Give a temporary path beside `final`, file or folder, and rename it once the block has ended well.

    Raises:
        RunError: It can't be written: no space, no permission.
    """
    # Not the process's number alone: on a cluster another machine may have the same one at work on the same shard.
    temporary = final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and final.exists():
            # A folder can't be renamed onto another one; the old one steps aside first.
            aside = final.with_name(f".{final.name}.old.{os.getpid()}{TEMPORARY}")
            final.rename(aside)
            temporary.rename(final)
            remove(aside)
        else:
            temporary.replace(final)
    except OSError as error:
        raise RunError(f"can't write {final}: {error.strerror or error}") from error
    finally:
        remove(temporary)


def write_text(final: Path, text: str) -> None:
    """Write a text file in UTF-8, all or nothing."""
    with writing(final) as temporary:
        temporary.write_text(text, "utf-8", newline="\n")


def write_json(final: Path, value: Any) -> None:
    """Write JSON, keys in their order, all or nothing."""
    write_text(final, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_parquet(final: Path, frame: pl.DataFrame, metadata: dict[str, str] | None = None) -> None:
    """Write a frame as Parquet with key-value `metadata`, all or nothing.

    Raises:
        RunError: It can't be written: no space, no permission.
    """
    with writing(final) as temporary:
        try:
            frame.write_parquet(temporary, compression="zstd", compression_level=1, metadata=metadata)
        except pl.exceptions.ComputeError as error:
            # What the system says in the midst of a file, such as that the disk is full, Polars wraps.
            raise RunError(f"can't write {final}: {error}") from error


@contextmanager
def writing_parquet(
    final: Path,
    schema: Mapping[str, pl.DataType | type[pl.DataType]],
    metadata: dict[str, str],
    repeated: Sequence[str] = (),
) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Give a function that appends frames to a Parquet file, all or nothing, however many there are.

    Args:
        final: Where the file goes.
        schema: Columns and types; a frame may hold more columns.
        metadata: Key-value metadata of the file.
        repeated: Columns of few different values, for which a dictionary is worth making.
    """
    plain = pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    # These files are read a few times and then only kept. Zstandard would make them a third smaller, and be slower.
    with (
        writing(final) as temporary,
        pq.ParquetWriter(temporary, plain, compression="lz4", use_dictionary=list(repeated)) as writer,
    ):

        def append(frame: pl.DataFrame) -> None:
            writer.write_table(frame.select(*schema).to_arrow(compat_level=pl.CompatLevel.oldest()))

        yield append
        writer.add_key_value_metadata(metadata)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
