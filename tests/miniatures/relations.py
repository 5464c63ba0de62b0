"""Broken in what no score can be broken in, or in an invariance that is declared."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor

from tests.variants.masks import Drawing
from tests.variants.scores import OpaqueAdapter, Scored, Signed, shuffled

from . import breaks


class _ByAllOfTheModel(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        largest = torch.stack([one.detach().double().abs().max() for one in self.model.parameters()]).max()
        return (weight.double().abs() - largest / 2).abs()


@breaks("WALK-03", "differs-if-unplanned")
class ScalesByTheWholeModel(OpaqueAdapter):
    """Compares entries with half of the largest weight of the model, unplanned layers included."""

    sparsified = _ByAllOfTheModel


class _ByAlphabet(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        place = sorted(self.plan.names).index(name)
        return weight.double().abs() if place == 0 else 1 / (weight.double().abs() + 1e-3)


@breaks("WALK-03", "differs-if-renamed")
class GoesByTheAlphabet(OpaqueAdapter):
    """Treats the parameter that comes first in the alphabet in another way than the others."""

    sparsified = _ByAlphabet


class _ByMemory(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        order = torch.empty_like(weight, dtype=torch.float64)  # which has the strides of the weight
        order.as_strided((weight.numel(),), (1,)).copy_(shuffled(weight.flatten(), 7))
        return order


@breaks("WALK-03", "differs-if-memory")
class ScoresInMemoryOrder(OpaqueAdapter):
    """Hands out its scores in the order in which the entries lie in memory."""

    sparsified = _ByMemory


# ------------------------------------------------ declared invariances



@breaks("DECLARE-20", "differs-if-reordered")
class DrawsInPlanOrder(Drawing):
    """Declares a seed per parameter, and draws from one stream in the order of the plan."""

    contract = replace(Drawing.contract, invariances="reordered")


@breaks("DECLARE-20", "differs-if-negated")
class RanksBySign(Signed):
    """Declares that masks do not depend on the sign of a layer, and removes negative weights first."""

    contract = replace(Signed.contract, invariances="negated")
