"""torch-pruning's MagnitudePruner, which removes output channels along a dependency graph.

It ranks by the L2 norm of the planned layer alone (`group_reduction="first"`), so that the declared score can be
judged; its default is the mean over the whole group. A pruner makes a single step, is built for one level and cannot
be given another. Its pruning history is the sidecar.
"""

from __future__ import annotations

import copy
from typing import Any

import torch_pruning
from torch import Tensor, nn

from ...values.contract import Contract
from ...values.pattern import Channel
from ...values.plan import Plan
from ..holders import place
from ..protocol import Adapter, Context, Refusal, Saved, Sparsified


class Pruned(Sparsified):
    """A pruner at work on one model, which it prunes in place."""

    def __init__(self, model: nn.Module, plan: Plan, pruner: Any) -> None:
        super().__init__(model, plan)
        self.pruner = pruner

    def update(self, level: float | None = None) -> None:
        if level is not None:
            raise Refusal("a pruner is built for one level; update takes no other")
        if self.pruner.current_step:
            raise Refusal("the pruner has made its only step; there is no second update")
        self.pruner.step()

    def masks(self) -> dict[str, Tensor]:
        return {}

    def finalize(self) -> nn.Module:
        return self.model

    def sidecar(self) -> Any:
        return copy.deepcopy(self.pruner.pruning_history())

    def load(self, saved: Saved) -> None:
        self.pruner.load_pruning_history(saved.sidecar)
        self.model.load_state_dict(saved.model)


class MagnitudePrunerAdapter(Adapter):
    """Adapter of MagnitudePruner, with one level per planned layer, or one for all if they are ranked together."""

    distribution = "torch-pruning"
    catalogue = 4
    homepage = "https://github.com/VainF/Torch-Pruning"
    tracker = "https://github.com/VainF/Torch-Pruning/issues"
    profile = "structural"
    supported = """linear conv1d conv2d channel scope_all float64 float32 bfloat16 float16 cpu accelerator per_parameter
        finalize restore trace export compile save_trace deepcopy"""
    unsupported = "embedding given unstructured block n_of_m any_n_of_m input_channel band tied reupdate relevel"
    contract = Contract(
        holds="in place", score="magnitude-l2", rounding="ceil", level_basis="dense", masks_at="update",
        regrowth="monotone", mask_storage="sidecar", restores_into="attached", ragged="refuse", ties="any",
        optimizers="rebuilt",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        planned = {place(model, name)[0]: _level(name, pattern) for name, pattern in plan.patterns.items()}
        for name in plan.names:
            if isinstance(place(model, name)[0], nn.Embedding):
                raise Refusal(f"{name}: of an embedding a pruner removes features, and not entries, its dimension 0")
        is_global = plan.scope == "all"
        ratios = {tuple(planned): next(iter(planned.values()))} if is_global else planned
        pruner = torch_pruning.pruner.MagnitudePruner(
            model, context.example_input,
            importance=torch_pruning.importance.MagnitudeImportance(p=2, group_reduction="first", normalizer=None),
            global_pruning=is_global, pruning_ratio=0.0, pruning_ratio_dict=ratios,
        )
        return Pruned(model, plan, pruner)


def _level(name: str, pattern: object) -> float:
    if not isinstance(pattern, Channel) or pattern.dim:
        raise Refusal(f"{name}: a pruner removes output channels, and not {pattern}")
    return pattern.level
