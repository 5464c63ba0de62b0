"""Whether the harness is still as it was before an adapter was loaded: what is judged may not change its judge."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import NamedTuple

from ..trials.namespaces import Names, Watch

_PACKAGE = __name__.partition(".")[0]
_GUESTS = (f"{_PACKAGE}.sparsifiers", f"{_PACKAGE}.cases")


class Part(NamedTuple):
    """A module, function, class or method. names: the live names among which it stands, under `key`."""

    name: str
    names: Names
    key: str
    value: object


def parts() -> tuple[Part, ...]:
    """Every module, function, class and method of the harness that is loaded."""
    own = [name for name in sys.modules if name.partition(".")[0] == _PACKAGE and not name.startswith(_GUESTS)]
    modules = [Part(name, sys.modules, name, sys.modules[name]) for name in own]
    return (*modules, *(part for name in own for part in _members(name, vars(sys.modules[name]))))


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
    for key, value in list(names.items()):
        if callable(value):
            yield Part(f"{module}.{key}", names, key, value)
        if inspect.isclass(value) and value.__module__ == module:
            methods = vars(value)
            yield from (
                Part(f"{module}.{key}.{name}", methods, name, member)
                for name, member in list(methods.items()) if _is_method(member)
            )


def _is_method(member: object) -> bool:
    return callable(member) or isinstance(member, (property, classmethod, staticmethod))
