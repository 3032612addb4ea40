"""The package is the house that CONTRIBUTING.md shows: its rooms, its floors, and imports that only go down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT

PACKAGE = ROOT / "curator"
FILES = sorted(PACKAGE.rglob("*.py"))
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## The house")[1].split("\n## ")[0]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


def floors() -> dict[str, int]:
    """Each room of the table and its floor."""
    found, floor = {}, -1
    for number, room in re.findall(r"^\| *(\d*) *\| `([\w.]+)/?`", GUIDE, re.MULTILINE):
        floor = int(number) if number else floor
        assert room not in found
        found[room.removesuffix(".py")] = floor
    return found


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each module of the package that a module imports anywhere, and the name taken from it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "curator")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: an import that is not absolute"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                if module in MODULES:
                    yield module, ""
                elif (node.module or "").split(".")[0] == "curator":
                    yield str(node.module), alias.name


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


ARROWS = [(name, *found) for name, path in MODULES.items() for found in imports(path)]


def test_every_room_is_on_a_floor() -> None:
    rooms = {room(module) for module in MODULES} - {"", "__main__"}
    assert set(floors()) == rooms


def test_imports_go_down() -> None:
    """A room imports only from floors below its own, inside functions too."""
    floor = floors() | {"__main__": 99, "": 98}
    up = {
        f"{above} imports {below}"
        for above, below, name in ARROWS
        if room(above) != room(below) and floor[room(above)] <= floor[room(below)]
    }
    assert up == set()
    assert len(ARROWS) > 800


def test_no_import_goes_round() -> None:
    below: dict[str, set[str]] = {name: set() for name in MODULES}
    for above, module, _ in ARROWS:
        below[above].add(module)
    while free := [name for name, modules in below.items() if not modules & below.keys()]:
        for name in free:
            del below[name]
    assert below == {}


def test_what_is_private_stays_in_its_room() -> None:
    """Neither ``from curator.room.module import _name`` nor ``module._name`` from another room."""
    private = (arrow for arrow in ARROWS if re.match("_[^_]", arrow[2]))
    found = {f"{above}: {below}.{name}" for above, below, name in private if room(above) != room(below)}
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text("utf-8"))
        local = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if f"{node.module}.{alias.name}" in MODULES and room(f"{node.module}.{alias.name}") != room(name)
        }
        found |= {
            f"{name}: {local[node.value.id]}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if node.value.id in local and re.match("_[^_]", node.attr)
        }
    assert found == set()


def test_names_of_files_say_what_they_are() -> None:
    assert [path.name for path in FILES if re.search(r"\d|^more_|^(misc|utils?|helpers?|common)\b", path.stem)] == []
    assert len([path for path in PACKAGE.iterdir() if path.is_file()]) <= 6


def test_tests_mirror_the_rooms() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders - {"data", "project", "scripts", "support"} <= set(floors())
