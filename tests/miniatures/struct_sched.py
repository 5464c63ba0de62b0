"""Sparsifiers that remove channels, broken only under a schedule."""

from __future__ import annotations

from typing import Any

from sparsecheck import Schedule, Scheduled
from sparsecheck.adapter.shipped.exemplar_schedule import ExemplarSchedule
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover

from . import breaks


class _OfWhatIsLeft(ExemplarSchedule):
    def advance(self) -> None:
        before, self.last = self.last or 0.0, self.level()
        self.sparsified.update(max(before, 1 - (1 - before) * (1 - self.last)))
        self.step += 1


@breaks("SCHED-01", "count-differs")
class RemovesOfWhatIsLeft(ChannelRemover):
    """Takes the level of each step as a share of the channels that earlier steps have left."""

    def schedule(self, schedule: Schedule) -> Scheduled:
        return _OfWhatIsLeft(self, schedule)


@breaks("SCHED-04", "mask-differs")
class ForgetsTheStep(ChannelRemover):
    """Saves a schedule without its step, so that after a resume it removes nothing until it is where it was."""

    def schedule(self, schedule: Schedule) -> Scheduled:
        return _Forgetting(self, schedule)


class _Forgetting(ExemplarSchedule):
    def load(self, state: Any) -> None:
        super().load({**state, "step": 0})


@breaks("SCHED-10", "channels-differ")
class RemovesMoreInTraining(ChannelRemover):
    """Removes channels of the next step as soon as it trains, and not when the schedule is stepped."""

    course: ExemplarSchedule | None = None

    def schedule(self, schedule: Schedule) -> Scheduled:
        self.course = ExemplarSchedule(self, schedule)
        return self.course

    def train(self, batches: Any, loss: Any, optimizer: Any) -> None:
        super().train(batches, loss, optimizer)
        if self.course is not None:
            self.update(self.course.level())
