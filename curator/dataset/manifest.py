"""The manifest of a dataset folder: what its files must agree with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curator.dataset.columns import CONFIGS
from curator.recipe.load import Recipe

NAME = "manifest.json"
"""The manifest's file name in a dataset."""

BESIDE_DATA = (NAME, "README.md", "croissant.json")
"""What curator publishes beside data and figures."""

_SPLIT_OF = rf"(?:{'|'.join(config.folder for config in CONFIGS.values())})/(?:train|validation|test)"

FILE = re.compile(rf"{_SPLIT_OF}-[0-9]{{5}}-of-[0-9]{{5}}\.parquet|openai/(?:train|validation|test)\.jsonl")
"""The names of data files."""

IMAGE = re.compile(r"images/[a-z_]+\.png")
"""The names of the card's figures."""

_LOADED = re.compile(rf"{_SPLIT_OF}-.*\.parquet", re.DOTALL)
_OVERRIDES = ".huggingface.yaml"

Split = Literal["train", "validation", "test"]
"""Name of a split."""

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]


class _Entry(BaseModel):
    # What no check looks at can't be stated here.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class DataFile(_Entry):
    """One data file."""

    rows: _Count
    bytes: _Count
    memory_bytes: _Count
    sha256: _Digest


class TokenizerEntry(_Entry):
    """The tokenizer that counted."""

    name: str
    sha256: _Digest


class SourceEntry(_Entry):
    """One source that was read."""

    kind: str
    name: str
    category: str | None
    rows: _Count
    bytes: _Count
    sha256: str
    repository: str | None = None
    revision: str | None = None


class Counts(_Entry):
    """Rows read, published rows with a masked price, and rows of each fate."""

    rows_in: _Count
    masked: _Count = 0
    fates: dict[str, _Count]


class MeasuredSplit(_Entry):
    """The rows of one split: prices in USD."""

    rows: _Count
    tokens: _Count
    longest_prompt: _Count
    lowest_price: float
    highest_price: float
    median_slot: _Count
    slots: _Count


class MeasuredCategories(_Entry):
    """Categories of all rows: how many there are, rows without one, and the largest with their rows."""

    in_all: _Count
    rows_without: _Count
    largest: dict[str, _Count]


class Measured(_Entry):
    """What the published rows amount to, as `measures.Measures` finds it."""

    splits: dict[Split, MeasuredSplit]
    most_in_a_capped_slot: _Count
    shared_prompts: dict[Split, _Count]
    broken: dict[str, _Count] = {}
    categories: MeasuredCategories


class Nearness(_Entry):
    """How near the rows of a split come to those of another, as `certificate.certify` finds it."""

    split: Split
    against: Split
    highest: float = Field(ge=0, le=1)
    row: int | None
    other_row: int | None
    reaching: _Count


class ImageEntry(_Entry):
    """One figure of the card."""

    alt: str
    sha256: _Digest


class Manifest(_Entry):
    """What ``dataset/manifest.json`` says, each part of the right kind; 0.1.0 wrote no `promises`, and meant these."""

    format: Literal[1]
    curator: str
    recipe: Recipe
    tokenizer: TokenizerEntry
    sources: list[SourceEntry] = Field(min_length=1)
    counts: Counts
    measured: Measured
    certificate: list[Nearness]
    promises: list[str] = [
        *("files", "rows", "prompts", "completions", "prices", "token-cap", "tokens", "config-text", "config-openai"),
        *("slot-cap", "prompts-apart", "texts-once", "near-copies-apart"),
    ]
    images: dict[str, ImageEntry]
    files: dict[str, DataFile]

    def data_files(self, split: str, config: str = "default") -> dict[str, int]:
        """Return the Parquet files of a split in a config, in their order, with their rows."""
        start = f"{CONFIGS[config].folder}/{split}-"
        names = sorted(name for name in self.files if name.startswith(start))
        return {name: self.files[name].rows for name in names}

    def place(self, split: str, at: int) -> str:
        """Return file and row (from 0) of a split's row."""
        for name, rows in self.data_files(split).items():
            if at < rows:
                return f"{name} row {at}"
            at -= rows
        return f"row {at} after the last file of {split}"


class ManifestError(ValueError):
    """A manifest that can't be used; the message says why."""


def read(folder: Path) -> tuple[Manifest, dict[str, Any]]:
    """Return the manifest of a dataset folder, checked, and as it was read.

    Raises:
        ManifestError: There is none, or it isn't one.
    """
    try:
        return parse((folder / NAME).read_bytes())
    except OSError as error:
        raise ManifestError(f"{NAME} can't be read: {error.strerror}") from error


def parse(content: bytes) -> tuple[Manifest, dict[str, Any]]:
    """Return a manifest from its bytes, checked, and as it was read.

    Raises:
        ManifestError: It isn't one.
    """
    try:
        raw = json.loads(content)
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ManifestError(f"{NAME}: {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{NAME} is not JSON: {error}") from None
    # A name leads nowhere but into the dataset's own folders.
    for name in manifest.files:
        if FILE.fullmatch(name) is None:
            raise ManifestError(f"{NAME} names {name!r}, which is no file of a dataset of curator")
    for name in manifest.images:
        if IMAGE.fullmatch(name) is None:
            raise ManifestError(f"{NAME} names {name!r}, which is no figure of the card")
    return manifest, raw


def changes_loading(name: str, repository: str | None) -> bool:
    """Tell whether a file changes what `load_dataset` gives, whoever put it there.

    The card's configs load Parquet files by pattern; ``.huggingface.yaml`` comes before the card; and nothing is loaded
    from a repository that holds a script of its own name.

    Args:
        name: The file's.
        repository: ``owner/name``, if the file lies in one that is known.

    >>> changes_loading("data/train-x.parquet", None), changes_loading("prices.py", "me/prices")
    (True, True)
    """
    script = repository is not None and name == f"{repository.rpartition('/')[2]}.py"
    return script or name == _OVERRIDES or _LOADED.fullmatch(name) is not None


def is_ours(raw: Any) -> bool:
    """Tell whether a parsed JSON value is a manifest that curator wrote, of whatever version."""
    return isinstance(raw, Mapping) and {"format", "curator", "recipe", "files"} <= raw.keys()
