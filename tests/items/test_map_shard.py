"""Parts that are kept for the next build: what they depend on is in their key."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from curator.items import map_shard

PACKAGE = Path(map_shard.__file__).parents[1]
# Messages, files, memory and settings: no byte of a part depends on their code; what is set is in the key itself.
ASIDE = ("__init__.py", "errors.py", "hub/", "items/__init__.py", "recipe/", "run/__init__.py", "run/directory.py")


def imported(path: Path) -> Iterator[Path]:
    """Yield the modules of the package that a module imports by their full names."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "curator":
            parts = str(node.module).split(".")[1:]
            for names in (parts, *([*parts, alias.name] for alias in node.names)):
                place = PACKAGE.joinpath(*names)
                yield from (one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file())


def test_all_code_that_a_part_depends_on_is_in_its_key() -> None:
    waiting, seen = [Path(map_shard.__file__)], set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += imported(path)
    used = {path.relative_to(PACKAGE).as_posix() for path in seen}
    assert {"items/mapper.py", "text/prose.py", "text/kernels/details.py", "sources/demo/pages.py"} <= used
    in_key = {name for name in used for part in map_shard._CODE if name == part or name.startswith(f"{part}/")}
    assert {name for name in used - in_key if not name.startswith((*ASIDE, "system/"))} == set()
    assert all((PACKAGE / part).exists() for part in map_shard._CODE)
