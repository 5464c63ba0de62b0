"""The one place where an error ends a command: a sentence on standard error, and the exit code of its class.

No error ends in 1, which means that something is red, neither one of the operating system nor one of sparsecheck.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from ..errors import EXIT_CODES, INCOMPLETE, UNUSABLE, BadUsage, Incomplete, SparsecheckError
from ..files import CannotWrite
from ..interrupts import Interrupted, exit_with
from ..show.escaping import one_line, printable
from ..suggestions import UnknownName, shortened
from .streams import Descriptor, standard_streams
from .terminal import echo, echo_document

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

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; it ends with 2 or more if standard output did not take all that was printed."""
        with standard_streams() as output:
            try:
                return super().main(*args, **kwargs)
            except SystemExit as end:
                raise SystemExit(_at_end(output, end.code)) from None

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run the command line as the program of this process, and exit."""
        exit_with(lambda: self.main(*args, **kwargs))

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
            _check_current_folder()
            return super().invoke(ctx)
        except SparsecheckError as error:
            show_error(error)
            ctx.exit(error.exit_code)
        except Interrupted as interrupted:
            show_error(Incomplete(str(interrupted)))
            ctx.exit(INCOMPLETE)
        except click.UsageError as error:
            raise _in_brief(error) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            show_error(_unforeseen(error))
            ctx.exit(UNUSABLE)

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


def _check_current_folder() -> None:
    """Check that there is a current folder, which relative paths and most libraries need.

    Raises:
        BadUsage: It was deleted, or cannot be entered any more.
    """
    try:
        os.getcwd()
    except OSError as error:
        why = f"the current folder cannot be used ({error.strerror})"
        raise BadUsage(why, "Change to another folder.") from None


def _at_end(output: Descriptor, code: object) -> object:
    """Return the exit code of a command that ended with `code`, after everything it printed was written."""
    if sys.stdout is not None:
        sys.stdout.flush()
    if not output.problem:
        return code
    show_error(CannotWrite(Path("standard output"), output.problem, "Part of what was printed is lost."))
    return max(code, UNUSABLE) if isinstance(code, int) else UNUSABLE


def _unforeseen(error: Exception) -> SparsecheckError:
    """Return the error to end with; show the traceback first if it is a defect of sparsecheck."""
    if "No usable temporary directory" in str(error):
        hint = "Free some space, or set TMPDIR to a folder that can be written to."
        return SparsecheckError(f"temporary files cannot be written ({getattr(error, 'strerror', error)})", hint)
    if isinstance(error, OSError) and error.strerror and error.errno not in (errno.EPIPE, errno.EBADF):
        return SparsecheckError(f"{error.filename} cannot be used ({error.strerror})" if error.filename
                                else f"a file that this command needs cannot be written or read ({error.strerror})")
    echo_document(printable("".join(traceback.format_exception(error))), err=True)
    return SparsecheckError(f"{type(error).__name__}: {error}", "This is a defect of sparsecheck; please report it.")


_IS_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())


def _in_brief(error: click.UsageError) -> click.UsageError:
    """Return an error of usage that does not echo a long argument, or one that a terminal would obey."""
    text = error.format_message()
    brief = printable(shortened(text, _USAGE_WIDTH))
    return error if isinstance(error, _IS_HELP) or brief == text else click.UsageError(brief, error.ctx)


def show_error(error: SparsecheckError) -> None:
    """Print an error in one line on standard error, without anything that a terminal would obey."""
    echo(f"sparsecheck: {one_line(str(error), _WIDTH)}", err=True)
