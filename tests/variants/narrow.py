"""Correct sparsifiers that support less than the exemplar, and refuse the rest."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import nn

from sparsecheck import Context, NofM, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter
from sparsecheck.values.contract import Contract

from . import variant


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
        "restore trace export compile"
    )
    unsupported = "given unstructured block any_n_of_m channel input_channel band scope_all per_parameter relevel"
    contract = replace(CONTRACT, sizes="multiples of 16")
    sparsified = TwoOfFour

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
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
        "per_parameter reupdate relevel tied finalize restore trace export compile"
    )
    unsupported = "given unstructured block n_of_m any_n_of_m input_channel band"

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)
