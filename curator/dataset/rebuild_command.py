"""The command that builds a dataset again, made from its manifest: names of sources and recipe keys, no path."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from curator.errors import RecipeError
from curator.recipe.load import BUILT_IN, DEFAULT, load_recipe, parse_setting
from curator.sources.categories import COURSE, REPOSITORY
from curator.system.display import visible

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def command(manifest: Mapping[str, Any]) -> str:
    """Return the `curator build` command for a manifest, one option a line.

    >>> recipe = load_recipe("pricer", {"slots.cap": 30}).model_dump(mode="json")
    >>> print(command({"sources": [{"kind": "demo", "name": "demo:50:1"}], "recipe": recipe}))
    curator build demo:50:1 --recipe pricer \\
      --set slots.cap=30
    """
    recipe = manifest["recipe"]
    base = recipe["name"] if recipe["name"] in BUILT_IN else DEFAULT
    changes = _changes(load_recipe(base).model_dump(mode="json"), recipe)
    lines = [f"curator build {shlex.join(source_names(manifest['sources']))} --recipe {base}"]
    lines += [f"--set {shlex.quote(f'{key}={_value(key, value)}')}" for key, value in changes]
    return visible(" \\\n  ".join(lines), keep="\n")


def source_names(sources: list[dict[str, Any]]) -> list[str]:
    """Return what `curator build` reads again: categories, files of other datasets of the Hub, names for all others."""
    names = [_source(one) for one in sources]
    names = [name for number, name in enumerate(names) if number == 0 or name != names[number - 1]]
    return ["course"] if names == list(COURSE) else names


def _source(one: Mapping[str, Any]) -> str:
    repository = one.get("repository")
    if repository == REPOSITORY:
        return str(one["category"])
    return f"hf://datasets/{repository}@{one['revision']}/{one['name']}" if repository else str(one["name"])


def _changes(base: Mapping[str, Any], recipe: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted keys in which a recipe differs from another."""
    for key, value in recipe.items():
        dotted = f"{above}{key}"
        if isinstance(value, dict) and dotted != "slots.weights":
            yield from _changes(base.get(key, {}), value, f"{dotted}.")
        elif base.get(key) != value:
            yield dotted, value


def _value(key: str, value: Any) -> str:
    """Return a value as `--set` reads it; a string stays bare where that reads as the same string."""
    if isinstance(value, str):
        try:
            if parse_setting(f"{key}={value}")[1] == value == visible(value):
                return value
        except RecipeError:
            pass
    return _toml(value)


def _toml(value: Any) -> str:
    """Return a value as inline TOML; its basic strings are those of JSON."""
    if isinstance(value, dict):
        keys = {name: name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in value}
        return f"{{{', '.join(f'{keys[name]} = {_toml(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
