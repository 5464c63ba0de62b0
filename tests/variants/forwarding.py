"""A correct sparsifier that masks weights inside the model's own forward: magnitude pruning."""

from __future__ import annotations

from types import CodeType
from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sparsecheck import Adapter, Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, new_mask

from . import variant
from .checking import check, check_layers, closed_by_finalize


class _Masking(TorchFunctionMode):
    """Passes the masked weight to every torch function in place of a planned one; `masks` are by id of the weight."""

    def __init__(self, masks: dict[int, Tensor]) -> None:
        super().__init__()
        self.masks = masks

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return func(*map(self._masked, args), **{key: self._masked(one) for key, one in (kwargs or {}).items()})

    def _masked(self, value: Any) -> Any:
        mask = self.masks.get(id(value)) if isinstance(value, nn.Parameter) else None
        return value if mask is None else torch.where(mask, value, torch.zeros_like(value))


class MaskedForward:
    """Replaces the forward of a model; a copy of the model gets its own."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        self.model = model
        self.names = names

    def __call__(self, inputs: Tensor) -> Tensor:
        with _Masking(self.masks()):
            output: Tensor = type(self.model).forward(self.model, inputs)
        return output

    def masks(self) -> dict[int, Tensor]:
        """Return the masks, by id of the weight."""
        return {id(self.model.get_parameter(name)): self.model.get_buffer(buffer(name)) for name in self.names}

    @property
    def __code__(self) -> CodeType:  # which torch.export reads
        return type(self).__call__.__code__


def buffer(name: str) -> str:
    """Return the name of the buffer with the mask of a parameter."""
    return f"{name}_kept"


@closed_by_finalize
class Forwarded(Sparsified):
    """The sparsifier at work on one model, whose forward it replaces."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        for name in plan.names:
            path, _, attribute = buffer(name).rpartition(".")
            ones = torch.ones_like(model.get_parameter(name), dtype=torch.bool)
            model.get_submodule(path).register_buffer(attribute, ones)
        model.forward = MaskedForward(model, plan.names)

    def masks(self) -> dict[str, Tensor]:
        return {name: self.model.get_buffer(buffer(name)).clone() for name in self.plan.names}

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for name, pattern in plan.patterns.items():
            mask = self.model.get_buffer(buffer(name))
            mask.copy_(new_mask(pattern, self.model.get_parameter(name).detach(), mask, CONTRACT))

    def finalize(self) -> nn.Module:
        for name, mask in self.masks().items():
            self.model.get_parameter(name).data.masked_fill_(~mask, 0)
            path, _, attribute = buffer(name).rpartition(".")
            delattr(self.model.get_submodule(path), attribute)
        del self.model.forward
        return self.model


@variant("holds=forward")
class ForwardedAdapter(Adapter):
    """Masks weights between the model's forward and the functions of its layers."""

    distribution = "sparsecheck"
    supported = (
        "linear conv1d conv2d embedding given unstructured block n_of_m any_n_of_m channel input_channel band float64 "
        "float32 bfloat16 float16 cpu accelerator per_parameter reupdate relevel finalize restore trace export compile "
        "save_trace deepcopy"
    )
    unsupported = "scope_all tied"
    contract = replace(
        CONTRACT, holds="forward", parameter_order="kept", weight_attribute="dense", pickled="sparsifier",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        check_layers(model, plan)
        if "forward" in vars(model):
            raise ValueError(f"{plan.names[0]}: the model is sparsified already")
        return Forwarded(model, plan)
