"""Turn product listings into a price-prediction dataset fit for fine-tuning a language model.

    import curator

    run = curator.build("demo:2000", "runs/small")      # or a file, a folder, a table in memory
    run.splits, run.fates
    run.dataset()                                       # datasets.DatasetDict
    run.why("B0XLV9D8BS")                               # what happened to a product
    run.evaluate(["constant", "tfidf-ridge"])

Whatever the command `curator` does, a function here does, with the same defaults and errors.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from curator.system.version import VERSION

if TYPE_CHECKING:
    from curator.api.build import build, dry_run
    from curator.api.mapping import Mapped, map_rows
    from curator.api.run import Run, open
    from curator.errors import CuratorError, CuratorWarning
    from curator.evaluate.predictors.own import Item
    from curator.recipe.load import Recipe, load_recipe
    from curator.sources.categories import categories

__version__ = VERSION

_WHERE = {
    "CuratorError": "curator.errors",
    "CuratorWarning": "curator.errors",
    "Item": "curator.evaluate.predictors.own",
    "Mapped": "curator.api.mapping",
    "Recipe": "curator.recipe.load",
    "Run": "curator.api.run",
    "build": "curator.api.build",
    "categories": "curator.sources.categories",
    "dry_run": "curator.api.build",
    "load_recipe": "curator.recipe.load",
    "map_rows": "curator.api.mapping",
    "open": "curator.api.run",
}
"""The module of each public name, imported when the name is first used."""

__all__ = [
    "CuratorError",
    "CuratorWarning",
    "Item",
    "Mapped",
    "Recipe",
    "Run",
    "__version__",
    "build",
    "categories",
    "dry_run",
    "load_recipe",
    "map_rows",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'curator' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
