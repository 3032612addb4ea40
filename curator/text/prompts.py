"""Put an item's text together, and the prompt around it."""

from __future__ import annotations

import numpy as np
import polars as pl

from curator.kernels.buffers import to_series
from curator.kernels.types import Int64s
from curator.recipe.load import Recipe
from curator.recipe.settings import PromptSettings, TextSettings
from curator.text import course, readable
from curator.text.course import Contents


def course_contents(rows: pl.DataFrame, settings: TextSettings, chars: Int64s | None = None) -> Contents:
    """Return description, features and details as the course joins them, uncleaned, cut to `text.max_chars`.

    Columns in: `description`, `features` (lists of strings), `details` (JSON text).

    Args:
        rows: The rows.
        settings: The recipe's settings of the text.
        chars: Cut each to as many characters instead.
    """
    if chars is None:
        chars = np.full(rows.height, settings.max_chars, np.int64)
    return course.contents(rows, settings.removals, chars)


def course_text(titles: pl.Series, contents: Contents, rows: Int64s | None = None) -> pl.Series:
    """Return the scrubbed title, a newline and the scrubbed contents; a null title counts as empty.

    Args:
        titles: The titles.
        contents: The contents.
        rows: The place of each title's contents, if there are others among these.
    """
    return course.scrub_together(titles, contents.utf8, rows)


def readable_text(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    """Return title, categories, store, details, features and description as clean lines, in the recipe's order.

    Columns in: those that `text.fields` names, and `category`. A part that a row lacks leaves no line.
    """
    return readable.clean(readable.lines(rows, settings))


def readable_lines(rows: pl.DataFrame, settings: TextSettings) -> pl.Series:
    """Return the lines of readable texts uncleaned, cut to `text.max_chars`."""
    return to_series(readable.lines(rows, settings))


def question(settings: PromptSettings) -> str:
    """Return what stands before the text of every prompt."""
    return f"{settings.question}\n\n"


def break_answer(texts: pl.Series, settings: PromptSettings) -> pl.Series:
    """Put a colon into the answer's words where a product's text holds them.

    Words that a colon does not break up, such as a lone ``$``, stay.

    >>> break_answer(pl.Series(["The Price is $5 today"]), PromptSettings()).to_list()
    ['The Price is: $5 today']
    """
    words = settings.answer
    apart = f"{words[:-1].rstrip()}: {words[-1]}"
    rows = texts.str.contains(words, literal=True).arg_true()
    if rows.is_empty() or words in apart:
        return texts
    broken = texts.gather(rows).str.replace_all(words, apart, literal=True)
    return texts.clone().scatter(rows, broken)


def answer(settings: PromptSettings, slot: pl.Expr) -> pl.Expr:
    r"""Return what follows the text: a blank line and the price in whole units.

    >>> pl.select(answer(PromptSettings(), pl.lit(20))).item()
    '\n\nPrice is $20.00'
    """
    return pl.concat_str(pl.lit(f"\n\n{settings.answer}"), completion(slot))


def completion(slot: pl.Expr) -> pl.Expr:
    """Return the price as a prompt ends: the slot and ``.00``."""
    return pl.concat_str(slot.cast(pl.String), pl.lit(".00"))


def before_completion(prompt: pl.Expr, slot: pl.Expr) -> pl.Expr:
    """Return whole prompts without their completion: they end on the last ``Price is $``."""
    return prompt.str.head(-completion(slot).str.len_chars().cast(pl.Int64))


def product_text(prompt: pl.Expr, settings: PromptSettings) -> pl.Expr:
    """Return the product text of published prompts: what lies between the question and the answer's words."""
    return prompt.str.slice(len(question(settings))).str.head(-len(f"\n\n{settings.answer}"))


def test_prompt(prompt: pl.Expr, recipe: Recipe) -> pl.Expr:
    """Return published prompts as the test rows of config `text` have them.

    The course cuts them after the first ``Price is $``, even one in a product's text; other recipes leave them whole.
    """
    answer = recipe.prompt.answer
    return prompt.str.splitn(answer, 2).struct[0] + pl.lit(answer) if recipe.text.style == "course" else prompt


def chat_question(prompt: pl.Expr, recipe: Recipe) -> pl.Expr:
    r"""Return the user's message of the chat form, from published prompts.

    How precise an answer is goes from the question: a chat answers with the price as listed. The course deletes it,
    and the answer words after a blank line, from the product's text too.

    >>> prompt = "How much does this cost to the nearest dollar?\n\nA lamp\n\nPrice is $"
    >>> pl.select(chat_question(pl.lit(prompt), Recipe())).item()
    'How much does this cost?\n\nA lamp'
    """
    phrase, answer = recipe.price.precision, f"\n\n{recipe.prompt.answer}"
    if recipe.text.style == "course":
        asked = test_prompt(prompt, recipe).str.replace_all(phrase, "", literal=True)
        return asked.str.replace_all(answer, "", literal=True)
    return pl.lit(question(recipe.prompt).replace(phrase, "")) + product_text(prompt, recipe.prompt)
