"""Interrupt a piece of work in the middle, at one of the operators that it calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class Interrupted(Exception):
    """Raised by an operator of torch in place of whatever may end an update midway, such as Ctrl-C."""


class Interruption(TorchDispatchMode):
    """Counts the operators that are called, and raises at one of them.

    Args:
        at: The number of operators to let through; all of them by default.
    """

    def __init__(self, at: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self.at = at
        self.seen = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.seen += 1
        if self.seen - 1 == self.at:
            raise Interrupted(f"interrupted at operator {self.seen}, {func}")
        return func(*args, **(kwargs or {}))


def operators_of(act: Callable[[], object]) -> int:
    """Return how many operators of torch a call runs."""
    counter = Interruption()
    with counter:
        act()
    return counter.seen


def interrupt(act: Callable[[], object], at: int) -> None:
    """Make a call, and interrupt it after `at` operators, if it runs as many."""
    with contextlib.suppress(Interrupted), Interruption(at):
        act()
