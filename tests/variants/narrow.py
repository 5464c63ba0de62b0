"""Correct sparsifiers that support less than the exemplar, and refuse the rest."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from sparsecheck import Context, NofM, Plan, Refusal, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract

from . import variant


def _layer(model: nn.Module, name: str) -> nn.Module | None:
    return dict(model.named_modules()).get(name.rpartition(".")[0])


class Once(Exemplar):
    """Refuses a second update."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self.is_updated = False

    def update(self, level: float | None = None) -> None:
        if self.is_updated:
            raise ValueError(f"{', '.join(self.plan.names)}: updated already, at the plan's level")
        self.is_updated = True
        super().update(level)


@variant("reupdate unsupported")
class OnceAdapter(ExemplarAdapter):
    """Updates its masks once."""

    supported = ExemplarAdapter.supported.replace("reupdate relevel ", "")
    unsupported = "reupdate relevel"
    contract = replace(CONTRACT, schedules="none")  # under one, masks are updated at every step
    sparsified = Once


class TwoOfFour(Exemplar):
    """Refuses any level."""

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise ValueError(f"{', '.join(self.plan.names)}: 2:4 has no other level")
        super().update()


@variant("2:4 alone")
class TwoOfFourAdapter(ExemplarAdapter):
    """Supports 2:4 alone, and only sizes that are multiples of 16."""

    supported = (
        "linear conv1d conv2d embedding n_of_m float64 float32 bfloat16 float16 cpu accelerator reupdate tied finalize "
        "restore trace export compile save_trace deepcopy"
    )
    unsupported = "given unstructured block any_n_of_m channel input_channel band scope_all per_parameter relevel"
    contract = replace(CONTRACT, sizes="multiples of 16")
    sparsified = TwoOfFour

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if plan.scope == "all":
            raise ValueError(f"{', '.join(plan.names)}: 2:4 ranks nothing in scope 'all'")
        for name, pattern in plan.patterns.items():
            if pattern != NofM(2, 4):
                raise ValueError(f"{name}: 2:4 is all that is offered, not {pattern}")
        return super().attach(model, plan, context)


@variant("half precision alone")
class HalfAdapter(ExemplarAdapter):
    """Supports bfloat16 and float16 alone."""

    supported = ExemplarAdapter.supported.replace("float64 float32 ", "")
    unsupported = "float64 float32"

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        types = {parameter.dtype for parameter in model.parameters()}
        if not types <= {torch.bfloat16, torch.float16}:
            raise ValueError(f"{', '.join(plan.names)}: of half precision alone, not {', '.join(map(str, types))}")
        return super().attach(model, plan, context)


@variant("output channels alone")
class RowsAdapter(ExemplarAdapter):
    """Removes output channels alone."""

    supported = (
        "linear conv1d conv2d embedding channel scope_all float64 float32 bfloat16 float16 cpu accelerator "
        "per_parameter reupdate relevel tied finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "given unstructured block n_of_m any_n_of_m input_channel band"

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)


class _NeverFinal(Exemplar):
    def finalize(self) -> nn.Module:
        raise NotImplementedError("finalize: the masks stay on the model")


@variant("neither finalized nor restored")
class NeverFinalAdapter(ExemplarAdapter):
    """Supports neither finalize nor restore, and promises nothing about the doors of torch."""

    supported = ExemplarAdapter.supported.replace(" finalize restore trace export compile save_trace deepcopy", "")
    unsupported = "finalize restore trace export compile save_trace deepcopy"
    sparsified = _NeverFinal

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        raise NotImplementedError("a saved state cannot be restored")


class _Closed(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if torch._C._get_tracing_state() or isinstance(weight, FakeTensor) or torch.compiler.is_compiling():
            raise RuntimeError("there is no graph of this")
        return super().forward(weight)


class _ClosedSparsified(Exemplar):
    keep = _Closed


@variant("neither traced, exported nor compiled")
class ClosedAdapter(ExemplarAdapter):
    """Breaks if it is traced, exported or compiled."""

    supported = ExemplarAdapter.supported.replace(" trace export compile save_trace", "")
    unsupported = "trace export compile save_trace"
    sparsified = _ClosedSparsified


@variant("linear layers and 2d convolutions alone")
class FewLayersAdapter(ExemplarAdapter):
    """Takes two types of layers, one pattern for all parameters, and no parameter that layers share."""

    unsupported = "conv1d embedding per_parameter tied"
    supported = " ".join(sorted({*ExemplarAdapter.supported.split()} - {*unsupported.split()}))

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        for name in plan.names:
            if isinstance(_layer(model, name), nn.Conv1d | nn.Embedding):
                raise ValueError(f"{name}: its layer is neither an nn.Linear nor an nn.Conv2d")
        levels = {getattr(pattern, "level", None) for pattern in plan.patterns.values()}
        if len(levels) > 1:
            raise ValueError(f"{', '.join(plan.names)}: one level for all, not {levels}")
        return super().attach(model, plan, context)


@variant("an accelerator alone")
class AcceleratorAdapter(ExemplarAdapter):
    """Has no kernels for the CPU."""

    supported = ExemplarAdapter.supported.replace(" cpu ", " ")
    unsupported = "cpu"

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if str(context.device) == "cpu":
            raise ValueError(f"{', '.join(plan.names)}: there is no kernel for the cpu")
        return super().attach(model, plan, context)


@variant("blocks of one column alone")
class ColumnsAdapter(ExemplarAdapter):
    """Removes blocks of one column, and no other blocks or patterns."""

    supported = (
        "linear embedding block scope_all float64 float32 bfloat16 float16 cpu accelerator per_parameter reupdate "
        "relevel tied finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "conv1d conv2d given unstructured n_of_m any_n_of_m channel input_channel band"
    partial = {"block": "kx1"}

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        for name in plan.names:
            if isinstance(_layer(model, name), nn.Conv1d | nn.Conv2d):
                raise Refusal(f"{name} is no matrix: its layer is a convolution")
        return super().attach(model, plan, context)


@variant("channels of convolutions alone")
class ConvolutionChannelsAdapter(ExemplarAdapter):
    """Removes single entries everywhere, and channels of convolutions alone."""

    supported = (
        "linear conv1d conv2d embedding unstructured channel input_channel scope_all float64 float32 bfloat16 float16 "
        "cpu accelerator per_parameter reupdate relevel tied finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = "given block n_of_m any_n_of_m band"
    partial = {"channel": "conv1d conv2d", "input_channel": "conv2d"}

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)
