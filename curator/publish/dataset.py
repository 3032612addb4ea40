"""Write the folder ``dataset/``: exactly what is published."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curator import __version__
from curator.publish import card
from curator.publish.forms import default_form, openai_form, text_form
from curator.publish.gather import gather
from curator.recipe import Recipe
from curator.rundir import remove, write_json, write_text, writing
from curator.select import Selection
from curator.sources.model import Source
from curator.vocabularies import Vocabulary

FORMAT = 1
_ROWS_PER_GROUP = 10_000


def write_dataset(
    folder: Path,
    parts: Sequence[Path],
    selection: Selection,
    recipe: Recipe,
    vocabulary: Vocabulary,
    sources: Sequence[Source],
    fates: Mapping[str, int],
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

    Raises:
        RunError: It can't be written.
    """
    with writing(folder) as temporary:
        scratch = temporary.with_name(f"{temporary.name}.scratch.tmp")
        try:
            for new in (temporary, scratch):
                remove(new)
                new.mkdir()
            rows = _write_data(temporary, scratch, parts, selection, recipe)
        finally:
            remove(scratch)
        manifest = {
            "format": FORMAT,
            "curator": __version__,
            # A tokenizer's folder is nobody's business but its name is.
            "recipe": {**recipe.model_dump(mode="json"), "tokenizer": vocabulary.name},
            "tokenizer": {"name": vocabulary.name, "sha256": vocabulary.sha256},
            "sources": [
                {"name": one.name, "category": one.category, "rows": one.rows, "bytes": one.size, "sha256": one.sha256}
                | ({"repository": one.repository, "revision": one.revision} if one.repository else {})
                for one in sources
            ],
            "counts": {"rows_in": sum(fates.values()), "fates": dict(fates)},
            "files": {
                name: {"rows": count, "bytes": (temporary / name).stat().st_size, "sha256": sha256(temporary / name)}
                for name, count in sorted(rows.items())
            },
        }
        write_json(temporary / "manifest.json", manifest)
        write_text(temporary / "README.md", card.render(manifest))
    return manifest


def sha256(path: Path) -> str:
    """Return the digest (hex) of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_data(
    folder: Path, scratch: Path, parts: Sequence[Path], selection: Selection, recipe: Recipe
) -> dict[str, int]:
    """Write all data files and return the rows of each, by its name in the folder."""
    rows: dict[str, int] = {}
    for name in ("data", "text", "openai"):
        (folder / name).mkdir()
    with ExitStack() as files:
        lines: dict[str, IO[bytes]] = {}
        for piece in gather(parts, selection, scratch):
            file = f"{piece.split}-{piece.number:05d}-of-{piece.count:05d}.parquet"
            for name, form in (
                (f"data/{file}", default_form(piece.rows)),
                (f"text/{file}", text_form(piece.rows, piece.split, recipe)),
            ):
                _write_parquet(folder / name, form)
                rows[name] = form.height
            name = f"openai/{piece.split}.jsonl"
            if name not in lines:
                lines[name] = files.enter_context((folder / name).open("wb"))
            openai_form(piece.rows, recipe).write_ndjson(lines[name])
            rows[name] = rows.get(name, 0) + piece.rows.height
    return rows


def _write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a published Parquet file, with what the Hub's viewer and its deduplication like."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    plain = pa.schema([(f.name, pa.string() if f.type == pa.large_string() else f.type) for f in table.schema])
    pq.write_table(
        table.cast(plain),
        path,
        row_group_size=_ROWS_PER_GROUP,
        compression="zstd",
        write_page_index=True,
        use_content_defined_chunking=True,
    )
