"""One value of a table as the pipeline reads it: text, a list of texts, details as JSON text, a price.

What JSON lines, CSV cells and odd Arrow types hold goes through these functions; columns of a type that is right as it
is don't. Each raises TypeError for a value that can't be read as what it must be. NaN is a missing value, as pandas
writes it.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from curator.recipe.load import Recipe
from curator.sources import columns

NOTATION_LIMIT = 2**20
"""Longest text that is read as Python notation (characters): its syntax tree takes some hundred times the memory."""

# What json.dumps calls when it is given nothing but the value.
_dumps: Callable[[Any], str] = json.JSONEncoder().encode
_TEXTS = frozenset((str, type(None)))
_QUOTED = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
_TOKENS = re.compile(rf"{_QUOTED}|\b(?:None|nan)\b|\b(?:array|list)\(|\[|\]|,\s*dtype=object\)|\)")
"""What a list of texts is made of in the notations of Python and numpy."""
_PLAIN = r"'[^'\\\n]*+'|\"[^\"\\\n]*+\""
_STRINGS, _STRING = re.compile(rf"\[(?:[\s,]*+(?:{_PLAIN}))++[\s,]*+\]"), re.compile(_PLAIN)
"""A list of nothing but strings without escapes in any of the notations, and one of them."""
_FORMATTED = re.compile(r"(?<!\w)(?:[fF][rR]?|[rR][fF])['\"]")
"""How a formatted string begins, which Python 3.11 parses in the square of its length."""
_DICT = r"\{(?:'|\"[^\"]*'[^\"]*\": )"
"""How an object begins in Python's notation; a key that holds an apostrophe is in double quotes."""
_MISSING = frozenset(("nan", "NaN", "None", "null"))
"""What stands for a missing list or object where all cells were made texts."""
NOTATION = rf"^(?:{_DICT}|(?:{'|'.join(sorted(_MISSING))})$)"
"""What details match that are not as they should be."""
_PATH = re.compile(r"\s*(?:>|\|)\s*")
_NAMES = {"nan": None, "NaN": None, "null": None, "true": True, "false": False}
_PAIR_KEYS = (("name", "value"), ("key", "value"), ("label", "value"), ("attribute", "value"))


def reader(name: str, recipe: Recipe) -> Callable[[Any], Any]:
    """Return the function that reads a value of one of our columns; the course reads details as they are."""
    as_is = recipe.price.reading == "python"
    others = {"details": json_details if as_is else details, "price": price, "categories": categories}
    return others.get(name) or (texts if columns.is_list(name) else text)


def joined(name: str, found: Mapping[str, Any]) -> Any:
    """Return one value of several columns: details by their names, or a list; nulls are left out."""
    given = {key: one for key, one in found.items() if one is not None and not _is_nan(one)}
    if name != "details":
        return list(given.values()) or None
    # pandas makes floats of whole numbers where some are missing.
    whole = (int(one) if isinstance(one, float) and one.is_integer() else one for one in given.values())
    return dict(zip(given, whole, strict=True))


def text(value: Any) -> str | None:
    """Return a text; numbers, dates and UTF-8 bytes are written out."""
    if type(value) is str or value is None:
        return value
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | Decimal | date | datetime | UUID):
        return str(value)
    if isinstance(value, float):
        # pandas makes floats of whole numbers where some are missing.
        return None if value != value else str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError


def texts(value: Any) -> list[str | None] | None:
    """Return a list of texts; one text is a list of it, or the list that it is the notation of."""
    if value is None or (type(value) is list and _TEXTS.issuperset(map(type, value))):
        return value
    if isinstance(value, list | tuple):
        flat = (inner for one in value for inner in (one if isinstance(one, list | tuple) else (one,)))
        return [text(one) for one in flat]
    single = text(value)
    if single is None or not single.strip() or single in _MISSING:
        return None
    listed = _listed(single)
    return [single] if listed is None else texts(listed)


def categories(value: Any) -> list[str | None] | None:
    """Return categories from the widest to the narrowest: of several paths the first; ``A > B`` is a path."""
    if isinstance(value, str) and (listed := _listed(value)) is not None:
        value = listed
    if isinstance(value, list | tuple) and value and all(isinstance(one, list | tuple) for one in value):
        value = value[0]
    found = texts(value)
    if isinstance(value, str) and found == [value]:
        return [*filter(None, _PATH.split(value.strip()))]
    return found


def details(value: Any) -> str | None:
    """Return details as `json_details`, or null; text in Python's notation of an object becomes JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        if value in _MISSING:
            return None
        if re.match(_DICT, value) and not _is_json(value) and isinstance(found := literal_or_none(value), dict):
            return _object(found)
    return json_details(value)


def _is_json(notation: str) -> bool:
    try:
        json.loads(notation)
    except (ValueError, RecursionError):
        return False
    return True


def json_details(value: Any) -> str | None:
    """Return details as text: an object or a list of pairs as JSON."""
    if type(value) is str:
        return value
    # As `json` writes it: course-v1 reads details that come as objects so.
    if value is None or type(value) is dict:
        return _object(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, list | tuple) and (pairs := _pairs(value)) is not None:
        return _object(pairs)
    raise TypeError


def written(value: Any) -> str:
    """Return any value as a text that the functions above read: lists and objects as JSON."""
    if isinstance(value, str | bytes):
        return value if isinstance(value, str) else value.decode()
    listed = getattr(value, "tolist", lambda: value)()
    if isinstance(listed, list | tuple | dict):
        return json.dumps(_without_nan(listed), default=_plain)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def price(value: Any) -> str | None:
    """Return a price as it is written."""
    if type(value) is str or value is None:
        return value
    if isinstance(value, bool | date):
        raise TypeError
    if isinstance(value, int | float | Decimal):
        return None if value != value else str(value)
    return text(value)


def literal(notation: str) -> Any:
    """Read Python's notation of a value: dicts, lists, strings, numbers, True, False, None, nan. Nothing is run.

    Raises:
        ValueError: It is none, or too long or too deep to be read.
    """
    if len(notation) > NOTATION_LIMIT or (len(notation) > NOTATION_LIMIT // 16 and _FORMATTED.search(notation)):
        raise ValueError("the text in Python notation is too long to be read")
    try:
        if "\\" not in notation:
            return _value(ast.parse(notation.strip(), mode="eval").body)
        with warnings.catch_warnings():
            # Of escapes that Python does not know.
            warnings.simplefilter("ignore")
            return _value(ast.parse(notation.strip(), mode="eval").body)
    except (SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise ValueError("it is not Python notation of a value") from error


def literal_or_none(notation: str) -> Any:
    """Return what `literal` reads, or None."""
    try:
        return literal(notation)
    except ValueError:
        return None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Dict(keys=keys, values=values):
            # No key is a dict that is unpacked.
            return {str(_value(key)): _value(one) for key, one in zip(keys, values, strict=True) if key is not None}
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [_value(one) for one in elements]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        # numpy's notation: array(['a', 'b'], dtype=object).
        case ast.Call(func=ast.Name(id="array"), args=[inner]):
            return _value(inner)
    raise ValueError("it is not Python notation of a value")


def _listed(cell: str) -> list[Any] | None:
    """Return the list that a text is the notation of (JSON, Python, numpy), or None."""
    cell = cell.strip()
    if cell[:1] != "[" or cell[-1:] != "]":
        return None
    if _STRINGS.fullmatch(cell):
        return [one[1:-1] for one in _STRING.findall(cell)]
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        others = _TOKENS.sub("", cell).strip(", \n\r\t")
        if others == "...":
            raise TypeError from None
        # numpy writes no commas, and to Python two strings in a row are one.
        found = literal_or_none(cell if others else _with_commas(cell))
    return found if isinstance(found, list) else None


def _with_commas(cell: str) -> str:
    tokens = (one for one in _TOKENS.findall(cell) if one[-1] not in "()")
    return "".join(one if one == "[" else f"{one}," for one in tokens)[:-1]


def _pairs(value: list[Any] | tuple[Any, ...]) -> dict[str, Any] | None:
    """Return the object that a list of pairs spells, or None."""
    if all(isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[0], str) for one in value):
        return dict(value)
    for key, content in _PAIR_KEYS:
        if all(_is_pair(one, key, content) for one in value):
            return {one[key]: one.get(content) for one in value}
    return None


def _is_pair(value: Any, key: str, content: str) -> bool:
    # Arrow's objects lack what is null.
    return isinstance(value, dict) and isinstance(value.get(key), str) and (content in value or len(value) == 1)


def _object(value: Mapping[str, Any] | None) -> str:
    try:
        written = _dumps(value)
    except TypeError:
        # Arrow's dates, decimals and bytes.
        written = json.dumps(value, default=_plain)
    return json.dumps(_without_nan(value), default=_plain) if "NaN" in written else written


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items() if not _is_nan(one)}
    return [_without_nan(one) for one in value if not _is_nan(one)] if isinstance(value, list) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value
