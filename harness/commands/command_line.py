"""The one place where an error ends a command: a sentence on standard error, and the exit code of its class."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from ..errors import EXIT_CODES, SparsecheckError
from ..show.escaping import one_line, printable
from ..suggestions import UnknownName, shortened

_WIDTH, _USAGE_WIDTH = 2000, 400


class CommandLine(click.Group):
    """The group of all commands, each imported when it is needed.

    It ends them with `SparsecheckError.exit_code`, and prints the table of exit codes.

    Args:
        lazy: By name of the command, its module below this package and its name there: `commands.run:run`.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str] = {}, **kwargs: Any) -> None:  # read only
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of their definition."""
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; return None if there is none of that name."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._lazy[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"...{module}", __name__), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except SparsecheckError as error:
            show_error(error)
            ctx.exit(error.exit_code)
        except click.UsageError as error:
            raise _in_brief(error) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named first in `args`.

        Raises:
            UnknownName: There is none of that name.
        """
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise UnknownName("command", name, self.list_commands(ctx), "`sparsecheck --help` lists them all.")
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table of exit codes below the help text."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])


_IS_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())


def _in_brief(error: click.UsageError) -> click.UsageError:
    """Return an error of usage that does not echo a long argument, or one that a terminal would obey."""
    text = error.format_message()
    brief = printable(shortened(text, _USAGE_WIDTH))
    return error if isinstance(error, _IS_HELP) or brief == text else click.UsageError(brief, error.ctx)


def show_error(error: SparsecheckError) -> None:
    """Print an error in one line on standard error, without anything that a terminal would obey."""
    click.echo(f"sparsecheck: {one_line(str(error), _WIDTH)}", err=True)
