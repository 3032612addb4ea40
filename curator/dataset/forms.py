"""The three published forms of selected items: `default`, and `text` and `openai`, which are made from it."""

from __future__ import annotations

import polars as pl

from curator.dataset.columns import CONFIGS
from curator.recipe.load import Recipe
from curator.text import prompts


def default_form(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of config `default`.

    Columns in: those of an item; its `prompt` holds the answer too.
    """
    slot = pl.col("slot")
    prompt, completion = prompts.before_completion(pl.col("prompt"), slot), prompts.completion(slot)
    return rows.with_columns(prompt=prompt, completion=completion).select(CONFIGS["default"].names)


def text_form(rows: pl.DataFrame, split: str, recipe: Recipe) -> pl.DataFrame:
    """Return the rows of config `text`, without the answer in test. Columns in: those of config `default`."""
    whole = pl.concat_str("prompt", "completion")
    text = prompts.test_prompt(pl.col("prompt"), recipe) if split == "test" else whole
    return rows.select(text.alias("text"), "price")


def beside(default: pl.DataFrame, text: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows of config `default` with config `text` beside them: `text`, `text_price`; null if missing."""
    nothing = pl.DataFrame(schema={"text": pl.String, "text_price": pl.Float64})
    found = nothing if text is None else text.rename({"price": "text_price"})
    return default.hstack(pl.concat([found, nothing.clear(default.height - found.height)]))


def openai_form(rows: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Return the rows of config `openai`. Columns in: `prompt` and `price` of config `default`."""
    # Python formats the exact value of each distinct price; no arithmetic in floats rounds every one of them right.
    prices = rows["price"].unique(maintain_order=True)
    spoken = pl.Series([f"{price:.2f}" for price in prices], dtype=pl.String)
    contents = (
        ("system", pl.lit(recipe.openai.system)),
        ("user", prompts.chat_question(pl.col("prompt"), recipe)),
        (
            "assistant",
            pl.concat_str(
                pl.lit(recipe.prompt.answer),
                pl.col("price").replace_strict(prices, spoken, return_dtype=pl.String) if len(prices) else pl.lit(""),
            ),
        ),
    )
    messages = [pl.struct(role=pl.lit(role), content=content) for role, content in contents]
    return rows.select(messages=pl.concat_list(messages))
