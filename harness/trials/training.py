"""Train a sparse model for a few steps, and assert that it has learned and stayed sparse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..adapter.protocol import Batch, Sparsified
from ..oracle import compare
from ..oracle.units import Mask, Reals
from ..values.pattern import Band, Given
from ..values.violation import presume, require
from .baseline import assert_removed_are_zero, reported_masks
from .trial import Trial


def sgd(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return SGD with momentum, by which an entry goes on changing after it is removed."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def adamw(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return AdamW with weight decay, by which a weight changes without any gradient."""
    return torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1)


def training_batches(trial: Trial) -> list[Batch]:
    """Return eight batches: the same two, four times."""
    return trial.batches(2, "lesson") * 4


def train(trial: Trial, sparsified: Sparsified, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Take one optimizer step per training batch, by SGD unless another optimizer is given."""
    sparsified.train(training_batches(trial), functional.mse_loss, optimizer or sgd(sparsified.model.parameters()))


def expected_after_training(trial: Trial, sparsified: Sparsified) -> dict[str, Reals]:
    """Return all parameters of a plain model after training, float64.

    The model starts with the weights that `sparsified` uses, and the entries removed by its masks get no gradient.
    """
    masks, parameters = reported_masks(trial, sparsified), trial.effective_parameters(sparsified.model)
    return trial.parameters(_trained_plain_model(trial, parameters, masks))


def _trained_plain_model(trial: Trial, parameters: Mapping[str, Reals], masks: Mapping[str, Mask]) -> nn.Module:
    """Return a plain model trained from `parameters`, without gradients for the entries that `masks` remove."""
    model = trial.plain_model(parameters)
    optimizer = sgd(model.parameters())
    for inputs, target in training_batches(trial):
        optimizer.zero_grad()
        functional.mse_loss(model(inputs), target).backward()
        for name, mask in masks.items():
            gradient = model.get_parameter(name).grad
            assert gradient is not None
            gradient[torch.from_numpy(~mask).to(trial.device)] = 0
        optimizer.step()
    return model


def summed_gradients(trial: Trial, model: nn.Module) -> dict[str, Reals]:
    """Return the gradients of the parameters, summed over the two training batches, float64."""
    model.zero_grad()
    for inputs, target in training_batches(trial)[:2]:
        functional.mse_loss(model(inputs), target).backward()
    return {
        name: compare.array(parameter.grad).copy()
        for name, parameter in model.named_parameters() if parameter.grad is not None
    }


def train_alone(trial: Trial, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Take one step per training batch in a loop of torch alone: nobody calls the sparsifier or its adapter."""
    for inputs, target in training_batches(trial):
        optimizer.zero_grad()
        functional.mse_loss(model(inputs), target).backward()
        optimizer.step()


def holding(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return an optimizer that holds every parameter of `model`: the given one if it does, or else a new one."""
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return optimizer if held >= {id(one) for one in model.parameters()} else sgd(model.parameters())


def train_plain(trial: Trial, model: nn.Module) -> None:
    """Train a model without a sparsifier.

    Raises:
        Violation: Training changes no parameter (`weight-not-moved`).
    """
    before = [parameter.detach().clone() for parameter in model.parameters()]
    train_alone(trial, model, sgd(model.parameters()))
    moved = any(not compare.same_values(one, other) for one, other in zip(before, model.parameters(), strict=True))
    presume(moved, "weight-not-moved", "training changed no parameter")


def raised_level(trial: Trial) -> float | None:
    """Return a level above that of every pattern on the axis but the highest, or None without `relevel`."""
    return 0.75 if trial.supports("relevel") else None


def train_and_update(trial: Trial, sparsified: Sparsified) -> None:
    """Train, then update if `reupdate` is supported, at a higher level if `relevel` is.

    Raises:
        Violation: The model does not learn (`weight-not-moved`, `loss-not-lower`).
    """
    start = BeforeTraining.of(trial, sparsified)
    train(trial, sparsified)
    start.assert_learned(sparsified, "after training")
    if trial.supports("reupdate"):
        sparsified.update(raised_level(trial))


@dataclass(frozen=True)
class BeforeTraining:
    """Masks, parameters and loss of a sparse model before training, as copies; a weight is as forward uses it."""

    trial: Trial
    masks: dict[str, Mask]
    parameters: dict[str, Reals]
    loss: float

    @classmethod
    def of(cls, trial: Trial, sparsified: Sparsified) -> BeforeTraining:
        """Record the state of `sparsified` now."""
        masks, parameters = reported_masks(trial, sparsified), trial.effective_parameters(sparsified.model)
        return cls(trial, masks, parameters, _loss(trial, sparsified.model))

    def assert_sparse_and_learned(self, sparsified: Sparsified, what: str) -> None:
        """Assert that the model has stayed sparse and has learned.

        Raises:
            Violation: As `assert_still_sparse` and `assert_learned` do.
        """
        self.assert_still_sparse(sparsified, what)
        self.assert_learned(sparsified, what)

    def assert_still_sparse(self, sparsified: Sparsified, what: str) -> None:
        """Assert that the masks are unchanged, and that forward uses zero for every removed entry.

        Raises:
            Violation: A mask is different (`mask-differs`) or missing (`mask-missing`), or a removed entry is not zero
                (`removed-not-zero`).
        """
        self.trial.assert_masks(sparsified, self.masks, what)
        assert_removed_are_zero(self.trial, sparsified.model, self.masks, what)

    def assert_learned(self, sparsified: Sparsified, what: str) -> None:
        """Assert that kept entries of every weight have changed, planned or not, and that the loss has fallen.

        Masks can leave no path from a weight to the output, or from the input to it. So this is demanded only if SGD
        does it in a plain model with the same weights and masks.

        Raises:
            Violation: A weight is unchanged (`weight-not-moved`), or the loss is not lower (`loss-not-lower`).
        """
        for name, now in _used(self.trial, sparsified.model).items():
            message = f"{what}: none of the {int(self._kept(name, now).sum())} kept entries of {name} has changed"
            moved = self._has_moved(name, now) or not self._has_moved(name, self._plain_parameters[name])
            require(moved, "weight-not-moved", message)
        after = _loss(self.trial, sparsified.model)
        message = f"{what}: the loss went from {self.loss:.6g} to {after:.6g}"
        require(after < self.loss or not self._plain_learns(), "loss-not-lower", message)

    @cached_property
    def _plain(self) -> nn.Module:
        return _trained_plain_model(self.trial, self.parameters, self.masks)

    @cached_property
    def _plain_parameters(self) -> dict[str, Reals]:
        return self.trial.parameters(self._plain)

    def _plain_learns(self) -> bool:
        return _loss(self.trial, self._plain) < self.loss

    def _has_moved(self, name: str, now: Reals) -> bool:
        return bool((now != self.parameters[name])[self._kept(name, now)].any())

    def _kept(self, name: str, weight: Reals) -> Mask:
        return self.masks.get(name, np.ones(weight.shape, dtype=np.bool_))

    def assert_step(self, sparsified: Sparsified, step: Mapping[str, Reals], what: str) -> None:
        """Assert that every kept entry has changed by `step`, within tolerance.

        Raises:
            Violation: One has not (`step-differs`).
        """
        for name, now in _used(self.trial, sparsified.model).items():
            kept = self._kept(name, now)
            seen, expected = np.where(kept, now - self.parameters[name], 0.0), np.where(kept, step[name], 0.0)
            compare.assert_close(seen, expected, self.trial.tolerance, "step-differs", f"{what}: change of {name}")


def assert_counts_after_update(
    trial: Trial, sparsified: Sparsified, before: Mapping[str, Mask], level: float | None = None
) -> None:
    """Assert that a further update removes the number that the contract demands, or the masks that the plan states.

    Args:
        trial: The cell.
        sparsified: The sparsifier at work on the model.
        before: The masks before the update.
        level: The level of the update, if it is not the plan's.

    Raises:
        Violation: The number is different (`count-differs`), a unit is kept in part (`unit-broken`), or a mask is
            different (`mask-differs`) or missing (`mask-missing`).
    """
    if any(isinstance(pattern, (Given, Band)) for pattern in trial.plan.patterns.values()):
        trial.assert_masks(sparsified, trial.expected_masks(sparsified), "after a further update")
    else:
        trial.assert_counts(sparsified, level, before)


def _used(trial: Trial, model: nn.Module) -> dict[str, Reals]:
    return {name: compare.array(weight).copy() for name, weight in trial.used_weights(model).items()}


def _loss(trial: Trial, model: nn.Module) -> float:
    """Return the loss over the two training batches."""
    with torch.no_grad():
        return sum(
            float(functional.mse_loss(model(inputs), target))
            for inputs, target in training_batches(trial)[:2]
        )
