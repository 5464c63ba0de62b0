"""Broken in a way that only stored weights show, or that only stored masks tell apart."""

from __future__ import annotations

from msgspec.structs import replace
from torch import nn

from sparsecheck import Contract, Plan
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

from . import breaks


@breaks("MASK-28", "mask-differs")
class MistakesLoadedWeights(Exemplar):
    """It takes a weight that was loaded into the model, and not made with it, for one that it has
    sparsified before, and keeps of it what it should remove."""

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
    """It declares to rank channels by the sum of magnitudes, and ranks them by the sum of squares."""

    supported = ExemplarAdapter.supported.replace("given unstructured block n_of_m any_n_of_m ", "")
    unsupported = "given unstructured block n_of_m any_n_of_m"
    sparsified = _Squares
