"""The exemplar, restored without attaching anew."""

from __future__ import annotations

import copy

from msgspec.structs import replace
from torch import nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, ExemplarAdapter

from . import variant


@variant("restores_into=dense")
class RestoresOntoDense(ExemplarAdapter):
    """Restores onto a dense model without attach."""

    contract = replace(CONTRACT, restores_into="dense")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = self.sparsified(dense_model, plan, self.contract)
        restored.load(saved)
        return restored


@variant("restores_into=whole model")
class BringsItsModel(RestoresOntoDense):
    """Uses only the architecture of the dense model when it restores."""

    contract = replace(CONTRACT, restores_into="whole model")

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        return super().restore(copy.deepcopy(dense_model), plan, saved, context)
