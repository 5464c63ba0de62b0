"""The same world for every cell, whatever ran before it; what a cell leaves behind is told, and undone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ..values.violation import Violation
from . import device
from .settings import changes, lasting_settings, put_back, random_state, settings

AT_FIRST = lasting_settings()
"""How the process stood before any adapter was imported: this module is imported first."""

_SEED = 150_602_626
_SEEDED: dict[int, dict[str, Any]] = {}
_WITHIN = {"TF32": (False, False)}


class Guard:
    """Watches one cell. draws: whether the sparsifier is declared to draw from the global random streams.

    changed, moved: the settings that were changed, in words, and the random streams that were moved, within
    `contain`. left: how what lasts stands since `watch` has put it back.
    """

    def __init__(self, draws: bool = False) -> None:
        self.changed: list[str] = []
        self.moved: list[str] = []
        self.left: Mapping[str, Any] = {}
        self._draws = draws
        self._random: dict[str, Any] = {}

    @contextmanager
    def watch(self, since: Mapping[str, Any] = {}) -> Iterator[None]:
        """As `keep`, but what ran within is to have left everything alone.

        since: what the guard before this one has `left`, where nothing but pytest ran after it. That is not read
        again: if it stands otherwise now, what a sparsifier started and left to run has done it.

        Raises:
            Violation: `leaked`, a setting or a random stream is left otherwise.
        """
        before = self._enter(since)
        try:
            yield
        finally:
            now = settings()
            self.left = put_back(before, now)
        self._judge({**before, **_WITHIN}, now)

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Random states are set on entry; on exit all that is set for the process is as it was on entry.

        TF32 is off throughout, so that one table of tolerances serves every device.
        """
        before = self._enter()
        try:
            yield
        finally:
            put_back(before, settings())

    def _enter(self, since: Mapping[str, Any] = {}) -> dict[str, Any]:
        before = settings(since)
        device.allow_tf32((False, False))
        self.seed()
        return before

    def seed(self, by: int = _SEED) -> None:
        """The same global random state of Python, NumPy and torch for the same number, and by default none that
        anyone else would seed."""
        random.seed(by)
        np.random.seed(by)
        torch.default_generator.manual_seed(by)  # torch.manual_seed formats a stack for every device it has not
        device.seed(by)
        if by not in _SEEDED:
            _SEEDED[by] = random_state()
        self._random = _SEEDED[by]

    @contextmanager
    def contain(self) -> Iterator[None]:
        """What attach, update and restore do to the process is noted and undone: requirements of their own judge it.
        Random streams go on from where they are, lest one draw be taken for another."""
        before, streams = settings(), random_state()
        try:
            yield
        finally:
            now, self._random = settings(), random_state()
            self.changed += changes(before, now)
            self.moved += _moved(streams, self._random)
            put_back(before, now)

    def _judge(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for change in changes(before, now):
            raise Violation("leaked", f"what ran left {change}")
        for name in () if self._draws else _moved(self._random, random_state()):
            raise Violation("leaked", f"the global random state of {name} has moved")


def _moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name, state in now.items() if state != before[name]]
