"""Give every cell the same process-wide state, and report and undo its changes to that state."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from ..values.violation import Violation
from . import device
from .settings import (
    describe_changes,
    lasting,
    not_set_by_cases,
    random_state,
    restore_settings,
    settings,
    settings_since,
)
from .torch_functions import ALL, COMMON
from .torch_settings import FLOAT32, float32

_SEED = 150_602_626
_SEEDED: dict[int, dict[str, Any]] = {}


class Guard:
    """Watches the process-wide state during one cell.

    Attributes:
        changed: Descriptions of the settings that were changed inside `contain`.
        moved: The names of the random streams that were advanced inside `contain`.
        left: The lasting settings after `watch` has restored them.

    Args:
        draws: Whether the sparsifier is declared to draw from the global random streams.
    """

    def __init__(self, draws: bool = False) -> None:
        self.changed: list[str] = []
        self.moved: list[str] = []
        self.left: Mapping[str, Any] = {}
        self._draws = draws
        self._float32: object = None
        self._known: Mapping[str, Any] = {}
        self._random: dict[str, Any] = {}
        self._inside: AbstractContextManager[object] = nullcontext()

    @contextmanager
    def watch(self, since: Mapping[str, Any] = {}, last: bool = False) -> Iterator[None]:
        """Do as `keep` does, and fail if the code inside has changed any setting.

        Args:
            since: The settings that the previous guard has `left`, if nothing but pytest ran in between. They are not
                read again; if they have changed all the same, a thread that a sparsifier started is to blame.
            last: Whether no cell follows, so that all of torch's functions must be checked for other code.

        Raises:
            Violation: A setting, a function or a random stream was changed (`leaked`).
        """
        before = self._enter(since)
        try:
            yield
        finally:
            now = settings_since(before)
            left = restore_settings(before, now)
            self.left = lasting(left)
            code = _restored_code(last)
        self._assert_unchanged({**before, FLOAT32: self._float32}, now, left)
        for name in code:
            since_when = ", in this cell or an earlier one" if last else ""
            raise Violation("leaked", f"the case changed the code of {name} in place{since_when}")

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Set the random states on entry, and restore all process-wide settings on exit.

        TF32 is off inside, so that one table of tolerances serves every device.
        """
        before = self._enter()
        try:
            yield
        finally:
            restore_settings(before, settings_since(before))

    def _enter(self, since: Mapping[str, Any] = {}) -> dict[str, Any]:
        before = settings(since)
        device.set_tf32((False, False))
        self._float32 = float32()
        self._known = {}
        self.seed()
        return before

    def seed(self, by: int = _SEED) -> None:
        """Set the global random states of Python, NumPy and torch.

        Args:
            by: The seed; the default is a number that no one else is likely to use.
        """
        random.seed(by)
        np.random.seed(by)
        torch.default_generator.manual_seed(by)  # torch.manual_seed formats a stack for every device it has not
        device.seed(by)
        if by not in _SEEDED:
            _SEEDED[by] = random_state()
        self._random = _SEEDED[by]

    @contextmanager
    def contain(self) -> Iterator[None]:
        """Note and undo changes by attach, update and restore, which requirements of their own judge.

        Random streams are noted but not rewound, so that two draws never give the same numbers. Settings that no
        case changes are read at the start of the first call only: if one has changed since the last call, it counts as
        changed by this call. At the end, functions of torch and Python that are rarely called are left to `watch`.
        """
        before, streams = settings(self._known, quick=True), random_state()
        try:
            with self._inside:
                yield
        finally:
            now = settings_since(before, quick=True)
            if now != before:
                left = restore_settings(before, now)
                self._known = not_set_by_cases(left)
                self.changed += describe_changes(before, now, left)
            self._known = self._known or not_set_by_cases(now)
            self._random = random_state()
            self.moved += _moved(streams, self._random)

    @contextmanager
    def inside(self, manager: AbstractContextManager[object]) -> Iterator[None]:
        """Enter a context manager inside `contain`, so that it sees the code of the sparsifier and not this guard's."""
        self._inside = manager
        try:
            yield
        finally:
            self._inside = nullcontext()

    def _assert_unchanged(self, before: Mapping[str, Any], now: Mapping[str, Any], left: Mapping[str, Any]) -> None:
        remaining = {name: value for name, value in left.items() if name != FLOAT32}
        if changes := [*describe_changes(before, now, remaining)]:
            raise Violation("leaked", f"the case changed {'; and '.join(changes)}")
        for name in () if self._draws else _moved(self._random, random_state()):
            raise Violation("leaked", f"the case changed the global random state of {name}")


def _moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name, state in now.items() if state != before[name]]


def _restored_code(last: bool) -> list[str]:
    """Restore the functions of torch that were changed in place, and return their names."""
    code = ALL if last else COMMON
    if changed := code.changed():
        code.restore()
    return changed
