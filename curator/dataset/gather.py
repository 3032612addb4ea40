"""Bring the selected rows of all parts into the order of their splits, in bounded memory.

The parts are read once. Each selected row goes to the temporary file of the output file it belongs to; each of those
then fits in memory and is sorted by position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from curator.run.ledger import SPLITS
from curator.run.parts import batches
from curator.selection.select import Selection

ROWS_PER_FILE = 100_000
"""Rows of one published Parquet file: about 100 MB before compression."""


@dataclass(frozen=True)
class Piece:
    """The rows of one output file in their order: file `number` of `count` of a split, columns as `mapper.SCHEMA`."""

    split: str
    number: int
    count: int
    rows: pl.DataFrame


def gather(
    parts: Sequence[Path], selection: Selection, scratch: Path, rows_per_file: int = ROWS_PER_FILE
) -> Iterator[Piece]:
    """Yield the rows of each output file of each split that has any.

    Args:
        parts: The items' parts, in the order of the selection.
        selection: What was decided about each item.
        scratch: An existing folder for temporary files.
        rows_per_file: Most rows of one piece.
    """
    sizes = {split: getattr(selection.sizes, split) for split in SPLITS}
    counts = {split: -(-size // rows_per_file) for split, size in sizes.items()}
    starts = {split: sum(list(sizes.values())[:n]) for n, split in enumerate(SPLITS)}
    with ExitStack() as files:
        writers: dict[tuple[str, int], pa.RecordBatchStreamWriter] = {}
        offset = 0
        for rows in batches(parts):
            mine = selection.items.slice(offset, rows.height)
            decided = mine.select("position", split=pl.col("fate").cast(pl.String))
            offset += rows.height
            chosen = rows.hstack(decided).filter(pl.col("split").is_in(SPLITS))
            start = pl.col("split").replace_strict(starts, return_dtype=pl.Int64)
            chosen = chosen.with_columns(number=(pl.col("position") - start) // rows_per_file)
            for (split, number), some in chosen.partition_by("split", "number", as_dict=True).items():
                table = some.drop("split", "number").to_arrow(compat_level=pl.CompatLevel.oldest())
                key = (str(split), int(number))
                if key not in writers:
                    path = scratch / f"{split}-{number}.arrow"
                    writers[key] = files.enter_context(pa.ipc.new_stream(str(path), table.schema))
                writers[key].write_table(table)
    for split in SPLITS:
        for number in range(counts[split]):
            path = scratch / f"{split}-{number}.arrow"
            with pa.OSFile(str(path)) as stream:
                rows = pl.DataFrame(pl.from_arrow(pa.ipc.open_stream(stream).read_all()))
            path.unlink()
            yield Piece(split, number, counts[split], rows.sort("position").drop("position"))
