"""Broken in what no score can be broken in, or in an invariance that is declared."""

from __future__ import annotations

import dataclasses
import zlib
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar
from tests.variants.gradients import ByGradient, ByGradientAdapter
from tests.variants.masks import Drawing
from tests.variants.scores import AroundAThreshold, OpaqueAdapter, Scored, SeededByName, Signed, shuffled

from . import breaks


class _ByDepth(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        layers = [module for module in self.model.modules() if not list(module.children())]
        return shuffled(weight, len(layers))


@breaks("WALK-03", "differs-if-unplanned")
class CountsEveryLayer(OpaqueAdapter):
    """Scores by a formula in which the number of layers of the model occurs, planned or not."""

    sparsified = _ByDepth


class _ByAllOfTheModel(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        largest = torch.stack([one.detach().double().abs().max() for one in self.model.parameters()]).max()
        return (weight.double().abs() - largest / 2).abs()


@breaks("WALK-03", "differs-if-unplanned")
class ScalesByTheWholeModel(OpaqueAdapter):
    """Compares entries with half of the largest weight of the model, unplanned layers included."""

    sparsified = _ByAllOfTheModel


class _ByName(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        return shuffled(weight, zlib.crc32(name.encode()))


@breaks("WALK-03", "differs-if-renamed")
class SeedsByName(OpaqueAdapter):
    """Scores by numbers whose seed is the name of the parameter."""

    sparsified = _ByName


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



@breaks("DECLARE-20", "differs-if-renamed")
class DeclaresThatNamesAreFree(SeededByName):
    """Declares that masks do not depend on names, and makes a seed of each name."""

    contract = replace(SeededByName.contract, invariances="renamed")


@breaks("DECLARE-20", "differs-if-memory")
class DrawsInMemoryOrder(Drawing):
    """Declares that masks do not depend on the memory format, and draws in the order of memory."""

    contract = replace(Drawing.contract, invariances="memory")


@breaks("DECLARE-20", "differs-if-reordered")
class DrawsInPlanOrder(Drawing):
    """Declares a seed per parameter, and draws from one stream in the order of the plan."""

    contract = replace(Drawing.contract, invariances="reordered")


@breaks("DECLARE-20", "differs-if-negated")
class RanksBySign(Signed):
    """Declares that masks do not depend on the sign of a layer, and removes negative weights first."""

    contract = replace(Signed.contract, invariances="negated")


@breaks("DECLARE-20", "differs-if-scaled")
class HasAThreshold(AroundAThreshold):
    """Declares that masks do not depend on the scale of a layer, and compares weights with a fixed number."""

    contract = replace(AroundAThreshold.contract, invariances="scaled")


@breaks("DECLARE-20", "differs-if-permuted")
class DrawsByPlace(Drawing):
    """Declares that rows may be permuted, and draws a mask that does not move with them."""

    contract = replace(Drawing.contract, invariances="permuted")


@breaks("DECLARE-20", "differs-if-repeated")
class DrawsAgain(Drawing):
    """Declares that a repeated update changes nothing, and draws at each."""

    contract = replace(Drawing.contract, invariances="repeated")


@breaks("DECLARE-20", "differs-if-split")
class DrawsFromOneStream(Drawing):
    """Declares that a plan can be split, and draws for all parameters from one stream."""

    contract = replace(Drawing.contract, invariances="split")


@breaks("DECLARE-20", "differs-if-cast")
class DrawsInItsDtype(Drawing):
    """Declares that masks do not depend on the dtype, and draws numbers of the weight's dtype."""

    contract = replace(Drawing.contract, invariances="cast")


class _ByGradientWhereThereIsOne(ByGradient):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        if all(self._original(name).requires_grad for name in plan.names):
            return super()._ranked_each(plan)
        return Exemplar._ranked_each(self, plan)


class ByMagnitudeIfFrozen(ByGradientAdapter):
    """Scores by gradients, and by magnitudes if a parameter is frozen."""

    sparsified = _ByGradientWhereThereIsOne


@breaks("DECLARE-20", "differs-if-frozen")
class IgnoresGradientsOfFrozenLayers(ByMagnitudeIfFrozen):
    """Declares that masks do not depend on requires_grad, and scores frozen layers in another way."""

    contract = replace(ByGradientAdapter.contract, invariances="frozen")


class ByFirstBatch(ByGradientAdapter):
    """Scores by gradients on the first calibration batch alone."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return super().attach(model, plan, dataclasses.replace(context, batches=context.batches[:1]))


@breaks("DECLARE-20", "differs-if-batches")
class TakesTheFirstBatch(ByFirstBatch):
    """Declares that masks do not depend on the order of the batches, and takes the first one alone."""

    contract = replace(ByGradientAdapter.contract, invariances="batches")


