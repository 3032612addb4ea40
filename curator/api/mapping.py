"""The map step on a table in memory, for trying a rule on a few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curator.items.mapper import Mapper
from curator.recipe.load import DEFAULT, Recipe, as_recipe
from curator.sources.tables import InMemory, rows_of


class Mapped(NamedTuple):
    """What the map step makes of a table.

    Attributes:
        items: The rows that are kept: `row` (from 0), `parent_asin`, `category`, `title`, `price` (USD), `slot`,
            `prompt` (whole, with the answer), `tokens` (of the whole prompt), `text_hash`, `masked`.
        fates: Every row: `row`, `parent_asin`, and `fate`: ``kept``, or the reason it was dropped.
    """

    items: pl.DataFrame
    fates: pl.DataFrame

    def __repr__(self) -> str:
        counts = ", ".join(f"{fate} {rows:,}" for fate, rows in self.fates["fate"].value_counts(sort=True).iter_rows())
        return f"Mapped(items={self.items.height:,} rows, fates={self.fates.height:,} rows: {counts})"

    def _repr_html_(self) -> str:
        named = {"items": self.items, "fates": self.fates}
        return "".join(f"<p><strong>{name}</strong></p>{rows._repr_html_()}" for name, rows in named.items())


def map_rows(
    table: InMemory,
    recipe: str | Path | Recipe = DEFAULT,
    *,
    settings: Mapping[str, Any] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
) -> Mapped:
    """Map the rows of a table: price, text, exact token cap, prompt. Nothing is selected and nothing written.

    Args:
        table: Raw rows (Polars, pandas, Arrow, `datasets.Dataset`).
        recipe: A built-in recipe, a TOML file, or what `load_recipe` returned.
        settings: Recipe keys to set, if the recipe is named.
        columns: Which columns of the table hold ours, such as ``{"title": "name"}``.

    Returns:
        The items, and the fate of every row.

    Raises:
        SourceError: The table lacks a column, or has one of a wrong type.
        RecipeError: There is no such recipe or key.

    Example:
        >>> rows = pl.DataFrame({"name": ["Lamp"], "description": ["Of brass, dimmable"], "price": ["$12.99"]})
        >>> lamp = curator.map_rows(rows, settings={"text.min_chars": 0}, columns={"title": "name"}).items
        >>> lamp["prompt"].item().splitlines()[-1]
        'Price is $13.00'
    """
    chosen = as_recipe(recipe, settings, columns)
    return Mapped(*Mapper(chosen)(rows_of(table, chosen)))
