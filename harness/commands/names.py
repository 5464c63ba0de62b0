"""Which sparsifiers a command is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..adapter.discovery import called, registrations
from ..errors import BadUsage


def chosen(
    names: Sequence[str], adapters: Sequence[Path], cells: Sequence[str], required: Sequence[str]
) -> tuple[str, ...]:
    """Return the names to judge: those given; else those of the cells; else those of the adapter files; else all
    whose package is installed.

    Raises:
        NotFound: A name, that of a cell or a required one is not registered.
        BadUsage: Nothing is registered whose package is installed.
    """
    every = registrations(adapters)
    wanted = list(names) or [cell.partition(":")[0] for cell in cells]
    wanted = wanted or [one.name for one in every if one.file is not None]
    wanted = wanted or [one.name for one in every if not one.lacking]
    for name in (*wanted, *required):
        called(name, every)
    if not wanted:
        raise BadUsage("no sparsifier is registered whose package is installed", "See `Judge your own` in README.")
    return tuple(dict.fromkeys(wanted))


def not_installed() -> Iterator[str]:
    """A line for each that is registered but whose package is not there, and so is judged only if it is named."""
    for one in registrations():
        if one.lacking:
            yield f"{one.name}: NOT JUDGED, {one.lacking}"
