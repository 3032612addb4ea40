"""The words of texts, case and punctuation ignored: by them exact copies are known."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions

from curator.text.characters import rewritten, table_of

if TYPE_CHECKING:
    from curator.text.kernels.readable import Table


def words(texts: pl.Series) -> pl.Series:
    """Return texts in lower case, each run of characters that are of no word as one space; null stays.

    >>> words(pl.Series(["A mug, RED!", None])).to_list()
    ['a mug red', None]
    """
    found = rewritten(texts, _table(), by_patterns)
    return pl.select(pl.when(texts.is_not_null()).then(found)).to_series() if texts.null_count() else found


def by_patterns(texts: pl.Series) -> pl.Series:
    """Do the same as patterns say it."""
    return _apart(texts).str.replace_all(" +", " ").str.strip_chars(" ")


def _apart(texts: pl.Series) -> pl.Series:
    return texts.str.to_lowercase().str.replace_all(r"\W", " ")


@lru_cache(maxsize=1)
def _table() -> Table:
    from curator.text.kernels.readable import HARD

    # What becomes of a capital sigma hangs on what follows.
    return table_of(_apart, {"Σ": HARD})


def text_hash(text: pl.Expr) -> pl.Expr:
    """Return a hash (XXH3, 64 bits) of a text's words, case and punctuation ignored; the same in every version."""
    hashed: pl.Expr = text.map_batches(words, return_dtype=pl.String).nchash.xxh3_64()  # type: ignore[attr-defined]
    return hashed
