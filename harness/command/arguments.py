"""Options that several commands read alike."""

from __future__ import annotations

import shlex

import click


def split_arguments(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """Arguments for another program, split as a shell would.

    Raises:
        click.BadParameter: a quotation does not end.
    """
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} cannot be split: {error}", context, option) from None
