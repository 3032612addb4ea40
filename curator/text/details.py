"""Write product details, JSON text, as lines ``Key: value``.

The text is an object as Python's `json.dumps` writes it. Three regular expressions and one table of escapes say what
becomes of a whole column: dropped keys and nested objects go, lists become their elements, escapes their characters.
What is not such an object becomes text without brackets. `detail_lines` does the same with loops over the bytes of
nearly all rows, and leaves only odd ones to the expressions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from curator.kernels.buffers import StringBuffers, to_buffers, to_series
from curator.kernels.types import Flags
from curator.text import cleaning, units

if TYPE_CHECKING:
    from curator.text.kernels.details import Keys
    from curator.text.kernels.units import Units

# No quote is escaped by a backslash any more where these are used.
_STRING = r'"[^"]*"'
_OBJECT = rf"\{{(?:[^{{}}\"]|{_STRING})*\}}"
_LIST = rf"\[(?:[^\[\]\"]|{_STRING})*\]"
_SCALAR = r"[^\s,{}\[\]\"]+"
_COMMA = r"\s*(?:,\s*)?"
_NOTHING = r'""|null|\[\s*\]'
_NESTED = r"(?s)\[[^\]]*[\[{]|\{.*\{.*\{"
"""What a text has at least that is nested deeper than the patterns follow."""
_WEIGHT = "item weight"


def detail_lines(
    details: pl.Series, dropped: Sequence[str], first: Sequence[str], *, plain_units: bool
) -> StringBuffers:
    """Return what `arranged` makes of `readable_details`.

    >>> page = pl.Series(['{"Color": "Red", "UPC": "1", "Item Weight": "1 lb"}'])
    >>> to_series(detail_lines(page, ["upc"], ["Item Weight"], plain_units=True)).to_list()
    ['Item Weight: 1 pounds (450 grams)\\nColor: Red\\n']
    """
    from curator.text.kernels.details import read
    from curator.text.kernels.units import arrange

    starts, lines, unread = read(to_buffers(details), _keys(tuple(dropped), tuple(first)), _printable())
    offsets, data, odd = arrange(starts, lines, len(first) + 1, _units(tuple(first), plain_units))
    for made in (offsets, data):
        made.setflags(write=False)
    texts = StringBuffers(offsets, data)
    rows = pl.Series(np.flatnonzero(unread | odd))
    if rows.is_empty():
        return texts
    some = arranged(readable_details(details.gather(rows), dropped), first, plain_units=plain_units)
    return to_buffers(to_series(texts).scatter(rows, some))


@lru_cache(maxsize=8)
def _keys(dropped: tuple[str, ...], first: tuple[str, ...]) -> Keys:
    """Return the keys to look for; the loops leave rows with others than printable ASCII to the patterns."""
    from curator.text.kernels.details import Keys

    # A dropped key is looked for in the text itself, where all beyond ASCII is escaped: the Kelvin sign is no k there.
    ranks = _ranks(first) | dict.fromkeys((key.lower() for key in dropped if key.isascii()), -1)
    names = sorted((key for key in ranks if key.isascii() and key.isprintable()), key=len)
    sizes = np.cumsum([0, *np.bincount([len(name) for name in names])])
    ordered = np.array([ranks[name] for name in names], np.int64)
    return Keys(to_buffers(pl.Series(names, dtype=pl.String)), sizes, ordered, len(first))


@lru_cache(maxsize=8)
def _units(first: tuple[str, ...], plain: bool) -> Units:
    from curator.text.kernels.units import Units

    weights, lengths = (sorted(table, key=len, reverse=True) for table in (units.OUNCES, units.INCHES))
    return Units(
        weights=to_buffers(pl.Series(weights)),
        ounces=np.array([units.OUNCES[name] for name in weights]),
        lengths=to_buffers(pl.Series(lengths)),
        inches=np.array([units.INCHES[name] for name in lengths]),
        grams=units.GRAMS,
        rank=_ranks(first).get(_WEIGHT, len(first)),
        plain=plain,
    )


@lru_cache(maxsize=1)
def _printable() -> Flags:
    """Return which characters `cleaning.json_character` keeps; those from the third plane on are left to it."""
    return np.array([chr(code).isprintable() for code in range(0x20000)])


def _ranks(first: Sequence[str]) -> dict[str, int]:
    """Return where the lines of each key in lower case stand."""
    return {key.lower(): rank for rank, key in reversed(list(enumerate(first)))}


def readable_details(details: pl.Series, dropped: Sequence[str]) -> pl.Series:
    """Return details as lines ``Key: value``, each ending in a newline.

    Args:
        details: JSON text; null counts as empty.
        dropped: Keys that are left out, case ignored. An empty key, an empty value and a nested object always are.

    >>> readable_details(pl.Series(['{"Color": "Red", "Rank": {"Toys": 3}, "For": ["a", "b"]}']), []).to_list()
    ['Color: Red\\nFor: a, b\\n']
    """
    names = frozenset(key.lower() for key in ("", *dropped))
    text = cleaning.where(details.fill_null(""), _NESTED, lambda some: _flattened(some, names))
    text = cleaning.where(text, r'\\[\\"]', _escape_by_number)
    (gone, _), *steps = _steps(tuple(dropped))
    text = text.str.replace_all(gone, "")
    # An object inside of an object is gone now; the outer one goes in a second round.
    text = cleaning.where(text, r"\{[^}]*\{", lambda some: some.str.replace_all(gone, ""))
    for pattern, put in steps:
        text = text.str.replace_all(pattern, put)
    return cleaning.unescape_json(text)


def _flattened(texts: pl.Series, dropped: Collection[str]) -> pl.Series:
    """Write lists within lists as one list, the objects in them as ``key: value``, and leave nested objects out."""
    return pl.Series([_flat(text, dropped) for text in texts], dtype=pl.String)


def _flat(text: str, dropped: Collection[str]) -> str:
    try:
        # A tuple is an object then: a key may be there twice. Numbers stay as they are written.
        found = json.loads(text, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str)
        if not isinstance(found, tuple):
            return text
        kept = ((key, list(_leaves(one, dropped))) if type(one) is list else (key, one) for key, one in found)
        return (
            f"{{{', '.join(f'{json.dumps(key)}: {json.dumps(one)}' for key, one in kept if type(one) is not tuple)}}}"
        )
    except (ValueError, RecursionError):
        return text


def _leaves(value: Any, dropped: Collection[str]) -> Iterator[Any]:
    """Yield what a list holds, however deep: values as they are, those of objects after their keys."""
    for one in value:
        if type(one) is list:
            yield from _leaves(one, dropped)
        elif type(one) is tuple:
            for key, inner in one:
                if key.lower() not in dropped and type(inner) is not tuple:
                    given = [*_leaves([inner], dropped)] if inner not in (None, "") else []
                    first = (one if isinstance(one, str) else json.dumps(one) for one in given[:1])
                    yield from (*(f"{key}: {one}" for one in first), *given[1:])
        else:
            yield one


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
    ranks = _ranks(first)
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
    added = after.select("text", line=pl.lit("Item Weight: ") + pl.col("weight"), key=pl.lit(_WEIGHT))
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
