"""Broken in a way that only stored weights or stored masks reveal."""

from __future__ import annotations

from msgspec.structs import replace
from torch import nn

from sparsecheck import Contract, Plan
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

from . import breaks


@breaks("MASK-28", "mask-differs")
class MistakesLoadedWeights(Exemplar):
    """Treats a weight loaded into the model as sparsified before, and keeps the entries that it should remove."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.loaded = [name for name in plan.names if model.get_parameter(name)._version]
        super().__init__(model, plan, contract)

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.loaded:
            self.mask_tensor(name).logical_not_()


class _Squares(Exemplar):
    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, replace(contract, score="magnitude-l2"))


@breaks("MASK-28", "mask-differs")
class RanksBySquares(ExemplarAdapter):
    """Declares that channels are ranked by the sum of magnitudes, but ranks by the sum of squares."""

    supported = ExemplarAdapter.supported.replace("given unstructured block n_of_m any_n_of_m ", "")
    unsupported = "given unstructured block n_of_m any_n_of_m"
    sparsified = _Squares
