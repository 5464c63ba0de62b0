"""Correct sparsifiers that return another model than the one attached to: a wrapper around it, or a sparse copy."""

from __future__ import annotations

import copy

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.func import functional_call

from sparsecheck import Adapter, Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter, new_mask

from . import variant
from .checking import check, closed_by_finalize


class Bank(nn.Module):
    """A model around another one, with the masks of all its planned parameters; it masks them on the way in."""

    def __init__(self, inner: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.inner = inner
        self.names = names
        for place, name in enumerate(names):
            self.register_buffer(f"mask{place}", torch.ones_like(inner.get_parameter(name), dtype=torch.bool))
        self.training = inner.training

    def mask(self, name: str) -> Tensor:
        return self.get_buffer(f"mask{self.names.index(name)}")

    def weight(self, name: str) -> Tensor:
        dense = self.inner.get_parameter(name)
        return torch.where(self.mask(name), dense, torch.zeros_like(dense))

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = functional_call(self.inner, {name: self.weight(name) for name in self.names}, (inputs,))
        return output


@closed_by_finalize
class Banked(Sparsified):
    """The sparsifier at work on one model, which it puts into a bank."""

    model: Bank

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(Bank(model, plan.names), plan)

    def masks(self) -> dict[str, Tensor]:
        return {name: self.model.mask(name).clone() for name in self.plan.names}

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for name, pattern in plan.patterns.items():
            mask = self.model.mask(name)
            mask.copy_(new_mask(pattern, self.model.inner.get_parameter(name).detach(), mask, CONTRACT))

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            self.model.inner.get_parameter(name).data = self.model.weight(name).detach()
        return self.model.inner


@variant("names=prefixed, alone=dense")
class BankAdapter(Adapter):
    """A wrapper around the whole model that has all masks, and a layer called on its own is dense."""

    distribution = "sparsecheck"
    supported = (
        "linear conv1d conv2d embedding given unstructured block n_of_m any_n_of_m channel input_channel band float64 "
        "float32 bfloat16 float16 cpu accelerator per_parameter reupdate relevel finalize restore export compile "
        "deepcopy"
    )
    unsupported = "scope_all tied trace save_trace"
    contract = replace(
        CONTRACT, holds="wrapper", names="prefixed", alone="dense", parameter_order="kept", weight_attribute="dense",
        threads="any",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        return Banked(model, plan)


@variant("attaches=copy")
class CopyAdapter(ExemplarAdapter):
    """Returns a sparse copy, as `inplace=False` does elsewhere."""

    contract = replace(CONTRACT, attaches="copy", accumulator_hooks="lost")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(copy.deepcopy(model), plan, context)


@variant("attaches=copy, names=prefixed")
class BankCopyAdapter(BankAdapter):
    """A wrapper around a copy of the model."""

    contract = replace(BankAdapter.contract, attaches="copy", accumulator_hooks="lost")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(copy.deepcopy(model), plan, context)
