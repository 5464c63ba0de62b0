"""Broken only when traced, exported or compiled; correct in eager mode."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep

from . import breaks


class _Hooked(Exemplar):
    """A forward hook on each planned layer."""

    def _register(self, name: str) -> None:
        super()._register(name)
        self.model.get_submodule(name.rpartition(".")[0]).register_forward_hook(self.hook)

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output


class _Leftover(Exemplar):
    """Finalize leaves a forward hook on each planned layer."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        for name in self.plan.names:
            model.get_submodule(name.rpartition(".")[0]).register_forward_hook(self.hook)
        return model

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output


def _through_lists(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return torch.tensor(output.tolist())


def _unless_all_zero(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output if bool((output != 0).any()) else output.detach()


@breaks("TRACE-01", "output-differs")
class BakesTheBatchSize(_Hooked):
    """A hook cuts the output to the number of input rows, as a plain integer."""

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output[: int(inputs[0].shape[0])]


@breaks("TRACE-02", "output-differs")
class GoesThroughLists(_Hooked):
    """A hook converts the output to Python numbers, which a trace stores as constants."""

    hook = staticmethod(_through_lists)


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weight: Tensor, mask: Tensor) -> Tensor:
        context.save_for_backward(mask)
        return weight.masked_fill(~mask, 0)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.masked_fill(~context.saved_tensors[0], 0), None


class _InPython(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked: Tensor = _Function.apply(weight, self.mask)  # type: ignore[no-untyped-call]
        return masked


@breaks("TRACE-03", "RuntimeError")
class MasksInAPythonFunction(Exemplar):
    """Masks in an autograd function of its own, which a trace can call but not save."""

    keep = _InPython


class _Frozen(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if torch._C._get_tracing_state():
            self.eval()
        return super().forward(weight)


@breaks("TRACE-04", "changed")
class StaysInEvalModeOnceTraced(Exemplar):
    """Switches to eval mode to be traced, and stays there."""

    keep = _Frozen


@breaks("TRACE-05", "output-differs")
class FinalizesWithAHook(_Leftover):
    """Finalize leaves a hook that converts the output to Python numbers."""

    hook = staticmethod(_through_lists)


class _Unless(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight if bool(self.mask.all()) else super().forward(weight)


@breaks("TRACE-06")
class LooksAtItsMask(Exemplar):
    """Branches on whether the mask removes anything, which is unknown during export."""

    keep = _Unless


class _Thin(Keep):
    thin: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("thin", torch.ones_like(weight).to_sparse())

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.thin.to_dense()


@breaks("TRACE-07")
class KeepsItsMaskSparse(Exemplar):
    """Stores its mask as a sparse tensor, which can be exported, but not saved with the program."""

    keep = _Thin

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            keep = next(self.parametrizations(name))
            assert isinstance(keep, _Thin)
            keep.thin = keep.mask.to(keep.thin.dtype).to_sparse()


class _Noting(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if isinstance(weight, FakeTensor):
            self.eval()
        return super().forward(weight)


@breaks("TRACE-08", "changed")
class StaysInEvalModeOnceExported(Exemplar):
    """Switches to eval mode to be exported, and stays there."""

    keep = _Noting


@breaks("TRACE-09")
class FinalizesWithABranch(_Leftover):
    """Finalize leaves a hook that branches on the values of the output."""

    hook = staticmethod(_unless_all_zero)


class _Uncompiled(Keep):
    forward = torch.compiler.disable(Keep.forward)


@breaks("TRACE-10", "Unsupported")
class MasksOutsideTheGraph(Exemplar):
    """Excludes its masking from compilation, which breaks the graph."""

    keep = _Uncompiled


@breaks("TRACE-11", "output-differs")
class UpdatesACopy(Exemplar):
    """Each update after the first creates a new model, and leaves the old one unchanged."""

    updates = 0

    def update(self, level: float | None = None) -> None:
        self.updates += 1
        if self.updates > 1:
            self.model = copy.deepcopy(self.model)
        super().update(level)


@breaks("TRACE-11", "update-without-effect")
class IgnoresTheLevel(Exemplar):
    """Updates at the plan's level, whatever level is given."""

    def update(self, level: float | None = None) -> None:
        super().update()


@breaks("TRACE-12", "Unsupported")
class FinalizesWithABreak(_Leftover):
    """Finalize leaves a hook that breaks the graph."""

    hook = staticmethod(torch.compiler.disable(_unless_all_zero))


class _LastUpdate(Keep):
    used: list[Tensor]

    def forward(self, weight: Tensor) -> Tensor:
        if torch._C._get_tracing_state() and getattr(self, "used", None):
            return self.used[0]
        return super().forward(weight)


@breaks("TRACE-13", "output-differs")
class TracesTheLastUpdate(Exemplar):
    """During a trace it uses the masked weight of the last update instead of the trained one."""

    keep = _LastUpdate

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            keep = next(self.parametrizations(name))
            object.__setattr__(keep, "used", [keep(self._dense(name)).detach().clone()])
