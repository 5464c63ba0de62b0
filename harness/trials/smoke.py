"""Smoke checks: every call of an adapter has an effect, at the right place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..adapter.protocol import Sparsified
from ..oracle.compare import array, same_values
from ..values.comparisons import note
from ..values.violation import presume, require
from .adapter_errors import errors_located_in
from .pruned_model import read_tensor
from .training import train
from .trial import Trial


def check_attach(trial: Trial) -> None:
    """Check SMOKE-01: attach returns a model that runs.

    Raises:
        Violation: `adapter-raises`, `protocol-broken` or `output-shape`.
    """
    with errors_located_in(trial.adapter, "attach"):
        _assert_runs(trial, trial.attach().model, "the model of attach")


def check_masks(trial: Trial) -> None:
    """Check SMOKE-02: masks() has a mask of the right shape for every planned weight.

    Raises:
        Violation: `adapter-raises`, `protocol-broken`, `mask-missing` or `mask-shape`.
    """
    shapes = {layer.weight: layer.weight_shape for layer in trial.network.weighted}
    with errors_located_in(trial.adapter, "attach"):
        masks = trial.masks(_updated(trial))
        for name in trial.plan.names:
            seen = ", ".join(masks) or "none"
            presume(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it; it has {seen}")
            message = f"the mask of {name} is of shape {masks[name].shape}, expected {shapes[name]}"
            require(masks[name].shape == shapes[name], "mask-shape", message)


def check_plan_applied(trial: Trial) -> None:
    """Check SMOKE-03: forward uses new weights wherever that is planned.

    Raises:
        Violation: `adapter-raises`, `protocol-broken` or `plan-not-applied`.
    """
    dense = trial.dense_parameters()
    with errors_located_in(trial.adapter, "attach"):
        used = trial.used_weights(_updated(trial).model)
        changed = [name for name, weight in used.items() if not np.array_equal(array(weight), dense[name])]
        left = [name for name in trial.plan.names if _noted(name) not in changed]
        message = f"planned, but unchanged in forward: {', '.join(left)}; changed are {_listed(changed)}"
        presume(not left, "plan-not-applied", message)


def check_training(trial: Trial) -> None:
    """Check SMOKE-04: training changes a parameter.

    Raises:
        Violation: `adapter-raises`, `protocol-broken` or `weight-not-moved`.
    """
    with errors_located_in(trial.adapter, "attach"):
        sparsified = _updated(trial)
        before = [parameter.detach().clone() for parameter in sparsified.model.parameters()]
        train(trial, sparsified)
        after = list(sparsified.model.parameters())
        moved = [not same_values(one, other) for one, other in zip(before, after, strict=False)]
        require(any(moved), "weight-not-moved", f"training changed none of the {len(after)} parameters")


def check_restore(trial: Trial) -> None:
    """Check SMOKE-05: restore returns a model that runs.

    Raises:
        Violation: `adapter-raises`, `protocol-broken`, `nothing-saved` or `output-shape`.
    """
    with errors_located_in(trial.adapter, "attach"):
        sparsified = _updated(trial)
    with errors_located_in(trial.adapter, "restore"):
        saved = sparsified.save()
        presume(bool(saved.model), "nothing-saved", "the state dict returned by save is empty")
        _assert_runs(trial, trial.restore(saved).model, "the model of restore")


def check_finalize(trial: Trial) -> None:
    """Check SMOKE-06: finalize returns a model that runs.

    Raises:
        Violation: `adapter-raises`, `protocol-broken` or `output-shape`.
    """
    with errors_located_in(trial.adapter, "attach"):
        _assert_runs(trial, _updated(trial).finalize(), "the model of finalize")


def check_channels_removed(trial: Trial) -> None:
    """Check SMOKE-07: every planned layer has fewer output channels.

    Raises:
        Violation: `adapter-raises`, `protocol-broken`, `tensor-missing` or `plan-not-applied`.
    """
    with errors_located_in(trial.adapter, "attach"):
        model = _updated(trial).model
        dense = trial.dense_parameters()
        left = {_noted(name): (len(read_tensor(model, name)), len(dense[name])) for name in trial.plan.names}
        whole = [f"{name} ({seen} of {before})" for name, (seen, before) in left.items() if seen >= before]
        message = f"planned, but with as many output channels as in the dense model: {', '.join(whole)}"
        presume(not whole, "plan-not-applied", message)


CHECKS: dict[str, Callable[[Trial], None]] = {
    "SMOKE-01": check_attach,
    "SMOKE-02": check_masks,
    "SMOKE-03": check_plan_applied,
    "SMOKE-04": check_training,
    "SMOKE-05": check_restore,
    "SMOKE-06": check_finalize,
    "SMOKE-07": check_channels_removed,
}
"""The checks, by requirement."""


def _updated(trial: Trial) -> Sparsified:
    sparsified = trial.attach()
    sparsified.update()
    return sparsified


def _assert_runs(trial: Trial, model: nn.Module, what: str) -> None:
    with torch.no_grad():
        output, expected = model(trial.inputs()), tuple(trial.dense_model()(trial.inputs()).shape)
    is_tensor = isinstance(output, Tensor)
    seen = f"a tensor of shape {tuple(output.shape)}" if is_tensor else f"a {type(output).__name__}"
    message = f"{what} returns {seen}, expected a tensor of shape {expected}"
    require(is_tensor and tuple(output.shape) == expected, "output-shape", message)


def _noted(name: str) -> str:
    """Return a parameter's name, and count that it is compared; the message names only those that differ."""
    note(name)
    return name


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
