"""Watch the functions, classes and submodules that modules and classes of a library hold, and restore them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from operator import is_
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from .namespaces import Changes

Place = tuple[Any, str]
"""A module or class, and a name in it."""

_DESCRIPTORS = (property, classmethod, staticmethod, GetSetDescriptorType, MemberDescriptorType)
_IMMUTABLE = 1 << 8
_MISSING = object()


class Functions:
    """The functions, classes and submodules in some modules and classes, as they were when this object was created.

    Values are compared by identity alone, since a replacement can claim to equal anything. A new name in a class counts
    if it hides another inherited value, or is special, such as `__deepcopy__`; other new names are ignored. So are new
    submodules of a module: torch imports `torch.onnx.__init__` when it traces an autograd function.

    Args:
        homes: The modules and classes.
        is_own: Whether the library itself has put a new value in place of an old one, which then takes its place.
        ignored: Names that are not watched.
        constants: Types of other values to watch.
        is_common: Whether a module or class is so commonly used that it must always be looked at; all are by default.
    """

    def __init__(
        self, homes: Iterable[Any], is_own: Callable[[object], bool], ignored: Collection[str] = (),
        constants: tuple[type, ...] = (), is_common: Callable[[Any], bool] = lambda home: True,
    ) -> None:
        self._homes = list(homes)
        self._is_own = is_own
        self._ignored = frozenset(ignored)
        self._watched = (ModuleType, *_DESCRIPTORS, *constants)
        self._originals = [self._members(home) for home in self._homes]
        common = [is_common(home) for home in self._homes]
        self._common, self._rare = self._group(common, True), self._group(common, False)
        self._replaced: dict[int, list[str]] = {}
        self._looked_at: dict[int, dict[str, Any]] = {}

    def _group(self, common: list[bool], wanted: bool) -> tuple[list[int], Changes]:
        """Return the positions of the homes that are common, or not, and the changes in them."""
        numbers = [number for number, one in enumerate(common) if one is wanted]
        return numbers, Changes(vars(self._homes[number]) for number in numbers)

    def _members(self, home: Any) -> dict[str, Any]:
        watched, ignored = self._watched, self._ignored
        return {
            name: value for name, value in vars(home).items()
            if (callable(value) or issubclass(type(value), watched)) and name not in ignored
        }

    def _is_watched(self, name: str, value: object) -> bool:
        return name not in self._ignored and (callable(value) or issubclass(type(value), self._watched))

    def originals(self) -> Iterator[tuple[Place, Any]]:
        """Yield every watched place with the value that belongs there."""
        for home, originals in zip(self._homes, self._originals, strict=True):
            yield from (((home, name), value) for name, value in originals.items())

    def replaced(self, quick: bool = False) -> list[str]:
        """Return the qualified names whose values were replaced, removed, or hidden by a new name.

        Args:
            quick: Whether to look for new changes in the common modules and classes alone.
        """
        return [qualified(place) for place in self._places(quick)]

    def restore(self, kept: Collection[str]) -> None:
        """Restore everything except the names in `kept`."""
        for home, name in [place for place in self._places() if qualified(place) not in kept]:
            original = self._originals[self._homes.index(home)].get(name, _MISSING)
            if original is _MISSING:
                delattr(home, name)
            else:
                setattr(home, name, original)

    def _places(self, quick: bool = False) -> Iterator[Place]:
        for number in self._changed(quick):
            now = {name: value for name, value in vars(self._homes[number]).items() if name not in self._ignored}
            if not _is_same(now, self._looked_at.get(number)):
                self._replaced[number] = [*self._others(number)]
                self._looked_at[number] = now
        return ((self._homes[number], name) for number, names in sorted(self._replaced.items()) for name in names)

    def _changed(self, quick: bool) -> Iterator[int]:
        for numbers, changes in (self._common,) if quick else (self._common, self._rare):
            yield from (numbers[position] for position in changes.find())

    def _others(self, number: int) -> Iterator[str]:
        originals, now = self._originals[number], vars(self._homes[number])
        for name in [name for name, original in originals.items() if now.get(name, _MISSING) is not original]:
            if self._is_own(now.get(name)):
                originals[name] = now[name]
            else:
                yield name
        yield from self._additions(number, now)

    def _additions(self, number: int, now: Mapping[str, Any]) -> Iterator[str]:
        originals, inherited = self._originals[number], _inherited(self._homes[number])
        for name, value in [*now.items()]:
            is_submodule = type(value) is type(self._homes[number]) is ModuleType
            is_new = name not in originals and (name in inherited or _is_special(name)) and not is_submodule
            is_other = inherited.get(name, _MISSING) is not value
            if is_new and is_other and self._is_watched(name, value) and not self._is_own(value):
                yield name


def _is_same(now: dict[str, Any], earlier: dict[str, Any] | None) -> bool:
    """Return whether two namespaces hold the same objects under the same names, as after setting a name and back."""
    return earlier is not None and list(now) == list(earlier) and all(map(is_, now.values(), earlier.values()))


def qualified(place: Place) -> str:
    """Return the qualified name of a place."""
    home, name = place
    return f"{getattr(home, '__qualname__', home.__name__)}.{name}"


def _inherited(home: Any) -> dict[str, Any]:
    """Return what a class inherits, by name; nothing for a module."""
    bases = home.__mro__[:0:-1] if isinstance(home, type) else ()
    return {name: value for base in bases for name, value in vars(base).items()}


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def is_mutable(kind: type) -> bool:
    """Return whether names can be set in a class."""
    return not kind.__flags__ & _IMMUTABLE and bool(kind.__flags__ & 1 << 9)


def as_function(value: object) -> FunctionType | None:
    """Return the Python function behind a function, static method, class method or property; None if there is none."""
    if type(value) is FunctionType:
        return value
    value = getattr(value, "__func__", value) if isinstance(value, (staticmethod, classmethod)) else value
    value = value.fget if isinstance(value, property) else value
    return value if isinstance(value, FunctionType) else None
