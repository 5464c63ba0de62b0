"""A stand-in for an accelerator where there is none.

`cpu:0` differs from `cpu` for a sparsifier, and computes numbers, so that the cases with two devices are seen to reject
and to accept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from msgspec.structs import replace
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sparsecheck.process import device
from sparsecheck.process.environment import here
from sparsecheck.values.declaration import Environment
from sparsecheck.values.requirement import ACCELERATOR, Requirement

HERE = here()
STAND_IN = "cpu:0"
_THERE = replace(HERE, devices=("cpu", STAND_IN), offers=(device.GRAPHS_OFFERED, device.PEAK_OFFERED))


def environment(requirement: Requirement) -> Environment:
    """Return this environment, with the stand-in if the requirement needs an accelerator and there is none."""
    return _THERE if requirement.devices == (ACCELERATOR,) and len(HERE.devices) == 1 else HERE


@contextmanager
def standing_in() -> Iterator[None]:
    """Let the CPU have graphs too, which replay each operator on the captured memory, as those of CUDA do."""
    with patch.dict(device.GRAPHS, cpu=_recorded):
        yield


class _Recorder(TorchDispatchMode):
    """Records the arguments and the result of every operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, made))
        return made


def _recorded(model: device.Runnable, inputs: Tensor) -> device.Runnable:
    with torch.no_grad(), _Recorder() as recorder:
        output = model(inputs)

    @torch.no_grad()
    def replay(given: Tensor) -> Tensor:
        inputs.copy_(given)
        for func, args, kwargs, made in recorder.calls:
            for place, value in zip(tree_leaves(made), tree_leaves(func(*args, **kwargs)), strict=True):
                place.copy_(value)
        return output.clone()

    return replay
