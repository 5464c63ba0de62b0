"""Whether anything stands otherwise in modules and classes, asked so often that it must take next to no time."""

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
    """What `look` finds wrong among `names`, those of modules and classes. As long as it finds nothing and no name was
    set or removed, it is not asked again."""

    def __init__(self, names: Iterable[Names], look: Callable[[], Iterable[T]]) -> None:
        self._dictionaries = [_dictionary(one) for one in names]
        self._look = look
        self._version = version_of()
        self._versions: list[object] = []

    def find(self) -> list[T]:
        """All of it, now."""
        versions = [*map(self._version, self._dictionaries)]
        if versions == self._versions:
            return []
        found = [*self._look()]
        self._versions = versions if not found else []
        return found


def version_of() -> Version:
    """Tells for a dictionary what is another thing after each change of it: that by which torch knows whether what it
    has compiled still holds (`torch._C._dynamo.guards.dict_version`). Where that is not to be had, always another."""
    try:
        version: Version = import_module("torch._C._dynamo.guards").dict_version
        return version if all(_tells(version)) else _always_another
    except (ImportError, AttributeError, RuntimeError):  # as torch 2.2 on Python 3.12 raises
        return _always_another


def _always_another(names: object) -> object:
    return object()


def _tells(version: Version) -> Iterator[bool]:
    """Whether it does, of a class whose names are set, added and removed."""
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
    """The one behind the view that a class gives of its own."""
    return gc.get_referents(names)[0] if isinstance(names, MappingProxyType) else names
