"""The exemplar's schedules: each step ranks anew, at the level that a formula gives."""

from __future__ import annotations

import math
from typing import Any

from ...values.schedule import Schedule
from ..protocol import Sparsified
from ..schedules import Scheduled


class ExemplarSchedule(Scheduled):
    """A schedule at work on a sparsifier that takes any level in `update`.

    Attributes:
        schedule: The schedule.
        step: The present step.
        last: The level of the last update; None before it.
    """

    def __init__(self, sparsified: Sparsified, schedule: Schedule) -> None:
        self.sparsified = sparsified
        self.schedule = schedule
        self.step = 0
        self.last: float | None = None

    def advance(self) -> None:
        self.last = self.level()
        self.sparsified.update(self.last)
        self.step += 1

    def level(self) -> float:
        """Return the level at the present step."""
        return level_at(self.schedule, self.step)

    def levels(self) -> dict[str, float]:
        return {} if self.last is None else dict.fromkeys(self.sparsified.plan.names, self.last)

    def state(self) -> Any:
        return {"step": self.step, "last": self.last}

    def load(self, state: Any) -> None:
        self.step, self.last = state["step"], state["last"]


def level_at(schedule: Schedule, step: int) -> float:
    """Return the level of a schedule at one step."""
    if step < schedule.begin:
        return 0.0
    if schedule.kind == "lambda":
        return schedule.function(step)
    if schedule.kind == "steps":
        return max((first, level) for first, level in schedule.milestones if first <= step)[1]
    passed = min(step, schedule.end) - schedule.begin
    if schedule.kind == "constant" or step >= schedule.end:
        return schedule.final
    way = (passed - passed % schedule.every) / (schedule.end - schedule.begin)
    return _on_the_way(schedule, way)


def _on_the_way(schedule: Schedule, way: float) -> float:
    first, last = schedule.initial, schedule.final
    if schedule.kind == "exponential":
        return 1 - (1 - first) * math.pow((1 - last) / (1 - first), way)
    if schedule.kind == "linear":
        return first + (last - first) * way
    left = (1 - way) ** 3 if schedule.kind == "cubic" else math.cos(math.pi * way) / 2 + 0.5
    return last + (first - last) * left
