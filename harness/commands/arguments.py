"""Types and callbacks for options that several commands have."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

import click

from ..suggestions import UnknownName, quoted
from ..values.shard import InvalidShard, Shard


class Known(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic from click 8.4 on
    """The type of options that take one of several names; for any other name, the nearest is suggested."""

    def __init__(self, kind: str, names: Iterable[str], ignore_case: bool = False) -> None:
        """Create the type.

        Args:
            kind: The kind of thing that the names belong to, for messages.
            names: The names.
            ignore_case: Whether case is ignored; the names must then be in upper case.
        """
        self.name = kind
        self._names = tuple(names)
        self._ignore_case = ignore_case

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the names as help texts show them."""
        return f"[{'|'.join(self._names)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name.

        Raises:
            UnknownName: The value is not one of the names.
        """
        name = str(value).upper() if self._ignore_case else str(value)
        if name not in self._names:
            raise UnknownName(self.name, str(value), self._names)
        return name


def split_arguments(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """Split the arguments for another program like a shell.

    Raises:
        click.BadParameter: A quotation is not closed.
    """
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise click.BadParameter(f"{quoted(value)} cannot be split: {error}", context, option) from None


def shard_argument(context: click.Context, option: click.Parameter, value: str | None) -> Shard | None:
    """Parse the value of --shard.

    Raises:
        click.BadParameter: The value is not a shard.
    """
    try:
        return Shard.parse(value) if value is not None else None
    except InvalidShard as error:
        raise click.BadParameter(str(error), context, option) from None
