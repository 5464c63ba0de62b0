"""Moving a model to another device. Where there is but the CPU, torch's `meta` device stands in for another:
it has no numbers, but whatever stays behind on the CPU cannot be computed with."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..judging.compare import require
from ..subject.adapter import Sparsified
from .model_oracle import ModelOracle
from .trial import Trial


def route(trial: Trial) -> tuple[str, ...]:
    """The device types to move to, in turn: to the CPU and back, or from the CPU to `meta`."""
    return ("meta",) if trial.device.type == "cpu" else ("cpu", trial.device.type)


def judge_there(trial: Trial, sparsified: Sparsified, oracle: ModelOracle) -> None:
    """It runs on the trial's device, where its output and its masks are, too; and they are the oracle's, as far
    as that device has numbers.

    Raises:
        Violation: `left-behind`, or one of those of `ModelOracle.judge`.
    """
    place = trial.device.type
    with torch.no_grad():
        output = sparsified.model(trial.inputs("fresh"))
    for what, tensor in {"the output": output, **sparsified.masks()}.items():
        require(tensor.device.type == place, "left-behind", f"moved to {place}: {what} is on {tensor.device.type}")
    if place != "meta":
        replace(oracle, trial=trial).judge(sparsified, f"moved to {place}")
