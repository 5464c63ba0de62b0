"""Put a sparse model under a schedule, and compare its masks with the levels of the formula."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..adapter.protocol import Saved
from ..oracle import ranking, schedules
from ..oracle.ranking import assert_count, assert_subset, expected_units, rankings
from ..oracle.units import Mask, Reals
from ..values.plan import Plan
from ..values.schedule import KINDS, Schedule
from ..values.violation import Violation, presume, require
from .baseline import reported_masks
from .pruned_model import read_tensor
from .trial import Trial

INITIAL, FINAL, LENGTH = 0.0513, 0.6471, 4
"""Levels whose product with a number of units is never near half of a unit, and the steps from begin to end."""

_TABLE = (0.25, 0.25, 0.5, 0.5, 0.75)
_MILESTONES = ((0, 0.25), (2, 0.5), (LENGTH, 0.75))
"""Levels of which a fourth of the units is a whole number, for packages that round in their own way otherwise."""


def schedule_of(trial: Trial, length: int = LENGTH) -> Schedule:
    """Return the schedule that the cell names.

    Args:
        trial: The cell.
        length: The number of steps from its begin to its end.
    """
    word, _, option = trial.cell.layer.partition("-")
    begin, is_given = (2 if option == "begin" else 0), word in ("steps", "lambda")
    initial, final = (_TABLE[0], _TABLE[-1]) if is_given else (INITIAL, FINAL)
    return Schedule(
        kind=next(kind for kind in KINDS if kind == word),
        initial=initial, final=final, begin=begin, end=begin + length,
        every=2 if option == "every" else 1,
        milestones=_MILESTONES if word == "steps" else (), levels=_TABLE if word == "lambda" else (),
    )


class Course:
    """A schedule at work on a sparse model, whose answers are checked.

    Attributes:
        schedule: The schedule.
        sparsified: The sparsifier at work on the model.
        expected: The level at each step, by the closed formula, to three steps beyond the end.

    Args:
        trial: The cell.
        schedule: The schedule; by default, the one that the cell names.
        saved: The state of a run to restore; by default, attach anew.
    """

    def __init__(self, trial: Trial, schedule: Schedule | None = None, saved: Saved | None = None) -> None:
        self.trial = trial
        self.schedule = schedule or schedule_of(trial)
        self.expected = [float(level) for level in schedules.levels(self.schedule, self.schedule.end + 4)]
        plan = trial.plan.at_level(self.expected[0])
        self.model = trial.dense_model()
        self.before = dict(self.model.named_parameters())
        self.sparsified = (
            trial.attach(self.model, plan) if saved is None else trial.restore_without_update(saved, plan=plan)
        )
        self._own = self.sparsified.schedule(self.schedule)

    def advance(self) -> None:
        """Update the masks at the level of the present step, and go on."""
        with self.trial.guard.contain():
            self._own.advance()

    def skip(self) -> list[str]:
        """Go on without an update, and return what was said: the warnings, or the exception."""
        with warnings.catch_warnings(record=True) as told, self.trial.guard.contain():
            warnings.simplefilter("always")
            try:
                self._own.skip()
            except Exception as error:
                return [f"{type(error).__name__}: {error}"]
        return [str(one.message) for one in told]

    def masks(self) -> dict[str, Mask]:
        """Return copies of the reported masks."""
        return reported_masks(self.trial, self.sparsified)

    def reported(self) -> dict[str, float]:
        """Return the reported level of every planned parameter.

        Raises:
            Violation: One is missing, or is no number (`protocol-broken`).
        """
        levels = self._own.levels()
        for name in self.trial.plan.names:
            level = levels.get(name) if isinstance(levels, Mapping) else None
            is_number = isinstance(level, (int, float)) and not isinstance(level, bool)
            presume(is_number, "protocol-broken", f"levels() has {level!r} for {name}, expected a number")
        return {name: float(levels[name]) for name in self.trial.plan.names}

    def assert_level(self, level: float, before: Mapping[str, Mask] | None, what: str) -> None:
        """Assert that the masks have a level.

        Raises:
            Violation: Another number of units is removed (`count-differs`), or a mask is missing (`mask-missing`).
        """
        self.assert_levels(dict.fromkeys(self.trial.plan.names, level), before, what)

    def assert_levels(self, levels: Mapping[str, float], before: Mapping[str, Mask] | None, what: str) -> None:
        """Assert that the mask of each planned parameter has the level of that name.

        Args:
            levels: The levels, by planned name.
            before: The masks before the last update, if it was not the first.
            what: The subject of the message.

        Raises:
            Violation: Another number of units is removed (`count-differs`), or a mask is missing (`mask-missing`).
        """
        trial, weights = self.trial, self.trial.dense_parameters()
        patterns = {name: trial.plan.at_level(level).patterns[name] for name, level in levels.items()}
        plan = Plan(patterns, trial.plan.scope)
        earlier = None if before is None else list(rankings(plan, before, weights))
        for position, one in enumerate(rankings(plan, self.masks(), weights)):
            cut = expected_units(one, trial.contract, None if earlier is None else earlier[position].mask)
            level = levels[trial.plan.names[position]]
            assert_count(one.mask, cut, f"{what}, level {level:.4f}: {one.description}")
        if before is not None and trial.contract.regrowth == "monotone":
            assert_subset(self.masks(), before, "regrown", what)

    def held(self) -> dict[str, Mask]:
        """Return what a step has made of the planned parameters: masks, or where channels are gone, shapes alone."""
        if self.trial.declaration.profile == "structural":
            model = self.sparsified.model
            return {name: np.ones(read_tensor(model, name).shape, dtype=np.bool_) for name in self.trial.plan.names}
        return self.masks()

    def assert_held(self, held: Mapping[str, Mask], what: str) -> None:
        """Assert that masks, or shapes, are those that `held` returned.

        Raises:
            Violation: A mask is different (`mask-differs`), or a shape (`channels-differ`).
        """
        if self.trial.declaration.profile != "structural":
            self.trial.assert_masks(self.sparsified, held, what)
            return
        for name, mask in self.held().items():
            message = f"{what}: {name} has shape {mask.shape}, it had {held[name].shape}"
            require(mask.shape == held[name].shape, "channels-differ", message)

    def assert_same(self, masks: Mapping[str, Mask], what: str) -> None:
        """Assert that the masks are those given, or, if they are drawn at random, that as many entries are removed.

        Raises:
            Violation: A mask is different (`mask-differs`), or removes another number (`count-differs`).
        """
        if self.trial.contract.score != "random":
            self.trial.assert_masks(self.sparsified, masks, what)
            return
        for name, mask in self.masks().items():
            seen, expected = (int((~one).sum()) for one in (mask, masks[name]))
            message = f"{what}: mask of {name} removes {seen} entries, expected {expected}"
            require(seen == expected, "count-differs", message)

    def assert_highest_kept(self, weights: Mapping[str, Reals], what: str) -> None:
        """Assert that at the final level no removed unit scores above a kept one, by the scores of `weights`.

        Raises:
            Violation: One does (`kept-differs`).
        """
        trial = self.trial
        plan = trial.plan.at_level(self.schedule.final)
        for one in rankings(plan, self.masks(), weights):
            cut = expected_units(one, trial.contract)
            text = f"{what}: {one.description}"
            ranking.assert_highest_kept(one.mask, one.weight, cut, trial.contract, trial.cell.dtype, text)

    def saved(self) -> tuple[Saved, Any]:
        """Return the state of the sparsifier and of the schedule, both written to a file and read again.

        Raises:
            Violation: The state of the schedule cannot be written (`schedule-not-saved`).
        """
        file, saved = io.BytesIO(), self.sparsified.save()
        try:
            torch.save((saved.model, saved.sidecar, self._own.state()), file)
        except Exception as error:
            message = f"the state of the schedule cannot be saved: {type(error).__name__}: {error}"
            raise Violation("schedule-not-saved", message) from error
        file.seek(0)
        model, sidecar, state = torch.load(file, weights_only=False)
        return Saved(model, sidecar), state

    def load(self, state: Any) -> None:
        """Load the state of a schedule."""
        with self.trial.guard.contain():
            self._own.load(state)
