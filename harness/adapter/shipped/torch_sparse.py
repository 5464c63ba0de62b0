"""torch.sparse: 2:4 weights as a tensor subclass, pruned and compressed by its own selection in 4x4 tiles.

It works on CUDA alone. A compressed weight keeps no dense one: the removed entries are lost, and a second update
selects among the remaining ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...values.contract import Contract
from ...values.plan import Plan
from ..holders import place
from ..protocol import Adapter, Context, Refusal, Saved, Sparsified


class SemiStructured(Sparsified):
    """Linear layers whose weights are compressed by an update."""

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal(f"{', '.join(self.plan.names)}: 2:4 has no other level, so there is no relevel")
        for name in self.plan.names:
            module, attribute = place(self.model, name)
            dense = _dense(getattr(module, attribute).detach())
            compressed = torch.sparse.SparseSemiStructuredTensorCUTLASS.prune_dense_static_sort(dense)
            setattr(module, attribute, nn.Parameter(compressed, requires_grad=False))  # no optimizer can add to it

    def masks(self) -> dict[str, Tensor]:
        return {name: _mask(self.model.get_parameter(name).detach()) for name in self.plan.names}

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict(saved.model, assign=True)

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            module, attribute = place(self.model, name)
            weight = getattr(module, attribute)
            setattr(module, attribute, nn.Parameter(_dense(weight.detach()), requires_grad=weight.requires_grad))
        return self.model


def _dense(weight: Tensor) -> Tensor:
    dense: Tensor = weight.to_dense() if isinstance(weight, torch.sparse.SparseSemiStructuredTensor) else weight
    return dense


def _mask(weight: Tensor) -> Tensor:
    is_dense = not isinstance(weight, torch.sparse.SparseSemiStructuredTensor)
    return torch.ones_like(weight, dtype=torch.bool) if is_dense else _dense(weight) != 0


class SemiStructuredAdapter(Adapter):
    """Adapter of SparseSemiStructuredTensorCUTLASS.prune_dense_static_sort."""

    distribution = "torch"
    catalogue = 4
    homepage = "https://docs.pytorch.org/docs/stable/sparse.html#sparse-semi-structured-tensors"
    tracker = "https://github.com/pytorch/pytorch/issues"
    supported = (
        "linear n_of_m bfloat16 float16 accelerator reupdate finalize restore trace export compile save_trace deepcopy"
    )
    unsupported = (
        "conv1d conv2d embedding given unstructured block any_n_of_m channel input_channel band scope_all float64 "
        "float32 cpu per_parameter relevel tied"
    )
    contract = Contract(
        holds="in place", rounding="half-even", level_basis="remaining", score="opaque", masks_at="update",
        regrowth="monotone", mask_storage="model", restores_into="dense", ragged="refuse", ties="any",
        sizes="multiples of 64",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        layers = {f"{path}.weight".lstrip("."): layer for path, layer in model.named_modules()}
        for name in plan.names:
            layer = layers.get(name)
            if not isinstance(layer, nn.Linear):
                raise Refusal(f"{name}: only the weight of a linear layer (nn.Linear) can be compressed")
            if not layer.weight.is_cuda:
                raise Refusal(f"{name} is on {layer.weight.device}: there is a kernel for CUDA, but none for cpu")
            if layer.weight.dtype not in (torch.bfloat16, torch.float16):
                raise Refusal(f"{name} is {layer.weight.dtype}: only bfloat16 and float16 can be compressed")
        return SemiStructured(model, plan)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = SemiStructured(dense_model, plan)
        restored.load(saved)
        return restored
