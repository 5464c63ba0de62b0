"""Stop a piece of work in the middle, at operators and lines of Python, or end it there by an exception."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import FrameType, TracebackType
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..process.guard import Guard


class Interrupted(Exception):
    """Raised by an operator of torch in place of whatever may end an update midway, such as Ctrl-C."""


class _BeforeOperators(TorchDispatchMode):
    """Calls a function with the name of each operator before it runs."""

    def __init__(self, act: Callable[[str], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self.act = act

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.act(str(func))
        return func(*args, **(kwargs or {}))


class Interruption(_BeforeOperators):
    """Counts the operators that are called, and raises at one of them.

    Args:
        at: The number of operators to let through; all of them by default.
    """

    def __init__(self, at: int | None = None) -> None:
        super().__init__(self._count)
        self.at = at
        self.seen = 0
        self.has_raised = False

    def _count(self, operator: str) -> None:
        self.seen += 1
        if self.seen - 1 == self.at:
            self.has_raised = True
            raise Interrupted(f"interrupted at operator {self.seen}, {operator}")


def operators_of(act: Callable[[], object], guard: Guard) -> int:
    """Return how many operators of torch a call of the sparsifier runs.

    Args:
        act: Makes one call that `guard` contains; the operators of the guard itself are not counted.
        guard: The guard.
    """
    counter = Interruption()
    with guard.inside(counter):
        act()
    return counter.seen


def interrupt(act: Callable[[], object], at: int, guard: Guard) -> bool:
    """Make a call of the sparsifier, and interrupt it after `at` of its operators; return whether it has raised.

    Args:
        act: Makes one call that `guard` contains.
        at: The number of operators to let through.
        guard: The guard, whose own operators are not counted.
    """
    interruption = Interruption(at)
    try:
        with guard.inside(interruption):
            act()
    except Exception:
        if not interruption.has_raised:
            raise
        return True
    return False


class Stops(AbstractContextManager["Stops"]):
    """Calls a function wherever the work inside can be stopped: before each operator and each line of Python.

    Only code that is called inside is seen, and of it only what runs in this thread.

    Attributes:
        count: The number of places so far.

    Args:
        act: Receives the place.
        every: The function is called at the first of so many places, and so on.
    """

    def __init__(self, act: Callable[[str], None] = lambda place: None, every: int = 1) -> None:
        self._act = act
        self._every = every
        self._stack = ExitStack()
        self._is_acting = False
        self.count = 0

    def __enter__(self) -> Stops:
        with _BeforeOperators(lambda operator: None):
            torch.empty(0)  # at the first operator of all, torch imports much
        self._stack.enter_context(_BeforeOperators(self._stop))
        self._stack.callback(sys.settrace, sys.gettrace())
        sys.settrace(self._trace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_globals.get("__name__", "").startswith((__name__, "torch._dynamo")):  # which runs this mode
            return None
        if event == "line":
            self._stop(f"{frame.f_code.co_name} in {frame.f_globals.get('__name__')}, line {frame.f_lineno}")
        return self._trace

    def _stop(self, place: str) -> None:
        """Count a place and act, unless the place is in the code of the action itself."""
        if self._is_acting:
            return
        self.count += 1
        if self.count % self._every == 0:
            self._is_acting = True
            try:
                self._act(place)
            finally:
                self._is_acting = False


def places_of(
    prepare: Callable[[], Callable[[], object]],
    inside: Callable[[Stops], AbstractContextManager[object]] = lambda stops: stops,
) -> int:
    """Return at how many places some work can be stopped, once what torch does at its first operators is done.

    Args:
        prepare: Returns the work, which can be done once.
        inside: Enters what counts the places at the right moment.
    """
    for _ in range(2):
        work, count = prepare(), Stops()
        with inside(count):
            work()
    return count.count
