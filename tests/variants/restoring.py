"""The exemplar, restored by other ways than attaching anew."""

from __future__ import annotations

import copy

from msgspec.structs import replace
from torch import nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter

from . import variant


@variant("restores_into=dense")
class RestoresOntoDense(ExemplarAdapter):
    """Has a way of its own to restore, past attach."""

    contract = replace(CONTRACT, restores_into="dense")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = self.sparsified(dense_model, plan, self.contract)
        restored.load(saved)
        return restored


@variant("restores_into=whole model")
class BringsItsModel(RestoresOntoDense):
    """Needs of the dense model no more than how it is built."""

    contract = replace(CONTRACT, restores_into="whole model")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        return super().restore(copy.deepcopy(dense_model), plan, saved, context)
