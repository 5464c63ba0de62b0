"""Repeat the life of a sparse model, and assert that nothing of it is left behind."""

from __future__ import annotations

from copy import copy

from ..process.growth import growth
from ..values.violation import require
from .training import train
from .trial import Trial

REPETITIONS = 4
LEAST = {"objects": 64, "bytes of memory": 32768}
"""The smallest growth that counts with every repetition, where it is not one: torch keeps a little itself."""


def assert_nothing_grows(trial: Trial) -> None:
    """Assert that repeating the life of a sparse model leaves nothing behind.

    Raises:
        Violation: Something has grown with every repetition (`grows`).
    """
    grown = growth(lambda: _live(trial), REPETITIONS, LEAST)
    shown = ", ".join(f"{more} {name}" for name, more in grown.items())
    require(not grown, "grows", f"repeating the life of a model {REPETITIONS} times left behind: {shown}")


def _live(trial: Trial) -> None:
    """Attach, update, train, save, restore and finalize a model, as far as that is supported.

    The trial keeps what it lends to the adapter; it belongs to a copy of the trial here, which ends with the life.
    """
    trial = copy(trial)
    trial.lent = []
    sparsified = trial.attach()
    sparsified.update()
    train(trial, sparsified)
    if trial.supports("restore"):
        trial.restore(sparsified.save())
    if trial.supports("finalize"):
        sparsified.finalize()
