"""The forms of the commands: help that ends with its example, and errors as messages and exit codes."""

from __future__ import annotations

import ast
import errno
import inspect
import io
import sys
from typing import Any

import click

from curator.errors import CuratorError
from curator.system.display import visible

_INTERRUPTED = {
    "build": "nothing half-written is left; the same command continues the run.",
    "publish": "the repository has all of it or nothing; the same command sends only what has not arrived.",
    "train": "what was done stays; the same command goes on with it. `train llama` needs --resume after a checkpoint.",
}
"""What Ctrl-C leaves behind, by command."""


def agreed(question: str) -> bool:
    """Ask; no answer, or Ctrl-C, is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


_EXAMPLE = "\b\nExample:\n"
"""How the example begins that ends the docstring of a command."""


class Command(click.Command):
    """A command whose help ends with its example, after the options."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        """Take the text of the help from the function, and its example to be its end."""
        super().__init__(*args, **settings)
        # Help is the docstring of the function, as click has it; `python -OO` leaves it in the source alone.
        if self.help is None and self.callback is not None:
            self.help = ast.get_docstring(ast.parse(inspect.getsource(self.callback)).body[0])  # type: ignore[arg-type]
        text, mark, example = inspect.cleandoc(self.help or "").partition(_EXAMPLE)
        self.help, self.epilog = text.rstrip(), f"{mark}{example}"


class Parent(Command, click.Group):
    """A group of commands, with an example too."""

    command_class = Command


class Group(Parent):
    """A group whose commands end in one message, not in a traceback, for any error raised on purpose."""

    group_class = Parent

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and end with its exit code."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that can't show a character gets its escape, not a traceback.
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except CuratorError as error:
            # It may quote a file of somebody else's.
            click.echo(f"Error: {visible(str(error), keep=chr(10))}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on.
            click.echo(visible(f"Error: {error.strerror or error}: {error.filename or 'output'}"), err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(f"Interrupted: {_INTERRUPTED.get(ctx.invoked_subcommand or '', 'run it again.')}", err=True)
            ctx.exit(1)
        except BaseException as error:
            # A panic of Polars is no Exception, and its class is slow to import.
            if type(error).__name__ != "PanicException":
                raise
            reason = " ".join(str(error).split())[:300]
            click.echo(visible(f"Error: Polars failed, which it should not on any input: {reason}"), err=True)
            ctx.exit(1)
