"""The settings of a recipe, a table each: every key with its type, its default, its unit and its sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from curator.recipe.currencies import Money, currency


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _web_address(value: str) -> str:
    if value and re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]+", value) is None:
        raise ValueError("It is an address of the web: https://, and no character that URLs write with %")
    return value


def _licence(value: str) -> str:
    name = value.lower()
    if name and (name == "other" or re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", name) is None):
        raise ValueError(
            "A licence is named as on https://huggingface.co/docs/hub/repositories-licenses (cc-by-4.0), or by a name"
            " of your own of letters, digits, dots and dashes (house-rules-1.0)"
        )
    return name


def _language(value: str) -> str:
    if re.fullmatch(r"[a-z]{2,3}|code|multilingual", value) is None:
        raise ValueError("A language is a code of ISO 639 in small letters, such as en, de or yue")
    return value


Strings = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of strings; TOML's arrays are taken for tuples."""
Line = Annotated[str, AfterValidator(_one_line)]
"""A text on one line; white space in it becomes a space."""
Language = Annotated[str, AfterValidator(_language)]
"""A language as the Hub names it."""
TextField = Literal["title", "categories", "store", "details", "features", "description"]
"""Fields of a raw row that a text may be made of."""


_MAX_DROPPED = 20_000


class Section(BaseModel):
    """A table of a recipe: known keys only, each of its type, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False)


Column = Literal[
    "title", "description", "features", "details", "price", "main_category", "parent_asin", "store", "categories"
]
"""Columns of a raw row."""
_OF_SEVERAL = ("description", "features", "details", "categories")


class SourceSettings(Section):
    """The table `source` of a recipe."""

    columns: dict[Column, Annotated[Strings, BeforeValidator(_as_list)]] = Field(
        {},
        description='Which columns of a table hold ours: title = "name"; of details, features, description and'
        " categories several, as a list. Columns of our names, and of editions that curator knows, need none.",
    )

    @model_validator(mode="after")
    def _single(self) -> SourceSettings:
        for ours, theirs in self.columns.items():
            if not theirs or not all(theirs):
                raise ValueError(f"source.columns.{ours} names no column")
            if len(theirs) > 1 and ours not in _OF_SEVERAL:
                raise ValueError(
                    f"source.columns.{ours} names {len(theirs)} columns; several make up {', '.join(_OF_SEVERAL)} only"
                )
        return self


class PriceSettings(Section):
    """The table `price` of a recipe."""

    currency: str = Field(
        "USD",
        pattern=r"^[A-Z]{3}$",
        description="The currency of prices, prompts and limits (ISO 4217); rows in another are dropped.",
    )
    symbol: str = Field(
        "$",
        min_length=1,
        description="What stands before an amount in prompts and answers; by default the currency's own.",
    )
    unit: float = Field(
        1, gt=0, le=1e9, description="How much of the currency a slot is wide: 100 puts 12,800 yen into slot 128."
    )
    reading: Literal["shop", "python"] = Field(
        "shop",
        description="shop: prices as shops write them ($1,299.00, 24.99 USD); python: what Python's float reads.",
    )
    min: float = Field(
        0.5, ge=0, le=1e12, description="Lowest price kept (in the currency); by default 0.5 of price.unit."
    )
    max: float = Field(
        999.49, gt=0, le=1e12, description="Highest price kept (in the currency); by default 999.49 of price.unit."
    )
    rounding: Literal["half_even", "half_up"] = Field(
        "half_up",
        description="How a price becomes whole units: half_up sends $0.50 to 1; half_even (Python's round) to 0.",
    )

    @model_validator(mode="before")
    @classmethod
    def _derived(cls, table: Any) -> Any:
        """Set what follows from currency and unit, where it is not set."""
        if not isinstance(table, Mapping):
            return table
        code, unit = table.get("currency", "USD"), table.get("unit", 1)
        known: dict[str, Any] = {"symbol": currency(code).symbol} if isinstance(code, str) else {}
        if isinstance(unit, int | float) and math.isfinite(unit):
            known |= {"min": 0.5 * unit, "max": round(999.49 * unit, 6)}
        return {**known, **table}

    @model_validator(mode="after")
    def _ordered(self) -> PriceSettings:
        if self.min > self.max:
            raise ValueError(f"price.min {self.min} is above price.max {self.max}")
        if self.max / self.unit >= 999.5:
            enough = 10 ** math.ceil(math.log10(self.max / 999.49))
            raise ValueError(
                f"price.max {self.max:,.10g} is above the last slot, 999 × {self.unit:,.10g} {self.currency}:"
                f" set price.unit = {enough:g}, or price.max below {999.5 * self.unit:,.10g}"
            )
        return self

    @property
    def money(self) -> Money:
        """How amounts are written."""
        return Money.of(self.model_dump())

    @property
    def precision(self) -> str:
        """How precise an answer is, at the end of a question.

        >>> PriceSettings().precision, PriceSettings(currency="JPY", unit=100).precision
        (' to the nearest dollar', ', in units of 100 yen')
        """
        own = currency(self.currency)
        return f" to the nearest {own.unit}" if self.unit == 1 else f", in units of {self.unit:,.10g} {own.units}"


class TextSettings(Section):
    """The table `text` of a recipe."""

    fields: Annotated[tuple[TextField, ...], Field(strict=False)] = Field(
        ("title", "categories", "details", "features", "description"),
        min_length=1,
        description="The parts of the text in their order; what comes first survives the token cap.",
    )
    style: Literal["readable", "course"] = Field(
        "readable",
        description="readable: entities, tags and markup removed, details as `Key: value`; course: the original"
        " course's scrubbing, on details as JSON text, and its cuts of test prompts and chat questions.",
    )
    min_chars: int = Field(
        100, ge=0, le=10**7, description="Keep a row only if its text has more characters (code points)."
    )
    max_chars: int = Field(
        1120, ge=1, le=10**7, description="Only this many first characters (code points) of a text are used."
    )
    categories: int = Field(2, ge=0, le=100, description="Number of last, most specific categories in the text.")
    main_category: bool = Field(
        True, description="Whether the item's category comes before its last categories (readable style)."
    )
    detail_keys_first: Strings = Field(
        (), description="Keys of `details` that come first, in this order (readable style; case ignored)."
    )
    units: Literal["plain", "as_listed"] = Field(
        "plain",
        description="How weights and sizes of `details` are written (readable style): plain is ounces or pounds with"
        " grams, and inches, shortest side first, to two digits; or as the page lists them.",
    )
    prose_lines: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Maximum lines of features and description together (readable style); 0 means all.",
    )
    prose_chars: int = Field(
        0,
        ge=0,
        le=10**6,
        description="Each line of features and description ends with its first clause, or after N characters"
        " (readable style); 0 means whole lines.",
    )
    detail_keys_dropped: Strings = Field(
        (), description="Keys of `details` that are left out (readable style; case ignored)."
    )
    removals: Strings = Field(
        (), description="Substrings deleted from the details text one after the other (course style)."
    )
    own_price: Literal["keep", "mask", "drop"] = Field(
        "drop",
        description="Whether to keep an item whose text states its own price, mask the amount as [price]"
        " (an item that the cut leaves stating it is dropped), or drop it.",
    )
    special_tokens: Literal["keep", "break"] = Field(
        "break", description="Whether strings such as <|endoftext|> in a text stay, or are broken up by a space."
    )

    @model_validator(mode="after")
    def _short(self) -> TextSettings:
        # They become one pattern, whose size the regex engine limits.
        if (length := sum(map(len, self.detail_keys_dropped))) > _MAX_DROPPED:
            raise ValueError(
                f"text.detail_keys_dropped has {length:,} characters in all; the limit is {_MAX_DROPPED:,}"
            )
        return self


class TokenSettings(Section):
    """The table `tokens` of a recipe."""

    min: int = Field(0, ge=0, le=10**6, description="Keep an item only if its text has more tokens.")
    cap: int = Field(180, ge=1, le=10**6, description="Maximum tokens of the text or of the whole prompt (see `of`).")
    of: Literal["text", "prompt"] = Field(
        "prompt", description="Whether the cap counts the product text alone, or the whole prompt with its answer."
    )


class PromptSettings(Section):
    """The table `prompt` of a recipe."""

    question: str = Field(
        "How much does this cost to the nearest dollar?",
        min_length=1,
        description="First line of a prompt; by default it names the currency's unit.",
    )
    answer: str = Field(
        "Price is $",
        min_length=1,
        description="Words before the price; the prompt ends with them. By default they end with price.symbol.",
    )


class DuplicateSettings(Section):
    """The table `duplicates` of a recipe."""

    exact: Literal["keep", "drop"] = Field(
        "drop",
        description="Whether items with the same text (case and punctuation ignored) are kept, or only the first.",
    )
    near: Literal["keep", "together"] = Field(
        "together",
        description="together: items with nearly the same text go into one split, and no validation or test row is"
        " that similar to a train row; keep: they fall where they may.",
    )
    similarity: float = Field(
        0.5,
        ge=0.2,
        le=1,
        description="Jaccard similarity of word 3-grams from which two texts count as near-copies.",
    )
    cluster_cap: int = Field(
        100,
        ge=1,
        le=10**6,
        description="Maximum items of a cluster; a larger one is divided, and none of its items is held out.",
    )
    per_cluster: int = Field(
        0,
        ge=0,
        le=10**6,
        description="Maximum items kept of a cluster, those with the most tokens; 0 means all.",
    )


class SlotSettings(Section):
    """The table `slots` of a recipe."""

    cap: int = Field(1200, ge=1, le=10**9, description="Maximum items taken from a slot below `whole_from`.")
    whole_from: int = Field(
        240, ge=1, le=1000, description="Slots from this one on (in units of price.unit) are taken whole."
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of numpy's legacy generator, set once for the sample.")
    weights: dict[str, float] = Field(
        {}, description="Weight of a category when a slot is over its cap; relative to `default_weight`."
    )
    default_weight: float = Field(
        5.0, ge=1e-6, le=1e6, description="Weight of all other categories, and of items without a category."
    )

    @model_validator(mode="after")
    def _positive(self) -> SlotSettings:
        for name, weight in self.weights.items():
            if not 1e-6 <= weight <= 1e6:
                raise ValueError(f"slots.weights.{name} is {weight:g}; a weight is a number from 1e-6 to 1e6")
        return self


class SplitSettings(Section):
    """The table `split` of a recipe."""

    train: int = Field(0, ge=0, le=10**9, description="Rows of train; 0 means all that the other splits leave.")
    validation: int = Field(10_000, ge=0, le=10**9, description="Rows of validation; 0 means there is none.")
    test: int = Field(10_000, ge=0, le=10**9, description="Rows of test; 0 means there is none.")
    held_out_share: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Maximum share of the sample for each of validation and test; 1 means no limit.",
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of Python's random.Random, which shuffles the sample.")


class CardSettings(Section):
    """The table `card` of a recipe."""

    title: Line = Field("", description="Title of the dataset; empty: one that names the recipe.")
    source: Line = Field(
        "", description="Where the rows come from, in a sentence; empty: what curator knows of it, if anything."
    )
    source_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "", description="Page that describes the source (https://…)."
    )
    license: Annotated[str, AfterValidator(_licence)] = Field(
        "",
        description="Licence of the dataset, as the Hub names it (cc-by-4.0), or a name of your own; empty: none is"
        " claimed that the sources don't state.",
    )
    language: Annotated[tuple[Language, ...], Field(strict=False), BeforeValidator(_as_list)] = Field(
        (), description="Languages of the texts (ISO 639: en, de); empty: only those that curator knows are claimed."
    )


class OpenAISettings(Section):
    """The table `openai` of a recipe."""

    system: str = Field(
        "You estimate prices of items. Reply only with the price, no explanation",
        min_length=1,
        description="The system message of each line.",
    )
