"""A recipe: every setting of a run in one frozen object, read from TOML.

A recipe is data. Loading one runs no code and opens no network connection. Each key carries the sentence and the
unit that `curator recipes show` prints.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curator.errors import RecipeError, nearest
from curator.paths import existing

BUILT_IN = ("pricer", "course-v1")
DEFAULT = "pricer"

Strings = Annotated[tuple[str, ...], Field(strict=False)]
TextField = Literal["title", "categories", "store", "details", "features", "description"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False)


class PriceSettings(_Section):
    """Which prices are kept, and how they are rounded."""

    min: float = Field(0.5, ge=0, le=1e6, description="Lowest price kept (USD).")
    max: float = Field(999.49, gt=0, le=1e6, description="Highest price kept (USD).")
    rounding: Literal["half_even", "half_up"] = Field(
        "half_up",
        description="How a price becomes whole dollars: half_up sends $0.50 to 1; half_even (Python's round) to 0.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> PriceSettings:
        if self.min > self.max:
            raise ValueError(f"price.min {self.min} is above price.max {self.max}")
        return self


class TextSettings(_Section):
    """What the product text is made of, and how it is cleaned."""

    fields: Annotated[tuple[TextField, ...], Field(strict=False)] = Field(
        ("title", "categories", "details", "features", "description"),
        min_length=1,
        description="The parts of the text in their order; what comes first survives the token cap.",
    )
    style: Literal["readable", "course"] = Field(
        "readable",
        description="readable: entities, tags and markup removed, details as `Key: value`; course: the original"
        " course's scrubbing, on details as JSON text.",
    )
    min_chars: int = Field(
        100, ge=0, le=10**7, description="Keep a row only if its text has more characters (code points)."
    )
    max_chars: int = Field(330, ge=1, le=10**7, description="Characters (code points) of text that are looked at.")
    categories: int = Field(2, ge=0, le=100, description="How many of the last, most specific categories are written.")
    main_category: bool = Field(
        True, description="Whether the item's category stands before its last categories (readable style)."
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
        3,
        ge=0,
        le=10_000,
        description="Most lines of features and description together (readable style); 0 means all.",
    )
    prose_chars: int = Field(
        60,
        ge=0,
        le=10**6,
        description="Each line of features and description ends with its first clause, or after so many characters"
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
        description="What happens to an item whose text states its own price: keep it, mask the amount as [price]"
        " (an item that the cut leaves stating it is dropped), or drop it.",
    )
    special_tokens: Literal["keep", "break"] = Field(
        "break", description="Whether strings such as <|endoftext|> in a text stay, or are broken up by a space."
    )


class TokenSettings(_Section):
    """How long a prompt may be."""

    min: int = Field(0, ge=0, le=10**6, description="Keep an item only if its text has more tokens.")
    cap: int = Field(180, ge=1, le=10**6, description="Most tokens of the text or of the whole prompt (see `of`).")
    of: Literal["text", "prompt"] = Field(
        "prompt", description="What the cap counts: the product text alone, or the whole prompt with its answer."
    )


class PromptSettings(_Section):
    """The words around the product text."""

    question: str = Field(
        "How much does this cost to the nearest dollar?", min_length=1, description="First line of a prompt."
    )
    answer: str = Field("Price is $", min_length=1, description="What comes before the price; the prompt ends on it.")


class DuplicateSettings(_Section):
    """What happens to copies and near-copies of a product."""

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
        description="From which similarity on two texts are near-copies: shared share of their word 3-grams (Jaccard).",
    )
    cluster_cap: int = Field(
        100,
        ge=1,
        le=10**6,
        description="Most items of a cluster; where more hang together, they are parted and none is held out.",
    )
    per_cluster: int = Field(
        0,
        ge=0,
        le=10**6,
        description="Most items kept of a cluster, those with the most tokens; 0 means all.",
    )


class SlotSettings(_Section):
    """How many items of each whole-dollar price (slots 1 to 999) go into the sample."""

    cap: int = Field(1200, ge=1, le=10**9, description="Most items taken from a slot below `whole_from`.")
    whole_from: int = Field(240, ge=1, le=1000, description="Slots from this price on (USD) are taken whole.")
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of numpy's legacy generator, set once for the sample.")
    weights: dict[str, float] = Field(
        {}, description="Weight of a category when a slot is over its cap; relative to `default_weight`."
    )
    default_weight: float = Field(5.0, ge=1e-6, le=1e6, description="Weight of all other categories, and of none.")

    @model_validator(mode="after")
    def _positive(self) -> SlotSettings:
        for name, weight in self.weights.items():
            if not 1e-6 <= weight <= 1e6:
                raise ValueError(f"slots.weights.{name} is {weight:g}; a weight is a number from 1e-6 to 1e6")
        return self


class SplitSettings(_Section):
    """How the shuffled sample is divided."""

    train: int = Field(0, ge=0, le=10**9, description="Rows of train; 0 means all that the other splits leave.")
    validation: int = Field(10_000, ge=0, le=10**9, description="Rows of validation; 0 means there is none.")
    test: int = Field(10_000, ge=0, le=10**9, description="Rows of test; 0 means there is none.")
    held_out_share: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Most of the sample that validation and test may each take (share); 1 means no limit.",
    )
    seed: int = Field(42, ge=0, lt=2**32, description="Seed of Python's random.Random, which shuffles the sample.")


class OpenAISettings(_Section):
    """The chat form for OpenAI fine-tuning."""

    system: str = Field(
        "You estimate prices of items. Reply only with the price, no explanation",
        min_length=1,
        description="The system message of each line.",
    )


class Recipe(_Section):
    """Every setting of a run."""

    name: str = Field(
        "custom",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="What the recipe is called: letters, digits, dots, dashes and underscores.",
    )
    tokenizer: str = Field(
        "o200k_base",
        min_length=1,
        description="The tokenizer that counts: o200k_base or cl100k_base (installed with curator), a folder or file"
        " tokenizer.json, or a Hugging Face repository; never replaced by another.",
    )
    price: PriceSettings = PriceSettings()
    text: TextSettings = TextSettings()
    tokens: TokenSettings = TokenSettings()
    prompt: PromptSettings = PromptSettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    slots: SlotSettings = SlotSettings()
    split: SplitSettings = SplitSettings()
    openai: OpenAISettings = OpenAISettings()

    @model_validator(mode="after")
    def _coherent(self) -> Recipe:
        if self.tokens.of == "text" and self.tokens.min >= self.tokens.cap:
            raise ValueError(f"tokens.min {self.tokens.min} leaves nothing under tokens.cap {self.tokens.cap}")
        if len(set(self.text.fields)) < len(self.text.fields):
            raise ValueError(f"text.fields names a part twice: {', '.join(self.text.fields)}")
        if self.text.min_chars >= self.text.max_chars:
            raise ValueError(f"text.min_chars {self.text.min_chars} is not below text.max_chars {self.text.max_chars}")
        if self.text.style == "course" and self.text.fields != ("title", "description", "features", "details"):
            raise ValueError("text.style 'course' goes with text.fields title, description, features, details")
        return self

    def to_toml(self) -> str:
        """Return the recipe as TOML with every key, enough to load the same recipe again."""
        return tomli_w.dumps(self.model_dump(mode="json"))

    def mapping_key(self) -> str:
        """Return a digest of the settings that the map step depends on (hex)."""
        mapped = self.model_dump(
            mode="json",
            include={"price": True, "text": True, "tokens": True, "prompt": True, "duplicates": {"exact"}},
        )
        return hashlib.sha256(json.dumps(mapped, sort_keys=True).encode()).hexdigest()


def load_recipe(name: str = DEFAULT, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Load a built-in recipe or a TOML file, then apply dotted `settings` on top.

    Args:
        name: A built-in name (`pricer`, `course-v1`) or the path of a TOML file, which may hold ``extends = "NAME"``.
        settings: Dotted keys to values, such as ``{"slots.cap": 30}``.

    Raises:
        RecipeError: An unknown recipe or key, a value of the wrong type or out of range.
    """
    tree = _read(name)
    for key, value in (settings or {}).items():
        _set(tree, key, value)
    return _validate(tree, name)


def parse_setting(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE``; the value is TOML if it reads as TOML, else a string.

    >>> parse_setting("slots.cap=30")
    ('slots.cap', 30)
    >>> parse_setting("tokenizer=../llama")
    ('tokenizer', '../llama')

    Raises:
        RecipeError: There is no ``=`` or no key.
    """
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise RecipeError(f"--set {text!r} is not KEY=VALUE. Example: --set slots.cap=30")
    try:
        read = tomllib.loads(f"value = {value}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return key.strip(), value
    # More than one key: the value went on with a line that looks like TOML by itself.
    return key.strip(), read["value"] if len(read) == 1 else value


def keys() -> Iterator[tuple[str, str]]:
    """Yield every dotted key with its sentence."""
    for name, field in Recipe.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for inner, detail in section.model_fields.items():
                yield f"{name}.{inner}", detail.description or ""
        else:
            yield name, field.description or ""


def explain(recipe: Recipe) -> str:
    """Return the recipe as TOML in which each key is preceded by its sentence."""
    lines = [f"# {line}" for line in (Recipe.__doc__ or "").splitlines()[:1]]
    for name, value in recipe.model_dump(mode="json").items():
        field = Recipe.model_fields[name]
        if not isinstance(value, dict):
            lines += ["", f"# {field.description}", tomli_w.dumps({name: value}).rstrip()]
            continue
        section = field.annotation
        assert isinstance(section, type) and issubclass(section, BaseModel)
        lines += ["", f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
        for inner, setting in value.items():
            # An inline table keeps a table of weights below its sentence.
            text = f"{inner} = {_inline(setting)}" if isinstance(setting, dict) else tomli_w.dumps({inner: setting})
            lines += [f"# {section.model_fields[inner].description}", text.rstrip()]
    return "\n".join(lines[2:]) + "\n"


def _inline(table: Mapping[str, Any]) -> str:
    return f"{{{', '.join(tomli_w.dumps({key: value}).strip() for key, value in table.items())}}}"


def _read(name: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the tree of a recipe, its `extends` resolved."""
    if name in seen:
        raise RecipeError(f"recipe {name!r} extends itself: {' -> '.join((*seen, name))}")
    if name in BUILT_IN:
        text = resources.files("curator").joinpath("recipes", f"{name}.toml").read_text("utf-8")
        base_folder = None
    else:
        path = existing(name)
        if path is None:
            raise RecipeError(
                f"no recipe {name!r}, and no such file: there are {', '.join(BUILT_IN)}.{nearest(name, BUILT_IN)}"
            )
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe file {name!r} can't be read: {error}") from error
        base_folder = path.parent
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"recipe file {name!r} is not valid TOML: {error}") from error
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise RecipeError(f"{name}: extends is {parent!r}; it is the name of a recipe or a .toml file")
    if parent not in BUILT_IN and base_folder is not None:
        parent = str(base_folder / parent) if existing(str(base_folder / parent)) else parent
    return _merge(_read(parent, (*seen, name)), tree)


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one tree over another; tables merge, all else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        # Weights are one value, not settings: a recipe that names its own replaces its parent's.
        merged[key] = _merge(merged[key], value) if both and key != "weights" else value
    return merged


def _set(tree: dict[str, Any], key: str, value: Any) -> None:
    """Put `value` at the dotted `key`."""
    *path, last = key.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise RecipeError(f"unknown recipe key {key!r}: {part!r} has no keys below it")
    tree[last] = value


def _validate(tree: dict[str, Any], source: str) -> Recipe:
    """Turn a tree into a recipe, or the first thing wrong with it into one message."""
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [*(name for name, _ in keys()), *Recipe.model_fields]
        raise RecipeError(
            f"recipe {source!r} has an unknown key {key!r}.{nearest(key, known)} `curator recipes show` lists them all."
        )
    what = first["msg"].removeprefix("Value error, ")
    if not key:
        raise RecipeError(f"recipe {source!r}: {what}")
    raise RecipeError(f"recipe {source!r}: {key} = {first['input']!r} can't be used. {what}.")
