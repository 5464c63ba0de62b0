"""Correct sparsifiers that hold their masks differently from the exemplar.

They prune by magnitude, on the base classes that ship for a buffer with a hook and for zeros in place.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Adapter, BufferSparsified, Context, Given, InPlaceSparsified, Plan, Refusal, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, new_mask, reorder

from . import variant
from .checking import check_layers, closed_by_finalize

_CONTRACT = replace(CONTRACT, regrowth="monotone", ties="lowest index")


def _masks(
    plan: Plan, level: float | None, weights: Mapping[str, Tensor], kept: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    plan = plan if level is None else plan.at_level(level)
    return {
        name: new_mask(pattern, weights[name].detach(), kept[name].bool(), _CONTRACT)
        for name, pattern in plan.patterns.items()
    }


@closed_by_finalize
class InPlace(InPlaceSparsified):
    def update(self, level: float | None = None) -> None:
        weights = {name: self.model.get_parameter(name) for name in self.plan.names}
        self.kept = _masks(self.plan, level, weights, self.kept)
        self.enforce()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        super().step(optimizer)
        self.enforce()

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        super().load_sidecar(sidecar)
        self.enforce()


class Product:
    """The hook that sets the weight before each forward.

    The product is dropped after forward, since a tensor with a history cannot be deep-copied.
    """

    def __call__(self, module: nn.Module, inputs: object) -> None:
        if "weight" in module._parameters:
            raise RuntimeError("a user has assigned a weight, which is computed from weight_orig: assign that")
        vars(module)["weight"] = module.get_parameter("weight_orig").masked_fill(~module.get_buffer("weight_mask"), 0)


def drop(module: nn.Module, inputs: object, output: object) -> None:
    vars(module).pop("weight", None)


@closed_by_finalize
class Buffer(BufferSparsified):
    hook_type = Product

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.order = {path: tuple(module._parameters) for path, module in model.named_modules()}
        for name in plan.names:
            module = model.get_submodule(name.rpartition(".")[0])
            weight = module.get_parameter("weight")
            del module._parameters["weight"]
            module.register_parameter("weight_orig", weight)
            module.register_buffer("weight_mask", torch.ones_like(weight, dtype=torch.bool))
            module.register_forward_pre_hook(Product())
            module.register_forward_hook(drop)

    def update(self, level: float | None = None) -> None:
        weights = {name: self.model.get_parameter(f"{name}_orig") for name in self.plan.names}
        for name, mask in _masks(self.plan, level, weights, self.masks()).items():
            self.model.get_buffer(f"{name}_mask").copy_(mask)

    def finalize(self) -> nn.Module:
        for module in self.model.modules():
            for key, hook in list(module._forward_hooks.items()):
                if hook is drop:
                    del module._forward_hooks[key]
        final = super().finalize()
        for path, names in self.order.items():
            reorder(final.get_submodule(path), names)
        return final


class Lasting(Buffer):
    """Leaves the product in the attribute after each forward and update, as torch.nn.utils.prune does."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        for module in model.modules():
            for key in [key for key, hook in module._forward_hooks.items() if hook is drop]:
                del module._forward_hooks[key]
        self._multiply()

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self._multiply()

    def _multiply(self) -> None:
        with torch.no_grad():
            for name in self.plan.names:
                Product()(self.model.get_submodule(name.rpartition(".")[0]), ())


class _HolderAdapter(Adapter):
    distribution = "sparsecheck"
    supported = (
        "linear conv1d conv2d embedding given unstructured block n_of_m any_n_of_m channel input_channel band float64 "
        "float32 bfloat16 float16 cpu accelerator per_parameter reupdate relevel finalize restore trace export compile "
        "save_trace deepcopy"
    )
    unsupported = "scope_all tied"

    def check(self, model: nn.Module, plan: Plan) -> None:
        """Check that every planned parameter exists, is untied and fits its mask.

        Raises:
            ValueError: A parameter does not exist or does not fit its mask.
            Refusal: A parameter is tied, or a pattern is not supported.
        """
        self.refuse_unsupported(plan)
        parameters = dict(model.named_parameters(remove_duplicate=False))
        for name, pattern in plan.patterns.items():
            if name not in parameters:
                raise ValueError(f"{name} is no parameter, or is sparsified already")
            shape = tuple(parameters[name].shape)
            if sum(parameter is parameters[name] for parameter in parameters.values()) > 1:
                raise Refusal(f"{name} is shared by two layers")
            if isinstance(pattern, Given) and pattern.mask.shape != shape:
                raise ValueError(f"{name} has shape {shape}, its mask {pattern.mask.shape}")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        for name, parameter in dense_model.named_parameters():
            stored = saved.model.get(name, saved.model.get(f"{name}_orig"))
            if stored is None or stored.shape != parameter.shape:
                raise ValueError(f"{name} has another shape than what was saved")
        return super().restore(dense_model, plan, saved, context)


@variant("holds=in place")
class InPlaceAdapter(_HolderAdapter):
    """The zeros are in the parameters, where a user sets them again after each step, and the masks in the sidecar."""

    contract = replace(
        _CONTRACT, holds="in place", mask_storage="sidecar", rezeroed_by="user", parameter_order="kept",
        weight_attribute="live", averages="dense", pickled="sparsifier",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return InPlace(model, plan)


@variant("holds=buffer")
class BufferAdapter(_HolderAdapter):
    """A mask in a buffer next to the dense weight, and a hook that applies it."""

    contract = replace(_CONTRACT, holds="buffer", weight_attribute="any", pickled="sparsifier", threads="any")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        check_layers(model, plan)
        return Buffer(model, plan)


@variant("the last product in the attribute")
class LastingAdapter(BufferAdapter):
    """Its attribute weight is the product of the last forward or update, which copy.deepcopy refuses after a run."""

    supported = BufferAdapter.supported.replace(" deepcopy", "")
    unsupported = "scope_all tied deepcopy"
    contract = replace(BufferAdapter.contract, weight_attribute="stale", pickled="any", threads="forward")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        check_layers(model, plan)
        return Lasting(model, plan)
