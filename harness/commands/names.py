"""Select the sparsifiers that a command is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..adapter.discovery import called, registrations
from ..errors import BadUsage


def select_sparsifiers(
    names: Sequence[str], adapters: Sequence[Path], cells: Sequence[str], required: Sequence[str]
) -> tuple[str, ...]:
    """Return the names of the sparsifiers to judge.

    These are the given names; without any, the sparsifiers of the given cells; else those of the adapter files; else
    all whose package is installed.

    Raises:
        NotFound: A given, required or cell's name is not registered.
        BadUsage: No registered sparsifier has its package installed.
    """
    every = registrations(adapters)
    wanted = list(names) or [cell.partition(":")[0] for cell in cells]
    wanted = wanted or [one.name for one in every if one.file is not None]
    wanted = wanted or [one.name for one in every if not one.lacking]
    for name in (*wanted, *required):
        called(name, every)
    if not wanted:
        raise BadUsage("no registered sparsifier has its package installed", "See `Judge your own` in README.")
    return tuple(dict.fromkeys(wanted))


def not_installed_lines() -> Iterator[str]:
    """Yield a line for each registered sparsifier whose package is not installed, so that it is not judged."""
    for one in registrations():
        if one.lacking:
            yield f"{one.name}: NOT JUDGED: {one.lacking}"
