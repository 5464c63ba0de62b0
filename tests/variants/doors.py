"""Correct sparsifiers that do not promise what torch and Python offer for every model, whether it works or raises."""

from __future__ import annotations

from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor

from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep

from . import variant


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weight: Tensor, mask: Tensor) -> Tensor:
        context.save_for_backward(mask)
        return torch.where(~mask, 0, weight)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.masked_fill(~context.saved_tensors[0], 0), None


class _InFunction(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked: Tensor = _Function.apply(weight, self.mask)  # type: ignore[no-untyped-call]
        return masked


class _WithFunction(Exemplar):
    keep = _InFunction


@variant("save_trace unsupported, and fails")
class UnsavedTraceAdapter(ExemplarAdapter):
    """Masks in an autograd function of its own: it can be traced, and the trace cannot be saved."""

    supported = ExemplarAdapter.supported.replace(" save_trace", "")
    unsupported = "save_trace"
    sparsified = _WithFunction


@variant("no door is promised, and all work")
class ModestAdapter(ExemplarAdapter):
    """Declares unsupported whatever torch and Python do with every model, and all of it works."""

    supported = ExemplarAdapter.supported.replace(" export compile save_trace deepcopy", "")
    unsupported = "export compile save_trace deepcopy"


class _Mask(Tensor):
    """A mask of its own type; results computed with it are plain tensors."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


class _OwnMask(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.mask = self.mask.as_subclass(_Mask)


class _WithOwnMask(Exemplar):
    keep = _OwnMask


@variant("deepcopy unsupported, and fails")
class UncopiedAdapter(ExemplarAdapter):
    """Its masks are a subclass of Tensor, which neither copy.deepcopy nor AveragedModel can copy."""

    supported = ExemplarAdapter.supported.replace(" export compile save_trace deepcopy", " save_trace")
    unsupported = "export compile deepcopy"
    contract = replace(CONTRACT, averages="error")
    sparsified = _WithOwnMask
