"""Detect whether an adapter has modified the harness."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from .namespaces import Names, Watch

_PACKAGE = __name__.partition(".")[0]
_GUESTS = (f"{_PACKAGE}.adapter.shipped", f"{_PACKAGE}.cases")
_TOOLS = ("numpy", "numpy.linalg", "msgspec", "msgspec.json", "msgspec.structs")
"""Modules with which the harness compares and records.

Torch is not among them: a sparsifier may have to replace some of its functions, and a requirement of its own judges
whether it puts them back.
"""


class Part(NamedTuple):
    """A module, function, class, method, constant or entry of a constant table: `value` under `key` in live `names`."""

    name: str
    names: Mapping[Any, object]
    key: Any
    value: object


def parts() -> tuple[Part, ...]:
    """Return every loaded part of the harness, constants included, and the functions it compares with."""
    own = [name for name in sys.modules if name.partition(".")[0] == _PACKAGE and not name.startswith(_GUESTS)]
    modules = [Part(name, sys.modules, name, sys.modules[name]) for name in own]
    members = (part for name in own for part in _members(name, vars(sys.modules[name])))
    return (*modules, *members, *(part for name in _TOOLS for part in _functions(name, vars(import_module(name)))))


def _functions(module: str, names: Names) -> Iterator[Part]:
    return (Part(f"{module}.{key}", names, key, value) for key, value in [*names.items()] if callable(value))


def _constants(module: str, names: Names) -> Iterator[Part]:
    """Yield the constants of a module, and the entries of those that are tables.

    Only entries that were there at the start are watched, since some tables are caches.
    """
    for name, value in [*names.items()]:
        if name.strip("_").isupper() and not callable(value):
            yield Part(f"{module}.{name}", names, name, value)
            if isinstance(value, (dict, MappingProxyType)):
                yield from (Part(f"{module}.{name}[{key!r}]", value, key, entry) for key, entry in [*value.items()])


class Harness:
    """All loaded parts of the harness, as they were when this object was created.

    Callers keep a reference to the bound method `changed`, as this class does to the functions it calls, so that a
    replacement of these is detected too.
    """

    def __init__(self) -> None:
        self.parts = parts()
        self._find = Watch({id(part.names): part.names for part in self.parts}.values(), self._others).find

    def changed(self) -> str:
        """Return the name of the first replaced part, or an empty string."""
        return next(iter(self._find()), "")

    def _others(self) -> Iterator[str]:
        return (part.name for part in self.parts if part.names.get(part.key) is not part.value)


def _members(module: str, names: Names) -> Iterator[Part]:
    yield from _functions(module, names)
    yield from _constants(module, names)
    for key, value in list(names.items()):
        if inspect.isclass(value) and value.__module__ == module:
            methods = vars(value)
            yield from (
                Part(f"{module}.{key}.{name}", methods, name, member)
                for name, member in list(methods.items()) if _is_method(member)
            )


def _is_method(member: object) -> bool:
    return callable(member) or isinstance(member, (property, classmethod, staticmethod))
