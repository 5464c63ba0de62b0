"""Prune a trained network on a schedule to 90 %, fine-tune it, and save and resume the run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..adapter.protocol import Saved, Sparsified
from ..adapter.schedules import Scheduled
from ..oracle import compare, flatten, random_numbers, schedules
from ..oracle.compare import array
from ..oracle.plans import pattern_for
from ..oracle.ranking import assert_count, expected_units, rankings
from ..oracle.units import Mask, fixed_mask
from ..values.pattern import Given, Pattern
from ..values.plan import Plan
from ..values.schedule import KINDS, Schedule
from ..values.violation import presume, require
from . import real_training
from .resuming import RUN, Checkpoint, Outcome, ordered_parameters, random_states, read, set_random_states
from .trial import Trial
from .weights_in_use import WeightsInUse

FINAL = 0.9
"""The part of each planned weight that is removed in the end."""

UPDATES, BETWEEN, STEPS = 4, 2, 24
"""The number of updates, one before every second step, and of all steps: after the last update comes fine-tuning."""

PRUNED, SAVED = UPDATES * BETWEEN, 5
"""The number of steps until fine-tuning, and until the run is saved, between two updates."""

_FIRST = 0.3


@dataclass(frozen=True)
class Course:
    """The levels of the updates of a run.

    Attributes:
        levels: The level of each update; the first is also that of the plan.
        schedule: The schedule that has these levels, if the sparsifier offers one.
        by_hand: Whether updates state the level.
    """

    levels: tuple[float, ...]
    schedule: Schedule | None
    by_hand: bool


def course_of(trial: Trial) -> Course:
    """Return the levels of a run: from 30 % to 90 % of the dense weight, or in equal parts of what remains."""
    count = UPDATES if trial.supports("reupdate") else 1
    if trial.contract.level_basis == "remaining":
        part = 1 - (1 - FINAL) ** (1 / (count + (trial.contract.masks_at == "attach")))
        first, last = part, part
    else:
        first, last = (_FIRST if trial.supports("relevel") and count > 1 else FINAL), FINAL
    schedule = _schedule(trial, first, last, count)
    rising = Schedule(kind="cubic", initial=first, final=last, end=max(count - 1, 1))
    levels = tuple(map(float, schedules.levels(schedule or rising, count)))
    return Course(levels, schedule, schedule is None and trial.supports("relevel") and count > 1)


def _schedule(trial: Trial, first: float, last: float, count: int) -> Schedule | None:
    offered = trial.contract.offered_schedules
    kind = next((one for one in ("cubic", *KINDS) if one in offered), None)
    if kind is None or count == 1:
        return None
    levels = tuple(np.linspace(first, last, count).tolist())
    return Schedule(
        kind=kind, initial=first, final=last, end=count - 1,
        milestones=tuple(enumerate(levels)) if kind == "steps" else (), levels=levels if kind == "lambda" else (),
    )


def plan_of(trial: Trial, planned: Iterable[str], model: nn.Module) -> Plan:
    """Return the plan at the first level, for those parameters of a model that are offered."""
    first = course_of(trial).levels[0]
    return Plan({name: _pattern(trial, name, model) for name in planned}).at_level(first)


def _pattern(trial: Trial, name: str, model: nn.Module) -> Pattern:
    shape = tuple(model.get_parameter(name).shape)
    if trial.cell.pattern != "given":
        return pattern_for(trial.cell.pattern, shape, name)
    return Given(random_numbers.integers(f"{trial.cell.layer} {name}", shape, 10) == 0)


@dataclass(frozen=True)
class Moment:
    """A moment of a run.

    Attributes:
        what: The subject of messages.
        level: The level of the update; None after steps of training.
        before: The masks before the update, if there were any.
    """

    what: str
    level: float | None = None
    before: Mapping[str, Mask] | None = None


class RealRun:
    """A trained network that a sparsifier prunes, with everything that its checkpoint holds.

    Attributes:
        trial: The cell.
        plan: The plan.
        sparsified: The sparsifier at work.
        done: The number of steps so far.
        updates: The number of updates so far.
        losses: The loss of each step.
        dense_accuracy: The accuracy of the trained network before it was sparsified; 0 in a run that goes on.

    Args:
        trial: The cell.
        planned: The planned parameters.
        loaded: The checkpoint of an earlier run to go on from; by default, attach to the trained network.
    """

    def __init__(self, trial: Trial, planned: Iterable[str], loaded: Mapping[str, Any] | None = None) -> None:
        self.family = trial.cell.layer
        self.trial = trial.with_context(real_training.context(self.family))
        self.course = course_of(trial)
        dense = real_training.untrained(self.family, "restored")
        self.in_use = WeightsInUse(dense.eval(), real_training.tested(self.family)[0][:4])
        self.plan = plan_of(trial, planned, dense)
        self.done, self.updates = 0, 0
        self.losses: list[Tensor] = []
        self.dense_accuracy = 0.0
        self.sparsified = self._started() if loaded is None else self._restored(loaded)
        self.optimizer = torch.optim.AdamW(ordered_parameters(trial, self.model), lr=2e-2, weight_decay=0.01)
        self.rates = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, STEPS)
        self.scheduled: Scheduled | None = None
        if self.course.schedule is not None:
            self.scheduled = self.sparsified.schedule(self.course.schedule)
        if loaded is not None:
            self._load(loaded)

    @property
    def model(self) -> nn.Module:
        """Return the sparse model."""
        return self.sparsified.model

    def _started(self) -> Sparsified:
        model = real_training.dense_model(self.trial)
        self.dense_accuracy = real_training.accuracy(real_training.output(model, self.family), self.family)
        return self.trial.attach(model, self.plan)

    def _restored(self, loaded: Mapping[str, Any]) -> Sparsified:
        model = real_training.untrained(self.family, "restored")
        return self.trial.restore_without_update(Saved(loaded["model"], loaded["sidecar"]), model, self.plan)

    def _load(self, loaded: Mapping[str, Any]) -> None:
        self.optimizer.load_state_dict(loaded["optimizer"])
        self.rates.load_state_dict(loaded["rates"])
        if self.scheduled is not None:
            with self.trial.guard.contain():
                self.scheduled.load(loaded["schedule"])
        self.done, self.updates = loaded["done"], loaded["updates"]
        self.model.train()
        set_random_states(loaded["random"])

    def save(self) -> Checkpoint:
        """Return a checkpoint, as users write it: the states of all parts, and the random states."""
        saved = self.sparsified.save()
        return {
            "model": saved.model, "sidecar": saved.sidecar, "optimizer": self.optimizer.state_dict(),
            "rates": self.rates.state_dict(), "done": self.done, "updates": self.updates, "random": random_states(),
            "schedule": None if self.scheduled is None else self.scheduled.state(), "planned": self.plan.names,
        }

    def go_on(self, until: int = STEPS) -> None:
        """Update and train until a number of steps."""
        for _ in self.moments(until):
            pass

    def moments(self, until: int = STEPS) -> Iterator[Moment]:
        """Update and train until a number of steps, and yield every update, and every end of training between two."""
        while self.done < until:
            if self.done == self.updates * BETWEEN and self.updates < len(self.course.levels):
                yield self._update()
            next_update = (self.done // BETWEEN + 1) * BETWEEN
            self._train(min(next_update, until))
            yield Moment(f"{self.family}, after step {self.done}")

    def _update(self) -> Moment:
        level = self.course.levels[self.updates]
        has_masks = self.updates > 0 or self.trial.contract.masks_at == "attach"
        before = self.masks() if has_masks else None
        if self.scheduled is not None:
            with self.trial.guard.contain():
                self.scheduled.advance()
        else:
            self.sparsified.update(level if self.course.by_hand and self.updates > 0 else None)
        self.updates += 1
        return Moment(f"{self.family}, update {self.updates}, level {level:.4f}", level, before)

    def _train(self, until: int) -> None:
        for inputs, target in real_training.batches(self.family, self.done, until):
            self.sparsified.train([(inputs, target)], self._loss, self.optimizer)
            self.rates.step()
            self.done += 1

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        loss = functional.cross_entropy(output, target)
        self.losses.append(loss.detach())
        return loss

    def masks(self) -> dict[str, Mask]:
        """Return copies of the reported masks.

        Raises:
            Violation: One is missing (`mask-missing`).
        """
        masks = self.sparsified.masks()
        for name in self.plan.names:
            presume(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it")
        return {name: array(masks[name]).astype(np.bool_) for name in self.plan.names}

    def used(self) -> dict[str, Tensor]:
        """Return the weights that a forward in eval mode uses.

        Raises:
            Violation: It runs other layers than the dense model (`forward-differs`).
        """
        with real_training.evaluating(self.model):
            return self.in_use.read(self.model)

    def output(self) -> Tensor:
        """Return the output for images that the network was not trained on."""
        return real_training.output(self.model, self.family)

    def accuracy(self) -> float:
        """Return the part of those images that it answers rightly."""
        return real_training.accuracy(self.output(), self.family)

    def outcome(self) -> Outcome:
        """Return weights, masks, buffers, optimizer, learning rate, levels, output and random numbers."""
        seen: dict[str, Any] = {f"mask {name}": torch.from_numpy(mask) for name, mask in self.masks().items()}
        seen |= {f"weight {name}": one for name, one in {**dict(self.model.named_parameters()), **self.used()}.items()}
        seen |= {f"buffer {name}": one for name, one in self.model.named_buffers()}
        seen |= {f"state {path}": one for path, one in flatten.tensors(self.optimizer.state_dict()["state"]).items()}
        levels = {} if self.scheduled is None else self.scheduled.levels()
        seen |= {f"level {name}": torch.tensor(level, dtype=torch.float64) for name, level in levels.items()}
        seen["output"], seen["draw"] = self.output(), torch.rand(2)
        seen["rate"] = torch.tensor(self.rates.get_last_lr(), dtype=torch.float64)
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in seen.items()}

    def assert_count(self, moment: Moment) -> None:
        """Assert that an update has removed exactly what its level says.

        Raises:
            Violation: It has removed another number of units (`count-differs`), or another mask than the one that the
                plan states (`mask-differs`).
        """
        assert moment.level is not None
        masks, shapes = self.masks(), {name: np.zeros(array(one).shape) for name, one in self.used().items()}
        plan = self.plan.at_level(moment.level)
        before = None if moment.before is None else list(rankings(plan, moment.before, shapes))
        for position, one in enumerate(rankings(plan, masks, shapes)):
            what = f"{moment.what}: {one.description}"
            stated = fixed_mask(one.pattern, one.mask.shape)
            if stated is not None:
                compare.assert_equal(one.mask, stated, "mask-differs", what)
                continue
            cut = expected_units(one, self.trial.contract, None if before is None else before[position].mask)
            assert_count(one.mask, cut, what)

    def assert_removed_are_zero(self, what: str) -> None:
        """Assert that forward uses zero for every removed entry, and that there are some.

        Raises:
            Violation: It does not (`removed-not-zero`), or nothing is removed (`plan-not-applied`).
        """
        assert_zero(self.used(), self.masks(), f"{what}: removed entries of", " as used in forward")

    def assert_losses_finite(self) -> None:
        """Assert that the loss of every step is a finite number.

        Raises:
            Violation: One is not (`loss-not-finite`), or none was computed (`loss-missing`).
        """
        require(bool(self.losses), "loss-missing", f"{self.family}: training has not computed its loss")
        for step, loss in enumerate(self.losses, 1):
            message = f"{self.family}: the loss of step {step} is {float(loss)}"
            require(math.isfinite(float(loss)), "loss-not-finite", message)


def assert_zero(weights: Mapping[str, Tensor], masks: Mapping[str, Mask], what: str, where: str) -> None:
    """Assert that weights are zero where masks remove, and that each mask removes something.

    Raises:
        Violation: One is not (`removed-not-zero`), or nothing is removed (`plan-not-applied`).
    """
    for name, mask in masks.items():
        presume(not mask.all(), "plan-not-applied", f"{name} is planned, but its mask keeps all")
        presume(name in weights, "forward-differs", f"no layer uses {name}")
        removed = np.where(mask, 0.0, array(weights[name]))
        compare.assert_equal(removed, np.zeros(mask.shape), "removed-not-zero", f"{what} {name}{where}")


def assert_final(run: RealRun) -> None:
    """Finalize, and assert that the model is sparse, and gives the output of the sparse model in eval mode.

    Raises:
        Violation: A removed entry is not zero (`removed-not-zero`), a parameter of the dense model is missing
            (`parameter-missing`), or an output is different (`output-differs`).
    """
    masks, expected, what = run.masks(), run.output(), f"{run.family}, finalized"
    with run.trial.guard.contain():
        final = run.sparsified.finalize()
    weights = dict(final.named_parameters())
    for name in run.plan.names:
        presume(name in weights, "parameter-missing", f"{what}: it has no parameter {name}")
    assert_zero(weights, masks, f"{what}: removed entries of", "")
    seen = real_training.output(final, run.family)
    compare.assert_close(seen, expected, run.trial.tolerance, "output-differs", f"{what}: output")


def resume(trial: Trial, folder: Path) -> Outcome:
    """Resume a run in this interpreter, carry it on to its end, and return what it has, with its accuracy."""
    with real_training.reproducible(trial):
        loaded = read(folder / RUN)
        run = RealRun(trial, loaded["planned"], loaded)
        run.go_on()
        return {**run.outcome(), ACCURACY: torch.tensor(run.accuracy(), dtype=torch.float64)}


ACCURACY = "accuracy"
"""What `resume` returns besides the outcome."""
