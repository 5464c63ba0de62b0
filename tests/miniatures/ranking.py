"""Broken in the number of removed entries, in their choice, or in the next level."""

from __future__ import annotations

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Band, Block, Channel, Context, NofM, Pattern, Plan, Sparsified, Unstructured
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep, new_mask
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks


class Reworks(Exemplar):
    """Modifies each correct mask."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self.mask_tensor(name).copy_(self.rework(name, self.mask_tensor(name).clone()))


class Misreads(Exemplar):
    """Replaces each pattern by another."""

    def read(self, pattern: Pattern) -> Pattern:
        return pattern

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        misread = {name: self.read(pattern) for name, pattern in plan.patterns.items()}
        super().__init__(model, Plan(misread, plan.scope), contract)


@breaks("MASK-05", "count-differs")
class Truncates(Misdeclared):
    """Declares rounding up, but rounds half to even."""

    contract = replace(CONTRACT, rounding="ceil")


@breaks("MASK-05", "count-differs")
class KeepsOne(Reworks):
    """Never removes all of a layer: the first entry is always kept."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        mask.view(-1)[0] |= not mask.any()
        return mask


@breaks("MASK-05", "count-differs")
class CountsInItsOwnDtype(Exemplar):
    """Removes the entries below a quantile interpolated in the weight's own dtype."""

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
    """Sorts in the wrong direction."""

    def _dense(self, name: str) -> Tensor:
        return 1 / super()._dense(name)


@breaks("MASK-07", "unit-broken")
class SwapsTheBlock(Misreads):
    """Swaps the rows and columns of a block."""

    def read(self, pattern: Pattern) -> Pattern:
        return Block(pattern.shape[::-1], pattern.level) if isinstance(pattern, Block) else pattern


@breaks("MASK-07", "count-differs")
class SpendsTheLevelOnEntries(Misreads):
    """Removes half as many blocks as the level demands."""

    def read(self, pattern: Pattern) -> Pattern:
        return Block(pattern.shape, pattern.level / 2) if isinstance(pattern, Block) else pattern


@breaks("MASK-08", "kept-differs")
class SumsSquares(Misdeclared):
    """Declares that blocks are ranked by squares, but ranks them by magnitudes."""

    contract = replace(CONTRACT, score="magnitude-l2")


@breaks("MASK-09", "count-differs")
class KeepsNOfMOverall(Misreads):
    """Treats 2:4 as half of all entries."""

    def read(self, pattern: Pattern) -> Pattern:
        return Unstructured(1 - pattern.n / pattern.m) if isinstance(pattern, NofM) else pattern


@breaks("MASK-09", "count-differs")
class GroupsAlongOutputs(Reworks):
    """Forms the groups of N:M along the output dimension."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, NofM):
            return mask
        return new_mask(pattern, self._dense(name).t(), mask.t(), self.contract).t()


@breaks("MASK-10", "kept-differs")
class KeepsTheFirstN(Reworks):
    """Keeps the first n entries of each group, whatever their scores."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, NofM):
            return mask
        return (torch.arange(mask.shape[-1]) % pattern.m < pattern.n).expand_as(mask)


@breaks("MASK-11", "unit-broken")
class SwapsInputsAndOutputs(Misreads):
    """Treats dimension 0 as the inputs."""

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
    """Off by one: each slice is ranked by the score of the one before it."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense.roll([1] * dense.dim(), list(range(dense.dim())))


@breaks("MASK-13", "mask-differs")
class DoublesTheBand(Misreads):
    """Keeps a band with the width on each side of the diagonal."""

    def read(self, pattern: Pattern) -> Pattern:
        return Band(2 * pattern.width + 1) if isinstance(pattern, Band) else pattern


@breaks("MASK-14", "kept-differs")
class RanksEachByItself(Exemplar):
    """Ranks each parameter by itself although the scope is all."""

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        return self._ranked_each(plan)


@breaks("MASK-22", "count-differs")
class RemovesAllThatTie(Reworks):
    """Removes every entry that does not score higher than the highest removed one."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        size = self._dense(name).abs()
        return mask if mask.all() else size > size[~mask].max()


@breaks("MASK-22", "ties-differ")
class DeclaresOtherTies(Misdeclared):
    """Declares that ties keep the last entries, but keeps the first."""

    contract = replace(CONTRACT, ties="highest index")


@breaks("MASK-23", "unit-broken")
class PrunesTheEdge(ExemplarAdapter):
    """Declares that partial blocks are kept, but prunes them like any other."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, ragged="prune"))


@breaks("MASK-23", "refusal-unnamed")
class RefusesNamelessly(ExemplarAdapter):
    """Refuses partial blocks with a message that names nothing."""

    contract = replace(CONTRACT, ragged="refuse")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        try:
            return super().attach(model, plan, context)
        except ValueError:
            raise ValueError("bad shape") from None


@breaks("MASK-24", "count-differs")
class CompoundsTheLevel(ExemplarAdapter):
    """Declares that a level counts from the dense weight, but counts from the remaining entries."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, level_basis="remaining"))


@breaks("MASK-24", "regrown")
class RegrowsInSecret(Misdeclared):
    """Declares monotone regrowth, but ranks all entries again."""

    contract = replace(CONTRACT, regrowth="monotone")


@breaks("MASK-25", "count-differs")
class NeverRegrows(ExemplarAdapter):
    """Declares free regrowth, but never restores an entry."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, regrowth="monotone"))


@breaks("MASK-25", "kept-differs")
class StartsOver(Reworks):
    """At a lower level it keeps the right number of entries, but not those kept before."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask if mask.float().mean() < 0.5 else mask.roll(1, -1)


@breaks("MASK-24", "kept-differs")
class RanksAtAttach(Exemplar):
    """Keeps ranking by the weights at attach, however they are trained."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.first = {name: model.get_parameter(name).detach().clone() for name in plan.names}
        super().__init__(model, plan, contract)

    def _dense(self, name: str) -> Tensor:
        return self.first[name]


@breaks("MASK-24", "kept-differs")
class RanksWhatIsMasked(Exemplar):
    """Ranks masked weights, so that a removed entry never returns, although free regrowth is declared."""

    def _dense(self, name: str) -> Tensor:
        return super()._dense(name) * self.mask_tensor(name)


@breaks("MASK-25", "count-differs")
class StaysAtTheLevel(Exemplar):
    """Uses the level of one update for all later ones."""

    def update(self, level: float | None = None) -> None:
        self.plan = self.plan if level is None else self.plan.at_level(level)
        super().update()


@breaks("MASK-24", "unit-broken")
class ForgetsTheShape(Exemplar):
    """Treats a new level as one of single entries."""

    def update(self, level: float | None = None) -> None:
        plan = self.plan
        if level is not None:
            self.plan = Plan(dict.fromkeys(plan.names, Unstructured(level)), plan.scope)
        super().update()
        self.plan = plan


@breaks("MASK-14", "count-differs")
class ForgetsTheScope(Exemplar):
    """Ranks all parameters together at first, but each by itself once a level is given."""

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
    """Reports the mask of a lowered level, but goes on applying the previous one."""

    keep = _Lagging

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            keep = next(self.parametrizations(name))
            assert isinstance(keep, _Lagging)
            keep.used &= keep.mask


@breaks("MASK-10", "kept-differs")
class RanksAsItIsStored(Exemplar):
    """Ranks entries in storage order, which differs from the weight's order if it is strided."""

    def _dense(self, name: str) -> Tensor:
        weight = super()._dense(name)
        return weight.t().contiguous().view_as(weight) if not weight.is_contiguous() else weight


@breaks("MASK-25", "count-differs")
class TakesZeroForNone(Exemplar):
    """Treats an update to level 0 as one without a level."""

    def update(self, level: float | None = None) -> None:
        super().update(level or None)


@breaks("MASK-33", "count-differs")
class CountsTheNonzero(Exemplar):
    """Counts the level over nonzero entries only."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        def of_nonzero(name: str, pattern: Pattern) -> Pattern:
            dense = self._dense(name)
            share = int(dense.count_nonzero()) / dense.numel()
            return Unstructured(share * pattern.level) if isinstance(pattern, Unstructured) else pattern

        patterns = {name: of_nonzero(name, pattern) for name, pattern in plan.patterns.items()}
        return super()._ranked_each(Plan(patterns, plan.scope))


@breaks("MASK-33", "unit-broken")
class RemovesZerosBesides(Reworks):
    """Removes the zeros of the dense weight in addition to the count."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask & (self._dense(name) != 0)


@breaks("MASK-34", "unit-broken")
class TakesTheLastDimForInputs(Exemplar):
    """Treats the last dimension of a convolution as its inputs, but that is the width of its window."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        def last(name: str, pattern: Pattern) -> Pattern:
            return Channel(pattern.level, self._dense(name).dim() - 1) if pattern == Channel(0.5, 1) else pattern

        return super()._ranked_each(Plan({name: last(name, one) for name, one in plan.patterns.items()}, plan.scope))
