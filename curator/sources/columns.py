"""The columns of raw product metadata, and which columns of a table hold them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl

from curator.errors import SourceError, nearest
from curator.recipe.load import Recipe

_TEXT, _TEXTS = "a string", "a list of strings"

TYPES = {
    "title": _TEXT,
    "description": _TEXTS,
    "features": _TEXTS,
    "details": "a string or an object",
    "price": "a string or a number",
    "main_category": _TEXT,
    "parent_asin": _TEXT,
    "store": _TEXT,
    "categories": _TEXTS,
}
"""Columns that may be read, with their type in words."""

_BODY = ("title", "description", "features", "details")
"""Of these a table needs one: without them there is nothing to read a price from."""

Columns = Mapping[str, Sequence[str]]
"""Our columns, each with those of the table that hold it."""

_EDITIONS: tuple[tuple[frozenset[str], Mapping[str, str]], ...] = (
    # https://nijianmo.github.io/amazon: asin, feature, main_cat, category, brand, price as "$12.99"
    (
        frozenset(("feature", "main_cat", "tech1", "similar_item")),
        {
            "parent_asin": "asin",
            "features": "feature",
            "main_category": "main_cat",
            "categories": "category",
            "store": "brand",
        },
    ),
    # https://jmcauley.ucsd.edu/data/amazon: asin, salesRank, related, imUrl, brand; categories are paths
    (frozenset(("salesRank", "related", "imUrl")), {"parent_asin": "asin", "store": "brand"}),
    # All else with an asin: it is the id.
    (frozenset(("asin",)), {"parent_asin": "asin"}),
)
"""Editions of the Amazon data other than 2023's: columns that tell one, and where its names differ from ours."""

_ALIKE = {
    "title": (
        "name",
        "product_name",
        "product_title",
        "product",
        "item_name",
        "item",
        "job_title",
        "headline",
        "model",
    ),
    "description": ("desc", "text", "body", "summary", "about", "content", "job_description"),
    "features": ("feature", "bullet_points", "highlights", "about_product"),
    "details": ("specs", "specifications", "attributes", "product_specifications"),
    "price": ("cost", "amount", "sale_price", "selling_price", "list_price", "retail_price", "salary", "salary_in_usd"),
    "main_category": ("category", "type", "product_type", "department"),
    "parent_asin": ("id", "sku", "product_id", "item_id", "uniq_id"),
    "store": ("brand", "seller", "manufacturer", "vendor", "company"),
    "categories": ("category_path", "product_category_tree", "breadcrumbs"),
}
"""Names that other tables have for our columns; one is suggested, never taken."""

_SHOWN, _LONGEST, _MOST = 20, 40, 150
"""Column names that a message shows, characters of each, and of all."""


def reads(recipe: Recipe) -> tuple[str, ...]:
    """Return our columns that a recipe reads, in the order of `TYPES`."""
    always = ("title", "price", "main_category", "parent_asin")
    return tuple(name for name in TYPES if name in always or name in recipe.text.fields)


def is_list(name: str) -> bool:
    """Tell whether a column holds lists of strings; the others hold strings."""
    return TYPES[name] == _TEXTS


def empty(name: str) -> pl.Expr:
    """Return a column of nulls."""
    return pl.lit(None, pl.List(pl.String) if is_list(name) else pl.String).alias(name)


def match(found: Collection[str], where: str, recipe: Recipe) -> dict[str, Sequence[str]]:
    """Return which of the columns `found` hold ours: those that the recipe names, an edition's, or of our names.

    Args:
        found: The columns of a table.
        where: What a message calls the table.
        recipe: Tells which columns are read, and names some.

    Raises:
        SourceError: A column that is needed or named is not there.
    """
    names, named = set(found), dict[str, Sequence[str]](**recipe.source.columns)
    edition: Mapping[str, str] = {}
    if "asin" in names and "parent_asin" not in names:
        edition = next((theirs for signs, theirs in _EDITIONS if signs & names), edition)
    matched: dict[str, Sequence[str]] = {}
    for ours in reads(recipe):
        theirs = named.get(ours) or (edition.get(ours, ours),)
        if names.issuperset(theirs):
            matched[ours] = tuple(theirs)
        elif ours in named:
            missing = next(one for one in theirs if one not in names)
            raise SourceError(
                f"{where}: no column {short(missing)}, which source.columns names for {ours!r}."
                f"{_nearest(missing, found)} It has {_listed(found)}."
            )
        elif edition.get(ours, ours) != ours and ours in names:
            matched[ours] = (ours,)
    # The course reads one form of table, and takes nothing for granted.
    course = recipe.price.reading == "python"
    missing_ones = [one for one in (*_BODY, "price", *(["parent_asin"] * course)) if one not in matched]
    if (course and missing_ones) or "price" in missing_ones or len(missing_ones) >= len(_BODY):
        first = "price" if not course and any(one in matched for one in _BODY) else missing_ones[0]
        raise SourceError(_missing(first, matched, found, where, recipe))
    return matched


def _missing(missing: str, matched: Columns, found: Collection[str], where: str, recipe: Recipe) -> str:
    """Say that a column is missing, and what to try."""
    needs = f"which recipe {recipe.name!r} needs"
    if recipe.price.reading != "python":
        needs = "which every recipe needs" if "price" in matched or missing == "price" else needs
        if missing != "price":
            needs = f"nor {', '.join(map(repr, _BODY[1:]))}: one of them is needed"
    if "rating" in found and "text" in found:
        return (
            f"{where}: no column {missing!r}, {needs}. This looks like reviews; curator reads the metadata of the"
            f" products, the files named meta_…. It has {_listed(found)}."
        )
    tries, room = "", _MOST
    # What is needed first.
    for ours, theirs in sorted(_suggested(matched, found, recipe), key=lambda pair: pair[0] not in ("title", "price")):
        one = f"--map {ours}={_quoted(theirs)}"
        room -= len(one) + 1
        tries += f" {one}" if room >= 0 else ""
    advice = f" Try{tries}" if tries else " Name it by --map, such as --map title=NAME --map price=COST"
    return f"{where}: no column {missing!r}, {needs}.{_nearest(missing, found)} It has {_listed(found)}.{advice}"


def _suggested(matched: Columns, found: Collection[str], recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield our columns that a table lacks, each with one of its own that may hold it."""
    short = [name for name in found if len(name) <= _LONGEST and name.isprintable()]
    plain = {re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"): name for name in reversed(short)}
    taken = {name for theirs in matched.values() for name in theirs}
    for ours in reads(recipe):
        if ours in matched:
            continue
        likely = [plain[name] for name in (ours, f"{ours}s", *_ALIKE.get(ours, ())) if name in plain]
        likely += [name for key, name in plain.items() if ours == "price" and {"price", "salary"} & set(key.split("_"))]
        if free := [name for name in likely if name not in taken]:
            taken.add(free[0])
            yield ours, free[0]


def _quoted(name: str) -> str:
    """Return a name as a shell takes it."""
    return name if re.fullmatch(r"[\w.-]+", name) else shlex.quote(name)


def _nearest(name: str, found: Collection[str]) -> str:
    return nearest(name[:_LONGEST], [one for one in found if len(one) <= _LONGEST and one.isprintable()])


def short(name: str) -> str:
    """Return the name of a column as a message shows it."""
    shown = ascii(name) if any("\ud800" <= character <= "\udfff" for character in name) else repr(name)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _listed(found: Collection[str]) -> str:
    some: list[str] = []
    for name in list(found)[:_SHOWN]:
        # Terminals obey control characters, and can't write half a character.
        clean = re.sub(r"[^\S ]|[\x00-\x1f\x7f-\x9f\ud800-\udfff]", " ", name[:_LONGEST])
        some.append(clean if len(name) <= _LONGEST else f"{clean[:-1]}…")
        if len(", ".join(some)) > _MOST:
            some.pop()
            break
    more = f" and {len(found) - len(some):,} more" if len(found) > len(some) else ""
    return (", ".join(some) or "none") + more
