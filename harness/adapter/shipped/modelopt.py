"""nvidia-modelopt: 2:4 sparsity by magnitude, called as its documentation shows.

`mts.sparsify` sparsifies every layer of the types that it has rules for; a plan becomes rules that name its layers and
exclude all others. Masks are created by the first update, since no other call creates them.
"""

from __future__ import annotations

from typing import Any

import modelopt.torch.opt as mto
import modelopt.torch.sparsity as mts
import torch
from torch import Tensor, nn

from ...values.contract import Contract
from ...values.plan import Plan
from ..holders import split_name
from ..protocol import Adapter, Context, Refusal, Saved, Sparsified


class Sparse(Sparsified):
    """A model whose planned layers an update replaces by modelopt's sparse ones."""

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal(f"{', '.join(self.plan.names)}: 2:4 has no other level, so there is no relevel")
        layers: dict[str, Any] = {"*": None, **{split_name(name)[0]: {} for name in self.plan.names}}
        self.model = mts.sparsify(self.model, [("sparse_magnitude", {"nn.Linear": layers, "nn.Conv2d": layers})])

    def masks(self) -> dict[str, Tensor]:
        layers = {name: self.model.get_submodule(split_name(name)[0]) for name in self.plan.names}
        return {name: _mask(layer) for name, layer in layers.items()}

    def sidecar(self) -> dict[str, Any]:
        state: dict[str, Any] = mto.modelopt_state(self.model)
        return state

    def finalize(self) -> nn.Module:
        exported: nn.Module = mts.export(self.model)
        return exported


def _mask(layer: nn.Module) -> Tensor:
    mask: Tensor | None = getattr(layer, "_weight_mask", None)  # None in a sparse layer that has none
    return torch.ones_like(layer.get_parameter("weight"), dtype=torch.bool) if mask is None else mask


class MagnitudeAdapter(Adapter):
    """Adapter of mts.sparsify in mode sparse_magnitude."""

    distribution = "nvidia-modelopt"
    catalogue = 4
    homepage = "https://github.com/NVIDIA/Model-Optimizer"
    tracker = "https://github.com/NVIDIA/Model-Optimizer/issues"
    supported = (
        "linear conv2d n_of_m float64 float32 bfloat16 float16 cpu accelerator finalize restore trace export compile "
        "save_trace deepcopy"
    )
    unsupported = (
        "conv1d embedding given unstructured block any_n_of_m channel input_channel band scope_all per_parameter "
        "reupdate relevel tied"
    )
    contract = Contract(
        holds="wrapper", rounding="half-even", level_basis="dense", score="magnitude-l1", masks_at="update",
        regrowth="free", mask_storage="model", restores_into="dense", ragged="refuse", ties="any",
        sizes="multiples of 16", accumulator_hooks="lost", weight_attribute="computed", averages="error",
        threads="forward",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        layers = {f"{path}.weight".lstrip("."): layer for path, layer in model.named_modules()}
        for name in plan.names:
            if not isinstance(layers.get(name), (nn.Linear, nn.Conv2d)):
                raise Refusal(f"{name} is not the weight of a layer that a rule of modelopt can name: Linear or Conv2d")
        return Sparse(model, plan)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = mto.restore_from_modelopt_state(dense_model, saved.sidecar)
        restored.load_state_dict(saved.model)
        return Sparse(restored, plan)
