"""Detect changes in the namespaces of modules and classes, fast enough to be called for every cell."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Names = Mapping[str, object]
Version = Callable[[Any], object]


class Watch(Generic[T]):
    """A check of some namespaces that is skipped as long as it found nothing and no name was set or removed since.

    Args:
        names: The namespaces of modules and classes.
        look: The check; it returns the problems found.
    """

    def __init__(self, names: Iterable[Names], look: Callable[[], Iterable[T]]) -> None:
        self._dictionaries = [_dictionary(one) for one in names]
        self._look = look
        self._version = version_function()
        self._versions: list[object] = []

    def find(self) -> list[T]:
        """Return the problems that the check finds now."""
        versions = [*map(self._version, self._dictionaries)]
        if versions == self._versions:
            return []
        found = [*self._look()]
        self._versions = versions if not found else []
        return found


class Changes:
    """Finds the namespaces among many in which a name was set or removed since the last time.

    Args:
        names: The namespaces of modules and classes.
    """

    def __init__(self, names: Iterable[Names]) -> None:
        self._dictionaries = [_dictionary(one) for one in names]
        self._version = version_function(by_content)
        self._versions = self._read()

    def _read(self) -> list[object]:
        return [*map(self._version, self._dictionaries)]

    def find(self) -> list[int]:
        """Return the positions of the namespaces that have changed since the last call."""
        versions = self._read()
        if versions == self._versions:
            return []
        pairs = zip(self._versions, versions, strict=True)
        changed = [position for position, (before, now) in enumerate(pairs) if before != now]
        self._versions = versions
        return changed


def version_function(otherwise: Version | None = None) -> Version:
    """Return a function that gives a dictionary's version, which changes with every write.

    This is `torch._C._dynamo.guards.dict_version`, by which torch decides whether compiled code is still valid. Where
    it is missing, the returned function is `otherwise`, or one that gives a new version at every call.
    """
    otherwise = otherwise or _new_at_every_call
    try:
        version: Version = import_module("torch._C._dynamo.guards").dict_version
        return version if all(_is_reliable(version)) else otherwise
    except (ImportError, AttributeError, RuntimeError):  # torch 2.2 on Python 3.12 raises RuntimeError
        return otherwise


def by_content(names: Any) -> object:
    """Return a version of a dictionary that is computed from its names and the identities of its values."""
    return hash((tuple(names), tuple(map(id, names.values()))))


def _new_at_every_call(names: object) -> object:
    return object()


def _is_reliable(version: Version) -> Iterator[bool]:
    """Yield whether the version function notices each change to a class: a name set, added, removed."""
    one = type("One", (), {"name": 1})
    names = _dictionary(vars(one))
    changes: tuple[Callable[[], object], ...] = (
        lambda: setattr(one, "name", 2), lambda: setattr(one, "other", 1), lambda: delattr(one, "name"),
    )
    for change in changes:
        before = version(names)
        yield version(names) == before
        change()
        yield version(names) != before


def _dictionary(names: Names) -> object:
    """Return the dictionary behind the read-only view that a class gives of its namespace."""
    return gc.get_referents(names)[0] if isinstance(names, MappingProxyType) else names
