"""Correct sparsifiers whose dense weight is a function of the trained parameter."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor

from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep

from . import variant


class _Reparametrized(Keep):
    """A parametrization with the weight of the start; as long as nothing is trained, the weight is exactly that one."""

    start: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("start", weight.detach().clone())

    def dense(self, trained: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(self.dense(weight))


class _Function(Exemplar):
    def _dense(self, name: str) -> Tensor:
        keep = next(self.parametrizations(name))
        assert isinstance(keep, _Reparametrized)
        return keep.dense(super()._dense(name)).detach()


class _Normed(_Reparametrized):
    def dense(self, trained: Tensor) -> Tensor:
        gain, size = self._lengths(self.start), self._lengths(trained)
        return trained * torch.where(size > 0, gain / size, torch.ones_like(size))

    def _lengths(self, weight: Tensor) -> Tensor:
        kept = weight.masked_fill(~self.mask, 0)
        lengths: Tensor = torch.linalg.vector_norm(kept, dim=[*range(1, weight.dim())], keepdim=True)
        return lengths


class _WeightNorm(_Function):
    keep = _Normed


@variant("trained=reparametrized, weight norm")
class WeightNorm(ExemplarAdapter):
    """Training changes the direction of each row, and its length stays that of the start."""

    contract = replace(CONTRACT, trained="reparametrized")
    sparsified = _WeightNorm


class _Powered(_Reparametrized):
    def dense(self, trained: Tensor) -> Tensor:
        return self.start * (trained * trained.abs())

    def right_inverse(self, weight: Tensor) -> Tensor:
        return torch.ones_like(weight)


class _PowerPropagation(_Function):
    keep = _Powered


@variant("trained=reparametrized, powerpropagation")
class PowerPropagation(ExemplarAdapter):
    """Trains the signed root of each entry, relative to its start, so that large weights grow faster."""

    contract = replace(CONTRACT, trained="reparametrized")
    sparsified = _PowerPropagation
