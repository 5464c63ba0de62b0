"""Options that several commands read alike."""

from __future__ import annotations

import shlex

import click

from ..values.shard import InvalidShard, Shard


def split_arguments(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """Arguments for another program, split as a shell would.

    Raises:
        click.BadParameter: a quotation does not end.
    """
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} cannot be split: {error}", context, option) from None


def shard_argument(context: click.Context, option: click.Parameter, value: str | None) -> Shard | None:
    """Raises:
    click.BadParameter: it is no shard.
    """
    try:
        return Shard.parse(value) if value is not None else None
    except InvalidShard as error:
        raise click.BadParameter(str(error), context, option) from None
