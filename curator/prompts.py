"""Put an item's text together, and the prompt around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from curator import course_texts, prose, scrub
from curator.arrays import Ints
from curator.details import arranged, readable_details
from curator.scrub import Cleaning
from curator.settings import PromptSettings, TextSettings

_ALL = 2**31 - 1
"""More lines than any text has."""

_SHORT_LINE = 80
"""A line that `text.max_chars` cuts goes as a whole if no more characters than this are left of it."""


def course_contents(rows: pl.DataFrame, settings: TextSettings, chars: Ints | None = None) -> pl.Series:
    """Return description, features and details as the course joins them, uncleaned, cut to `text.max_chars`.

    Columns in: `description`, `features` (lists of strings), `details` (JSON text).

    Args:
        rows: The rows.
        settings: The recipe's settings of the text.
        chars: Cut each to as many characters instead.
    """
    if chars is None:
        chars = np.full(rows.height, settings.max_chars, np.int64)
    return course_texts.contents(rows, settings.removals, chars)


def course_text(titles: pl.Series, contents: pl.Series) -> pl.Series:
    """Return the scrubbed title, a newline and the scrubbed contents; a null title counts as empty."""
    return course_texts.scrub_together(titles, contents)


def readable_text(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    """Return title, categories, store, details, features and description as clean lines, in the recipe's order.

    Columns in: those that `text.fields` names. A part that a row lacks leaves no line.
    """
    return _clean(readable_lines(readable_parts(rows, settings), settings))


def readable_parts(rows: pl.DataFrame, settings: TextSettings) -> list[pl.Series]:
    """Return the parts of a readable text, each cut to `text.max_chars`; only shortened prose is clean already."""
    parts: list[pl.Series] = []
    left = pl.repeat(settings.prose_lines or _ALL, rows.height, dtype=pl.Int64, eager=True)
    for name in settings.fields:
        if name in ("features", "description") and (settings.prose_lines or settings.prose_chars):
            part, lines = prose.heads(rows[name], left, settings.prose_chars, _clean)
            left = left - lines
        else:
            part = _PARTS[name](rows, settings)
        parts.append(part.str.head(settings.max_chars))
    return parts


def _clean(texts: pl.Series) -> pl.Series:
    for rule in READABLE_RULES:
        texts = rule.clean(texts)
    return texts


def readable_lines(parts: Sequence[pl.Series], settings: TextSettings) -> pl.Series:
    """Return the parts as lines, uncleaned, cut to `text.max_chars`."""
    lines = pl.concat_str(*(scrub.ending_line(pl.lit(part)) for part in parts))
    text = pl.select(lines.str.head(settings.max_chars)).to_series()
    # What the cut went through goes, if anything is left without it: a short line, such as half of `Key: value`, or a
    # word, an entity or a tag.
    broken = (text.str.len_chars() == settings.max_chars).arg_true()
    return text.scatter(broken, text.gather(broken).str.replace(rf"(?:\n[^\n]{{0,{_SHORT_LINE}}}|\s\S*)$", ""))


READABLE_RULES: tuple[Cleaning[pl.Series], ...] = (
    Cleaning("entities", "HTML entities become their characters.", scrub.unescape_entities),
    Cleaning("code points", r"\uXXXX becomes its character.", scrub.unescape_code_points),
    Cleaning("tags", "HTML tags, comments, scripts and styles become a space.", scrub.remove_tags),
    Cleaning(
        "characters",
        "Typographic characters become ASCII; symbols, control and invisible characters go.",
        scrub.plain_characters,
    ),
    Cleaning("spaces", "Each run of white space becomes one space or one newline.", scrub.single_spaces),
)
"""What cleans a readable text, in this order."""


def _title(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    return rows["title"].fill_null("")


def _store(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    return _labelled(rows.select(pl.col("store").fill_null("")), "Store: ")


def _categories(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    last = pl.col("categories").fill_null([]).list.tail(settings.categories)
    if settings.main_category:
        # Names of the Hub's files have underscores: Toys_and_Games.
        main = pl.col("category").str.replace_all("_", " ", literal=True)
        last = pl.concat_list(main, last).list.unique(maintain_order=True).list.drop_nulls()
    return _labelled(rows.select(last.list.join(" > ").fill_null("")), "Category: ")


def _labelled(frame: pl.DataFrame, label: str) -> pl.Series:
    text = pl.first()
    return frame.select(pl.when(text != "").then(pl.lit(label) + text).otherwise(pl.lit(""))).to_series()


def _details(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    lines = readable_details(rows["details"], settings.detail_keys_dropped)
    return arranged(lines, settings.detail_keys_first, plain_units=settings.units == "plain")


def _lines(name: str) -> Callable[[pl.DataFrame, TextSettings], pl.Series]:
    return lambda rows, settings: rows.select(scrub.join_lines(pl.col(name))).to_series()


_PARTS: dict[str, Callable[[pl.DataFrame, TextSettings], pl.Series]] = {
    "title": _title,
    "store": _store,
    "categories": _categories,
    "details": _details,
    "features": _lines("features"),
    "description": _lines("description"),
}


def question(settings: PromptSettings) -> str:
    """Return what stands before the text of every prompt."""
    return f"{settings.question}\n\n"


def break_answer(texts: pl.Series, settings: PromptSettings) -> pl.Series:
    """Put a colon into the answer's words where a product's text holds them.

    >>> break_answer(pl.Series(["The Price is $5 today"]), PromptSettings()).to_list()
    ['The Price is: $5 today']
    """
    words = settings.answer
    rows = texts.str.contains(words, literal=True).arg_true()
    if rows.is_empty():
        return texts
    broken = texts.gather(rows).str.replace_all(words, f"{words[:-1].rstrip()}: {words[-1]}", literal=True)
    return texts.clone().scatter(rows, broken)


def answer(settings: PromptSettings, slot: pl.Expr) -> pl.Expr:
    r"""Return what follows the text: a blank line and the price in whole dollars.

    >>> pl.select(answer(PromptSettings(), pl.lit(20))).item()
    '\n\nPrice is $20.00'
    """
    return pl.concat_str(pl.lit(f"\n\n{settings.answer}"), completion(slot))


def completion(slot: pl.Expr) -> pl.Expr:
    """Return the price as a prompt ends: the slot (USD) and ``.00``."""
    return pl.concat_str(slot.cast(pl.String), pl.lit(".00"))


def before_completion(prompt: pl.Expr, slot: pl.Expr) -> pl.Expr:
    """Return whole prompts without their completion: they end on the last ``Price is $``."""
    return prompt.str.head(-completion(slot).str.len_chars().cast(pl.Int64))


def product_text(prompt: pl.Expr, settings: PromptSettings) -> pl.Expr:
    """Return the product text of published prompts: what lies between the question and the answer's words."""
    return prompt.str.slice(len(question(settings))).str.head(-len(f"\n\n{settings.answer}"))


def test_prompt(prompt: pl.Expr, settings: PromptSettings) -> pl.Expr:
    """Return whole prompts cut after the first ``Price is $``, as the course asks them in its test."""
    return prompt.str.splitn(settings.answer, 2).struct[0] + pl.lit(settings.answer)


def chat_question(prompt: pl.Expr, settings: PromptSettings) -> pl.Expr:
    r"""Return the user's message of the chat form, made from whole prompts.

    >>> whole = "How much does this cost to the nearest dollar?\n\nA lamp\n\nPrice is $20.00"
    >>> pl.select(chat_question(pl.lit(whole), PromptSettings())).item()
    'How much does this cost?\n\nA lamp'
    """
    asked = test_prompt(prompt, settings)
    return asked.str.replace_all(" to the nearest dollar", "", literal=True).str.replace_all(
        f"\n\n{settings.answer}", "", literal=True
    )
