"""Correct sparsifiers that apply their masks differently from the exemplar."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.stateless import _reparametrize_module

from sparsecheck import Adapter, Context, InPlaceSparsified, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep, new_mask, reorder

from . import variant
from .checking import check, check_layers, closed_by_finalize


class _Masking(torch.autograd.Function):
    """Masks the weight in forward and its gradient in backward."""

    @staticmethod
    def forward(context: Any, weight: Tensor, mask: Tensor) -> Tensor:
        context.save_for_backward(mask.clone())
        return torch.where(mask, weight, 0)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return torch.where(context.saved_tensors[0], gradients[0], 0), None


class _ByFunction(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked: Tensor = _Masking.apply(weight, self.mask)  # type: ignore[no-untyped-call,unused-ignore]
        return masked


class _WithFunction(Exemplar):
    keep = _ByFunction


@variant("custom autograd function")
class FunctionAdapter(ExemplarAdapter):
    """Masks by an autograd function of its own, which torch traces but does not save."""

    supported = ExemplarAdapter.supported.replace(" trace", "")
    unsupported = "trace"
    sparsified = _WithFunction


class _Invertible(Keep):
    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight


class _WithInverse(Exemplar):
    keep = _Invertible


@variant("weights that can be assigned")
class InverseAdapter(ExemplarAdapter):
    """Its parametrizations have an inverse, so that a user can assign a weight."""

    sparsified = _WithInverse


# --------------------------------------------------------- on no parametrization


class _Ranked(Sparsified):
    """A sparsifier whose masks are boolean buffers of the planned layers, named `kept`."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        for name in plan.names:
            weight = model.get_parameter(name)
            self.layer(name).register_buffer(self.buffer, torch.ones_like(weight, dtype=torch.bool))

    buffer = "kept"

    def layer(self, name: str) -> nn.Module:
        return self.model.get_submodule(split_name(name)[0])

    def dense(self, name: str) -> Tensor:
        return self.layer(name).get_parameter("weight").detach()

    def masks(self) -> dict[str, Tensor]:
        return {name: self.layer(name).get_buffer(self.buffer).clone() for name in self.plan.names}

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(float(level))
        for name, pattern in plan.patterns.items():
            kept = self.layer(name).get_buffer(self.buffer)
            kept.copy_(new_mask(pattern, self.dense(name), kept, CONTRACT))


class _RankedAdapter(Adapter):
    distribution = "sparsecheck"
    catalogue = 4
    supported = (
        "linear conv1d conv2d embedding given unstructured block n_of_m any_n_of_m channel input_channel band float64 "
        "float32 bfloat16 float16 cpu accelerator per_parameter reupdate relevel finalize restore trace export compile"
    )
    unsupported = "scope_all tied"


class _Masked:
    """Mixed into the type of a planned layer; computes with the masked weight."""

    kept: Tensor
    weight: Tensor

    def masked(self) -> Tensor:
        return torch.where(self.kept, self.weight, 0)


class _Linear(_Masked, nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, self.masked(), self.bias)


class _Conv1d(_Masked, nn.Conv1d):
    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self._conv_forward(input, self.masked(), self.bias)
        return output


class _Conv2d(_Masked, nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self._conv_forward(input, self.masked(), self.bias)
        return output


class _Embedding(_Masked, nn.Embedding):
    def forward(self, input: Tensor) -> Tensor:
        return functional.embedding(input, self.masked(), self.padding_idx)


_TYPES: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: _Linear, nn.Conv1d: _Conv1d, nn.Conv2d: _Conv2d, nn.Embedding: _Embedding,
}


@closed_by_finalize
class _Retyped(_Ranked):
    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.types = {name: type(self.layer(name)) for name in plan.names}
        for name, kind in self.types.items():
            self.layer(name).__class__ = next(own for plain, own in _TYPES.items() if issubclass(kind, plain))

    def finalize(self) -> nn.Module:
        for name, mask in self.masks().items():
            layer = self.layer(name)
            layer.get_parameter("weight").data.masked_fill_(~mask, 0)
            layer.__class__ = self.types[name]
            del layer._buffers[self.buffer]
        return self.model


@variant("layers of other types")
class RetypedAdapter(_RankedAdapter):
    """Changes the type of planned layers, to one whose forward calls the function with the masked weight."""

    contract = replace(CONTRACT, holds="wrapper", parameter_order="kept", weight_attribute="dense")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        check_layers(model, plan)
        layers = {name: model.get_submodule(split_name(name)[0]) for name in plan.names}
        for name, layer in layers.items():
            if isinstance(layer, _Masked):
                raise ValueError(f"{name} is sparsified already")
            if not isinstance(layer, tuple(_TYPES)):
                raise ValueError(f"{name}: {type(layer).__name__} has no counterpart")
        return _Retyped(model, plan)


_PROPERTIES: dict[type[nn.Module], type[nn.Module]] = {}
"""By type of a layer, a subclass with a property for its weight."""


def _with_property(kind: type[nn.Module]) -> type[nn.Module]:
    """Return a subclass of `kind` whose weight is a property, computed at every access."""
    if kind not in _PROPERTIES:
        _PROPERTIES[kind] = type(f"Sparse{kind.__name__}", (kind,), {"weight": property(_weight), "_plain": kind})
    return _PROPERTIES[kind]


def _weight(layer: nn.Module) -> Tensor:
    return torch.where(layer._buffers["weight_mask"], layer._parameters["weight_orig"], 0)  # type: ignore[arg-type]


@closed_by_finalize
class _Computed(_Ranked):
    buffer = "weight_mask"

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.order = {name: tuple(self.layer(name)._parameters) for name in plan.names}
        for name in plan.names:
            layer = self.layer(name)
            layer._parameters["weight_orig"] = layer._parameters.pop("weight")
            layer.__class__ = _with_property(type(layer))

    def dense(self, name: str) -> Tensor:
        return self.layer(name).get_parameter("weight_orig").detach()

    def finalize(self) -> nn.Module:
        for name, mask in self.masks().items():
            layer = self.layer(name)
            layer.__class__ = type(layer)._plain  # type: ignore[attr-defined]
            layer._parameters["weight"] = layer._parameters.pop("weight_orig")
            layer.get_parameter("weight").data.masked_fill_(~mask, 0)
            del layer._buffers[self.buffer]
            reorder(layer, self.order[name])
        return self.model


@variant("a property instead of a hook")
class ComputedAdapter(_RankedAdapter):
    """A mask in a buffer next to the dense weight, and a property that multiplies them."""

    contract = replace(CONTRACT, holds="buffer")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        for name in plan.names:
            if split_name(name)[1] != "weight":
                raise ValueError(f"{name}: only a parameter named weight can become a property")
        return _Computed(model, plan)


class _Functional:
    """A model's forward, run with masked weights in the place of its own."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        self.model, self.names = model, names

    def __call__(self, inputs: Tensor) -> Tensor:
        with _reparametrize_module(self.model, {name: self.masked(name) for name in self.names}):
            output: Tensor = type(self.model).forward(self.model, inputs)
        return output

    def masked(self, name: str) -> Tensor:
        kept = self.model.get_submodule(split_name(name)[0]).get_buffer("kept")
        return torch.where(kept, self.model.get_parameter(name), 0)


@closed_by_finalize
class _Stateless(_Ranked):
    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        model.forward = _Functional(model, plan.names)

    def finalize(self) -> nn.Module:
        for name, mask in self.masks().items():
            self.model.get_parameter(name).data.masked_fill_(~mask, 0)
            del self.layer(name)._buffers[self.buffer]
        del self.model.forward
        return self.model


@variant("functional forward")
class StatelessAdapter(_RankedAdapter):
    """Runs the model with masked weights, as torch.func.functional_call does, which torch cannot trace or export."""

    supported = _RankedAdapter.supported.replace(" trace export compile", "")
    unsupported = "scope_all tied trace export compile"
    contract = replace(
        CONTRACT, holds="forward", parameter_order="kept", weight_attribute="dense", threads="any",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        check_layers(model, plan)
        if "forward" in vars(model):
            raise ValueError(f"{plan.names[0]}: the model is sparsified already")
        return _Stateless(model, plan)


_MASKS: WeakKeyDictionary[nn.Module, dict[str, Tensor]] = WeakKeyDictionary()
"""By module, the masks of its parameters."""


@closed_by_finalize
class _Remembered(InPlaceSparsified):
    """Keeps its masks outside of the model and of itself."""

    @property
    def kept(self) -> dict[str, Tensor]:  # type: ignore[override,unused-ignore]
        places = {name: split_name(name) for name in self.plan.names}
        return {name: _MASKS[self.model.get_submodule(path)][own] for name, (path, own) in places.items()}

    @kept.setter
    def kept(self, masks: dict[str, Tensor]) -> None:
        for name, mask in masks.items():
            path, own = split_name(name)
            _MASKS.setdefault(self.model.get_submodule(path), {})[own] = mask

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(float(level))
        kept = self.masks()
        self.kept = {
            name: new_mask(pattern, self.model.get_parameter(name).detach(), kept[name], RememberedAdapter.contract)
            for name, pattern in plan.patterns.items()
        }
        self.enforce()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        super().step(optimizer)
        self.enforce()

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        super().load_sidecar(sidecar)
        self.enforce()

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            del _MASKS[self.model.get_submodule(split_name(name)[0])][split_name(name)[1]]
        return self.model


@variant("masks outside of model and sparsifier")
class RememberedAdapter(_RankedAdapter):
    """Zeros in place, with masks in a dictionary of the module that forgets a layer with its model."""

    contract = replace(
        CONTRACT, holds="in place", mask_storage="sidecar", regrowth="monotone", rezeroed_by="user",
        parameter_order="kept", weight_attribute="live", averages="dense",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        return _Remembered(model, plan)
