"""Types and callbacks of options that several commands have."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from ..adapter.discovery import split_class
from ..values.shard import InvalidShard, Shard


class AdapterFile(click.Path):
    """The type of options that take an adapter file: `file.py`, or `file.py:ClassName` to choose among several."""

    name = "adapter"

    def __init__(self, exists: bool = True) -> None:
        """Make the type; `exists` is as for `click.Path`."""
        super().__init__(exists=exists, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Check that the file exists, and return it together with the class."""
        file, _ = split_class(Path(value))
        super().convert(str(file), param, ctx)
        return Path(value)


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
