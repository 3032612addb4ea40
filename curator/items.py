"""Map one shard of raw rows to items: price, text, exact token cap, prompt.

Columns of a raw batch: `row` (0-based in the source file), `malformed`, `parent_asin`, `category`, `title`, `description`,
`features`, `details` (JSON text), `price` (string), and those that the recipe's text needs.
"""

from __future__ import annotations

import polars as pl

from curator import prompts
from curator.ledger import Rule, Sieve
from curator.prices import read_prices, round_price
from curator.recipe import Recipe
from curator.tokens import Tokenizer, load_tokenizer

SCHEMA = {
    "shard": pl.UInt32,
    "row": pl.Int64,
    "parent_asin": pl.String,
    "category": pl.String,
    "title": pl.String,
    "price": pl.Float64,
    "slot": pl.Int32,
    "prompt": pl.String,
    "tokens": pl.Int32,
}


def well_formed() -> Rule:
    """Drop rows that could not be read."""
    return Rule("malformed_row", ~pl.col("malformed"))


def has_price() -> Rule:
    """Drop rows whose price is missing or not a number."""
    return Rule("no_price", pl.col("price").is_not_null())


def price_in_range(recipe: Recipe) -> Rule:
    """Drop rows whose price (USD) lies outside the recipe's range; both ends are kept."""
    return Rule("price_out_of_range", pl.col("price").is_between(recipe.price.min, recipe.price.max))


def enough_text(recipe: Recipe) -> Rule:
    """Drop rows whose contents have `text.min_chars` characters or fewer."""
    return Rule("text_too_short", pl.col("contents").str.len_chars() > recipe.text.min_chars)


def enough_tokens(recipe: Recipe) -> Rule:
    """Drop rows whose text has `tokens.min` tokens or fewer."""
    return Rule("too_few_tokens", pl.col("text_tokens") > recipe.tokens.min)


class Mapper:
    """Maps batches of raw rows to items under one recipe; loads the tokenizer once."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.tokenizer: Tokenizer = load_tokenizer(recipe.tokenizer)

    def __call__(self, raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Map a batch.

        Returns:
            The items, columns as in `SCHEMA` without `shard`, and the fate of every row: `row`, `parent_asin`, `fate`.
        """
        recipe = self.recipe
        sieve = Sieve(raw.with_columns(read_prices(raw["price"]).alias("price")))
        sieve.apply(well_formed())
        sieve.apply(has_price())
        sieve.apply(price_in_range(recipe))
        sieve.rows = sieve.rows.with_columns(prompts.course_contents(sieve.rows, recipe.text))
        sieve.apply(enough_text(recipe))
        sieve.rows = sieve.rows.with_columns(
            slot=round_price(pl.col("price"), recipe.price),
            text=prompts.course_text(pl.col("contents")),
        )
        sieve.rows = self._with_prompts(sieve.rows)
        sieve.apply(enough_tokens(recipe))
        return sieve.rows.select(*(name for name in SCHEMA if name != "shard")).cast(
            {"tokens": pl.Int32}
        ), sieve.fates()

    def _with_prompts(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add `text_tokens` (of the whole text), `prompt` and `tokens` (of the whole prompt)."""
        asked = prompts.question(self.recipe.prompt)
        answers = rows.select(prompts.answer(self.recipe.prompt, pl.col("slot"))).to_series()
        encoded = self.tokenizer.encode(rows["text"])
        cut = self.tokenizer.cut(encoded, self.recipe.tokens.cap)
        return rows.with_columns(
            text_tokens=pl.Series(encoded.counts),
            prompt=pl.concat_str(pl.lit(asked), pl.lit(cut.texts), pl.lit(answers)),
            tokens=pl.Series(self.tokenizer.count_around(asked, cut, answers)),
        )
