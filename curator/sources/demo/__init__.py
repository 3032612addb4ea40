"""The built-in demo catalogue: made-up products with the schema and the quirks of the Hub's raw metadata.

Two functions: `rows` makes the raw rows, `truth` says what was planted in them. Every row depends on the
seed and on its own number alone, so a catalogue of N rows is the beginning of every longer one, and any
slice of it can be made by itself. Brands, products and texts are invented; none of them comes from a real
listing.
"""

from collections.abc import Iterator

import polars as pl

from curator.sources.demo.catalogue import BLOCK_ROWS, block
from curator.sources.demo.stock import STOCK

__all__ = ["CATEGORIES", "MAX_ROWS", "RAW_DEMO_VERSION", "SCHEMA", "TRUTH_SCHEMA", "rows", "truth"]

RAW_DEMO_VERSION: int = 2
"""Goes up whenever the bytes of any row change."""

CATEGORIES: tuple[str, ...] = tuple(STOCK.category_names)
"""The values of `main_category`, besides null."""

MAX_ROWS = 36**8
"""A catalogue ends here: there are no more product numbers."""

SCHEMA = pl.Schema(
    {
        "main_category": pl.String(),
        "title": pl.String(),
        "average_rating": pl.Float64(),
        "rating_number": pl.Int64(),
        "features": pl.List(pl.String()),
        "description": pl.List(pl.String()),
        "price": pl.String(),
        "store": pl.String(),
        "categories": pl.List(pl.String()),
        "details": pl.String(),
        "parent_asin": pl.String(),
    }
)
"""The columns of `rows`: those of the Hub's `raw_meta_*` Parquet that have text or numbers."""

TRUTH_SCHEMA = pl.Schema(
    {
        "row": pl.Int64(),
        "family": pl.Int64(),
        "kind": pl.String(),
        "price_leak": pl.Boolean(),
        "boilerplate": pl.Boolean(),
    }
)
"""The columns of `truth`."""


def rows(seed: int, start: int, stop: int) -> pl.DataFrame:
    """Return rows `start` (inclusive) to `stop` (exclusive) of the demo catalogue of this seed.

    Args:
        seed: 0 or more, below 2**64.
        start: the first row, 0 or more.
        stop: the row after the last, not below `start`.

    Returns:
        A frame with the columns of SCHEMA: `price` is a string in US dollars as the Hub has it (`"12.5"`,
        `"None"`, `"from 14.61"`, ...), `details` a JSON object as `json.dumps` writes it by default, or `""`.

    Raises:
        ValueError: if a number is out of its range.
    """
    parts = [block(seed, number)[0][low:high] for number, low, high in _pieces(seed, start, stop)]
    return pl.concat(parts) if parts else SCHEMA.to_frame()


def truth(seed: int, start: int, stop: int) -> pl.DataFrame:
    """Return what was planted in the same rows that `rows` makes.

    Returns:
        A frame with the columns of TRUTH_SCHEMA: `row` is the row's number in the catalogue, `family` that
        of the first row of the same product (the row itself for an original), `kind` `original`, `variant`
        (another colour, part number or pack at nearly the same price) or `exact_duplicate` (all equal but the
        `parent_asin`), `price_leak` whether the text states the row's own price as a dollar amount,
        `boilerplate` whether its seller's paragraph stands in the description.

    Raises:
        ValueError: if a number is out of its range.
    """
    parts = [block(seed, number)[1][low:high] for number, low, high in _pieces(seed, start, stop)]
    return pl.concat(parts) if parts else TRUTH_SCHEMA.to_frame()


def _pieces(seed: int, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield the blocks that a range touches, each with the part of it that is wanted."""
    if not 0 <= seed < 1 << 64:
        message = f"the seed of the demo catalogue must be from 0 to 2**64 - 1, not {seed}"
        raise ValueError(message)
    if not 0 <= start <= stop <= MAX_ROWS:
        message = f"demo rows must be 0 <= start <= stop <= {MAX_ROWS}, not start={start}, stop={stop}"
        raise ValueError(message)
    if start < stop:
        for number in range(start // BLOCK_ROWS, (stop - 1) // BLOCK_ROWS + 1):
            first = number * BLOCK_ROWS
            yield number, max(start - first, 0), min(stop - first, BLOCK_ROWS)
