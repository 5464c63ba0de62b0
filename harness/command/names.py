"""Which sparsifiers a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..subject.discovery import NotFound, registrations


def chosen(
    names: Sequence[str], adapters: Sequence[Path], cells: Sequence[str], required: Sequence[str]
) -> tuple[str, ...]:
    """The names to judge: those given; else those of the cells; else those of the adapter files; else all.

    Raises:
        NotFound: a name, one of a cell's or one required is not registered, or nothing is.
    """
    every = registrations(adapters)
    known = list(dict.fromkeys(one.name for one in every))
    wanted = list(names) or [cell.partition(":")[0] for cell in cells]
    wanted = wanted or [one.name for one in every if one.file is not None] or known
    for name in (*wanted, *required):
        if name not in known:
            raise NotFound(f"no sparsifier is called {name!r}; registered are {', '.join(known) or 'none'}")
    if not wanted:
        raise NotFound("no sparsifier is registered; see README, `How to write an adapter`")
    return tuple(dict.fromkeys(wanted))
