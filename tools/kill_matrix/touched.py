"""Which requirements enter the code by which a miniature differs from the exemplar: the others see no difference."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import FrameType, FunctionType

from sparsecheck import Adapter
from sparsecheck.adapter import holders
from sparsecheck.adapter import protocol as protocol
from sparsecheck.adapter.shipped import exemplar
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from tests.bench_of_one import canonical, judge

_FILES = {inspect.getfile(module) for module in (exemplar, protocol, holders)}
_ELSEWHERE = {"STATE-02"}
"""Enters what it enters in another process."""

_OF_INSTANCES = {"model", "plan", "contract"}
_SAYS_NOTHING = {"__module__", "__doc__", "__qualname__", "__annotations__", "__abstractmethods__", "_abc_impl"}


def touches(broken: type[Adapter], requirement: str) -> bool:
    """Return whether a case of `requirement` enters anything that `broken` overrides, or may do so."""
    names = overridden(broken) if issubclass(broken, ExemplarAdapter) else None
    return names is None or requirement in _ELSEWHERE or bool(names & entered(requirement, names))


@cache
def overridden(broken: type[ExemplarAdapter]) -> frozenset[str] | None:
    """Return the overridden methods of the exemplar, or None if more than methods differs."""
    names = set[str]()
    for name, value in (*_own(broken, ExemplarAdapter), *_own(broken.sparsified, Exemplar)):
        if not isinstance(value, FunctionType) or (name.startswith("__") and name != "__init__"):
            return None
        names.add(name)
    return frozenset(names)


def _own(kind: type, base: type) -> Iterator[tuple[str, object]]:
    """Yield the names that replace something of `base`, or that Python calls by itself."""
    for part in kind.__mro__:
        for name, value in vars(part).items() if part not in base.__mro__ else ():
            is_new = not hasattr(base, name) and name not in _OF_INSTANCES and not name.startswith("__")
            if not is_new and name != "sparsified" and name not in _SAYS_NOTHING:
                yield name, value


def entered(id: str, otherwise: frozenset[str]) -> frozenset[str]:
    """Return the functions of the exemplar's code that the canonical cell of requirement `id` enters."""
    return _entered_by(id) or otherwise


@cache
def _entered_by(id: str) -> frozenset[str]:
    adapter = ExemplarAdapter()
    return frozenset().union(*(_entered(partial(judge, adapter, one)) for one in canonical(adapter, (id,))))


def _entered(act: Callable[[], object]) -> frozenset[str]:
    names = set[str]()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename in _FILES:
            names.add(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return frozenset(names)
