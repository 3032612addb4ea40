"""The columns of raw product metadata: which a recipe needs, and of what type they must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from curator.errors import SourceError, nearest
from curator.recipe.load import Recipe

_TEXT, _TEXTS = "a string", "a list of strings"

TYPES = {
    "title": _TEXT,
    "description": _TEXTS,
    "features": _TEXTS,
    "details": _TEXT,
    "price": "a string or a number",
    "main_category": _TEXT,
    "parent_asin": _TEXT,
    "store": _TEXT,
    "categories": _TEXTS,
}
"""Columns that may be read, with their type in words."""

ALWAYS = ("title", "description", "features", "details", "price", "parent_asin")
"""Columns that every source must have."""


def needed(recipe: Recipe) -> tuple[str, ...]:
    """Return the columns that the recipe reads, in the order of `TYPES`."""
    return tuple(name for name in TYPES if name in ALWAYS or name in recipe.text.fields)


def is_list(name: str) -> bool:
    """Tell whether a column holds lists of strings; the others hold strings."""
    return TYPES[name] == _TEXTS


def require(found: Collection[str], where: str, recipe: Recipe) -> tuple[str, ...]:
    """Check that the needed columns are among those `found`, and return them.

    Raises:
        SourceError: A needed column is missing.
    """
    wanted = needed(recipe)
    missing = [name for name in wanted if name not in found]
    if missing:
        listed = ", ".join(list(found)[:20]) or "none"
        raise SourceError(
            f"{where}: no column {missing[0]!r}, which recipe {recipe.name!r} needs."
            f"{nearest(missing[0], found)} It needs {', '.join(wanted)}; it has {listed}.{_other_data(found)}"
        )
    return wanted


def _other_data(found: Collection[str]) -> str:
    """Say what columns belong to, if they are those of data that is often taken for this."""
    if "rating" in found and "text" in found:
        return " This looks like reviews; curator reads the metadata of the products, the files named meta_…"
    if "asin" in found and "parent_asin" not in found:
        return " This looks like the 2018 edition of the data, which curator does not read."
    return ""


def check(found: Mapping[str, pl.DataType], where: str, recipe: Recipe) -> tuple[str, ...]:
    """Check a file's columns and return those to read: the needed ones, and `main_category` where there is one.

    Raises:
        SourceError: A needed column is missing or of the wrong type.
    """
    wanted = require(found, where, recipe)
    columns = tuple(name for name in TYPES if name in wanted or (name == "main_category" and name in found))
    for name in columns:
        if not _fits(TYPES[name], found[name]):
            raise SourceError(f"{where}: column {name!r} holds {found[name]}, expected {TYPES[name]}")
    return columns


def _fits(wanted: str, dtype: pl.DataType) -> bool:
    if dtype == pl.Null:
        return True
    texts = (pl.String, pl.Categorical, pl.Enum)
    if wanted == _TEXTS:
        return isinstance(dtype, pl.List) and dtype.inner in (*texts, pl.Null)
    return dtype in texts or (wanted != _TEXT and dtype.is_numeric())


def conform(columns: tuple[str, ...]) -> list[pl.Expr]:
    """Return the expressions that give each column its type: strings, lists of strings, numeric prices as strings."""
    types: dict[str, pl.DataType] = {_TEXT: pl.String(), _TEXTS: pl.List(pl.String)}
    return [pl.col(name).cast(types.get(TYPES[name], pl.String())) for name in columns]
