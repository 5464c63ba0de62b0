"""Broken only once traced, exported or compiled; in eager mode nothing is wrong with them."""

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
    """A hook cuts the output to as many rows as there are inputs, by a plain integer."""

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output[: int(inputs[0].shape[0])]


@breaks("TRACE-02", "output-differs")
class GoesThroughLists(_Hooked):
    """A hook takes the output through Python numbers, which a trace holds for constants."""

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
    """Masks in an autograd function of its own, which a trace calls but cannot save."""

    keep = _InPython


class _Frozen(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if torch._C._get_tracing_state():
            self.eval()
        return super().forward(weight)


@breaks("TRACE-04", "changed")
class StaysInEvalModeOnceTraced(Exemplar):
    """Goes into eval mode to be traced, and does not come back."""

    keep = _Frozen


@breaks("TRACE-05", "output-differs")
class FinalizesWithAHook(_Leftover):
    """Finalize leaves a hook behind that takes the output through Python numbers."""

    hook = staticmethod(_through_lists)


class _Unless(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight if bool(self.mask.all()) else super().forward(weight)


@breaks("TRACE-06")
class LooksAtItsMask(Exemplar):
    """Looks whether there is anything to remove, which nobody knows when there are no numbers."""

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
    """Keeps its mask as a sparse tensor, which can be exported but not saved with the program."""

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
    """Goes into eval mode to be exported, and does not come back."""

    keep = _Noting


@breaks("TRACE-09")
class FinalizesWithABranch(_Leftover):
    """Finalize leaves a hook behind that branches on the numbers of the output."""

    hook = staticmethod(_unless_all_zero)


class _Uncompiled(Keep):
    forward = torch.compiler.disable(Keep.forward)


@breaks("TRACE-10", "Unsupported")
class MasksOutsideTheGraph(Exemplar):
    """Keeps its masking from being compiled, so that there is no whole graph."""

    keep = _Uncompiled


@breaks("TRACE-11", "output-differs")
class UpdatesACopy(Exemplar):
    """Each update after the first makes a new model, which whoever holds the old one does not see."""

    updates = 0

    def update(self, level: float | None = None) -> None:
        self.updates += 1
        if self.updates > 1:
            self.model = copy.deepcopy(self.model)
        super().update(level)


@breaks("TRACE-11", "update-without-effect")
class IgnoresTheLevel(Exemplar):
    """Updates at the plan's level, whatever level it is given."""

    def update(self, level: float | None = None) -> None:
        super().update()


@breaks("TRACE-12", "Unsupported")
class FinalizesWithABreak(_Leftover):
    """Finalize leaves a hook behind that no whole graph can have in it."""

    hook = staticmethod(torch.compiler.disable(_unless_all_zero))


class _LastUpdate(Keep):
    used: list[Tensor]

    def forward(self, weight: Tensor) -> Tensor:
        if torch._C._get_tracing_state() and getattr(self, "used", None):
            return self.used[0]
        return super().forward(weight)


@breaks("TRACE-13", "output-differs")
class TracesTheLastUpdate(Exemplar):
    """Under a trace the masked weight of the last update stands in for the trained one."""

    keep = _LastUpdate

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            keep = next(self.parametrizations(name))
            object.__setattr__(keep, "used", [keep(self._dense(name)).detach().clone()])
