"""Every public name says what it is, and the examples of the docstrings are what Python prints."""

from __future__ import annotations

import ast
import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl
import pytest

import curator
from curator.cli.commands import main
from repository import ROOT

FILES = sorted((ROOT / "curator").rglob("*.py"))
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


EXAMPLES = [module_name(path) for path in FILES if ">>> " in path.read_text("utf-8")]


# -- every public name


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the public names that statements define, and whether each has a docstring.

    A constant's stands below it. Fields of a class are described in the class's own; special methods need none.
    """
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not statement.name.startswith("_"):
                yield prefix + statement.name, ast.get_docstring(statement) is not None
                if isinstance(statement, ast.ClassDef):
                    methods = [one for one in statement.body if not isinstance(one, ast.Assign | ast.AnnAssign)]
                    yield from public(methods, f"{prefix}{statement.name}.")
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            yield from ((prefix + name, said) for name in names if not name.startswith("_"))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_public_name_has_a_docstring(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(module), f"{path.name} does not say what it is"
    assert [name for name, said in public(module.body) if not said] == []


def test_a_name_without_a_docstring_is_found() -> None:
    source = (
        "A, _B = 1, 2\nC: int = 3\n'''The third.'''\n"
        "class D:\n    '''A class.'''\n    field: int = 0\n    def method(self): ...\n"
        "def _e(): ...\nasync def f(): ...\n"
    )
    assert dict(public(ast.parse(source).body)) == {"A": False, "C": True, "D": True, "D.method": False, "f": False}


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands(main, "curator")))
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help, path
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.opts[-1] for option in options if not option.help] == []


# -- the examples


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_what_python_prints(
    name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the public API know `curator`, `pl` and an opened `run`."""
    module = importlib.import_module(name)
    known: dict[str, object] = {"curator": curator, "pl": pl}
    if name.startswith("curator.api"):
        request.getfixturevalue("here")
        known["run"] = curator.open("runs/demo")
    outcome = doctest.testmod(module, optionflags=doctest.ELLIPSIS, extraglobs=known)
    assert outcome.attempted > 0, "the example is in no docstring that is found"
    assert outcome.failed == 0, capsys.readouterr().out


def test_the_main_rooms_have_examples() -> None:
    """Where a reader starts: each of these shows what it does."""
    wanted = {
        *("text.prices", "text.prompts", "text.cleaning", "text.units", "text.details"),
        *("selection.draw", "selection.splits", "tokens.tokenizer", "evaluate.price_in_answer"),
    }
    assert {f"curator.{name}" for name in wanted} <= set(EXAMPLES)
