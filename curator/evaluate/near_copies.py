"""Find the texts that nearly say what another text says, exactly: by an inverted index of word 3-grams.

Similarity is the design's: the Jaccard index of the sets of lower-cased ``\\w+`` word 3-grams. A text of fewer than
three words has one gram, all of its words.
"""

from __future__ import annotations

import polars as pl
import polars_hash  # noqa: F401 -- adds `nchash` to expressions

THRESHOLD = 0.5
_BATCH = 500
"""Texts looked up at a time, which bounds memory."""


def near_copies(texts: pl.Series, others: pl.Series, threshold: float = THRESHOLD) -> pl.Series:
    """Tell which texts have a similarity of at least `threshold` with one of the others.

    Args:
        texts: The texts asked about.
        others: The texts they are compared with.
        threshold: A similarity above 0 and at most 1.

    Returns:
        A boolean for each text.
    """
    index = _grams(others)
    sizes = index.group_by("at").len("size")
    asked = _grams(texts)
    found: list[pl.Series] = []
    for start in range(0, len(texts), _BATCH):
        mine = asked.filter(pl.col("at").is_between(start, start + _BATCH - 1))
        # Only grams that some of these have are joined, and only pairs that share one are counted.
        shared = mine.join(index, on="gram", suffix="_other").group_by("at", "at_other").len("shared")
        measured = shared.join(mine.group_by("at").len("mine"), on="at").join(sizes, left_on="at_other", right_on="at")
        both = pl.col("shared").cast(pl.Float64)
        similar = both / (pl.col("mine") + pl.col("size") - both) >= threshold
        found.append(measured.filter(similar)["at"].unique())
    hits = pl.concat(found) if found else pl.Series("at", [], pl.Int64)
    return pl.Series("near_copy", range(len(texts)), pl.Int64).is_in(hits.implode())


def _grams(texts: pl.Series) -> pl.DataFrame:
    """Return the distinct grams of each text: columns `at` (its place) and `gram` (a 64-bit hash)."""
    words = texts.fill_null("").str.to_lowercase().str.extract_all(r"\w+")
    many = words.list.len()
    frame = pl.DataFrame({"at": pl.Series(range(len(texts)), dtype=pl.Int64), "words": words, "many": many})
    long = (
        frame.filter(pl.col("many") >= 3)
        .explode("words")
        .with_columns(
            second=pl.col("words").shift(-1).over("at"),
            third=pl.col("words").shift(-2).over("at"),
        )
        .drop_nulls("third")
        .select("at", gram=pl.concat_str("words", "second", "third", separator=" "))
    )
    short = frame.filter(pl.col("many") < 3).select("at", gram=pl.col("words").list.join(" "))
    hashed: pl.Expr = pl.col("gram").nchash.xxh3_64()  # type: ignore[attr-defined]
    return pl.concat([long, short]).select("at", gram=hashed).unique()
