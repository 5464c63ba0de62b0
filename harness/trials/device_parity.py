"""Compare one cell on the CPU and on the device that it names."""

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
from ..values.violation import require
from .baseline import Baseline
from .restoring import with_axes
from .tracing import Runnable
from .trial import Trial

CAPTURED_BATCHES = (3,)
"""The batch sizes for which a captured graph is replayed: the one that it was captured for."""

_ROUNDED = 16 * 512
"""The bytes by which an allocator that rounds each size up may exceed the sum of a few tensors."""


def on_both_devices(trial: Trial) -> tuple[Trial, Trial]:
    """Return the cell on the CPU and on its own device, with equal weights, inputs and plan."""
    return with_axes(trial, device="cpu"), trial


def both_directions(trial: Trial) -> Iterator[tuple[Trial, Trial]]:
    """Yield the pairs (from, to): from the CPU to the cell's device, and back."""
    here, there = on_both_devices(trial)
    yield here, there
    yield there, here


def assert_same_masks(trial: Trial, here: Mapping[str, Mask], there: Mapping[str, Mask]) -> None:
    """Assert that the masks of both devices are equal, up to differences that the contract allows.

    Args:
        trial: The cell on its own device.
        here: The masks made on the CPU.
        there: The masks made on the cell's device.

    Raises:
        Violation: A mask is missing (`mask-missing`) or different (`mask-differs`), or keeps a unit in part
            (`unit-broken`).
    """
    weights = trial.dense_parameters()
    both = zip(rankings(trial.plan, here, weights), rankings(trial.plan, there, weights), strict=True)
    for one, other in both:
        ranking.assert_same_mask(one, other, trial.contract, trial.cell.dtype, f"on {trial.device} and on the cpu")


def assert_native_output(trial: Trial, sparsified: Sparsified) -> None:
    """Assert that the output has the trial's device and dtype, and is the oracle's within tolerance.

    Raises:
        Violation: The device (`left-behind`), the dtype (`dtype-differs`) or the values (`output-differs`) are wrong.
    """
    inputs, masks = trial.inputs("fresh"), trial.expected_masks(sparsified)
    with torch.no_grad():
        seen = sparsified.model(inputs.clone())
    place, what = trial.device.type, f"the output on {trial.device}"
    require(seen.device.type == place, "left-behind", f"{what} is on {seen.device.type}")
    require(seen.dtype == trial.dtype, "dtype-differs", f"{what} is {seen.dtype}, expected {trial.dtype}")
    expected = trial.oracle_output(trial.masked(trial.dense_parameters(), masks), inputs)
    compare.assert_close(seen, expected, trial.tolerance, "output-differs", what)


def load_on(device: torch.device, saved: Saved) -> Saved:
    """Return a saved state as a process loads it with `map_location`."""
    return Saved(_read(saved.model, device), _read(saved.sidecar, device))


def _read(part: Any, device: torch.device) -> Any:
    file = io.BytesIO()
    torch.save(part, file)
    file.seek(0)
    return torch.load(file, map_location=device.type, weights_only=False)  # written by this process above


def assert_trace_output(trial: Trial, traced: Runnable, baseline: Baseline) -> None:
    """Move a trace to the trial's device, and assert that its output is that of the baseline.

    Raises:
        Violation: The output is different (`output-differs`).
    """
    assert isinstance(traced, nn.Module)
    traced.to(trial.device)
    replace(baseline, trial=trial).assert_output(traced, f"traced on the other device, moved to {trial.device}")


def assert_peak_memory(trial: Trial, sparsified: Sparsified) -> None:
    """Assert that a forward without gradients allocates little more memory than the dense model's.

    It may hold, in addition, one mask as large as the weight for every planned parameter, and the largest of these
    weights.

    Raises:
        Violation: It allocates more (`memory-differs`).
    """
    dense = trial.dense_model()
    planned = [dense.get_parameter(name) for name in trial.plan.names]
    sizes = [one.numel() * one.element_size() for one in planned]
    allowed = _peak(trial, dense) + sum(sizes) + max(sizes)
    allowed += 0 if trial.device.type == "cpu" else _ROUNDED
    seen = _peak(trial, sparsified.model)
    message = f"a forward allocates {seen} bytes at once, expected at most {allowed}"
    require(seen <= allowed, "memory-differs", message)


def _peak(trial: Trial, model: nn.Module) -> int:
    inputs = trial.inputs("measured")
    with torch.no_grad():
        return peak_bytes(lambda: model(inputs), trial.device)
