"""Map one shard of raw rows to items: price, text, exact token cap, prompt.

Columns of a raw batch: `row` (0-based in the source file), `malformed`, `parent_asin`, `category`, `title`,
`description`, `features`, `details` (JSON text), `price` (string), and those that the recipe's text needs.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import polars as pl

from curator.errors import RecipeError
from curator.items.dropping import (
    Sieve,
    enough_text,
    enough_tokens,
    has_price,
    own_currency,
    own_price_unsaid,
    price_in_range,
    well_formed,
)
from curator.recipe.load import Recipe
from curator.text import prompts
from curator.text.cleaning import break_special_tokens
from curator.text.own_price import MARK, mask_own_price, states_own_price
from curator.text.prices import read_prices, round_price
from curator.text.words import text_hash
from curator.tokens.arrays import Counts
from curator.tokens.encoded import Encoded, Suffixes, Truncated
from curator.tokens.tokenizer import Tokenizer, load_tokenizer

SCHEMA = {
    "shard": pl.UInt32,
    "row": pl.Int64,
    "parent_asin": pl.String,
    "category": pl.String,
    "title": pl.String,
    "price": pl.Float64,
    "slot": pl.Int32,
    "prompt": pl.String,
    "tokens": pl.Int32,
    "text_hash": pl.UInt64,
    "masked": pl.Boolean,
}
"""Columns of an items part.

`text_hash` tells exact copies; it is null where the recipe keeps them. `masked` tells prompts with a masked price.
"""

_NO_ITEMS = pl.DataFrame(schema={name: type_ for name, type_ in SCHEMA.items() if name != "shard"})

# What makes up a text, and isn't needed once it is there.
_RAW = ("description", "features", "details", "store", "categories")


class Mapper:
    """Maps batches of raw rows to items under one recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, loaded when a text first needs it."""
        return load_tokenizer(self.recipe.tokenizer)

    @property
    def first_chars(self) -> int | None:
        """Characters of a text that are looked at first; None for all of them.

        Most texts have more tokens than are kept, so a start of five and a half characters for each of these will do.
        The other texts are looked at again, whole.
        """
        settings, chars = self.recipe.text, 11 * self._tokens_looked_at // 2
        # Whether an amount is masked may hang on words after it.
        masks_start = settings.style == "course" and settings.own_price == "mask"
        if masks_start or not self.tokenizer.settles or not settings.min_chars < chars < settings.max_chars:
            return None
        return chars

    def _first_contents(self, titles: pl.Series) -> Counts:
        """Return how many characters of each contents, which follow the title, are looked at first."""
        settings = self.recipe.text
        if self.first_chars is None:
            return np.full(len(titles), settings.max_chars, np.int64)
        left: Counts = self.first_chars - titles.str.len_chars().fill_null(0).to_numpy().astype(np.int64)
        return left.clip(settings.min_chars + 1)

    @cached_property
    def _tokens_looked_at(self) -> int:
        one = self._answers(pl.Series([0], dtype=SCHEMA["slot"]))
        return int(self._looked_at(one)[0])

    def _looked_at(self, answers: Suffixes) -> Counts:
        """Return how many tokens of each text are asked for."""
        return np.maximum(self._room(answers), self.recipe.tokens.min + 1)

    def __call__(self, raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Map a batch.

        Returns:
            The items, columns as in `SCHEMA` without `shard`, and the fate of every row: `row`, `parent_asin`, `fate`.
        """
        recipe = self.recipe
        price, other_currency = read_prices(raw["price"], recipe.price)
        sieve = self.sieve(raw.with_columns(price=price, other_currency=other_currency))
        sieve.apply(well_formed(), own_currency(), has_price(), price_in_range(recipe))
        if sieve.rows.is_empty():
            return _NO_ITEMS, sieve.fates()
        priced = sieve.rows
        # Lists are dear to filter; what makes up the text stays behind.
        sieve.rows = priced.drop(_RAW, strict=False).with_columns(slot=round_price(pl.col("price"), recipe.price))
        if recipe.text.style == "course":
            # The course counts characters before it cleans, and without the title.
            chars = self._first_contents(priced["title"])
            contents = prompts.course_contents(priced, recipe.text, chars)
            found = {"chars": contents.chars, "more": contents.chars == chars, "at": np.arange(len(chars))}
            sieve.rows = sieve.rows.hstack(pl.DataFrame(found))
            sieve.apply(enough_text(recipe, pl.col("chars")))
            text = prompts.course_text(sieve.rows["title"], contents, sieve.rows["at"].to_numpy())
            sieve.rows = sieve.rows.with_columns(text=text)
        else:
            sieve.rows = sieve.rows.with_columns(text=prompts.readable_text(priced, recipe.text))
            sieve.apply(enough_text(recipe, pl.col("text").str.len_chars()))
        if sieve.rows.is_empty():
            return _NO_ITEMS, sieve.fates()
        masked = pl.lit(value=False)
        if recipe.text.own_price == "mask":
            texts, changed = mask_own_price(sieve.rows["text"], sieve.rows["price"])
            sieve.rows = sieve.rows.with_columns(text=texts, changed=changed)
            masked = pl.col("changed") & pl.col("cut").str.contains(MARK, literal=True)
        sieve.rows = self._with_prompts(sieve.rows, priced)
        sieve.apply(enough_tokens(recipe))
        # A masked text is asked again: a cut can take away the words that made an amount one of something else.
        if recipe.text.own_price != "keep":
            says = states_own_price(sieve.rows["cut"], sieve.rows["price"])
            sieve.rows = sieve.rows.with_columns(says_price=says)
            sieve.apply(own_price_unsaid())
        hashed = text_hash(pl.col("cut")) if recipe.duplicates.exact == "drop" else pl.lit(None, pl.UInt64)
        items = sieve.rows.with_columns(
            hashed.alias("text_hash"), masked.alias("masked"), pl.col("tokens").cast(pl.Int32)
        )
        return items.select(*(name for name in SCHEMA if name != "shard")), sieve.fates()

    def sieve(self, rows: pl.DataFrame) -> Sieve:
        """Return the sieve that takes rows through the dropping rules."""
        return Sieve(rows)

    def prepare(self, texts: pl.Series) -> pl.Series:
        """Return clean texts as the tokenizer gets them: special tokens broken up, if the recipe says so.

        So are the words that come before the answer: in a product's text they would end the prompt too early.
        """
        if self.recipe.text.special_tokens == "keep":
            return texts
        return prompts.break_answer(break_special_tokens(texts, self.tokenizer.special), self.recipe.prompt)

    def _with_prompts(self, rows: pl.DataFrame, priced: pl.DataFrame) -> pl.DataFrame:
        """Add `text_tokens`, `cut` (the text that is kept), `prompt` and its `tokens`.

        Where the first characters of a text settle which tokens are kept, `text_tokens` counts only theirs. Columns in:
        `text`; in the style of the course perhaps only the first characters of it, and then `more` tells so, and `at`
        the row's place in `priced`, the rows with what makes up their texts.
        """
        texts, answers = self.prepare(rows["text"]), self._answers(rows["slot"])
        course = self.recipe.text.style == "course"
        if self.first_chars is None:
            made = self._prompts(self.tokenizer.encode(texts), answers)
        else:
            heads = texts if course else texts.str.head(self.first_chars)
            more = rows["more"] if course else heads.str.len_bytes() != texts.str.len_bytes()
            encoded = self.tokenizer.encode(heads)
            made = self._prompts(encoded, answers)
            settled = self.tokenizer.settled(encoded, self._looked_at(answers))
            again = np.flatnonzero(more.to_numpy() & ~settled)
            if course:
                few = priced.gather(rows["at"].gather(again))
                contents = prompts.course_contents(few, self.recipe.text)
                texts = self.prepare(prompts.course_text(few["title"], contents))
            else:
                texts = texts.gather(again)
            made = _replaced(made, again, self._prompts(self.tokenizer.encode(texts), answers.take(again)))
        return rows.hstack(made)

    def _answers(self, slots: pl.Series) -> Suffixes:
        """Return the answers for the slots."""
        different, which = np.unique(slots.to_numpy(), return_inverse=True)
        slot = pl.lit(pl.Series(different, dtype=slots.dtype))
        return Suffixes(pl.select(prompts.answer(self.recipe.prompt, slot)).to_series(), which)

    def _room(self, answers: Suffixes) -> Counts:
        """Return how many tokens of each text the cap leaves room for, if those around it are counted by themselves."""
        cap, asked = self.recipe.tokens.cap, prompts.question(self.recipe.prompt)
        if self.recipe.tokens.of == "text":
            return np.full(len(answers.which), cap, np.int64)
        around = self.tokenizer.encode(asked + answers.texts).counts
        if len(around) and (least := cap - int(around.max())) < 1:
            raise RecipeError(
                f"tokens.cap = {cap} leaves no room for a text: question and answer alone have {cap - least} tokens"
            )
        return cap - around[answers.which]

    def _prompts(self, encoded: Encoded, answers: Suffixes) -> pl.DataFrame:
        """Return `text_tokens`, `cut`, `prompt` and `tokens` of texts."""
        asked = prompts.question(self.recipe.prompt)
        room = self._room(answers)
        cut = self._cut(encoded, room)
        counts = self.tokenizer.count_around(asked, cut, answers)
        # Tokens of the parts need not add up to those of the whole; where they are over they give way until they fit.
        over = np.flatnonzero(counts > self.recipe.tokens.cap)
        while self.recipe.tokens.of == "prompt" and len(over):
            few, room[over] = encoded.take(over), np.maximum(np.minimum(room, encoded.counts)[over] - 1, 0)
            shorter = self._cut(few, room[over])
            counts[over] = self.tokenizer.count_around(asked, shorter, answers.take(over))
            cut = cut.replaced(over, shorter)
            over = over[counts[over] > self.recipe.tokens.cap]
        kept, whole = cut.within(asked, answers)
        return pl.DataFrame({"text_tokens": encoded.counts, "cut": kept, "prompt": whole, "tokens": counts})

    def _cut(self, encoded: Encoded, room: Counts) -> Truncated:
        """Cut texts; if the cap counts whole prompts, at a word, and a last line that is only a label goes too."""
        if self.recipe.tokens.of == "text":
            return self.tokenizer.cut(encoded, room)
        return self.tokenizer.cut(encoded, room, whole_words=True).without_labels()


def _replaced(frame: pl.DataFrame, rows: Counts, other: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with some of its rows replaced by those of another."""
    places = np.arange(frame.height)
    places[rows] = frame.height + np.arange(other.height)
    # Strings in several chunks are gathered ten times as slowly.
    return pl.concat([frame, other], rechunk=True).gather(places)
