"""A training run with everything that its checkpoint holds, saved at some step, resumed and carried on to its end."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..adapter.protocol import Saved, Sparsified
from ..adapter.schedules import Scheduled
from ..oracle import compare, flatten
from ..values.plan import Plan
from ..values.schedule import KINDS, Schedule
from ..values.violation import presume
from .training import raised_level
from .trial import Trial

STEPS = 5
"""The steps of a run. After every second one comes an update, at a higher level each time."""

MOMENTS = {"attached": 1, "updated": 2, "between": 3}
"""By value of the layer axis, the number of steps after which a run is saved."""

RUN = "run.pt"
"""The file of the checkpoint, in the folder that both interpreters know."""

Checkpoint = dict[str, Any]
Outcome = dict[str, Tensor]
"""What a run has at its end, by kind and name: `weight layer1.weight`, `state 0.exp_avg`."""

_KINDS = {"weight": "weight-differs", "mask": "mask-differs", "state": "optimizer-differs", "rate": "rate-differs",
          "level": "level-differs", "draw": "random-differs", "buffer": "buffer-differs", "output": "output-differs"}


class Run:
    """A sparse model, its optimizer, its two schedules, and the number of steps that it has made.

    Args:
        trial: The cell.
        sparsified: The sparsifier at work on the model.
        loaded: The checkpoint of an earlier run, which is loaded into all parts but the sparsifier.
    """

    def __init__(self, trial: Trial, sparsified: Sparsified, loaded: Mapping[str, Any] | None = None) -> None:
        self.trial = trial
        self.sparsified = sparsified
        self.optimizer = torch.optim.Adam(ordered_parameters(trial, sparsified.model), lr=1e-2)
        self.rates = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=2, gamma=0.5)
        schedule = schedule_of(trial)
        self.scheduled: Scheduled | None = None if schedule is None else sparsified.schedule(schedule)
        self.done = 0
        if loaded is not None:
            self._load(loaded)

    def _load(self, loaded: Mapping[str, Any]) -> None:
        self.optimizer.load_state_dict(loaded["optimizer"])
        self.rates.load_state_dict(loaded["rates"])
        if self.scheduled is not None:
            with self.trial.guard.contain():
                self.scheduled.load(loaded["schedule"])
        self.done = loaded["done"]

    def save(self) -> Checkpoint:
        """Return a checkpoint, as users write it: the states of all parts, and the random states."""
        saved = self.sparsified.save()
        return {
            "model": saved.model, "sidecar": saved.sidecar, "optimizer": self.optimizer.state_dict(),
            "rates": self.rates.state_dict(), "done": self.done, "random": random_states(),
            "schedule": None if self.scheduled is None else self.scheduled.state(),
        }

    def go_on(self, until: int = STEPS) -> None:
        """Train step by step on noisy inputs, and update after every second step."""
        batches = self.trial.batches(STEPS, "lesson")
        while self.done < until:
            inputs, target = batches[self.done]
            noisy = inputs + 0.1 * torch.randn(inputs.shape).to(inputs)
            self.sparsified.train([(noisy, target)], functional.mse_loss, self.optimizer)
            self.rates.step()
            self.done += 1
            if self.done % 2 == 0:
                self._update()

    def _update(self) -> None:
        if self.scheduled is not None:
            with self.trial.guard.contain():
                self.scheduled.advance()
        elif self.done == 2 or self.trial.supports("reupdate"):
            self.sparsified.update(None if self.done == 2 else raised_level(self.trial))

    def outcome(self) -> Outcome:
        """Return weights in use, masks, the optimizer's state, learning rate, reported levels and random numbers."""
        used = self.trial.used_weights(self.sparsified.model)
        seen: dict[str, Any] = {f"mask {name}": mask for name, mask in self.sparsified.masks().items()}
        seen |= {f"weight {name}": weight for name, weight in used.items()}
        seen |= {f"state {path}": one for path, one in flatten.tensors(self.optimizer.state_dict()["state"]).items()}
        levels = {} if self.scheduled is None else self.scheduled.levels()
        seen |= {f"level {name}": torch.tensor(level, dtype=torch.float64) for name, level in levels.items()}
        seen["rate"] = torch.tensor(self.rates.get_last_lr(), dtype=torch.float64)
        seen["draw"] = torch.cat((torch.rand(2).double(), torch.tensor([random.random(), np.random.rand()])))
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in seen.items()}


def ordered_parameters(trial: Trial, model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters in the order of the model, or by their dense names if that order is declared changed.

    An optimizer's state belongs to parameters by position, and the order may change with the first update.
    """
    named = dict(model.named_parameters())
    if trial.contract.parameter_order == "kept":
        return list(named.values())
    return [named[name] for name in sorted(named, key=_dense_name)]


def _dense_name(name: str) -> str:
    return name.replace("parametrizations.", "").removesuffix(".original").removesuffix("_orig")


def schedule_of(trial: Trial) -> Schedule | None:
    """Return the schedule of a run: of the first kind that is declared, or None."""
    offered = trial.contract.offered_schedules
    kind = next((one for one in KINDS if one in offered), None)
    if kind is None:
        return None
    levels = (0.25, 0.5, 0.75)
    milestones = tuple(enumerate(levels)) if kind == "steps" else ()
    return Schedule(
        kind=kind, initial=levels[0], final=levels[-1], end=2,
        milestones=milestones, levels=levels if kind == "lambda" else (),
    )


def plan_of(trial: Trial) -> Plan:
    """Return the plan with which a run is attached: at the first level of its schedule, if it has one."""
    schedule = schedule_of(trial)
    return trial.plan if schedule is None else trial.plan.at_level(schedule.initial)


def random_states() -> dict[str, Any]:
    """Return the random states of torch, Python and NumPy."""
    return {"torch": torch.get_rng_state(), "python": random.getstate(), "numpy": np.random.get_state()}


def set_random_states(states: Mapping[str, Any]) -> None:
    """Set the random states of torch, Python and NumPy."""
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])


@contextmanager
def reproducible(trial: Trial) -> Iterator[None]:
    """Seed the global random streams inside, where runs draw from them, and set them again at the end."""
    trial.guard.seed()
    try:
        yield
    finally:
        trial.guard.seed()


def started(trial: Trial) -> Run:
    """Return a run at its start: attached to the dense model."""
    return Run(trial, trial.attach(plan=plan_of(trial)))


def resumed(trial: Trial, loaded: Mapping[str, Any], model: nn.Module | None = None) -> Run:
    """Return a run that goes on from a checkpoint: restored onto a dense model, and with the saved random states."""
    saved = Saved(loaded["model"], loaded["sidecar"])
    run = Run(trial, trial.restore_without_update(saved, model, plan_of(trial)), loaded)
    set_random_states(loaded["random"])
    return run


def read(file: Path, **how: Any) -> Checkpoint:
    """Read a checkpoint from a file."""
    loaded: Checkpoint = torch.load(str(file), weights_only=False, **how)
    return loaded


def copied(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint as it is read from a file."""
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    loaded: Checkpoint = torch.load(file, weights_only=False)
    return loaded


def assert_same(trial: Trial, seen: Outcome, expected: Outcome, what: str, planned: Iterable[str] = ()) -> None:
    """Assert that two runs have the same at their end, bit for bit.

    Args:
        trial: The cell.
        seen: What the resumed run has.
        expected: What the uninterrupted one has.
        what: The subject of the message.
        planned: The planned names, if the network is not that of the trial.

    Raises:
        Violation: A weight (`weight-differs`), a mask (`mask-differs`), a state of the optimizer (`optimizer-differs`),
            the learning rate (`rate-differs`), a level (`level-differs`), a buffer (`buffer-differs`), an output
            (`output-differs`) or a random number (`random-differs`) is different, or something is missing
            (`outcome-missing`).
    """
    for name in planned or trial.plan.names:
        presume(f"weight {name}" in expected, "outcome-missing", f"{what}: the run has no weight {name}")
    for name, value in expected.items():
        presume(name in seen, "outcome-missing", f"{what}: the resumed run has no {name}")
        compare.assert_equal(seen[name], compare.array(value), _KINDS[name.partition(" ")[0]], f"{what}: {name}")
