"""Which sparsifiers a command is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..adapter.discovery import NotFound, registrations


def chosen(
    names: Sequence[str], adapters: Sequence[Path], cells: Sequence[str], required: Sequence[str]
) -> tuple[str, ...]:
    """The names to judge: those given; else those of the cells; else those of the adapter files; else all whose
    package is installed.

    Raises:
        NotFound: a name, one of a cell's or one required is not registered, or nothing is.
    """
    every = registrations(adapters)
    known = list(dict.fromkeys(one.name for one in every))
    wanted = list(names) or [cell.partition(":")[0] for cell in cells]
    wanted = wanted or [one.name for one in every if one.file is not None]
    wanted = wanted or [one.name for one in every if not one.lacking]
    for name in (*wanted, *required):
        if name not in known:
            raise NotFound(f"no sparsifier is called {name!r}; registered are {', '.join(known) or 'none'}")
    if not wanted:
        raise NotFound("no sparsifier is registered whose package is installed; see README, `Judge your own`")
    return tuple(dict.fromkeys(wanted))


def not_installed() -> Iterator[str]:
    """A line for each that is registered but whose package is not there, and so is judged only if it is named."""
    for one in registrations():
        if one.lacking:
            yield f"{one.name}: NOT JUDGED, {one.lacking}"
