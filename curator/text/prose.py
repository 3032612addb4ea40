"""Take the head of what sellers write: the first lines, each to the end of its first clause.

Bullets and paragraphs begin with what a product is and go on with why to buy it.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

_LEAST = 12
"""Characters that a clause has at least: a shorter one, `NEW!`, says too little to stand alone."""

_AHEAD = 3
"""A line is cleaned as far as so many times the characters wanted, which leaves room for tags and entities."""


def heads(
    texts: pl.Series, most: pl.Series, chars: int, clean: Callable[[pl.Series], pl.Series]
) -> tuple[pl.Series, pl.Series]:
    """Return the first lines of lists of texts, cleaned, each to the end of its first clause; and how many they are.

    Args:
        texts: Lists of strings; null counts as empty.
        most: Most lines of each.
        chars: Most characters of a line; 0 for whole lines.
        clean: Cleans texts.
    """
    asked = (most > 0).arg_true()
    frame = pl.DataFrame({"at": asked, "line": texts.gather(asked), "most": most.gather(asked)})
    lines = frame.explode("line", empty_as_null=False).filter(pl.col("line").fill_null("") != "")
    lines = lines.filter(pl.int_range(pl.len()).over("at") < pl.col("most"))
    line = clean(lines["line"].str.head(_AHEAD * chars) if chars else lines["line"])
    lines = lines.with_columns(line.str.split("\n").alias("line")).explode("line", empty_as_null=False)
    lines = lines.with_columns(first_clauses(lines["line"], chars).alias("line")).filter(pl.col("line") != "")
    lines = lines.filter(pl.int_range(pl.len()).over("at") < pl.col("most"))
    joined = lines.group_by("at", maintain_order=True).agg(pl.col("line").str.join("\n"), pl.len())
    found = pl.repeat("", len(texts), dtype=pl.String, eager=True)
    counts = pl.repeat(0, len(texts), dtype=pl.Int64, eager=True)
    if joined.is_empty():
        return found, counts
    return found.scatter(joined["at"], joined["line"]), counts.scatter(joined["at"], joined["len"].cast(pl.Int64))


def first_clauses(lines: pl.Series, most: int) -> pl.Series:
    """Cut each clean line at the end of its first clause, at most `most` characters (0: leave it whole).

    A line without a clause that short ends at a word.

    >>> first_clauses(pl.Series(["Full grain leather, made to last", "Holds 10 oz"]), 60).to_list()
    ['Full grain leather', 'Holds 10 oz']
    """
    if not most:
        return lines
    least = min(_LEAST, most)
    # One character more than is kept, to see what the last one is followed by.
    rest = lines.str.slice(least, most - least + 1)
    clause = rest.str.replace(r"(?:[.;:!,(|]| -)(?: .*)?$", "")
    at = (clause != rest).arg_true()
    cut = lines.scatter(at, (lines.str.head(least) + clause).gather(at)) if len(at) else lines
    long = (cut.str.len_chars() > most).arg_true()
    words = cut.gather(long).str.head(most + 1).str.replace(r"\s\S*$", "").str.head(most)
    return cut.scatter(long, words) if len(long) else cut
