"""Write the folder ``dataset/``: exactly what is published."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curator.dataset import card, croissant, promises
from curator.dataset.certificate import certify, data_files
from curator.dataset.columns import CONFIGS
from curator.dataset.forms import beside, default_form, openai_form, text_form
from curator.dataset.gather import gather
from curator.dataset.measures import Measures, memory_bytes
from curator.recipe.load import Recipe
from curator.selection.select import Selection
from curator.sources.shards import Source
from curator.system.digest import sha256
from curator.system.files import remove, write_json, write_text, writing
from curator.system.version import VERSION
from curator.tokens.vocabulary import Vocabulary

if TYPE_CHECKING:
    from curator.figures.images import Image

FORMAT = 1
"""Version of the layout of `dataset/`."""
IMAGES = "images"
"""Folder of the card's figures."""
_ROWS_PER_GROUP = 10_000
_BYTES_PER_GROUP = 32 * 2**20  # a third of what the Hub's viewer takes, should rows differ in length


def write_dataset(
    folder: Path,
    parts: Sequence[Path],
    selection: Selection,
    recipe: Recipe,
    vocabulary: Vocabulary,
    sources: Sequence[Source],
    fates: Mapping[str, int],
    images: Mapping[str, Image],
    look: Callable[[str, pl.DataFrame], None],
) -> dict[str, Any]:
    """Write the dataset folder, all or nothing, and return its manifest.

    Args:
        folder: Where it goes; what was there is replaced.
        parts: The items' parts, in the order of the selection.
        selection: What was decided about each item.
        recipe: The run's recipe.
        vocabulary: The tokenizer that counted.
        sources: What was read.
        fates: Rows of each fate.
        images: The card's figures by name.
        look: Is shown the rows of config `default` as they are written, some thousand of a split at a time.

    Raises:
        RunError: It can't be written.
    """
    with writing(folder) as temporary:
        scratch = temporary.with_name(f"{temporary.name}.scratch.tmp")
        try:
            for new in (temporary, scratch):
                remove(new)
                new.mkdir()
            written, measures, masked = _write_data(temporary, scratch, parts, selection, recipe, look)
        finally:
            remove(scratch)
        manifest = {
            "format": FORMAT,
            "curator": VERSION,
            # A tokenizer's folder is nobody's business but its name is.
            "recipe": {**recipe.model_dump(mode="json"), "tokenizer": vocabulary.name},
            "tokenizer": {"name": vocabulary.name, "sha256": vocabulary.sha256},
            "sources": [
                {"kind": one.kind, "name": one.name, "category": one.category}
                | {"rows": one.rows, "bytes": one.size, "sha256": one.sha256}
                | ({"repository": one.repository, "revision": one.revision} if one.repository else {})
                for one in sources
            ],
            "counts": {"rows_in": sum(fates.values()), "masked": masked, "fates": dict(fates)},
            "promises": [promise.id for promise in promises.made(recipe)],
            "measured": measures.to_dict(),
            "certificate": certify(data_files(temporary, list(written)), recipe),
            "images": {
                f"{IMAGES}/{name}.png": {"alt": image.alt, "sha256": hashlib.sha256(image.png).hexdigest()}
                for name, image in images.items()
            },
            "files": {
                name: {
                    "rows": one.rows,
                    "bytes": (temporary / name).stat().st_size,
                    "memory_bytes": one.memory_bytes,
                    "sha256": sha256(temporary / name),
                }
                for name, one in sorted(written.items())
            },
        }
        (temporary / IMAGES).mkdir()
        for name, image in images.items():
            (temporary / IMAGES / f"{name}.png").write_bytes(image.png)
        write_json(temporary / "manifest.json", manifest)
        write_json(temporary / "croissant.json", croissant.describe(manifest))
        write_text(temporary / "README.md", card.render(manifest))
    return manifest


@dataclass
class _Written:
    """What went into one data file so far."""

    rows: int = 0
    memory_bytes: int = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Count some rows."""
        self.rows += rows.height
        self.memory_bytes += memory_bytes(rows)


def _write_data(
    folder: Path,
    scratch: Path,
    parts: Sequence[Path],
    selection: Selection,
    recipe: Recipe,
    look: Callable[[str, pl.DataFrame], None],
) -> tuple[dict[str, _Written], Measures, int]:
    """Write all data files.

    Returns:
        What went into each, by its name in the folder; what all rows amount to; and those with a masked price.
    """
    written: defaultdict[str, _Written] = defaultdict(_Written)
    measures = Measures(recipe, promises.made(recipe))
    masked = 0
    for config in CONFIGS.values():
        (folder / config.folder).mkdir()
    with ExitStack() as files:
        jsonl: dict[str, IO[bytes]] = {}
        for piece in gather(parts, selection, scratch):
            file = f"{piece.split}-{piece.number:05d}-of-{piece.count:05d}.parquet"
            masked += int(piece.rows["masked"].sum())
            lines = f"openai/{piece.split}.jsonl"
            if lines not in jsonl:
                jsonl[lines] = files.enter_context((folder / lines).open("wb"))
            with ExitStack() as open_:
                writers = {
                    name: open_.enter_context(_writing_parquet(folder / config.folder / file, config.schema))
                    for name, config in CONFIGS.items()
                }
                # The forms of a file are several times its rows: they are made of a few rows at a time.
                for rows in piece.rows.iter_slices(_ROWS_PER_GROUP):
                    default = default_form(rows)
                    forms = {
                        "default": default,
                        "text": text_form(default, piece.split, recipe),
                        "openai": openai_form(default, recipe),
                    }
                    measures.add(piece.split, beside(default, forms["text"]), rows["text_hash"])
                    look(piece.split, default)
                    for name, form in forms.items():
                        writers[name](form)
                        written[f"{CONFIGS[name].folder}/{file}"].add(form)
                    # `datasets` reads all configs of a repository in the format of the first; OpenAI takes JSONL.
                    forms["openai"].write_ndjson(jsonl[lines])
                    written[lines].add(forms["openai"])
    return dict(written), measures, masked


@contextmanager
def _writing_parquet(path: Path, schema: pa.Schema) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Give a function that appends rows to a published file, which has what the Hub's viewer and deduplication like."""
    with pq.ParquetWriter(
        path, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=True
    ) as writer:

        def append(rows: pl.DataFrame) -> None:
            # Strings and lists of the ordinary size, which every reader knows.
            table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
            writer.write_table(table, max(1, min(rows.height, _BYTES_PER_GROUP * rows.height // memory_bytes(rows))))

        yield append
