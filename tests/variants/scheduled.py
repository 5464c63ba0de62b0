"""Correct schedules that are built differently from the exemplar's."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Refusal, Schedule, Scheduled, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter

from . import variant
from .holders import InPlace, InPlaceAdapter


class _InTwoCalls(Scheduled):
    """Holds the level that the next update takes, as a scheduler of a learning rate does."""

    def __init__(self, sparsified: Exemplar, schedule: Schedule) -> None:
        self.sparsified, self.schedule = sparsified, schedule
        self.count, self.updated, self.last = 0, False, 0.0
        self.level = self._next()

    def _next(self) -> float:
        """Return the level that the next update takes."""
        schedule, way = self.schedule, self.count - self.schedule.begin
        if way < 0:
            return 0.0
        if schedule.kind == "steps":
            return dict(schedule.milestones).get(self.count, getattr(self, "level", 0.0))
        length = schedule.end - schedule.begin
        u = min(1.0, way // schedule.every * schedule.every / length) if length else 1.0
        share = u if schedule.kind == "linear" else math.sin(math.pi * u / 2) ** 2
        return schedule.initial * (1 - share) + schedule.final * share

    def advance(self) -> None:
        self.sparsified.update(self.level)
        self.updated, self.last = True, self.level
        self.skip()

    def skip(self) -> None:
        if not self.updated:
            warnings.warn("the schedule is stepped before the sparsifier is updated", stacklevel=2)
        self.count += 1
        self.level = self._next()

    def levels(self) -> dict[str, float]:
        return dict.fromkeys(self.sparsified.plan.names, self.last)

    def state(self) -> Any:
        return {name: value for name, value in vars(self).items() if name not in ("sparsified", "schedule")}

    def load(self, state: Any) -> None:
        vars(self).update(state)


class _Stepped(Exemplar):
    def schedule(self, schedule: Schedule) -> Scheduled:
        if not set(schedule.needs) <= set(self.contract.offered_schedules):
            raise Refusal(f"{', '.join(self.plan.names)}: there is no {schedule.kind} schedule here")
        return _InTwoCalls(self, schedule)


@variant("schedule in two calls")
class InTwoCallsAdapter(ExemplarAdapter):
    """Updates by one call and steps the schedule by another, which warns if it comes first."""

    contract = replace(CONTRACT, schedules="linear cosine steps begin every")
    sparsified = _Stepped


class _ByTable(Scheduled):
    """Makes all levels before it starts, and takes one per step; the last one holds for ever."""

    def __init__(self, sparsified: InPlace, schedule: Schedule) -> None:
        self.sparsified = sparsified
        self.table = list(_table(schedule))
        self.done = torch.zeros((), dtype=torch.int64)

    def advance(self) -> None:
        self.sparsified.update(self.table[min(int(self.done), len(self.table) - 1)])
        self.done += 1

    def levels(self) -> dict[str, float]:
        return {name: float((~kept).float().mean()) for name, kept in self.sparsified.masks().items()}

    def state(self) -> Any:
        return self.done.clone()

    def load(self, state: Any) -> None:
        self.done.copy_(state)


def _table(schedule: Schedule) -> Iterator[float]:
    if schedule.kind == "lambda":
        return (schedule.function(step) for step in range(100))
    if schedule.kind == "constant":
        return iter([schedule.final])
    way = np.linspace(1, 0, schedule.end + 1) if schedule.end else np.zeros(1)
    if schedule.kind == "cubic":
        return (schedule.final - (schedule.final - schedule.initial) * float(left) ** 3 for left in way)
    factor = ((1 - schedule.final) / (1 - schedule.initial)) ** (1 / (schedule.end or 1))
    first = 1 - (schedule.initial if schedule.end else schedule.final)
    kept = itertools.accumulate(itertools.repeat(factor, schedule.end), lambda left, by: left * by, initial=first)
    return (1 - one for one in kept)


class _Tabled(InPlace):
    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.bytes: dict[str, np.ndarray[Any, Any]] = {}

    def schedule(self, schedule: Schedule) -> Scheduled:
        if schedule.kind not in ("cubic", "exponential", "constant", "lambda") or len(schedule.needs) > 1:
            raise Refusal(f"{', '.join(self.plan.names)}: no table for the schedule {' '.join(schedule.needs)}")
        return _ByTable(self, schedule)

    def remember(self) -> None:
        self.bytes = {name: self._weight(name).clone().numpy() for name in self.plan.names}

    def _weight(self, name: str) -> Tensor:
        return self.model.get_parameter(name).detach()

    def rewind(self) -> None:
        for name, values in self.bytes.items():
            self._weight(name).copy_(torch.from_numpy(values))
        self.enforce()


@variant("schedule by table, rewinds in place")
class ByTableAdapter(InPlaceAdapter):
    """Has a table of levels, reports the fraction that the masks remove, and rewinds the parameters themselves."""

    contract = replace(InPlaceAdapter.contract, schedules="cubic exponential constant lambda", rewinds="yes")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _Tabled(model, plan)
