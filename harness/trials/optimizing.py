"""Train a sparse model by one optimizer through several updates, beside a plain twin with explicit masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from ..adapter.protocol import Batch, Sparsified
from ..oracle import compare
from ..oracle.units import Mask
from ..values.violation import presume, require
from . import optimizers, places
from .baseline import reported_masks
from .training import raised_level
from .trial import Trial
from .used_weights import gradient

Step = Callable[[Optimizer], None]
Loop = Callable[[nn.Module, Iterable[Batch], Step], None]
"""One turn of a training loop: takes the model, batches, and a function that takes one step of the optimizer."""


_KINDS: dict[str, Callable[[Iterable[nn.Parameter]], Optimizer]] = {
    "momentum": optimizers.momentum, "sgd": optimizers.plain_sgd, "nesterov": optimizers.nesterov,
    "adam": optimizers.adam, "adamw": optimizers.adamw, "foreach": optimizers.foreach, "fused": optimizers.fused,
}
"""By value of the layer axis, the optimizer."""


def build(trial: Trial, model: nn.Module, planned: Iterable[nn.Parameter] = ()) -> Optimizer:
    """Return the optimizer that the cell names, or SGD with momentum.

    Args:
        trial: The cell.
        model: The model whose parameters it trains.
        planned: The planned parameters among them, for an optimizer with groups.
    """
    if trial.cell.layer == "groups":
        return optimizers.in_groups(model, planned)
    return _KINDS.get(trial.cell.layer, _KINDS["momentum"])(model.parameters())


def updates(trial: Trial, sparsified: Sparsified) -> Iterator[str]:
    """Yield before the first update, after it, and after a second one at a higher level, as far as supported.

    Yields:
        Words that say when.
    """
    yield "before the first update"
    sparsified.update()
    yield "after an update"
    if trial.supports("reupdate"):
        sparsified.update(raised_level(trial))
        yield "after a second update"


def masks_now(trial: Trial, sparsified: Sparsified, when: str) -> dict[str, Mask]:
    """Return the reported masks, and masks that keep all before the update that creates them.

    Raises:
        Violation: A mask is missing (`mask-missing`), or keeps all (`plan-not-applied`).
    """
    if trial.contract.masks_at == "update" and when == "before the first update":
        dense = trial.dense_parameters()
        return {name: np.ones(dense[name].shape, dtype=np.bool_) for name in trial.plan.names}
    masks = reported_masks(trial, sparsified)
    for name, mask in masks.items():
        presume(not mask.all(), "plan-not-applied", f"{when}: the mask of {name} keeps all")
    return masks


def live_by_name(
    trial: Trial, sparsified: Sparsified, before: Mapping[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes in a sparse model, in the order and by the names of the dense model.

    Args:
        trial: The cell.
        sparsified: The sparsifier at work on the model.
        before: The dense model's parameters before attach.
    """
    live = places.live_parameters(trial, sparsified, before)
    return live | trial.dense_weights(sparsified, before) if trial.contract.attaches == "copy" else live


class Twin:
    """A plain model with explicit masks: removed entries have neither value nor gradient.

    Attributes:
        model: The plain model.
        live: The parameters that training changes in the sparse model, by the dense model's names.
        kept: By planned name, the entries that every mask so far has kept.

    Args:
        trial: The cell.
        sparsified: The sparsifier, whose weights the twin starts with.
        before: The dense model's parameters before attach.
    """

    def __init__(self, trial: Trial, sparsified: Sparsified, before: Mapping[str, nn.Parameter]) -> None:
        self.trial = trial
        self.live = live_by_name(trial, sparsified, before)
        self.model = trial.plain_model(trial.effective_parameters(sparsified.model))
        self.kept: dict[str, Mask] = {}
        self._removed: dict[str, Tensor] = {}
        for name in trial.plan.names:
            self.model.get_parameter(name).register_hook(partial(self._masked, name))

    def optimizers(self, sparsified: Sparsified) -> tuple[Optimizer, Optimizer]:
        """Return the cell's optimizer of the sparse model and the same one of the twin."""
        both = ((sparsified.model, self.live), (self.model, dict(self.model.named_parameters())))
        one, other = (build(self.trial, model, [held[name] for name in self.trial.plan.names]) for model, held in both)
        return one, other

    def _masked(self, name: str, gradient: Tensor) -> Tensor:
        return gradient.masked_fill(self._removed[name], 0)

    def follow(self, sparsified: Sparsified, when: str) -> None:
        """Take over the masks, and the values of entries that come back, which no plain model knows.

        Raises:
            Violation: A mask is missing (`mask-missing`), or keeps all (`plan-not-applied`).
        """
        for name, mask in masks_now(self.trial, sparsified, when).items():
            self._removed[name] = torch.from_numpy(~mask).to(self.trial.device)
            self.kept[name] = mask & self.kept.get(name, mask)
        self._zero()
        self.adopt(sparsified)

    def step(self, optimizer: Optimizer) -> None:
        """Take one step, after which removed entries are zero again."""
        optimizer.step()
        self._zero()

    def _zero(self) -> None:
        with torch.no_grad():
            for name, removed in self._removed.items():
                self.model.get_parameter(name).masked_fill_(removed, 0)

    def adopt(self, sparsified: Sparsified) -> None:
        """Copy the entries that were removed once and are kept now."""
        back = {name: torch.from_numpy(~self.kept[name]).to(self.trial.device) & ~removed
                for name, removed in self._removed.items()}
        if not any(bool(one.any()) for one in back.values()):
            return
        used = self.trial.used_weights(sparsified.model)
        with torch.no_grad():
            for name, entries in back.items():
                self.model.get_parameter(name)[entries] = used[name].detach()[entries]

    def assert_followed(self, sparsified: Sparsified, what: str) -> None:
        """Assert that all parameters are the twin's, at entries that every mask so far has kept.

        Raises:
            Violation: One is different (`training-differs`).
        """
        seen = self.live | self.trial.used_weights(sparsified.model)
        for name, values in self.trial.parameters(self.model).items():
            kept = self.kept.get(name, np.ones(values.shape, dtype=np.bool_))
            now, expected = (np.where(kept, one, 0.0) for one in (compare.array(seen[name]), values))
            bound = self.trial.tolerance
            compare.assert_close(now, expected, bound, "training-differs", f"{what}: kept entries of {name}")

    def assert_gradients(self, what: str) -> None:
        """Assert that all gradients are the twin's, at entries that every mask so far has kept.

        Raises:
            Violation: One is different (`gradient-differs`) or missing (`gradient-missing`).
        """
        for name, parameter in self.model.named_parameters():
            kept = self.kept.get(name, np.ones(parameter.shape, dtype=np.bool_))
            both = (gradient(one, f"{what}: gradient of {name}") for one in (self.live[name], parameter))
            seen, expected = (np.where(kept, compare.array(one), 0.0) for one in both)
            bound = self.trial.tolerance
            compare.assert_close(seen, expected, bound, "gradient-differs", f"{what}: gradient of {name}, where kept")


# ----------------------------------------------------------------- training loops


def plainly(model: nn.Module, batches: Iterable[Batch], optimizer: Optimizer, step: Step) -> None:
    """Take one step by the gradients of all batches together.

    Args:
        model: The model.
        batches: The batches.
        optimizer: The optimizer.
        step: Takes a step of it.
    """
    optimizer.zero_grad()
    backward(model, batches)
    step(optimizer)


def backward(model: nn.Module, batches: Iterable[Batch]) -> None:
    """Add the gradients of the loss over batches to those that are there."""
    for inputs, target in batches:
        functional.mse_loss(model(inputs), target).backward()


def _zeroing(optimizer: Optimizer) -> Loop:
    """Set gradients to zero instead of None."""
    def loop(model: nn.Module, batches: Iterable[Batch], step: Step) -> None:
        optimizer.zero_grad(set_to_none=False)
        backward(model, batches)
        step(optimizer)

    return loop


def _scheduling(optimizer: Optimizer) -> Loop:
    """Halve the learning rate after each step."""
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    def loop(model: nn.Module, batches: Iterable[Batch], step: Step) -> None:
        plainly(model, batches, optimizer, step)
        scheduler.step()

    return loop


def _scaling(optimizer: Optimizer) -> Loop:
    """Scale the loss, and scale the gradients back."""
    scaler: Any = torch.amp.GradScaler("cpu")  # type: ignore[attr-defined,unused-ignore]

    def loop(model: nn.Module, batches: Iterable[Batch], step: Step) -> None:
        optimizer.zero_grad()
        for inputs, target in batches:
            scaler.scale(functional.mse_loss(model(inputs), target)).backward()
        scaler.unscale_(optimizer)
        step(optimizer)
        scaler.update()

    return loop


_LOOPS: dict[str, Callable[[Optimizer], Loop]] = {"zeroed": _zeroing, "scheduled": _scheduling, "loss-scaled": _scaling}


def loop_of(trial: Trial, optimizer: Optimizer) -> Loop:
    """Return the training loop that the cell names, around an optimizer."""
    make = _LOOPS.get(trial.cell.layer)
    return make(optimizer) if make else lambda model, batches, step: plainly(model, batches, optimizer, step)


def turns(trial: Trial) -> list[list[Batch]]:
    """Return the batches of two steps: one for each step, or two if gradients are accumulated."""
    size = 2 if trial.cell.layer == "accumulated" else 1
    batches = trial.batches(2 * size, "lesson")
    return [batches[:size], batches[size:]]


def assert_fits(optimizer: Optimizer, what: str) -> None:
    """Assert that the state of every parameter has the parameter's shape.

    Raises:
        Violation: It has not (`state-misplaced`).
    """
    for number, parameter in enumerate(one for group in optimizer.param_groups for one in group["params"]):
        for key, value in optimizer.state[parameter].items():
            fits = not isinstance(value, Tensor) or value.dim() == 0 or value.shape == parameter.shape
            message = f"{what}: parameter {number} has shape {tuple(parameter.shape)}, its {key} {tuple(value.shape)}"
            require(fits, "state-misplaced", message)
