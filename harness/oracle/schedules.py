"""The levels of a schedule by its closed formula, in NumPy float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..values.schedule import Schedule

Steps = NDArray[np.int64]
Levels = NDArray[np.float64]


def levels(schedule: Schedule, count: int) -> Levels:
    """Return the level at each of the first `count` steps; 0 before the schedule begins."""
    steps = np.arange(count)
    return np.where(steps < schedule.begin, 0.0, _levels(schedule, steps))


def _levels(schedule: Schedule, steps: Steps) -> Levels:
    if schedule.kind == "lambda":
        return np.asarray(schedule.levels)[np.minimum(steps, len(schedule.levels) - 1)]
    if schedule.kind == "steps":
        reached, values = zip(*schedule.milestones, strict=True)
        return np.asarray(values)[np.searchsorted(reached, steps, side="right") - 1]
    return _between(schedule, _part_of_the_way(schedule, steps))


def _part_of_the_way(schedule: Schedule, steps: Steps) -> Levels:
    """Return how far each step is from begin to end, from 0 to 1, as of the last change of the level."""
    if schedule.begin == schedule.end:
        return np.ones(len(steps))
    changed = (steps - schedule.begin) // schedule.every * schedule.every
    return np.clip(changed / (schedule.end - schedule.begin), 0.0, 1.0)


def _between(schedule: Schedule, u: Levels) -> Levels:
    first, last = schedule.initial, schedule.final
    if schedule.kind == "exponential":
        return np.asarray(1 - (1 - first) ** (1 - u) * (1 - last) ** u)
    left = {"constant": 0 * u, "linear": 1 - u, "cubic": (1 - u) ** 3, "cosine": (1 + np.cos(np.pi * u)) / 2}
    return np.asarray(last + (first - last) * left[schedule.kind])
