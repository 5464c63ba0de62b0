"""Broken in how many are removed, which, and what becomes of them at the next level."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Band, Block, Channel, Context, NofM, Pattern, Plan, Sparsified, Unstructured
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep, new_mask
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks


class Reworks(Exemplar):
    """Makes each mask anew from the one that is right."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self.mask_tensor(name).copy_(self.rework(name, self.mask_tensor(name).clone()))


class Misreads(Exemplar):
    """Takes each pattern for another."""

    def read(self, pattern: Pattern) -> Pattern:
        return pattern

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        misread = {name: self.read(pattern) for name, pattern in plan.patterns.items()}
        super().__init__(model, Plan(misread, plan.scope), contract)


@breaks("MASK-05", "count-differs")
class Truncates(Misdeclared):
    """Declares rounding up, and rounds half to even."""

    contract = replace(CONTRACT, rounding="ceil")


@breaks("MASK-05", "count-differs")
class KeepsOne(Reworks):
    """Never empties a layer: the first entry always stays."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        mask.view(-1)[0] |= not mask.any()
        return mask


@breaks("MASK-05", "count-differs")
class CountsInItsOwnDtype(Exemplar):
    """Removes what lies under a quantile that is interpolated in the weight's own dtype."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_each(plan)
        for name, pattern in plan.patterns.items():
            if isinstance(pattern, Unstructured):
                size = self._dense(name).abs()
                masks[name] = size > size.float().quantile(pattern.level).to(size.dtype)
        return masks


@breaks("MASK-06", "kept-differs")
class RanksSigned(Exemplar):
    """Ranks the weights themselves instead of their magnitudes."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense - dense.min()


@breaks("MASK-06", "kept-differs")
class KeepsTheSmallest(Exemplar):
    """Sorts the wrong way round."""

    def _dense(self, name: str) -> Tensor:
        return 1 / super()._dense(name)


@breaks("MASK-07", "unit-broken")
class SwapsTheBlock(Misreads):
    """Takes a block's rows for its columns."""

    def read(self, pattern: Pattern) -> Pattern:
        return Block(pattern.shape[::-1], pattern.level) if isinstance(pattern, Block) else pattern


@breaks("MASK-07", "count-differs")
class SpendsTheLevelOnEntries(Misreads):
    """Removes as many blocks as leave half of each of them to be removed."""

    def read(self, pattern: Pattern) -> Pattern:
        return Block(pattern.shape, pattern.level / 2) if isinstance(pattern, Block) else pattern


@breaks("MASK-08", "kept-differs")
class SumsSquares(Misdeclared):
    """Declares that blocks rank by squares, and ranks them by magnitudes."""

    contract = replace(CONTRACT, score="magnitude-l2")


@breaks("MASK-09", "count-differs")
class KeepsNOfMOverall(Misreads):
    """Reads 2:4 as half of all entries."""

    def read(self, pattern: Pattern) -> Pattern:
        return Unstructured(1 - pattern.n / pattern.m) if isinstance(pattern, NofM) else pattern


@breaks("MASK-09", "count-differs")
class GroupsAlongOutputs(Reworks):
    """Cuts the groups of N:M along the output dimension."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, NofM):
            return mask
        return new_mask(pattern, self._dense(name).t(), mask.t(), self.contract).t()


@breaks("MASK-10", "kept-differs")
class KeepsTheFirstN(Reworks):
    """Keeps the first n of each group, whatever they weigh."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, NofM):
            return mask
        return (torch.arange(mask.shape[-1]) % pattern.m < pattern.n).expand_as(mask)


@breaks("MASK-11", "unit-broken")
class SwapsInputsAndOutputs(Misreads):
    """Takes dimension 0 for the inputs."""

    def read(self, pattern: Pattern) -> Pattern:
        return Channel(pattern.level, 1 - pattern.dim) if isinstance(pattern, Channel) else pattern


@breaks("MASK-11", "count-differs")
class RemovesOneAtLeast(Reworks):
    """Removes one slice even at level 0."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        mask[0] &= not mask.all()
        return mask


@breaks("MASK-12", "kept-differs")
class JudgesTheNeighbour(Exemplar):
    """Off by one: each slice goes by the score of the one before it."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense.roll([1] * dense.dim(), list(range(dense.dim())))


@breaks("MASK-13", "mask-differs")
class DoublesTheBand(Misreads):
    """Keeps as far as the width on either side of the diagonal."""

    def read(self, pattern: Pattern) -> Pattern:
        return Band(2 * pattern.width + 1) if isinstance(pattern, Band) else pattern


@breaks("MASK-14", "kept-differs")
class RanksEachByItself(Exemplar):
    """Takes the level of each parameter by itself where the scope is all."""

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        return self._ranked_each(plan)


@breaks("MASK-22", "count-differs")
class RemovesAllThatTie(Reworks):
    """Removes whatever scores no higher than the highest it removes."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        size = self._dense(name).abs()
        return mask if mask.all() else size > size[~mask].max()


@breaks("MASK-22", "ties-differ")
class DeclaresOtherTies(Misdeclared):
    """Declares to keep the last of equals, and keeps the first."""

    contract = replace(CONTRACT, ties="highest index")


@breaks("MASK-23", "unit-broken")
class PrunesTheEdge(ExemplarAdapter):
    """Declares to keep partial blocks, and prunes them like any."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, ragged="prune"))


@breaks("MASK-23", "refusal-unnamed")
class RefusesNamelessly(ExemplarAdapter):
    """Refuses partial blocks with a message that says nothing."""

    contract = replace(CONTRACT, ragged="refuse")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        try:
            return super().attach(model, plan, context)
        except ValueError:
            raise ValueError("bad shape") from None


@breaks("MASK-24", "count-differs")
class CompoundsTheLevel(ExemplarAdapter):
    """Declares that a level counts from the dense weight, and counts from what remains."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, level_basis="remaining"))


@breaks("MASK-24", "regrown")
class RegrowsInSecret(Misdeclared):
    """Declares that what is gone stays gone, and ranks all entries anew."""

    contract = replace(CONTRACT, regrowth="monotone")


@breaks("MASK-25", "count-differs")
class NeverRegrows(ExemplarAdapter):
    """Declares that entries may come back, and lets none."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, regrowth="monotone"))


@breaks("MASK-25", "kept-differs")
class StartsOver(Reworks):
    """At a lower level it keeps the right number, but not what it kept before."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask if mask.float().mean() < 0.5 else mask.roll(1, -1)


@breaks("MASK-24", "kept-differs")
class RanksAtAttach(Exemplar):
    """Goes on ranking by the weights that it was attached to, however they are trained."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.first = {name: model.get_parameter(name).detach().clone() for name in plan.names}
        super().__init__(model, plan, contract)

    def _dense(self, name: str) -> Tensor:
        return self.first[name]


@breaks("MASK-24", "kept-differs")
class RanksWhatIsMasked(Exemplar):
    """Ranks masked weights, so that what was once removed never gets another chance, and declares that it does."""

    def _dense(self, name: str) -> Tensor:
        return super()._dense(name) * self.mask_tensor(name)


@breaks("MASK-25", "count-differs")
class StaysAtTheLevel(Exemplar):
    """Takes the level of one update for that of all to come."""

    def update(self, level: float | None = None) -> None:
        self.plan = self.plan if level is None else self.plan.at_level(level)
        super().update()


@breaks("MASK-24", "unit-broken")
class ForgetsTheShape(Exemplar):
    """Takes a new level for one of single entries."""

    def update(self, level: float | None = None) -> None:
        plan = self.plan
        if level is not None:
            self.plan = Plan(dict.fromkeys(plan.names, Unstructured(level)), plan.scope)
        super().update()
        self.plan = plan


@breaks("MASK-14", "count-differs")
class ForgetsTheScope(Exemplar):
    """Ranks each parameter by itself once it is given a level, though first all together."""

    def update(self, level: float | None = None) -> None:
        plan = self.plan
        if level is not None:
            self.plan = Plan({name: Unstructured(level / 2) for name in plan.names})
        super().update()
        self.plan = plan


class _Lagging(Keep):
    used: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("used", self.mask.clone(), persistent)

    def forward(self, weight: Tensor) -> Tensor:
        return weight.masked_fill(~self.used, 0)


@breaks("MASK-25", "weight-differs")
class AppliesWhatRemoves(Exemplar):
    """Reports the mask of a lowered level, and goes on applying the one before."""

    keep = _Lagging

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            keep = next(self.parametrizations(name))
            assert isinstance(keep, _Lagging)
            keep.used &= keep.mask


@breaks("MASK-10", "kept-differs")
class RanksAsItIsStored(Exemplar):
    """Scores entries in the order in which they are stored, which is not always the weight's."""

    def _dense(self, name: str) -> Tensor:
        weight = super()._dense(name)
        return weight.t().contiguous().view_as(weight) if not weight.is_contiguous() else weight


@breaks("MASK-25", "count-differs")
class TakesZeroForNone(Exemplar):
    """An update to level 0 is taken for one without a level."""

    def update(self, level: float | None = None) -> None:
        super().update(level or None)


@breaks("MASK-33", "count-differs")
class CountsTheNonzero(Exemplar):
    """The level counts over what is not zero already."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        def of_nonzero(name: str, pattern: Pattern) -> Pattern:
            dense = self._dense(name)
            share = int(dense.count_nonzero()) / dense.numel()
            return Unstructured(share * pattern.level) if isinstance(pattern, Unstructured) else pattern

        patterns = {name: of_nonzero(name, pattern) for name, pattern in plan.patterns.items()}
        return super()._ranked_each(Plan(patterns, plan.scope))


@breaks("MASK-33", "unit-broken")
class RemovesZerosBesides(Reworks):
    """What is zero in the dense weight is removed besides the count."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask & (self._dense(name) != 0)


@breaks("MASK-34", "unit-broken")
class TakesTheLastDimForInputs(Exemplar):
    """Takes a convolution's inputs for its last dimension, which are columns of its window."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        def last(name: str, pattern: Pattern) -> Pattern:
            return Channel(pattern.level, self._dense(name).dim() - 1) if pattern == Channel(0.5, 1) else pattern

        return super()._ranked_each(Plan({name: last(name, one) for name, one in plan.patterns.items()}, plan.scope))
