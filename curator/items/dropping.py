"""Dropping rules: which rows go on, and the reason code of those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from curator.recipe.load import Recipe
from curator.run.ledger import KEPT


@dataclass(frozen=True)
class Rule:
    """A dropping rule: the reason code and the expression that is true for rows to keep."""

    reason: str
    keep: pl.Expr


class Sieve:
    """Takes rows through dropping rules and remembers which rule dropped which row.

    Attributes:
        rows: The rows still kept, in their order; columns `row` and `parent_asin` are needed.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        self._all = rows.select("row", "parent_asin")
        # The fate of each row that came in, as its place among the names.
        self._fates, self._names = np.zeros(rows.height, np.int64), [KEPT]
        self._left = np.arange(rows.height)

    def apply(self, *rules: Rule) -> None:
        """Drop the rows for which an expression is not true; the first such rule is the reason."""
        # Rows may be wide, so they are filtered once for all rules.
        kept = self.rows.select(rule.keep.fill_null(value=False).alias(str(at)) for at, rule in enumerate(rules))
        left = np.ones(self.rows.height, np.bool_)
        for rule, passed in zip(rules, kept, strict=True):
            dropped = left & ~passed.to_numpy()
            if dropped.any():
                self._fates[self._left[dropped]] = len(self._names)
                self._names.append(rule.reason)
                left &= ~dropped
        if not left.all():
            self.rows, self._left = self.rows.filter(left), self._left[left]

    def fates(self) -> pl.DataFrame:
        """Return every row that came in with its fate so far: columns `row`, `parent_asin`, `fate`."""
        return self._all.with_columns(pl.Series(self._names).gather(self._fates).alias("fate"))


def well_formed() -> Rule:
    """Drop rows that could not be read."""
    return Rule("malformed_row", pl.col("malformed").is_null())


def has_price() -> Rule:
    """Drop rows whose price is missing or not a number."""
    return Rule("no_price", pl.col("price").is_not_null())


def own_currency() -> Rule:
    """Drop rows whose price is an amount of another currency; these have no `price`."""
    return Rule("other_currency", ~pl.col("other_currency"))


def price_in_range(recipe: Recipe) -> Rule:
    """Drop rows whose price lies outside the recipe's range; both ends are kept."""
    return Rule("price_out_of_range", pl.col("price").is_between(recipe.price.min, recipe.price.max))


def enough_text(recipe: Recipe, chars: pl.Expr) -> Rule:
    """Drop rows whose text has `text.min_chars` characters or fewer; the course style counts it before cleaning."""
    return Rule("text_too_short", chars > recipe.text.min_chars)


def enough_tokens(recipe: Recipe) -> Rule:
    """Drop rows whose text has `tokens.min` tokens or fewer."""
    return Rule("too_few_tokens", pl.col("text_tokens") > recipe.tokens.min)


def own_price_unsaid() -> Rule:
    """Drop rows whose text, as far as the prompt holds it, states their own price."""
    return Rule("price_in_text", ~pl.col("says_price"))
