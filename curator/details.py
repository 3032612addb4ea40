"""Write product details, JSON text, as lines ``Key: value``, without parsing each row by itself.

The text is an object as Python's `json.dumps` writes it. Three regular expressions and one table of escapes turn a
whole column into readable lines: dropped keys and nested objects go, lists become their elements, escapes their
characters. What is not such an object becomes text without brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import polars as pl

from curator import scrub

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


def _escape_by_number(text: pl.Series) -> pl.Series:
    """Write escaped quotes and backslashes as ``\\u0022`` and ``\\u005c``: what is left of quotes ends a string."""
    return text.str.replace_all(r"\\", r"\u005c", literal=True).str.replace_all(r"\"", r"\u0022", literal=True)


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
