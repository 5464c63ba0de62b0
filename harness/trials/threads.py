"""Run a model in a second thread at every moment of what the first one does.

Nothing is left to chance: the first thread stops, the second one runs from its begin to its end, and the first goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from ..oracle import compare
from ..oracle.compare import array
from ..oracle.tolerance import Tolerance
from ..oracle.units import Reals
from ..values.comparisons import not_counting
from ..values.violation import Violation, require

_MOST = 150
"""The number of moments at which a piece of work is stopped, evenly spread if it has more."""

_BLOCKED, _LIMIT = 0.5, 20.0
"""Seconds after which the second thread is taken to wait for the first, and for which it may wait in all."""


@dataclass
class Reader:
    """Runs a model in other threads.

    Attributes:
        model: The model.
        inputs: The inputs of each run.
        seen: By moment, the output, or the error that it raised.
    """

    model: nn.Module
    inputs: Tensor
    seen: list[tuple[str, Reals | Exception]] = field(default_factory=list)
    _waiting: threading.Thread | None = None

    def read(self, moment: str) -> None:
        """Run the model in a thread of its own; one that waits for the present thread is left to itself."""
        if self._waiting is None:
            self._waiting = threading.Thread(target=self._run, args=(moment,), daemon=True)
            self._waiting.start()
        self._join(_BLOCKED)

    def _join(self, limit: float) -> None:
        if self._waiting is not None:
            self._waiting.join(limit)
            self._waiting = self._waiting if self._waiting.is_alive() else None

    def _run(self, moment: str) -> None:
        try:
            self.seen.append((moment, output_of(self.model, self.inputs)))
        except Exception as error:
            self.seen.append((moment, error))

    def assert_seen(self, expected: Iterable[Reals], tolerance: Tolerance, what: str) -> None:
        """Assert that each output is one of those expected; only the last counts as a comparison.

        Raises:
            Violation: One is another (`torn`), a run raised an error (`torn`) or has not ended (`blocked`).
        """
        self._join(_LIMIT)
        require(self._waiting is None, "blocked", f"{what} is still waiting {_LIMIT:g} seconds after the other ended")
        allowed = list(expected)
        with not_counting():
            for moment, output in self.seen[:-1]:
                _assert_one_of(output, allowed, tolerance, f"{what}, at {moment}")
        for moment, output in self.seen[-1:]:
            _assert_one_of(output, allowed, tolerance, f"{what}, at {moment}")


def _assert_one_of(output: Reals | Exception, allowed: Iterable[Reals], tolerance: Tolerance, what: str) -> None:
    if isinstance(output, Exception):
        raise Violation("torn", f"{what}: {type(output).__name__}: {output}")
    nearest = min(allowed, key=lambda one: float(np.abs(output - one).max()))
    compare.assert_close(output, nearest, tolerance, "torn", f"{what}: output")


def output_of(model: nn.Module, inputs: Tensor) -> Reals:
    """Return a model's output, without gradients."""
    with torch.no_grad():
        return array(model(inputs)).copy()


def spread(count: int) -> int:
    """Return every how many of `count` moments a piece of work is stopped."""
    return max(1, -(-count // _MOST))
