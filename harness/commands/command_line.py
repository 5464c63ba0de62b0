"""The one place where an error ends a command: a sentence on standard error, and the exit code of its class."""

from __future__ import annotations

from typing import Any

import click

from ..errors import EXIT_CODES, SparsecheckError
from ..show.escaping import one_line

_WIDTH = 2000


class CommandLine(click.Group):
    """The group of all commands; ends them with `SparsecheckError.exit_code`, and prints what exit codes mean."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except SparsecheckError as error:
            show_error(error)
            ctx.exit(error.exit_code)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table of exit codes below the help text."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])


def show_error(error: SparsecheckError) -> None:
    """Print an error in one line on standard error, without anything that a terminal would obey."""
    click.echo(f"sparsecheck: {one_line(str(error), _WIDTH)}", err=True)
