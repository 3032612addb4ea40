"""Text cleaning as Polars expressions.

The functions named `course_…` do what the original course's code does, character for character. The others make text
readable; most take a column and touch only the rows in which they find something to do.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

import polars as pl

_Text = TypeVar("_Text", pl.Series, pl.Expr)


class Cleaning(NamedTuple, Generic[_Text]):
    """A cleaning rule: its name, what it does in a sentence, and the function that does it."""

    name: str
    sentence: str
    clean: Callable[[_Text], _Text]


# What Python's `\s` and `str.strip` take for white space and the regex engine's `\s` does not.
_SEPARATORS = r"\x1c-\x1f"
_ENTITY = r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};)"
NOISE = ':[]"{}【】'
"""What the course takes for noise, besides white space."""
_NOISE = rf'[:\[\]"{{}}【】\s{_SEPARATORS}]'

DIGITS_END = 0x20000
"""All digits lie before this code point, in Unicode's first two planes; the others hold ideographs and private use."""


def join_lines(texts: pl.Expr) -> pl.Expr:
    """Join the strings of each list by newlines; a null list is empty text, a null element an empty line."""
    return texts.list.eval(pl.element().fill_null("")).list.join("\n").fill_null("")


def delete_each(text: pl.Expr, removals: Iterable[str]) -> pl.Expr:
    """Delete substrings one after the other: a later one may match what an earlier deletion brought together."""
    for removal in removals:
        # A pattern is replaced three times as fast as a literal is.
        text = text.str.replace_all(_pattern(removal), "")
    return text


def _pattern(literal: str) -> str:
    """Return a pattern for a literal; Python's `re.escape` escapes more than the regex engine knows."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", literal)


def course_noise(text: pl.Expr) -> pl.Expr:
    """Make each run of brackets, braces, quotes, colons and white space one space, and strip the text."""
    # Most runs are one space already; leaving those alone is three times as fast.
    runs = rf"(?:{_NOISE}{{2,}}|[{_NOISE}&&[^ ]])"
    return text.str.replace_all(runs, " ").str.strip_chars(" ")


def course_commas(text: pl.Expr) -> pl.Expr:
    """Close the space before a comma, then shorten runs of commas, in the course's three steps."""
    # Few texts have anything to close; copying all of them three times would cost more than finding those.
    return text.map_batches(lambda texts: where(texts, "[ ,],", _shorten_commas), return_dtype=pl.String)


def _shorten_commas(texts: pl.Series) -> pl.Series:
    # Patterns are replaced faster than literals are.
    texts = texts.str.replace_all(" ,", ",")
    return where(texts, ",,", lambda some: some.str.replace_all(",,,", ",").str.replace_all(",,", ","))


def course_part_numbers(text: pl.Expr) -> pl.Expr:
    """Drop each word of seven or more characters with a digit in it; words lie between single spaces."""
    # A space in front lets every word be deleted together with the space before it.
    return (pl.lit(" ") + text).str.replace_all(_long_words_with_digit(), "").str.slice(1)


COURSE_RULES: tuple[Cleaning[pl.Expr], ...] = (
    Cleaning("noise", "Each run of brackets, braces, quotes, colons and white space becomes one space.", course_noise),
    Cleaning("commas", "The space before a comma goes, and runs of commas become shorter.", course_commas),
    Cleaning("part numbers", "Words of seven or more characters with a digit go.", course_part_numbers),
)
"""What cleans a title or a text as the course does, in this order."""


@lru_cache(maxsize=1)
def _long_words_with_digit() -> str:
    """Return a pattern for a space and a word of at least 7 characters, one of them a digit.

    Without look-around the two conditions are one alternation over where the digit stands; each branch runs to the
    end of the word.
    """
    digit = f"[{''.join(chr(code) for code in range(DIGITS_END) if chr(code).isdigit())}]"
    early = (f"[^ ]{{{at}}}{digit}[^ ]{{{6 - at},}}" for at in range(6))
    return f" (?:[^ ]{{6,}}{digit}[^ ]*|{'|'.join(early)})"


def unescape_entities(texts: pl.Series) -> pl.Series:
    """Replace HTML entities by their characters, twice: catalogues hold ``&amp;quot;`` too.

    >>> unescape_entities(pl.Series(["Salt &amp;amp; pepper", "5 &lt; 6"])).to_list()
    ['Salt & pepper', '5 < 6']
    """
    for _ in range(2):
        texts = _replace_found(texts, _ENTITY, html.unescape)
    return texts


def unescape_code_points(texts: pl.Series) -> pl.Series:
    r"""Replace ``\uXXXX`` that is left in a text by its character, and half a surrogate pair by nothing."""
    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    return _replace_found(texts, rf"{pair}|\\u[0-9a-fA-F]{{4}}", json_character)


def json_character(escape: str) -> str:
    """Return the character of one JSON escape: a space for what can't be printed, nothing for what is none."""
    try:
        character: str = json.loads(f'"{escape}"')
        character.encode()
    except (ValueError, UnicodeEncodeError):
        return ""
    return character if character.isprintable() else " "


_MANY_STARTS = 50
"""From so many scripts and comments on a text is read by `_without_tags`: each that nobody ends is read to the end."""

_SCRIPT, _COMMENT, _TAG = r"<(?:script|style)\b", "<!--", "</?[a-z!][^<>]*>"
_SCRIPT_END = r"</(?:script|style)\s*>"


def remove_tags(texts: pl.Series) -> pl.Series:
    """Replace HTML tags and comments by a space, scripts and styles with all they hold.

    >>> remove_tags(pl.Series(["<b>new</b> 2 < 3<!-- x -->", "<script>alert(1)</script>lamp"])).to_list()
    [' new  2 < 3 ', ' lamp']
    """
    whole = rf"(?is){_SCRIPT}.*?{_SCRIPT_END}|{_COMMENT}.*?-->|{_TAG}"
    # A tag that the cut at the last character left open.
    open_ = r"(?i)</?[a-z!][^<>]{40,}$"

    def change(some: pl.Series) -> pl.Series:
        many = some.str.count_matches(rf"(?i){_SCRIPT}|{_COMMENT}") >= _MANY_STARTS
        slow = pl.Series([_without_tags(text) for text in some.filter(many)], dtype=pl.String)
        quick = some.set(many, "").str.replace_all(whole, " ")
        return quick.scatter(many.arg_true(), slow).str.replace(open_, " ")

    return where(texts, "<", change)


def _without_tags(text: str) -> str:
    """Do what the pattern of `remove_tags` does in time linear in the text, however many starts have no end."""
    start = re.compile(f"(?P<script>{_SCRIPT})|(?P<comment>{_COMMENT})|{_TAG}", re.IGNORECASE)
    ends = {"script": re.compile(_SCRIPT_END, re.IGNORECASE), "comment": re.compile("-->")}
    tag = re.compile(_TAG, re.IGNORECASE)
    kept, at, looked = [], 0, 0
    while found := start.search(text, looked):
        end: re.Match[str] | None = found
        if kind := found.lastgroup:
            end = ends[kind].search(text, found.end()) if kind in ends else None
            if end is None:
                # Then nothing ends those that follow either; it may be a tag by itself.
                ends.pop(kind, None)
                end = tag.match(text, found.start())
        if end is None:
            looked = found.start() + 1
        else:
            kept.append(text[at : found.start()])
            at = looked = end.end()
    return " ".join([*kept, text[at:]])


def plain_characters(texts: pl.Series) -> pl.Series:
    """Write typographic and full-width characters in ASCII; drop symbols, control and invisible characters.

    >>> plain_characters(pl.Series(["“fine” — 20 ￥ ★ 40 °C"])).to_list()
    ['"fine" - 20 ¥   40 °C']
    """
    return where(texts, r"[^\n -~]", _plain_characters)


def _plain_characters(texts: pl.Series) -> pl.Series:
    old, new = _ascii_forms()
    return (
        texts.str.replace_all("【([^【】]*)】", "$1: ")
        .str.replace_many(old, new)
        .str.replace_all(r"[\p{So}\p{Sk}\p{Co}\p{Cn}\x{FFFD}&&[^°^`]]", " ")
        .str.replace_all(r"[\p{Cf}\x{FE00}-\x{FE0F}]", "")
        .str.replace_all(r"[\p{Cc}&&[^\n]]", " ")
    )


@lru_cache(maxsize=1)
def _ascii_forms() -> tuple[list[str], list[str]]:
    """Return characters and the ASCII text that says the same."""
    forms = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    forms |= dict.fromkeys("‘’‚‛′＇´", "'") | dict.fromkeys("“”„‟″＂«»", '"')
    forms |= dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("【】〖〗「」『』《》", " ")
    forms |= {"…": "...", "⁄": "/", "×": "x", "•": " ", "·": " ", "●": " ", "￥": "¥", "，": ", ", "：": ": "}
    return list(forms), list(forms.values())


def single_spaces(texts: pl.Series) -> pl.Series:
    """Make each run of white space one space, or one newline if it holds any, and strip the text."""
    lines = where(white_spaces(texts), r" \n|\n[ \n]", lambda some: some.str.replace_all(r" ?\n[ \n]*", "\n"))
    return lines.str.strip_chars(" \n")


def white_spaces(texts: pl.Series) -> pl.Series:
    """Make each run of white space one space, but for newlines, which stay."""
    return texts.str.replace_all(rf"(?:[\s{_SEPARATORS}&&[^\n]]{{2,}}|[\s{_SEPARATORS}&&[^\n ]])", " ")


ONE_PASS_RULES: tuple[Cleaning[pl.Series], ...] = (
    Cleaning("entities", "HTML entities become their characters.", unescape_entities),
    Cleaning("code points", r"\uXXXX becomes its character.", unescape_code_points),
    Cleaning("tags", "HTML tags, comments, scripts and styles become a space.", remove_tags),
    Cleaning(
        "characters",
        "Typographic characters become ASCII; symbols, control and invisible characters go.",
        plain_characters,
    ),
    Cleaning("spaces", "Each run of white space becomes one space or one newline.", single_spaces),
)
"""The rules that `readable.clean` follows in one pass over a text; these say what it does."""

READABLE_RULES: tuple[Cleaning[pl.Series], ...] = (*ONE_PASS_RULES,)
"""What cleans a readable text, in this order."""


def break_special_tokens(texts: pl.Series, special: Iterable[str]) -> pl.Series:
    """Put a space into every string that a tokenizer could take for a special token.

    Args:
        texts: The texts.
        special: The special tokens of the recipe's tokenizer. ``<|`` and ``|>``, which most others use, are broken too.

    >>> break_special_tokens(pl.Series(["a</s>b <|end|>"]), ["</s>"]).to_list()
    ['a< /s>b < |end| >']
    """
    own = {token for token in special if len(token) > 1}
    tokens = sorted({"<|", "|>", *own}, key=lambda token: (-len(token), token))
    while tokens and len(hit := texts.str.contains_any(tokens).arg_true()):
        broken = [f"{token[0]} {token[1:]}" for token in tokens]
        texts = texts.scatter(hit, texts.gather(hit).str.replace_many(tokens, broken, leftmost=True))
        # Tokens can overlap: again, for what is left of them. Those with white space, which a space may leave as they
        # are, have had their turn.
        tokens = [token for token in tokens if token in own and not any(map(str.isspace, token))]
    return texts


def where(texts: pl.Series, pattern: str, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Change only the texts in which the pattern is found; looking is much cheaper than rewriting."""
    rows = texts.str.contains(pattern).arg_true()
    # Without a clone the caller's column would change too.
    return texts if rows.is_empty() else texts.clone().scatter(rows, change(texts.gather(rows)))


def _replace_found(texts: pl.Series, pattern: str, character: Callable[[str], str]) -> pl.Series:
    """Replace each match by what `character` makes of it, asked once for each different match."""

    def change(some: pl.Series) -> pl.Series:
        found = some.str.extract_all(pattern).explode(empty_as_null=False).unique(maintain_order=True).to_list()
        # The longest first: at one place a pair of surrogates goes before the first of them alone.
        found.sort(key=lambda match: (-len(match), match))
        return some.str.replace_many(found, [character(match) for match in found], leftmost=True)

    return where(texts, pattern, change)


def unescape_json(texts: pl.Series) -> pl.Series:
    """Replace the escapes of JSON strings by their characters."""
    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    return _replace_found(texts, rf"{pair}|\\u[0-9a-fA-F]{{4}}|\\[^u]|\\", json_character)
