"""Parts that are kept for the next build: what they depend on is in their key."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from curator import mapping

PACKAGE = Path(mapping.__file__).parent
# Messages, types, files and settings: no byte of a part depends on their code; what is set is in the key itself.
ASIDE = {"__init__", "arrays", "digest", "errors", "interrupt", "paths", "recipe", "rundir", "settings"}


def imported(path: Path) -> Iterator[Path]:
    """Yield the modules of the package that a module imports by their full names."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "curator":
            parts = str(node.module).split(".")[1:]
            for names in (parts, *([*parts, alias.name] for alias in node.names)):
                place = PACKAGE.joinpath(*names)
                yield from (one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file())


def test_all_code_that_a_part_depends_on_is_in_its_key() -> None:
    waiting, seen = [Path(mapping.__file__)], set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += imported(path)
    used = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in seen} - ASIDE
    assert {"items", "prose", "scrub", "sources", "demo"} <= used
    assert {name.removesuffix(".py") for name in mapping._CODE} == used
