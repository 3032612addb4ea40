"""The package uses no name that another library keeps to itself, and may change any day, but those listed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import numba
from numba.core.caching import FunctionCache
from numba.core.registry import cpu_target

from repository import ROOT

ALLOWED = {
    ("curator/kernels/compiler.py", "_nrt"): "numba>=0.68,<0.69",  # compiles without counts of references, no other way
    ("curator/kernels/compiler.py", "_cache"): "numba>=0.68,<0.69",  # takes a cache that survives damaged files
    ("curator/api/mapping.py", "_repr_html_"): "",  # IPython's own name for it
    ("curator/items/workers.py", "_exit"): "",  # documented, as `os._exit`
}
"""Private names by the file that uses them, with the releases that were seen to have them."""


def private(module: ast.AST) -> Iterator[str]:
    """Yield private names that a module takes from elsewhere than itself: imports, attributes, arguments, `getattr`."""
    for node in ast.walk(module):
        names: list[str | None] = []
        if isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] != "curator":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls"):
            names = [node.attr]
        elif isinstance(node, ast.Call):
            names = [keyword.arg for keyword in node.keywords]
            if ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
                names += [str(one.value) for one in node.args[1:2] if isinstance(one, ast.Constant)]
        yield from (name for name in names if name and re.match("_[^_]", name))


def test_no_private_name_of_another_library_is_used() -> None:
    paths = sorted((ROOT / "curator").rglob("*.py"))
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in paths
        for name in private(ast.parse(path.read_text("utf-8")))
    }
    assert found == ALLOWED.keys()


def test_what_is_used_of_numba_is_there_in_the_releases_that_are_required() -> None:
    required = (ROOT / "setup.cfg").read_text("utf-8").split()
    assert {one for one in ALLOWED.values() if one} <= set(required)
    assert hasattr(cpu_target.options, "_nrt")
    loop = numba.njit(lambda: 0)
    assert not isinstance(loop._cache, FunctionCache)
    loop.enable_caching()
    assert isinstance(loop._cache, FunctionCache)
