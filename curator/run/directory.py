"""The run directory: its paths, its lock, and writing that is all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from curator.errors import RunError, RunLockedError
from curator.system.files import TEMPORARY, remove
from curator.system.paths import is_run

CARD = "dataset/README.md"
"""The dataset's card in a run directory; people edit it, so nobody checks its bytes."""


class RunDirectory:
    """Where one run keeps everything it makes (see the README for the files).

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.toml"
        self.tables = path / "tables"
        self.sources = path / "sources.json"
        self.selection = path / "selection.parquet"
        self.dataset = path / "dataset"
        self.summary = path / "summary.json"
        self.report = path / "report.html"
        self.manifest = path / "manifest.json"
        self._lock = path / ".lock"

    def items(self, index: int) -> Path:
        """Return the path of one shard's items."""
        return self.path / "items" / f"part-{index:05d}.parquet"

    def ledger(self, index: int) -> Path:
        """Return the path of one shard's part of the ledger."""
        return self.path / "ledger" / f"part-{index:05d}.parquet"

    def parts(self) -> list[Path]:
        """Return all parts of items and ledger that lie in the directory."""
        return sorted([*self.path.glob("items/part-*.parquet"), *self.path.glob("ledger/part-*.parquet")])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory and hold its lock; the lock of a builder that died is free.

        Raises:
            RunLockedError: Another builder holds it.
            RunError: The directory can't be made or written to, or holds something else than a run.
        """
        try:
            str(self.path).encode()
        except UnicodeEncodeError as error:
            raise RunError(f"{str(self.path)!a}: the folder's name is not UTF-8; choose another with --out") from error
        try:
            ours = is_run(self.path) or self._lock.exists() or self.tables.is_dir()
            if self.path.is_dir() and any(self.path.iterdir()) and not ours:
                raise RunError(
                    f"{self.path} is not empty and is not a run of curator (it has no recipe.toml);"
                    " choose another folder with --out"
                )
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._lock)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RunLockedError(
                f"another build is at work in {self.path}: wait for it, or choose another folder with --out"
            ) from error
        except OSError as error:
            raise RunError(f"can't write to {self.path}: {error.strerror or error}") from error
        try:
            self._clean()
            yield
        finally:
            # Workers that were ended in the middle of a write left their temporary files.
            self._clean()
            lock.release()

    def _clean(self) -> None:
        """Remove what a killed run left under temporary names."""
        for left in [*self.path.glob(f"*{TEMPORARY}"), *self.path.glob(f"*/*{TEMPORARY}")]:
            remove(left)
