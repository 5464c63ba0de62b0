"""Print to the terminal. Every line that a command prints goes through `echo`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a line of progress in place of the one before.

    The line is gone at the end. Nothing is printed unless standard error is a terminal.
    """
    is_terminal = sys.stderr is not None and sys.stderr.isatty()

    def show(line: str) -> None:
        if is_terminal:
            click.echo(f"\r\x1b[K{terminal_line(line)[:78]}", nl=False, err=True)  # noqa: TID251

    try:
        yield show
    finally:
        if is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)  # noqa: TID251
