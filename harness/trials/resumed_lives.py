"""The requests about runs that a fresh interpreter serves: each resumes a checkpoint and returns the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from . import real_runs, resuming
from .resuming import RUN, Checkpoint, Outcome, Run
from .training import sgd
from .trial import Trial


def resume(trial: Trial, folder: Path) -> Outcome:
    """Resume a run, and carry it on to its end."""
    run = resuming.resumed(trial, resuming.read(folder / RUN))
    run.go_on()
    return run.outcome()


def resume_twice(trial: Trial, folder: Path) -> Outcome:
    """Resume a run, save it two steps later to another file, resume it from there, and carry it on to its end."""
    first = resuming.resumed(trial, resuming.read(folder / RUN))
    first.go_on(first.done + 2)
    torch.save(first.save(), folder / "again.pt")
    second = resuming.resumed(trial, resuming.read(folder / "again.pt"))
    second.go_on()
    return second.outcome()


def attach_and_run(trial: Trial, folder: Path) -> Outcome:
    """Load the dense model, attach to it, and carry on the run."""
    loaded, model = resuming.read(folder / RUN), trial.dense_model("restored")
    model.load_state_dict(loaded["model"])
    sparsified = trial.attach(model, resuming.plan_of(trial))
    run = Run(trial, sparsified)
    resuming.set_random_states(loaded["random"])
    run.go_on()
    return run.outcome()


def train_final(trial: Trial, folder: Path) -> Outcome:
    """Load the state of the final model into a dense model, and train that."""
    model = trial.dense_model("restored")
    model.load_state_dict(resuming.read(folder / RUN)["model"])
    return trained(trial, model)


def trained(trial: Trial, model: torch.nn.Module) -> Outcome:
    """Train a model without a sparsifier, and return its parameters."""
    optimizer = sgd(model.parameters())
    for inputs, target in trial.batches(2, "final lesson"):
        optimizer.zero_grad()
        functional.mse_loss(model(inputs), target).backward()
        optimizer.step()
    used: dict[str, Tensor] = dict(model.named_parameters())
    return {f"weight {name}": one.detach().cpu().clone() for name, one in used.items()}


LIVES: dict[str, Callable[[Trial, Path], Outcome]] = {
    "RESUME-01": resume, "RESUME-02": resume_twice, "RESUME-03": attach_and_run, "RESUME-04": train_final,
    "MODEL-03": real_runs.resume,
}
"""By requirement, what the fresh interpreter does with the checkpoint."""


def save(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint to the file that the fresh interpreter reads."""
    torch.save(checkpoint, folder / RUN)
