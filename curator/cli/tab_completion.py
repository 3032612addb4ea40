"""What the shell's tab completion offers beyond commands, options and paths, which click knows by itself."""

from __future__ import annotations

from collections.abc import Iterable

from click import Context, Parameter
from click.shell_completion import CompletionItem


def source(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names that `curator build` reads, and files."""
    from curator.sources.categories import ITEMS

    return _begun(("course", "demo", *ITEMS), incomplete, "file")


def recipe(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the built-in recipes, and files."""
    from curator.recipe.load import BUILT_IN

    return _begun(BUILT_IN, incomplete, "file")


def run(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer folders, where a repository of the Hub would do too."""
    return _begun((), incomplete, "dir")


def _begun(names: Iterable[str], incomplete: str, kind: str) -> list[CompletionItem]:
    # Paths come first: what bash gets before them is forgotten.
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type=kind), *found]
