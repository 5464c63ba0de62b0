"""Broken in one declaration, and honest in all others."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import (
    Channel,
    Context,
    Given,
    InPlaceSparsified,
    NofM,
    Pattern,
    Plan,
    Sparsified,
    Unstructured,
)
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, new_mask
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from sparsecheck.values.contract import Contract
from tests.variants.holders import InPlaceAdapter
from tests.variants.masks import Drawing

from . import Misdeclared, breaks


@breaks("DECLARE-01", "score-misfits")
class RanksGivenMasks(Misdeclared):
    """Declares that its masks are given, and ranks."""

    contract = replace(CONTRACT, score="given")


class _HighestUnits(Exemplar):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        other = replace(self.contract, ties="highest index")
        return {
            name: new_mask(pattern, self._dense(name), self.mask_tensor(name),
                           self.contract if isinstance(pattern, Unstructured) else other)
            for name, pattern in plan.patterns.items()
        }


@breaks("DECLARE-02", "ties-differ")
class KeepsTheLastOfEqualUnits(ExemplarAdapter):
    """Keeps the first of equal entries, but the last of equal blocks, channels and entries of a group."""

    sparsified = _HighestUnits


class _Passing(ExemplarAdapter):
    """Leaves some layers dense."""

    def passes(self, layer: nn.Module, pattern: Pattern) -> bool:
        raise NotImplementedError

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        layers = dict(model.named_modules())
        places = [(name, layers.get(name.rpartition(".")[0]), pattern) for name, pattern in plan.patterns.items()]
        dense = [name for name, layer, pattern in places if layer is not None and self.passes(layer, pattern)]
        sparsified = super().attach(model, plan, context)
        _hold_dense(sparsified, dense)
        return sparsified


def _hold_dense(sparsified: Sparsified, dense: list[str]) -> None:
    assert isinstance(sparsified, Exemplar)
    update = sparsified.update

    def update_others(level: float | None = None) -> None:
        update(level)
        for name in dense:
            sparsified.mask_tensor(name).fill_(True)

    sparsified.update = update_others  # type: ignore[method-assign]


@breaks("DECLARE-03", "plan-not-applied")
class PassesOverEntriesOfEmbeddings(_Passing):
    """Removes single entries of every layer but embeddings."""

    def passes(self, layer: nn.Module, pattern: Pattern) -> bool:
        return isinstance(layer, nn.Embedding) and isinstance(pattern, Unstructured)


class _Rows(Exemplar):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_each(plan)
        for name, pattern in plan.patterns.items():
            layer = self.model.get_submodule(name.rpartition(".")[0])
            if isinstance(layer, nn.Embedding) and isinstance(pattern, Unstructured):
                weight = self._dense(name)
                rows = [new_mask(pattern, row, row != 0, self.contract) for row in weight]
                masks[name] = torch.stack(rows)
        return masks


@breaks("DECLARE-03", "kept-differs")
class RanksEveryRowOfAnEmbedding(ExemplarAdapter):
    """Removes the level's share of every row of an embedding, instead of the lowest scores of all."""

    sparsified = _Rows


class _Signed(Exemplar):
    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_each(plan)
        for name, pattern in plan.patterns.items():
            if isinstance(self.model.get_submodule(name.rpartition(".")[0]), nn.Conv1d):
                shifted = self._dense(name) - self._dense(name).min()
                masks[name] = new_mask(pattern, shifted, self.mask_tensor(name), self.contract)
        return masks


@breaks("DECLARE-03", "kept-differs")
class RanksConv1dBySign(ExemplarAdapter):
    """Ranks the weights of a one-dimensional convolution with their signs."""

    sparsified = _Signed


@breaks("DECLARE-04", "plan-not-applied")
class PassesOverChannelsOfConv1d(_Passing):
    """Removes output channels of every layer but one-dimensional convolutions."""

    def passes(self, layer: nn.Module, pattern: Pattern) -> bool:
        return isinstance(layer, nn.Conv1d) and isinstance(pattern, Channel) and pattern.dim == 0


@breaks("DECLARE-05", "plan-not-applied")
class PassesOverFeaturesOfEmbeddings(_Passing):
    """Removes input channels of every layer but embeddings."""

    def passes(self, layer: nn.Module, pattern: Pattern) -> bool:
        return isinstance(layer, nn.Embedding) and isinstance(pattern, Channel) and pattern.dim == 1


@breaks("DECLARE-06", "plan-not-applied")
class PassesOverGivenMasksOfConv1d(_Passing):
    """Applies given masks to every layer but one-dimensional convolutions."""

    def passes(self, layer: nn.Module, pattern: Pattern) -> bool:
        return isinstance(layer, nn.Conv1d) and isinstance(pattern, Given)


@breaks("DECLARE-07", "plan-not-applied")
class PassesOverGroupsOfEmbeddings(_Passing):
    """Has N:M for linear layers alone."""

    def passes(self, layer: nn.Module, pattern: Pattern) -> bool:
        return isinstance(layer, nn.Embedding) and isinstance(pattern, NofM)


@breaks("DECLARE-08", "regrown")
class RegrowsAtTheSameLevel(Misdeclared):
    """Declares that nothing comes back, and ranks all entries at every update."""

    contract = replace(CONTRACT, regrowth="monotone")


class _DrawsOnce(Exemplar):
    is_updated = False

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        if self.is_updated:
            return {name: self.mask_tensor(name).clone() for name in plan.names}
        self.is_updated = True
        return {
            name: new_mask(pattern, torch.rand_like(self._dense(name)), self.mask_tensor(name), self.contract)
            for name, pattern in plan.patterns.items()
        }


@breaks("DECLARE-09", "update-without-effect")
class DrawsOnce(Drawing):
    """Draws its masks at the first update, and never again."""

    sparsified = _DrawsOnce


@breaks("DECLARE-10", "count-differs")
class StartsAtThePlansLevel(Exemplar):
    """Takes a level at every update but the first."""

    is_updated = False

    def update(self, level: float | None = None) -> None:
        super().update(level if self.is_updated else None)
        self.is_updated = True


class _Half(ExemplarAdapter):
    contract = replace(CONTRACT, sizes="multiples of 16")


@breaks("DECLARE-11", "not-refused")
class TakesHalfTheSize(ExemplarAdapter):
    """Declares that it takes multiples of 64, and takes those of 16."""

    contract = replace(CONTRACT, sizes="multiples of 64")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return _Half().attach(model, plan, context)


class _NeverAgain(InPlaceSparsified):
    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        weights = {name: self.model.get_parameter(name) for name in plan.names}
        self.kept = {
            name: new_mask(pattern, weights[name].detach(), self.kept[name], InPlaceAdapter.contract)
            for name, pattern in plan.patterns.items()
        }
        self.enforce()


@breaks("DECLARE-12", "removed-not-zero")
class ZeroesOnce(InPlaceAdapter):
    """Sets removed entries to zero in an update, and does nothing after a step of the optimizer."""

    contract = replace(InPlaceAdapter.contract, rezeroed_by="package")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _NeverAgain(model, plan)


@breaks("DECLARE-12", "removed-not-zero")
class LeavesItToTheUser(InPlaceAdapter):
    """Declares that it sets entries to zero again after each step, which the user's code must do."""

    contract = replace(InPlaceAdapter.contract, rezeroed_by="package")


@breaks("DECLARE-12", "zeros-kept")
class BlamesTheUser(Misdeclared):
    """Declares that the user's code must set entries to zero again, and masks in forward."""

    contract = replace(CONTRACT, rezeroed_by="user")


class _RemovesOnce(ChannelRemover):
    is_updated = False

    def update(self, level: float | None = None) -> None:
        if level is not None or not self.is_updated:
            super().update(level)
        self.is_updated = True


@breaks("DECLARE-13", "share-differs")
class RemovesAShareOnce(StructuralExemplarAdapter):
    """Removes a share of the channels at the first update, and none at another without a level."""

    contract = replace(StructuralExemplarAdapter.contract, level_basis="remaining")
    sparsified = _RemovesOnce


class _RoundsHalfUp(ChannelRemover):
    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, replace(contract, rounding="half-up"))


@breaks("DECLARE-14", "share-differs")
class RoundsHalfAChannelUp(StructuralExemplarAdapter):
    """Declares that it rounds half to even, and rounds it up."""

    sparsified = _RoundsHalfUp


@breaks("DECLARE-15", "random-otherwise")
class BlamesChanceForChannels(StructuralExemplarAdapter):
    """Declares that it removes channels at random, and ranks them."""

    contract = replace(StructuralExemplarAdapter.contract, score="random")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return StructuralExemplarAdapter().attach(model, plan, context)


@breaks("DECLARE-16", "mask-differs")
class BlamesPositionForChannels(StructuralExemplarAdapter):
    """Declares that it removes channels by position, and ranks them by their weights."""

    contract = replace(StructuralExemplarAdapter.contract, score="position")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return StructuralExemplarAdapter().attach(model, plan, context)


@breaks("DECLARE-17", "mask-carried")
class SavesMasksTwice(Misdeclared):
    """Declares that masks are in the sidecar alone, and saves them in the model's state dict too."""

    contract = replace(CONTRACT, mask_storage="sidecar")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(CONTRACT, mask_storage="both"))


class _FloatsOnly(ChannelRemover):
    def update(self, level: float | None = None) -> None:
        if all(parameter.dtype != torch.float16 for parameter in self.model.parameters()):
            super().update(level)


@breaks("DECLARE-18", "plan-not-applied")
class PassesOverHalfPrecision(StructuralExemplarAdapter):
    """Leaves a model of float16 as it is."""

    sparsified = _FloatsOnly


class _NoConv1d(ChannelRemover):
    def chosen(self, plan: Plan, names: tuple[str, ...]) -> list[int]:
        layers = [self.model.get_submodule(name.rpartition(".")[0]) for name in names]
        return [] if any(isinstance(layer, nn.Conv1d) for layer in layers) else super().chosen(plan, names)


@breaks("DECLARE-19", "plan-not-applied")
class PassesOverConv1d(StructuralExemplarAdapter):
    """Removes channels of every layer but one-dimensional convolutions."""

    sparsified = _NoConv1d
