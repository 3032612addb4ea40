"""A recipe: every setting of a run in one frozen object, read from TOML.

A recipe is data. Loading one runs no code and opens no network connection. Each key carries the sentence and the
unit that `curator recipes show` prints.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, Field, ValidationError, model_validator

from curator.errors import RecipeError, nearest
from curator.recipe.settings import (
    CardSettings,
    DuplicateSettings,
    OpenAISettings,
    PriceSettings,
    PromptSettings,
    Section,
    SlotSettings,
    SourceSettings,
    SplitSettings,
    TextSettings,
    TokenSettings,
)
from curator.system.paths import existing

BUILT_IN = ("pricer", "course-v1")
"""Names of the recipes that come with curator."""
DEFAULT = "pricer"
"""The recipe of a build that names none."""

_SHOWN = 200
"""Characters of a value that a message shows."""


class Recipe(Section):
    """Every setting of a run."""

    name: str = Field(
        "custom",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the recipe: letters, digits, dots, dashes and underscores.",
    )
    tokenizer: str = Field(
        "o200k_base",
        min_length=1,
        description="The tokenizer that counts: o200k_base or cl100k_base (installed with curator), a folder or file"
        " tokenizer.json, or a Hugging Face repository; never replaced by another.",
    )
    source: SourceSettings = Field(SourceSettings(), description="How a table is read.")
    price: PriceSettings = Field(PriceSettings(), description="Which prices are kept, and how they are rounded.")
    text: TextSettings = Field(TextSettings(), description="The parts of the product text, and how it is cleaned.")
    tokens: TokenSettings = Field(TokenSettings(), description="How long a prompt may be.")
    prompt: PromptSettings = Field(PromptSettings(), description="The words around the product text.")
    duplicates: DuplicateSettings = Field(
        DuplicateSettings(), description="Whether copies are kept, and how near-copies are split."
    )
    slots: SlotSettings = Field(
        SlotSettings(), description="How many items of each price in whole units (slots 1 to 999) go into the sample."
    )
    split: SplitSettings = Field(SplitSettings(), description="How the shuffled sample is divided.")
    openai: OpenAISettings = Field(OpenAISettings(), description="The chat form for OpenAI fine-tuning.")
    card: CardSettings = Field(CardSettings(), description="What the card says of the data's origin.")

    @model_validator(mode="before")
    @classmethod
    def _derived(cls, tree: Any) -> Any:
        """Set what follows from other tables, where it is not set: the currency's words, the course's reading."""
        if not isinstance(tree, Mapping):
            return tree
        price, text, prompt = (tree.get(name, {}) for name in ("price", "text", "prompt"))
        if isinstance(price, Mapping) and isinstance(text, Mapping) and text.get("style") == "course":
            price = {"reading": "python", **price}
        try:
            settings = PriceSettings.model_validate(price)
        except ValidationError:
            return tree
        if isinstance(prompt, Mapping):
            question, answer = f"How much does this cost{settings.precision}?", f"Price is {settings.symbol}"
            prompt = {"question": question, "answer": answer, **prompt}
        return {**tree, "price": settings, "prompt": prompt}

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
        if self.text.style == "course" and (self.price.currency, self.price.unit) != ("USD", 1):
            raise ValueError(
                "text.style 'course' goes with price.currency USD and price.unit 1, as the course has them"
            )
        return self

    def __repr__(self) -> str:
        return f"Recipe({self.name!r}, tokenizer={self.tokenizer!r})"

    def __str__(self) -> str:
        return explain(self)

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


def load_recipe(name: str | Path = DEFAULT, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Load a built-in recipe or a TOML file, then apply dotted `settings` on top.

    Args:
        name: A built-in name (`pricer`, `course-v1`) or else the path of a TOML file (``./pricer``), which may hold
            ``extends = "NAME"``.
        settings: Dotted keys to values, such as ``{"slots.cap": 30}``.

    Raises:
        RecipeError: An unknown recipe or key, a value of the wrong type or out of range.

    Example:
        >>> load_recipe("pricer", {"slots.cap": 600}).slots.cap
        600
    """
    name = str(name)
    tree = _read(name)
    if settings is not None and not isinstance(settings, Mapping):
        raise RecipeError(f'settings are a dict, such as {{"slots.cap": 30}}, not {type(settings).__name__}')
    for key, value in (settings or {}).items():
        # A number of numpy is a number.
        _set(tree, key, value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value)
    return _validate(tree, name)


def as_recipe(
    recipe: str | Path | Recipe,
    settings: Mapping[str, Any] | None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
) -> Recipe:
    """Return a recipe that is named or loaded already.

    Args:
        recipe: A name, a path, or what `load_recipe` returned.
        settings: Keys to set, if the recipe is named.
        columns: Which columns of a table hold ours; besides those that the recipe names.

    Raises:
        RecipeError: As `load_recipe`; or settings come with a loaded recipe.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, settings)
        settings = None
    if columns:
        tree = recipe.model_dump(mode="json")
        tree["source"]["columns"].update(columns)
        recipe = _validate(tree, recipe.name)
    if settings:
        raise RecipeError("settings go with a recipe's name: curator.load_recipe(NAME, settings)")
    return recipe


def complete_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a run recorded, with those that its version of curator did not have yet.

    Raises:
        ValueError: They are those of no recipe.
    """
    return Recipe.model_validate(settings).model_dump(mode="json")


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
        raise RecipeError(f"--set {text!r} is not KEY=VALUE: it needs a key, then =")
    try:
        read = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return key.strip(), value
    # More than one key: the value went on with a line that looks like TOML by itself.
    return key.strip(), read["value"] if len(read) == 1 else value


def parse_mapping(text: str) -> tuple[str, str]:
    """Split ``OURS=THEIRS``.

    >>> parse_mapping("title=Product Name")
    ('title', 'Product Name')

    Raises:
        RecipeError: There is no ``=``, or nothing on one of its sides.
    """
    ours, _, theirs = text.partition("=")
    if not ours.strip() or not theirs:
        raise RecipeError(f"--map {text!r} is not OURS=THEIRS, such as title=name")
    return ours.strip(), theirs


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
    lines: list[str] = []
    for name, value in recipe.model_dump(mode="json").items():
        field = Recipe.model_fields[name]
        if not isinstance(value, dict):
            lines += ["", f"# {field.description}", tomli_w.dumps({name: value}).rstrip()]
            continue
        section = field.annotation
        assert isinstance(section, type) and issubclass(section, BaseModel)
        lines += ["", f"# {field.description}", f"[{name}]"]
        for inner, setting in value.items():
            # An inline table keeps a table of weights below its sentence.
            text = f"{inner} = {_inline(setting)}" if isinstance(setting, dict) else tomli_w.dumps({inner: setting})
            lines += [f"# {section.model_fields[inner].description}", text.rstrip()]
    return "\n".join(lines[1:]) + "\n"


def _inline(table: Mapping[str, Any]) -> str:
    return f"{{{', '.join(tomli_w.dumps({key: value}).strip() for key, value in table.items())}}}"


def _read(name: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the tree of a recipe, its `extends` resolved."""
    if name in seen:
        raise RecipeError(f"recipe {name!r} extends itself: {' -> '.join((*seen, name))}")
    if name in BUILT_IN:
        text = resources.files("curator").joinpath("recipe", f"{name}.toml").read_text("utf-8")
        base_folder = None
    else:
        path = existing(name)
        if path is None:
            raise RecipeError(
                f"no recipe {name!r}, and no such file: there are {', '.join(BUILT_IN)}.{nearest(name, BUILT_IN)}"
            )
        if seen and not path.is_file():
            # Whoever wrote `extends` may be somebody else, and a device or a pipe may never end.
            raise RecipeError(f"recipe {seen[-1]!r} extends {name!r}, which is not a regular file")
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe file {name!r} can't be read: {error}") from error
        # Whole, since "./" tells a file from the built-in recipe of its name.
        base_folder = path.absolute().parent
    try:
        tree = tomllib.loads(text)
    # A ValueError of another kind is a number too long to be read.
    except (ValueError, RecursionError) as error:
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
    if not key or isinstance(first["input"], Mapping):
        # Of a whole table; the sentence names the keys.
        raise RecipeError(f"recipe {source!r}: {what}")
    value = repr(first["input"])
    shown = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
    raise RecipeError(f"recipe {source!r}: {key} = {shown} can't be used. {what}.")
