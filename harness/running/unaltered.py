"""Whether the harness is still as it was before an adapter was loaded: what is judged may not change its judge."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType

_PACKAGE = __name__.partition(".")[0]
_GUESTS = (f"{_PACKAGE}.sparsifiers", f"{_PACKAGE}.cases")


def parts() -> dict[str, object]:
    """Every function, class and method of the harness that is loaded, by its full name."""
    return {
        f"{name}.{key}": value
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == _PACKAGE and not name.startswith(_GUESTS)
        for key, value in _members(module)
    }


def changed(before: Mapping[str, object]) -> tuple[str, ...]:
    """The names under which there is now something else than in `before`."""
    now = parts()
    return tuple(name for name, value in before.items() if now.get(name) is not value)


def _members(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in list(vars(module).items()):
        if callable(value):
            yield name, value
        if inspect.isclass(value) and value.__module__ == module.__name__:
            methods = ((f"{name}.{key}", member) for key, member in vars(value).items() if _is_method(member))
            yield from methods


def _is_method(member: object) -> bool:
    return callable(member) or isinstance(member, (property, classmethod, staticmethod))
