"""Callbacks for options that several commands have."""

from __future__ import annotations

import shlex

import click

from ..values.shard import InvalidShard, Shard


def split_arguments(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """Split the arguments for another program like a shell.

    Raises:
        click.BadParameter: A quotation is not closed.
    """
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} cannot be split: {error}", context, option) from None


def shard_argument(context: click.Context, option: click.Parameter, value: str | None) -> Shard | None:
    """Parse the value of --shard.

    Raises:
        click.BadParameter: The value is not a shard.
    """
    try:
        return Shard.parse(value) if value is not None else None
    except InvalidShard as error:
        raise click.BadParameter(str(error), context, option) from None
