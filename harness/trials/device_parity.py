"""One cell on two devices: on the CPU, and on the device that the cell names."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ..adapter.protocol import Saved, Sparsified
from ..oracle import compare, ranking
from ..oracle.ranking import rankings
from ..oracle.units import Mask
from ..process.device import peak_bytes
from ..trials.baseline import Baseline
from ..trials.restoring import with_axes
from ..trials.tracing import Runnable
from ..trials.trial import Trial
from ..values.violation import require

CAPTURED_BATCHES = (3,)
"""The batch sizes that a graph is replayed for: that which it was captured for."""

_ROUNDED = 16 * 512
"""Bytes by which an allocator that rounds each tensor up may exceed the sum of a few of them."""


def on_both_devices(trial: Trial) -> tuple[Trial, Trial]:
    """The cell on the CPU, and on its own device: the same weights, inputs and plan."""
    return with_axes(trial, device="cpu"), trial


def both_directions(trial: Trial) -> Iterator[tuple[Trial, Trial]]:
    """From the CPU to its own device, and back."""
    here, there = on_both_devices(trial)
    yield here, there
    yield there, here


def assert_same_masks(trial: Trial, here: Mapping[str, Mask], there: Mapping[str, Mask]) -> None:
    """The masks made there are those made here, up to what the contract leaves open.

    Raises:
        Violation: `mask-missing`, `mask-differs` or `unit-broken`.
    """
    weights = trial.dense_parameters()
    both = zip(rankings(trial.plan, here, weights), rankings(trial.plan, there, weights), strict=True)
    for one, other in both:
        ranking.assert_same_mask(one, other, trial.contract, trial.cell.dtype, f"on {trial.device} and on the cpu")


def assert_native_output(trial: Trial, sparsified: Sparsified) -> None:
    """The output is the oracle's within bounds, on the trial's device and of the model's dtype.

    Raises:
        Violation: `left-behind`, `dtype-differs` or `output-differs`.
    """
    inputs, masks = trial.inputs("fresh"), trial.expected_masks(sparsified)
    with torch.no_grad():
        seen = sparsified.model(inputs)
    place, what = trial.device.type, f"the output on {trial.device}"
    require(seen.device.type == place, "left-behind", f"{what} is on {seen.device.type}")
    require(seen.dtype == trial.dtype, "dtype-differs", f"{what} is {seen.dtype}, expected {trial.dtype}")
    expected = trial.oracle_output(trial.masked(trial.dense_parameters(), masks), inputs)
    compare.assert_close(seen, expected, trial.tolerance, "output-differs", what)


def load_on(device: torch.device, saved: Saved) -> Saved:
    """Both parts as a process reads them that has them on `device`."""
    return Saved(_read(saved.model, device), _read(saved.sidecar, device))


def _read(part: Any, device: torch.device) -> Any:
    file = io.BytesIO()
    torch.save(part, file)
    file.seek(0)
    return torch.load(file, map_location=device.type, weights_only=False)  # written by this process, a line above


def assert_trace_output(trial: Trial, traced: Runnable, baseline: Baseline) -> None:
    """Moved to the trial's device, the trace gives there the output of the baseline.

    Raises:
        Violation: `output-differs`.
    """
    assert isinstance(traced, nn.Module)
    traced.to(trial.device)
    replace(baseline, trial=trial).assert_output(traced, f"traced on the other device, moved to {trial.device}")


def assert_peak_memory(trial: Trial, sparsified: Sparsified) -> None:
    """Without gradients, a forward has at once no more bytes than the dense model's, a mask as wide as its weight for
    every planned one, and the largest of these weights.

    Raises:
        Violation: `memory-differs`.
    """
    dense = trial.dense_model()
    planned = [dense.get_parameter(name) for name in trial.plan.names]
    sizes = [one.numel() * one.element_size() for one in planned]
    allowed = _peak(trial, dense) + sum(sizes) + max(sizes)
    allowed += 0 if trial.device.type == "cpu" else _ROUNDED
    seen = _peak(trial, sparsified.model)
    require(seen <= allowed, "memory-differs", f"a forward takes {seen} bytes at once, expected at most {allowed}")


def _peak(trial: Trial, model: nn.Module) -> int:
    inputs = trial.inputs("measured")
    with torch.no_grad():
        return peak_bytes(lambda: model(inputs), trial.device)
