"""Write product details, JSON text, as lines ``Key: value``, without parsing each row by itself.

The text is an object as Python's `json.dumps` writes it. Three regular expressions and one table of escapes turn a
whole column into readable lines: dropped keys and nested objects go, lists become their elements, escapes their
characters. What is not such an object becomes text without brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from curator import scrub, units

# No quote is escaped by a backslash any more where these are used.
_STRING = r'"[^"]*"'
_OBJECT = rf"\{{(?:[^{{}}\"]|{_STRING})*\}}"
_LIST = rf"\[(?:[^\[\]\"]|{_STRING})*\]"
_SCALAR = r"[^\s,{}\[\]\"]+"
_COMMA = r"\s*(?:,\s*)?"
_NOTHING = r'""|null|\[\s*\]'


def readable_details(details: pl.Series, dropped: Sequence[str]) -> pl.Series:
    """Return details as lines ``Key: value``, each ending in a newline.

    Args:
        details: JSON text; null counts as empty.
        dropped: Keys that are left out, case ignored. An empty key, an empty value and a nested object always are.

    >>> readable_details(pl.Series(['{"Color": "Red", "Rank": {"Toys": 3}, "For": ["a", "b"]}']), []).to_list()
    ['Color: Red\\nFor: a, b\\n']
    """
    text = scrub.where(details.fill_null(""), r'\\[\\"]', _escape_by_number)
    (gone, _), *steps = _steps(tuple(dropped))
    text = text.str.replace_all(gone, "")
    # An object inside of an object is gone now; the outer one goes in a second round.
    text = scrub.where(text, r"\{[^}]*\{", lambda some: some.str.replace_all(gone, ""))
    for pattern, put in steps:
        text = text.str.replace_all(pattern, put)
    return scrub.unescape_json(text)


def arranged(details: pl.Series, first: Sequence[str], *, plain_units: bool) -> pl.Series:
    """Put the lines of some keys first, and write weights and sizes one way.

    Args:
        details: Lines ``Key: value``, as `readable_details` makes them.
        first: Keys that come first, in this order, case ignored; the others follow in the order of the page.
        plain_units: Whether weights (keys that end in ``weight``) and sizes are written as `units` does. A weight that
            stands after a size gets a line of its own if there is no other.

    >>> arranged(pl.Series(["Color: Red\\nItem Weight: 1 lb\\n"]), ["item weight"], plain_units=True).to_list()
    ['Item Weight: 1 pounds (450 grams)\\nColor: Red\\n']
    """
    if not (first or plain_units):
        return details
    lines = pl.DataFrame({"line": details.str.split("\n")}).with_row_index("text").explode("line", empty_as_null=False)
    lines = lines.filter(pl.col("line") != "")
    lines = lines.with_columns(key=pl.col("line").str.extract("^([^:]*): ").str.to_lowercase())
    if plain_units:
        lines = _with_plain_units(lines)
    ranks = {key.lower(): rank for rank, key in reversed(list(enumerate(first)))}
    rank = pl.col("key").replace_strict(ranks, default=len(first), return_dtype=pl.Int64) if ranks else pl.lit(0)
    ordered = lines.with_columns(rank=rank).sort("text", "rank", maintain_order=True)
    joined = ordered.group_by("text", maintain_order=True).agg(pl.col("line").str.join("\n") + "\n")
    return details.scatter(joined["text"], joined["line"]) if joined.height else details


def _with_plain_units(lines: pl.DataFrame) -> pl.DataFrame:
    """Return lines (columns `text`, `line`, `key`) with weights and sizes written one way."""
    weights, weight_at = _values(lines, r"weight$")
    sizes, size_at = _values(lines, r"dimension|^size$")
    line = lines["line"]
    for values, at, write in ((weights, weight_at, units.weight), (sizes, size_at, units.size)):
        written = pl.concat_str("name", pl.lit(": "), pl.coalesce(write(values["value"]), "value"))
        line = line.scatter(at, values.select(written).to_series())
    after = sizes.select("text", weight=units.weight_after_size(sizes["value"])).drop_nulls()
    # Only where the text has no weight of its own.
    after = after.unique("text", keep="first", maintain_order=True).join(weights, on="text", how="anti")
    added = after.select("text", line=pl.lit("Item Weight: ") + pl.col("weight"), key=pl.lit("item weight"))
    return pl.concat([lines.with_columns(line), added])


def _values(lines: pl.DataFrame, keys: str) -> tuple[pl.DataFrame, pl.Series]:
    """Return the lines whose key matches, as `text`, `name` and `value`, and where they stand."""
    at = lines["key"].str.contains(keys).fill_null(value=False).arg_true()
    parts = pl.col("line").str.splitn(": ", 2)
    # Pages put marks of the writing direction around some values.
    value = parts.struct[1].str.replace_all(r"[\x{200e}\x{200f}]", "").str.strip_chars()
    return lines[at].select("text", name=parts.struct[0], value=value), at


def _escape_by_number(text: pl.Series) -> pl.Series:
    """Write escaped quotes and backslashes as ``\\u0022`` and ``\\u005c``: what is left of quotes ends a string."""
    return text.str.replace_all(r"\\", r"\u005c", literal=True).str.replace_all(r"\"", r"\u0022", literal=True)


@lru_cache(maxsize=8)
def _steps(dropped: tuple[str, ...]) -> list[tuple[str, str]]:
    keys = "|".join(re.escape(_in_json(key)) for key in dropped)
    named = f'"(?i:{keys})"' if keys else None
    gone = [rf"{named}:\s*(?:{_STRING}|{_OBJECT}|{_LIST}|{_SCALAR}){_COMMA}"] if named else []
    gone.append(rf"{_STRING}:\s*(?:{_OBJECT}|{_NOTHING}){_COMMA}")
    gone.append(rf'"":\s*(?:{_STRING}|{_LIST}|{_SCALAR}){_COMMA}')
    return [
        (f"(?:{'|'.join(gone)})", ""),
        (rf'"([^"]*)":\s*({_STRING}|{_LIST}|{_SCALAR}){_COMMA}', "${1}: ${2}\n"),
        (r'["{}\[\]]', ""),
    ]


def _in_json(key: str) -> str:
    """Return how a key stands in the text."""
    return "".join(_escape_by_number(pl.Series([json.dumps(key)[1:-1]])))
