"""Broken only under a schedule, or when weights are rewound."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from msgspec.structs import replace

from sparsecheck import Schedule, Scheduled
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar
from sparsecheck.adapter.shipped.exemplar_schedule import ExemplarSchedule, level_at

from . import Misdeclared, breaks


class _Following(Exemplar):
    """The exemplar with another schedule."""

    follows: ClassVar[type[ExemplarSchedule]]

    def schedule(self, schedule: Schedule) -> Scheduled:
        super().schedule(schedule)
        return self.follows(self, schedule)


class _Rising(ExemplarSchedule):
    def level(self) -> float:
        beyond = max(0, self.step - self.schedule.end)
        return min(1.0, super().level() + 0.1 * beyond)


@breaks("SCHED-01", "count-differs")
class RisesBeyondTheEnd(_Following):
    """Goes on raising the level after the last step."""

    follows = _Rising


class _Late(ExemplarSchedule):
    def level(self) -> float:
        return level_at(self.schedule, max(0, self.step - 1))


@breaks("SCHED-01", "count-differs")
class IsAStepLate(_Following):
    """Takes the level of the step before."""

    follows = _Late


class _Hasty(ExemplarSchedule):
    def level(self) -> float:
        return level_at(replace(self.schedule, every=1), self.step)


@breaks("SCHED-02", "count-differs")
class ChangesAtEveryStep(_Following):
    """Takes a frequency, and changes the level at every step nevertheless."""

    follows = _Hasty


class _Early(ExemplarSchedule):
    def level(self) -> float:
        return level_at(self.schedule, max(self.step, self.schedule.begin))


@breaks("SCHED-03", "count-differs")
class RemovesBeforeItBegins(_Following):
    """Has the initial level before the schedule begins."""

    follows = _Early


class _Restarting(ExemplarSchedule):
    def load(self, state: Any) -> None:
        super().load({**state, "step": 0})


@breaks("SCHED-04", "mask-differs")
class RestartsWhenResumed(_Following):
    """Begins the schedule anew when it is resumed."""

    follows = _Restarting


class _Squared(ExemplarSchedule):
    is_resumed = False

    def level(self) -> float:
        level, final = super().level(), self.schedule.final
        return final * (level / final) ** 2 if self.is_resumed else level

    def load(self, state: Any) -> None:
        super().load(state)
        self.is_resumed = True


@breaks("SCHED-04", "mask-differs")
class ResumesFromItsOwnLevel(_Following):
    """Takes the present level for the base of the schedule when it is resumed, so that the sparsity falls."""

    follows = _Squared


class _Unresumable(ExemplarSchedule):
    def state(self) -> Any:
        return {"formula": lambda step: level_at(self.schedule, step)}


@breaks("SCHED-04", "schedule-not-saved")
class SavesALambda(_Following):
    """Puts a function into the state of the schedule, which cannot be written to a file."""

    follows = _Unresumable


class _Announcing(ExemplarSchedule):
    def levels(self) -> dict[str, float]:
        return dict.fromkeys(self.sparsified.plan.names, self.level())


@breaks("SCHED-05", "count-differs")
class ReportsTheNextLevel(_Following):
    """Reports the level that the next update will have."""

    follows = _Announcing


class _Silent(ExemplarSchedule):
    def skip(self) -> None:
        self.step += 1


@breaks("SCHED-06", "count-differs")
class SkipsInSilence(_Following):
    """Can be stepped without an update, and says nothing."""

    follows = _Silent


class _Dividing(ExemplarSchedule):
    def level(self) -> float:
        _ = 1 / (self.schedule.end - self.schedule.begin)
        return super().level()


@breaks("SCHED-07", "refusal-unnamed")
class DividesByTheLength(_Following):
    """Divides by the number of steps from begin to end, which may be 0."""

    follows = _Dividing


class _Starting(ExemplarSchedule):
    def level(self) -> float:
        is_empty = self.schedule.begin == self.schedule.end
        return self.schedule.initial if is_empty and self.step == self.schedule.end else super().level()


@breaks("SCHED-07", "count-differs")
class StartsWithoutAStep(_Following):
    """Has the initial level once, though the schedule ends where it begins."""

    follows = _Starting


@breaks("SCHED-08", "not-refused")
class DeclaresOneSchedule(Misdeclared):
    """Declares one kind of schedule, and has all."""

    contract = replace(CONTRACT, schedules="linear", rewinds="yes")


class _Remembering(ExemplarSchedule):
    def advance(self) -> None:
        if self.level() == self.last:
            self.step += 1
        else:
            super().advance()


@breaks("SCHED-09", "kept-differs")
class PassesOverAnUnchangedLevel(_Following):
    """Does nothing at a step whose level is that of the step before, so that new weights are not ranked."""

    follows = _Remembering


@breaks("SCHED-10", "mask-differs")
class AdvancesWithTheOptimizer(Exemplar):
    """Advances its schedule with every step of the optimizer as well."""

    course: ExemplarSchedule | None = None

    def schedule(self, schedule: Schedule) -> Scheduled:
        self.course = ExemplarSchedule(self, schedule)
        return self.course

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        super().step(optimizer)
        if self.course is not None:
            self.course.advance()


@breaks("SCHED-11", "not-rewound")
class RemembersRoughly(Exemplar):
    """Remembers weights in bfloat16."""

    def remember(self) -> None:
        super().remember()
        self.remembered = {name: first.bfloat16().to(first) for name, first in self.remembered.items()}


@breaks("SCHED-11", "mask-differs")
class RewindsTheMasks(Exemplar):
    """Rewinds the masks as well, which then keep all."""

    def rewind(self) -> None:
        super().rewind()
        for name in self.plan.names:
            self.mask_tensor(name).fill_(True)


@breaks("SCHED-12", "not-rewound")
class TrainsTheFirstWeights(Exemplar):
    """Rewinds by using the remembered tensors themselves, which further training changes."""

    def rewind(self) -> None:
        super().rewind()
        for name, first in self.remembered.items():
            original = name.replace(".weight", ".parametrizations.weight.original")
            self.model.get_parameter(original).data = first


@breaks("SCHED-13", "not-refused")
class RewindsUndeclared(Misdeclared):
    """Declares that it does not rewind, and does."""

    contract = replace(CONTRACT, schedules=Misdeclared.contract.schedules)
