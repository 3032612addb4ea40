"""The one place where library errors become messages and exit codes."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import click

from curator.errors import CuratorError

_INTERRUPTED = {
    "build": "nothing half-written is left; the same command continues the run.",
    "publish": "the repository has all of it or nothing; the same command sends only what has not arrived.",
    "train": "what was done stays; the same command goes on with it. `train llama` needs --resume after a checkpoint.",
}
"""What Ctrl-C leaves behind, by command."""


class Group(click.Group):
    """A group whose commands end in one message, not in a traceback, for any error raised on purpose."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and end with its exit code."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that can't show a character gets its escape, not a traceback.
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except CuratorError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on.
            click.echo(f"Error: {error.strerror or error}: {error.filename or 'output'}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(f"Interrupted: {_INTERRUPTED.get(ctx.invoked_subcommand or '', 'run it again.')}", err=True)
            ctx.exit(1)
