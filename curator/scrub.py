"""Text cleaning as Polars expressions.

Each rule takes an expression of strings and returns one; rules keep null as null.
The functions named `course_…` do what the original course's code does, character for character.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import polars as pl

# What Python's `\s` and `str.strip` take for white space and the regex engine's `\s` does not.
_SEPARATORS = r"\x1c-\x1f"
_NOISE = rf'[:\[\]"{{}}【】\s{_SEPARATORS}]'


def join_lines(texts: pl.Expr) -> pl.Expr:
    """Join the strings of each list by newlines; a null list is empty text, a null element an empty line."""
    return texts.list.eval(pl.element().fill_null("")).list.join("\n").fill_null("")


def ending_line(text: pl.Expr) -> pl.Expr:
    """Add a newline to each text that is not empty."""
    return pl.when(text != "").then(text + "\n").otherwise(text)


def delete_each(text: pl.Expr, removals: Iterable[str]) -> pl.Expr:
    """Delete substrings one after the other: a later one may match what an earlier deletion brought together."""
    for removal in removals:
        text = text.str.replace_all(removal, "", literal=True)
    return text


def course_noise(text: pl.Expr) -> pl.Expr:
    """Make each run of brackets, braces, quotes, colons and white space one space, and strip the text."""
    # Most runs are one space already; leaving those alone is three times as fast.
    runs = rf"(?:{_NOISE}{{2,}}|[{_NOISE}&&[^ ]])"
    return text.str.replace_all(runs, " ").str.strip_chars(" ")


def course_commas(text: pl.Expr) -> pl.Expr:
    """Close the space before a comma, then shorten runs of commas, in the course's three steps."""
    return text.map_batches(_close_commas, return_dtype=pl.String)


def _close_commas(texts: pl.Series) -> pl.Series:
    # Few texts have anything to close; copying all of them three times would cost more than finding those.
    rows = texts.str.contains("[ ,],").arg_true()
    if rows.is_empty():
        return texts
    some = texts.gather(rows)
    for found, put in ((" ,", ","), (",,,", ","), (",,", ",")):
        some = some.str.replace_all(found, put, literal=True)
    return texts.scatter(rows, some)


def course_part_numbers(text: pl.Expr) -> pl.Expr:
    """Drop each word of seven or more characters with a digit in it; words lie between single spaces."""
    # A space in front lets every word be deleted together with the space before it.
    return (pl.lit(" ") + text).str.replace_all(_long_words_with_digit(), "").str.slice(1)


def course_scrub(text: pl.Expr) -> pl.Expr:
    """Clean a title or a text as the course does."""
    return course_part_numbers(course_commas(course_noise(text)))


@lru_cache(maxsize=1)
def _long_words_with_digit() -> str:
    """Return a pattern for a space and a word of at least 7 characters, one of them a digit.

    Without look-around the two conditions are one alternation over where the digit stands; each branch runs to the
    end of the word.
    """
    # All digits lie in Unicode's first two planes; the others hold ideographs, tags and private use.
    digit = f"[{''.join(chr(code) for code in range(0x20000) if chr(code).isdigit())}]"
    early = (f"[^ ]{{{at}}}{digit}[^ ]{{{6 - at},}}" for at in range(6))
    return f" (?:[^ ]{{6,}}{digit}[^ ]*|{'|'.join(early)})"
