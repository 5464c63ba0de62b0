"""One process-wide setting, and the values that settings are read as."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """One process-wide setting.

    Attributes:
        name: Its name in messages.
        read: Returns a comparable value.
        put: Sets such a value; None if only the code that changed the setting can change it back.
        lasting: Whether pytest and the harness leave it unchanged during the whole process.
        needed: Whether a package may depend on a change that it made when it was imported. Such a change is reported,
            and is not undone.
        quick: Returns the value without looking everywhere, for use after each call of the sparsifier. What it does not
            see is found at the end of the cell. None if `read` is fast enough.
    """

    name: str
    read: Callable[[], Any]
    put: Callable[[Any], object] | None
    lasting: bool = True
    needed: bool = False
    quick: Callable[[], Any] | None = None


class Same:
    """An object compared by identity, because one that belongs to a sparsifier can claim to equal anything.

    Attributes:
        held: The object.
    """

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)

    def __repr__(self) -> str:
        return qualified_name(self.held)


class Hidden(dict[Any, Any]):
    """Entries whose values are not shown, because they may be secrets."""


class Unreadable(str):
    """The reason why a setting cannot be read, which takes the place of its value."""


def qualified_name(thing: object) -> str:
    """Return the qualified name of a function or class, or of the class of another object."""
    if thing is None:
        return "None"
    named = thing if isinstance(getattr(thing, "__qualname__", None), str) else type(thing)
    module = getattr(named, "__module__", None)
    prefix = f"{module}." if isinstance(module, str) and module != "builtins" else ""
    return f"{prefix}{named.__qualname__}"  # type: ignore[attr-defined]


def same(things: Iterable[object]) -> list[Same]:
    """Return a list of things, to be compared one by one by identity."""
    return [Same(thing) for thing in things]


def held(things: Iterable[Same]) -> list[Any]:
    """Return the things in a list made by `same`."""
    return [one.held for one in things]


def is_of_python(thing: object) -> bool:
    """Return whether a class or function belongs to Python or NumPy.

    A registration for its own types is a package's own affair, and torch registers its own types at any time.
    """
    top = str(getattr(thing, "__module__", None) or "builtins").partition(".")[0]
    return top == "numpy" or top in sys.stdlib_module_names


class Remembered(Generic[T]):
    """A value made from some objects, which is made again only if one of them has become another object.

    So an unchanged setting is read as the same value as before, which costs little to make and to compare.

    Args:
        make: Returns the value for the objects; it must depend on nothing else.
    """

    def __init__(self, make: Callable[[Sequence[Any]], T]) -> None:
        self._make = make
        self._last: tuple[Sequence[Any], T] | None = None

    def of(self, things: Sequence[Any]) -> T:
        """Return the value for `things`, which nobody changes any more."""
        if self._last is None or not _are_same(things, self._last[0]):
            self._last = things, self._make(things)
        return self._last[1]


def _are_same(things: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(things) == len(others) and all(map(is_, things, others))


# ----------------------------------------------------------------- settings that torch may lack


def of_functions(
    name: str, home: object, getter: str, setter: str, lasting: bool = True
) -> Iterator[Setting]:
    """Yield the setting that two functions of `home` read and set, if this torch has both."""
    read, put = getattr(home, getter, None), getattr(home, setter, None)
    if read is not None and put is not None:
        yield Setting(name, read, lambda value: put(*value) if isinstance(value, tuple) else put(value), lasting)


def of_attribute(name: str, home: object, attribute: str, lasting: bool = True) -> Iterator[Setting]:
    """Yield the setting that is an attribute of `home`, if this torch has it."""
    if hasattr(home, attribute):
        def put(value: Any) -> None:
            setattr(home, attribute, value)

        yield Setting(name, lambda: getattr(home, attribute), put, lasting)


def of_object(name: str, home: object, attribute: str, lasting: bool = True, needed: bool = False) -> Iterator[Setting]:
    """Yield the same for an attribute that is compared by identity."""
    if hasattr(home, attribute):
        def put(value: Same) -> None:
            setattr(home, attribute, value.held)

        yield Setting(name, lambda: Same(getattr(home, attribute)), put, lasting, needed)


def of_list(name: str, home: list[Any], needed: bool = False) -> Setting:
    """Return the setting that consists of the entries of a list, compared by identity."""

    def put(before: list[Same]) -> None:
        home[:] = held(before)

    remembered = Remembered(same)
    return Setting(name, lambda: remembered.of([*home]), put, needed=needed)


# ----------------------------------------------------------------- descriptions


def describe_change(earlier: Any, value: Any) -> str:
    """Return the second half of a sentence about a changed setting, which ends with its value before."""
    if isinstance(value, list) and isinstance(earlier, list):
        return f": {_added_and_removed(map(str, earlier), map(str, value)) or 'reordered'}"
    if isinstance(value, dict) and isinstance(earlier, dict):
        return f": {'; '.join(_entries(earlier, value)) or 'reordered'}"
    return f" to {_shown(value)}, expected {_shown(earlier)}"


def _added_and_removed(earlier: Iterable[str], now: Iterable[str]) -> str:
    before, after = list(earlier), list(now)
    more, fewer = _beyond(after, before), _beyond(before, after)
    return " and ".join([f"added {', '.join(more)}"] * bool(more) + [f"removed {', '.join(fewer)}"] * bool(fewer))


def _beyond(these: list[str], those: Iterable[str]) -> list[str]:
    """Return the entries of `these` that are left after each of `those` has taken one."""
    left = list(these)
    for one in those:
        if one in left:
            left.remove(one)
    return left


def _entries(earlier: Mapping[Any, Any], now: Mapping[Any, Any]) -> Iterator[str]:
    for key in [key for key in {**earlier, **now} if now.get(key, _ABSENT) != earlier.get(key, _ABSENT)]:
        if isinstance(now, Hidden):
            name = key.decode(errors="replace") if isinstance(key, bytes) else key
            yield f"{name} {'changed' if key in now and key in earlier else 'added' if key in now else 'removed'}"
        else:
            yield f"{key} to {_shown(now.get(key, _ABSENT))}, expected {_shown(earlier.get(key, _ABSENT))}"


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) and not isinstance(value, (Unreadable, _Absent)) else str(value)


class _Absent(str):
    """The value of an entry that is not there."""


_ABSENT = _Absent("none")
