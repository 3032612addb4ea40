"""The ledger: every input row has exactly one fate, and the counts add up to the input."""

from __future__ import annotations

import polars as pl

SPLITS = ("train", "validation", "test")
"""Fates of the rows that are kept."""

REASONS = {
    "malformed_row": "The row can't be read as product metadata.",
    "no_price": "The price is missing or not a number.",
    "other_currency": "The price is in another currency than the recipe's.",
    "price_out_of_range": "The price lies outside the recipe's range.",
    "text_too_short": "The text has too few characters.",
    "too_few_tokens": "The cleaned text has too few tokens.",
    "price_in_text": "The text states the item's own price.",
    "exact_duplicate": "Another item has the same text.",
    "near_duplicate": "Another item has nearly the same text.",
    "no_slot": "The rounded price is not a slot from 1 to 999.",
    "not_sampled": "The price slot was full and the draw took other items.",
    "beyond_splits": "The splits were full before this item's turn in the shuffled sample.",
}
"""Why a row is in no split: code to sentence."""

FATES = (*SPLITS, *REASONS)
"""All fates in the order in which summaries list them."""

KEPT = "kept"
"""The fate in a ledger part until the selection has decided."""

SCHEMA = {"shard": pl.UInt32, "row": pl.Int64, "parent_asin": pl.String, "fate": pl.String}
"""Columns of a ledger part."""


def final_fates(part: pl.DataFrame, selection: pl.DataFrame) -> pl.DataFrame:
    """Give each kept row of one ledger part the fate that the selection decided.

    Args:
        part: A ledger part, provisional or final: columns as in `SCHEMA`.
        selection: The rows of the same shard: columns `row` and `fate`.

    Returns:
        The part with its final fates, in row order.
    """
    decided = part.select("shard", "row", "parent_asin", "fate").join(
        selection.select("row", decided="fate"), on="row", how="left", maintain_order="left"
    )
    return decided.with_columns(fate=pl.coalesce("decided", "fate")).drop("decided")


def count_fates(part: pl.DataFrame) -> dict[str, int]:
    """Return how many rows of a ledger part have each fate; fates that no row has are left out."""
    return dict(part["fate"].value_counts().iter_rows())
