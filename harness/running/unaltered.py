"""Whether the harness is still as it was before an adapter was loaded: what is judged may not change its judge."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import is_, itemgetter
from typing import NamedTuple

_PACKAGE = __name__.partition(".")[0]
_GUESTS = (f"{_PACKAGE}.sparsifiers", f"{_PACKAGE}.cases")

Names = Mapping[str, object]


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
    """All that is loaded of the harness when this is made. It is asked as every cell ends, so those that stand among
    the same names are read at once."""

    def __init__(self) -> None:
        self.parts = parts()
        among: dict[int, list[Part]] = {}
        for part in self.parts:
            among.setdefault(id(part.names), []).append(part)
        self._together = [_together(group) for group in among.values()]

    def changed(self) -> str:
        """The first part in whose place there is now something else; nothing if there is none."""
        try:
            if all(all(map(is_, read(names), values)) for names, read, values in self._together):
                return ""
        except KeyError:
            pass
        return next((part.name for part in self.parts if part.names.get(part.key) is not part.value), "")


def _together(group: Sequence[Part]) -> tuple[Names, Callable[[Names], tuple[object, ...]], list[object]]:
    """The names they stand among, what reads all of them there, and their values."""
    keys = [part.key for part in group]
    return group[0].names, itemgetter(*keys, keys[0]), [*(part.value for part in group), group[0].value]


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
