"""Detect changes in the namespaces of modules and classes, fast enough to be called for every cell."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from .words import Words, changed_offset, differing

T = TypeVar("T")
Names = Mapping[str, object]

_CALLS = count()


class Watch(Generic[T]):
    """A check of some namespaces that is skipped as long as it found nothing and no name was set or removed since.

    Args:
        names: The namespaces of modules and classes.
        look: The check; it returns the problems found.
    """

    def __init__(self, names: Iterable[Names], look: Callable[[], Iterable[T]]) -> None:
        self._read = versions([*map(_dictionary, names)], lambda dictionary: next(_CALLS))
        self._look = look
        self._versions: bytes | None = None

    def find(self) -> list[T]:
        """Return the problems that the check finds now."""
        now = self._read()
        if now == self._versions:
            return []
        found = [*self._look()]
        self._versions = now if not found else None
        return found


class Changes:
    """Finds the namespaces among many in which a name was set or removed since the last time.

    Args:
        names: The namespaces of modules and classes.
    """

    def __init__(self, names: Iterable[Names]) -> None:
        self._read = versions([*map(_dictionary, names)], _digest)
        self._versions = self._read()

    def find(self) -> list[int]:
        """Return the positions of the namespaces that have changed since the last call."""
        now = self._read()
        if now == self._versions:
            return []
        changed = differing(self._versions, now)
        self._versions = now
        return changed


def versions(dictionaries: Sequence[Any], otherwise: Callable[[Any], int]) -> Callable[[], bytes]:
    """Return a function that reads the versions of some dictionaries, a word each.

    A dictionary's version, which CPython 3.10 to 3.13 keep, changes with every write.

    Args:
        dictionaries: The dictionaries.
        otherwise: Returns a number in place of the version of a dictionary, where there is none.
    """
    offset = version_offset()
    if offset is not None:
        return Words(dictionaries, offset).read
    return lambda: array("q", map(otherwise, dictionaries)).tobytes()


def version_offset() -> int | None:
    """Return the offset of the version in the memory of a dictionary; None if there is none that shows every write."""
    one = type("One", (), {"name": 1})
    names = _dictionary(vars(one))
    offset = changed_offset(names, lambda: setattr(one, "name", 2))
    changes: tuple[Callable[[], object], ...] = (
        lambda: setattr(one, "name", 3), lambda: setattr(one, "other", 1), lambda: delattr(one, "name"),
    )
    is_shown = offset is not None and all(_is_shown(change, Words([names], offset)) for change in changes)
    return offset if is_shown else None


def _is_shown(change: Callable[[], object], version: Words) -> bool:
    """Return whether a version differs after a change to its dictionary, and only then."""
    before = version.read()
    is_kept = version.read() == before
    change()
    return is_kept and version.read() != before


def _digest(names: Any) -> int:
    """Return a digest of the names of a dictionary and the identities of its values."""
    return hash((tuple(names), tuple(map(id, names.values()))))


def _dictionary(names: Names) -> object:
    """Return the dictionary behind the read-only view that a class gives of its namespace."""
    return gc.get_referents(names)[0] if isinstance(names, MappingProxyType) else names
