"""Whether the harness is still as it was before an adapter was loaded: what is judged may not change its judge."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from .namespaces import Names, Watch

_PACKAGE = __name__.partition(".")[0]
_GUESTS = (f"{_PACKAGE}.adapter.shipped", f"{_PACKAGE}.cases")
_TOOLS = ("numpy", "msgspec.json")
"""Modules by whose functions the harness compares and records. Of torch's a sparsifier may have to replace some, and
what is left replaced has a requirement of its own."""


class Part(NamedTuple):
    """A module, function, class or method. names: the live names among which it stands, under `key`."""

    name: str
    names: Names
    key: str
    value: object


def parts() -> tuple[Part, ...]:
    """Every module, function, class and method of the harness that is loaded, and the functions that it judges by."""
    own = [name for name in sys.modules if name.partition(".")[0] == _PACKAGE and not name.startswith(_GUESTS)]
    modules = [Part(name, sys.modules, name, sys.modules[name]) for name in own]
    members = (part for name in own for part in _members(name, vars(sys.modules[name])))
    return (*modules, *members, *(part for name in _TOOLS for part in _functions(name, vars(import_module(name)))))


def _functions(module: str, names: Names) -> Iterator[Part]:
    return (Part(f"{module}.{key}", names, key, value) for key, value in [*names.items()] if callable(value))


class Harness:
    """All that is loaded of the harness when this is made. Whoever asks it holds on to `changed` from then on, as it
    does to what it asks itself, so that what replaces these is told, too."""

    def __init__(self) -> None:
        self.parts = parts()
        self._find = Watch({id(part.names): part.names for part in self.parts}.values(), self._others).find

    def changed(self) -> str:
        """The first part in whose place there is now something else; nothing if there is none."""
        return next(iter(self._find()), "")

    def _others(self) -> Iterator[str]:
        return (part.name for part in self.parts if part.names.get(part.key) is not part.value)


def _members(module: str, names: Names) -> Iterator[Part]:
    yield from _functions(module, names)
    for key, value in list(names.items()):
        if inspect.isclass(value) and value.__module__ == module:
            methods = vars(value)
            yield from (
                Part(f"{module}.{key}.{name}", methods, name, member)
                for name, member in list(methods.items()) if _is_method(member)
            )


def _is_method(member: object) -> bool:
    return callable(member) or isinstance(member, (property, classmethod, staticmethod))
