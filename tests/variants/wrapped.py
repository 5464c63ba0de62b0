"""A correct sparsifier that holds its masks in a wrapper around each planned layer: magnitude pruning."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.func import functional_call

from sparsecheck import Adapter, Context, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import CONTRACT, new_mask

from . import variant
from .checking import check, check_layers, closed_by_finalize


class Masked(nn.Module):
    """A layer that computes with its masked weight."""

    mask: Tensor

    def __init__(self, layer: nn.Module, weight: Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("mask", torch.ones_like(weight, dtype=torch.bool))
        self.training = layer.training

    def weight(self) -> Tensor:
        dense = self.layer.get_parameter("weight")
        return torch.where(self.mask, dense, torch.zeros_like(dense))

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = functional_call(self.layer, {"weight": self.weight()}, (inputs,))
        return output


@closed_by_finalize
class Wrapped(Sparsified):
    """The sparsifier at work on one model, whose planned layers it replaces."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        for name in plan.names:
            self._replace(name, Masked(self._layer(name), model.get_parameter(name)))

    def _layer(self, name: str) -> nn.Module:
        return self.model.get_submodule(split_name(name)[0])

    def _replace(self, name: str, layer: nn.Module) -> None:
        parent, own = split_name(split_name(name)[0])
        if own:
            self.model.get_submodule(parent)._modules[own] = layer
        else:
            self.model = layer

    def _masked(self, name: str) -> Masked:
        layer = self._layer(name)
        assert isinstance(layer, Masked)
        return layer

    def masks(self) -> dict[str, Tensor]:
        return {name: self._masked(name).mask.clone() for name in self.plan.names}

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for name, pattern in plan.patterns.items():
            masked = self._masked(name)
            dense = masked.layer.get_parameter("weight").detach()
            masked.mask.copy_(new_mask(pattern, dense, masked.mask, CONTRACT))

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            masked = self._masked(name)
            masked.layer.get_parameter("weight").data = masked.weight().detach()
            self._replace(name, masked.layer)
        return self.model


@variant("holds=wrapper")
class WrappedAdapter(Adapter):
    """A wrapper around each planned layer, based on torch.func, which cannot be traced."""

    distribution = "sparsecheck"
    supported = (
        "linear conv1d conv2d embedding given unstructured block n_of_m any_n_of_m channel input_channel band float64 "
        "float32 bfloat16 float16 cpu accelerator per_parameter reupdate relevel finalize restore export compile "
        "deepcopy"
    )
    unsupported = "scope_all tied trace save_trace"
    contract = replace(
        CONTRACT, holds="wrapper", parameter_order="kept", weight_attribute="any", pickled="sparsifier", threads="any",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        check_layers(model, plan)
        return Wrapped(model, plan)
