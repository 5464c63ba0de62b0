"""Moving a model to another device. Where there is but the CPU, torch's `meta` device stands in for another:
it has no numbers, but whatever stays behind on the CPU cannot be computed with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..adapter.protocol import Sparsified
from ..trials.baseline import Baseline
from ..trials.snapshot import model_tensors
from ..trials.trial import Trial
from ..values.violation import Violation, require


def device_route(trial: Trial) -> tuple[str, ...]:
    """The device types to move to, in turn: to the CPU and back, or from the CPU to `meta`."""
    return ("meta",) if trial.device.type == "cpu" else ("cpu", trial.device.type)


def assert_on_device(trial: Trial, sparsified: Sparsified, baseline: Baseline, done: str = "") -> None:
    """All of it is on the trial's device, where it runs and gives its output; and masks and output are those of
    the baseline, as far as that device has numbers. done: how it came there, if it was not moved.

    Raises:
        Violation: `left-behind`, or one of those of `Baseline.judge`.
    """
    place = trial.device.type
    done = done or f"moved to {place}"
    tensors = {**model_tensors(sparsified.model), **_prefixed("mask of ", sparsified.masks())}
    for what, tensor in {**tensors, **_output(sparsified.model, trial)}.items():
        require(tensor.device.type == place, "left-behind", f"{done}: {what} is on {tensor.device.type}")
    if has_numbers(trial):
        replace(baseline, trial=trial).assert_matches(sparsified, done)


def has_numbers(trial: Trial) -> bool:
    """Whether tensors on the trial's device hold any."""
    return trial.device.type != "meta"


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _output(model: nn.Module, trial: Trial) -> dict[str, Tensor]:
    """Nothing where forward asks `meta` for numbers: that says nothing of where its tensors are."""
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
"""What torch says when tensors that meet are on two devices."""
