"""Correct sparsifiers whose scores no model predicts, with what their masks do not depend on."""

from __future__ import annotations

import zlib
from typing import ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, new_mask

from . import variant
from .masks import Drawing


class Scored(Exemplar):
    """Ranks by scores of its own, which no model predicts."""

    def score(self, name: str, weight: Tensor) -> Tensor:
        """Return the scores of a parameter."""
        raise NotImplementedError

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        return {
            name: new_mask(pattern, self.score(name, self._dense(name)), self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }


class OpaqueAdapter(ExemplarAdapter):
    """Ranks by scores of its own."""

    supported = ExemplarAdapter.supported.replace(" scope_all", "")
    unsupported = "scope_all"
    contract = replace(CONTRACT, score="opaque", ties="any")
    sparsified: ClassVar[type[Exemplar]]

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan, model)
        return super().attach(model, plan, context)


def shuffled(weight: Tensor, seed: int) -> Tensor:
    """Return positive numbers of a weight's shape, in an order that depends on a seed alone."""
    order = torch.randperm(weight.numel(), generator=torch.Generator().manual_seed(seed))
    return (1 + order).double().to(weight.device).view(weight.shape)


class _SeededByName(Exemplar):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        drawn = int(torch.randint(2**31, ()))
        return {
            name: new_mask(pattern, shuffled(self._dense(name), drawn ^ zlib.crc32(name.encode())),
                           self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }


@variant("score=random, a seed per parameter")
class SeededByName(Drawing):
    """Draws one seed per update, from which each parameter's is made by its name."""

    contract = replace(Drawing.contract, invariances="memory reordered scaled negated split cast frozen batches")
    sparsified = _SeededByName


class _Exponential(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        return weight.double().exp()


@variant("score by sign")
class Signed(OpaqueAdapter):
    """Removes the smallest weights, negative ones first."""

    contract = replace(
        OpaqueAdapter.contract, invariances="reordered scaled permuted repeated split cast frozen batches"
    )
    sparsified = _Exponential
    supported = OpaqueAdapter.supported.replace(" block", "").replace(" channel", "").replace(" input_channel", "")
    unsupported = "scope_all block channel input_channel"


class _Threshold(Scored):
    def score(self, name: str, weight: Tensor) -> Tensor:
        return (weight.double().abs() - 0.2).abs()


@variant("score by a threshold")
class AroundAThreshold(OpaqueAdapter):
    """Removes the weights whose magnitude is nearest to 0.2."""

    contract = replace(OpaqueAdapter.contract, invariances="reordered negated repeated split cast frozen batches")
    sparsified = _Threshold
