"""Move a model to another device.

Where the CPU is the only device, torch's `meta` device stands in for another: it computes no numbers, but a tensor
left on the CPU cannot be combined with one on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..adapter.protocol import Sparsified
from ..values.violation import Violation, require
from .baseline import Baseline
from .snapshot import model_tensors
from .trial import Trial


def device_route(trial: Trial) -> tuple[str, ...]:
    """Return the device types to move to in turn: to the CPU and back, or from the CPU to `meta`."""
    return ("meta",) if trial.device.type == "cpu" else ("cpu", trial.device.type)


def assert_on_device(trial: Trial, sparsified: Sparsified, baseline: Baseline, done: str = "") -> None:
    """Assert that a model, its masks and its output are on the trial's device, and match the baseline there.

    Args:
        trial: The cell on the device that the model was moved to.
        sparsified: The sparsifier at work on the model.
        baseline: The behaviour before the move, compared where the device computes numbers.
        done: A description of how the model came there, if it was not moved.

    Raises:
        Violation: A tensor is on another device (`left-behind`), or the behaviour differs; see
            `Baseline.assert_matches`.
    """
    place = trial.device.type
    done = done or f"moved to {place}"
    tensors = {**model_tensors(sparsified.model), **_prefixed("mask of ", sparsified.masks())}
    for what, tensor in {**tensors, **_output(sparsified.model, trial)}.items():
        require(tensor.device.type == place, "left-behind", f"{done}: {what} is on {tensor.device.type}")
    if has_numbers(trial):
        replace(baseline, trial=trial).assert_matches(sparsified, done)


def has_numbers(trial: Trial) -> bool:
    """Return whether the trial's device computes numbers."""
    return trial.device.type != "meta"


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _output(model: nn.Module, trial: Trial) -> dict[str, Tensor]:
    """Return the output, or nothing if forward reads values, which `meta` does not have."""
    try:
        with torch.no_grad():
            return {"the output": model(trial.inputs("fresh"))}
    except Exception as error:
        if _SCATTERED.search(str(error)):
            raise Violation("left-behind", f"moved to {trial.device.type}, forward raises: {error}") from error
        if has_numbers(trial):
            raise
        return {}


_SCATTERED = re.compile("expected device|same device", re.IGNORECASE)
"""The words of torch's error for operands on two devices."""
