"""Training a sparse model a little, and judging that it learned and stayed sparse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..adapter.protocol import Batch, Sparsified
from ..oracle import compare
from ..oracle.units import Mask, Reals
from ..trials.baseline import assert_removed_are_zero, reported_masks
from ..trials.trial import Trial
from ..values.pattern import Band, Given
from ..values.violation import require


def sgd(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """SGD with momentum: what was once removed would go on moving."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def adamw(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """AdamW with decay: weights move even where no gradient comes."""
    return torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1)


def training_batches(trial: Trial) -> list[Batch]:
    """Eight batches: the same two, four times over."""
    return trial.batches(2, "lesson") * 4


def train(trial: Trial, sparsified: Sparsified, optimizer: torch.optim.Optimizer | None = None) -> None:
    """One optimizer step for each batch of the lesson, by SGD unless another optimizer is given."""
    sparsified.train(training_batches(trial), functional.mse_loss, optimizer or sgd(sparsified.model.parameters()))


def expected_after_training(trial: Trial, sparsified: Sparsified) -> dict[str, Reals]:
    """All parameters, after the lesson, of a plain model that starts as `sparsified` stands and in which what its
    masks remove is held where it is."""
    masks, model = reported_masks(trial, sparsified), trial.plain_model(trial.effective_parameters(sparsified.model))
    optimizer = sgd(model.parameters())
    for inputs, target in training_batches(trial):
        optimizer.zero_grad()
        functional.mse_loss(model(inputs), target).backward()
        for name, mask in masks.items():
            gradient = model.get_parameter(name).grad
            assert gradient is not None
            gradient[torch.from_numpy(~mask).to(trial.device)] = 0
        optimizer.step()
    return trial.parameters(model)


def summed_gradients(trial: Trial, model: nn.Module) -> dict[str, Reals]:
    """What the parameters' gradients come to over the lesson's two batches, float64; none is dropped between."""
    model.zero_grad()
    for inputs, target in training_batches(trial)[:2]:
        functional.mse_loss(model(inputs), target).backward()
    return {
        name: compare.array(parameter.grad).copy()
        for name, parameter in model.named_parameters() if parameter.grad is not None
    }


def train_plain(trial: Trial, model: nn.Module) -> None:
    """The same with a model that no sparsifier looks after.

    Raises:
        Violation: `weight-not-moved`, no parameter has moved.
    """
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = sgd(model.parameters())
    for inputs, target in training_batches(trial):
        optimizer.zero_grad()
        functional.mse_loss(model(inputs), target).backward()
        optimizer.step()
    moved = any(not compare.same_values(one, other) for one, other in zip(before, model.parameters(), strict=True))
    require(moved, "weight-not-moved", "no parameter has moved in training")


def raised_level(trial: Trial) -> float | None:
    """A level above that of every pattern on the axis but the highest; None where the sparsifier takes none."""
    return 0.75 if trial.supports("relevel") else None


def train_and_update(trial: Trial, sparsified: Sparsified) -> None:
    """Train it, then update it, where more than one update is offered, at a higher level where it takes one.

    Raises:
        Violation: `weight-not-moved` or `loss-not-lower`.
    """
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified)
    start.assert_learned(sparsified, "after training")
    if trial.supports("reupdate"):
        sparsified.update(raised_level(trial))


@dataclass(frozen=True)
class BeforeTraining:
    """A sparse model before it is trained, as copies: its masks, the weights that forward uses, its loss."""

    trial: Trial
    masks: dict[str, Mask]
    used: dict[str, Reals]
    loss: float

    @classmethod
    def of(cls, trial: Trial, sparsified: Sparsified) -> BeforeTraining:
        """Where the training of `sparsified` starts from."""
        return cls(trial, reported_masks(trial, sparsified), _used(trial, sparsified.model), _loss(trial, sparsified))

    def assert_sparse_and_learned(self, sparsified: Sparsified, what: str) -> None:
        """It has stayed sparse, and learned.

        Raises:
            Violation: one of those of `assert_still_sparse` and `assert_learned`.
        """
        self.assert_still_sparse(sparsified, what)
        self.assert_learned(sparsified, what)

    def assert_still_sparse(self, sparsified: Sparsified, what: str) -> None:
        """The masks are what they were, and forward uses zero for every removed entry.

        Raises:
            Violation: `mask-differs`, `mask-missing` or `removed-not-zero`.
        """
        self.trial.assert_masks(sparsified, self.masks, what)
        assert_removed_are_zero(self.trial, sparsified.model, self.masks, what)

    def assert_learned(self, sparsified: Sparsified, what: str) -> None:
        """Kept entries of every weight, planned or not, have moved, and the loss has fallen.

        Raises:
            Violation: `weight-not-moved` or `loss-not-lower`.
        """
        for name, now in _used(self.trial, sparsified.model).items():
            kept = self.masks.get(name, np.ones(now.shape, dtype=np.bool_))
            moved = int((now != self.used[name])[kept].sum())
            message = f"{what}: none of the {int(kept.sum())} kept entries of {name} has moved"
            require(moved > 0 or not kept.any(), "weight-not-moved", message)
        after = _loss(self.trial, sparsified)
        require(after < self.loss, "loss-not-lower", f"{what}: the loss went from {self.loss:.6g} to {after:.6g}")


    def assert_step(self, sparsified: Sparsified, step: Mapping[str, Reals], what: str) -> None:
        """Every kept entry of every weight has moved by `step`, within tolerance.

        Raises:
            Violation: `step-differs`.
        """
        for name, now in _used(self.trial, sparsified.model).items():
            kept = self.masks.get(name, np.ones(now.shape, dtype=np.bool_))
            seen, expected = np.where(kept, now - self.used[name], 0.0), np.where(kept, step[name], 0.0)
            compare.assert_close(seen, expected, self.trial.tolerance, "step-differs", f"{what}: change of {name}")


def assert_counts_after_update(
    trial: Trial, sparsified: Sparsified, before: Mapping[str, Mask], level: float | None = None
) -> None:
    """After a further update as many are removed as the contract says, or those that the plan names.

    before: the masks before the update. level: of the update, if not the plan's.

    Raises:
        Violation: `count-differs`, `unit-broken`, `mask-differs` or `mask-missing`.
    """
    if any(isinstance(pattern, (Given, Band)) for pattern in trial.plan.patterns.values()):
        trial.assert_masks(sparsified, trial.expected_masks(sparsified), "after a further update")
    else:
        trial.assert_counts(sparsified, level, before)


def _used(trial: Trial, model: nn.Module) -> dict[str, Reals]:
    return {name: compare.array(weight).copy() for name, weight in trial.used_weights(model).items()}


def _loss(trial: Trial, sparsified: Sparsified) -> float:
    """Over one round of the lesson."""
    with torch.no_grad():
        return sum(
            float(functional.mse_loss(sparsified.model(inputs), target))
            for inputs, target in training_batches(trial)[:2]
        )
