"""Print to the terminal. Every line that a command prints goes through `echo`."""

from __future__ import annotations

import click

from ..show.escaping import terminal_line, visible


def echo(line: str, err: bool = False) -> None:
    """Print a line without anything that a terminal would obey or not show, shortened if it is very long.

    Args:
        line: The line, which may contain text from outside.
        err: Whether to print it on standard error.
    """
    click.echo(terminal_line(line), err=err)  # noqa: TID251


def echo_document(text: str, err: bool = False) -> None:
    """Print a text whole that another program may read; only what a terminal would obey is escaped."""
    click.echo(visible(text, "\n\t"), nl=False, err=err)  # noqa: TID251
