"""Names that a user gave, as paths."""

from __future__ import annotations

from pathlib import Path

from curator.errors import UsageError


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


def as_path(given: object) -> Path:
    """Return a path that was given from Python.

    Raises:
        UsageError: It is neither a string nor a path, or an empty string.
    """
    if not isinstance(given, str | Path) or not str(given):
        raise UsageError(f"{given!r:.100} is no path: a str or a pathlib.Path is expected, not {type(given).__name__}")
    return Path(given)


def is_folder(path: Path) -> bool:
    """Tell whether a path that a user gave for a run or a dataset is a folder.

    Raises:
        UsageError: It is a file.
    """
    try:
        if path.is_dir():
            return True
        is_file = path.exists()
    except (OSError, ValueError):
        return False  # A name that no file can have.
    if is_file:
        raise UsageError(f"{str(path)!r} is a file; name the run's folder")
    return False


def require_folder(path: Path) -> None:
    """Refuse a run or a dataset that isn't there.

    Raises:
        UsageError: There is no such folder, or it is a file.
    """
    if not is_folder(path):
        raise UsageError(f"there is no folder {str(path)!r}; `curator build --out {path}` makes a run")


def is_run(path: Path) -> bool:
    """Return whether a folder is a run directory, finished or not."""
    return (path / "recipe.toml").is_file() and (path / "sources.json").is_file()
