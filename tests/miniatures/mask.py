"""Broken in what is removed, or in what forward makes of it."""

from __future__ import annotations

import itertools
import warnings
from typing import ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Band, Block, Channel, Context, Given, NofM, Pattern, Plan, Sparsified, Unstructured
from sparsecheck.sparsifiers.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep, new_mask
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks


class _Reworks(Exemplar):
    """Makes each mask anew from the one that is right."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self.mask_tensor(name).copy_(self.rework(name, self.mask_tensor(name).clone()))


class _Misreads(Exemplar):
    """Takes each pattern for another."""

    def read(self, pattern: Pattern) -> Pattern:
        return pattern

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        misread = {name: self.read(pattern) for name, pattern in plan.patterns.items()}
        super().__init__(model, Plan(misread, plan.scope), contract)


class _Negated(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return -super().forward(weight)


@breaks("MASK-01", "weight-differs")
class Negates(Exemplar):
    """Forward uses the negative of the masked weight (F3)."""

    keep = _Negated


class _Snapshot(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.smallest = weight.detach().abs().min()

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight) + self.smallest * ~self.mask


@breaks("MASK-01", "weight-differs")
class ClampsToTheSmallest(Exemplar):
    """A removed entry is set to the smallest magnitude instead of zero."""

    keep = _Snapshot


@breaks("MASK-02", "output-differs")
class Compensates(Exemplar):
    """A hook scales each sparse layer's output up, as dropout does."""

    def _register(self, name: str) -> None:
        super()._register(name)
        layer = self.model.get_submodule(name.rpartition(".")[0])
        layer.register_forward_hook(lambda module, inputs, output: 2 * output)


@breaks("MASK-03", "mask-differs")
class TakesTrueForRemoved(_Reworks):
    """A given mask is read the other way round: True = removed."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return ~mask if isinstance(self.plan.patterns[name], Given) else mask


@breaks("MASK-03", "plan-not-applied")
class TakesZerosForNone(_Reworks):
    """A given mask that removes all is taken for no mask at all."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask if mask.any() else ~mask


@breaks("MASK-04", "mask-form")
class ReportsFloats(Exemplar):
    """The masks it reports are of the weight's dtype."""

    def masks(self) -> dict[str, Tensor]:
        return {name: mask.float() for name, mask in super().masks().items()}


@breaks("MASK-04", "mask-names")
class ReportsTheUnplanned(Exemplar):
    """Reports a mask of ones for every parameter that is not planned, as well."""

    def masks(self) -> dict[str, Tensor]:
        others = {name: torch.ones_like(value) != 0 for name, value in self.model.named_parameters()}
        return others | super().masks()


@breaks("MASK-05", "count-differs")
class Truncates(Misdeclared):
    """Declares rounding up, and rounds half to even."""

    contract = replace(CONTRACT, rounding="ceil")


@breaks("MASK-05", "count-differs")
class KeepsOne(_Reworks):
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
class SwapsTheBlock(_Misreads):
    """Takes a block's rows for its columns."""

    def read(self, pattern: Pattern) -> Pattern:
        return Block(pattern.shape[::-1], pattern.level) if isinstance(pattern, Block) else pattern


@breaks("MASK-07", "count-differs")
class SpendsTheLevelOnEntries(_Misreads):
    """Removes as many blocks as leave half of each of them to be removed."""

    def read(self, pattern: Pattern) -> Pattern:
        return Block(pattern.shape, pattern.level / 2) if isinstance(pattern, Block) else pattern


@breaks("MASK-08", "kept-differs")
class SumsSquares(Misdeclared):
    """Declares that blocks rank by squares, and ranks them by magnitudes."""

    contract = replace(CONTRACT, score="magnitude-l2")


@breaks("MASK-09", "count-differs")
class KeepsNOfMOverall(_Misreads):
    """Reads 2:4 as half of all entries."""

    def read(self, pattern: Pattern) -> Pattern:
        return Unstructured(1 - pattern.n / pattern.m) if isinstance(pattern, NofM) else pattern


@breaks("MASK-09", "count-differs")
class GroupsAlongOutputs(_Reworks):
    """Cuts the groups of N:M along the output dimension."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, NofM):
            return mask
        return new_mask(pattern, self._dense(name).t(), mask.t(), self.contract).t()


@breaks("MASK-10", "kept-differs")
class KeepsTheFirstN(_Reworks):
    """Keeps the first n of each group, whatever they weigh."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, NofM):
            return mask
        return (torch.arange(mask.shape[-1]) % pattern.m < pattern.n).expand_as(mask)


@breaks("MASK-11", "unit-broken")
class SwapsInputsAndOutputs(_Misreads):
    """Takes dimension 0 for the inputs."""

    def read(self, pattern: Pattern) -> Pattern:
        return Channel(pattern.level, 1 - pattern.dim) if isinstance(pattern, Channel) else pattern


@breaks("MASK-11", "count-differs")
class RemovesOneAtLeast(_Reworks):
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
class DoublesTheBand(_Misreads):
    """Keeps as far as the width on either side of the diagonal."""

    def read(self, pattern: Pattern) -> Pattern:
        return Band(2 * pattern.width + 1) if isinstance(pattern, Band) else pattern


@breaks("MASK-14", "kept-differs")
class RanksEachByItself(Exemplar):
    """Takes the level of each parameter by itself where the scope is all."""

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        return self._ranked_each(plan)


class _Detached(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight.detach())


@breaks("MASK-15", "gradient-missing")
class Detaches(Exemplar):
    """No gradient reaches the dense weight (F5)."""

    keep = _Detached


class _StraightThrough(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight + (super().forward(weight) - weight).detach()


@breaks("MASK-15", "gradient-differs")
class PassesStraightThrough(Exemplar):
    """The gradient of a removed entry is that of a kept one."""

    keep = _StraightThrough


@breaks("MASK-16", "unplanned-differs")
class MatchesByPrefix(Exemplar):
    """Zeroes half of every weight whose name begins like a planned one: layer10 beside layer1."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name, other in self.model.named_parameters():
            if "parametrizations" not in name and name.startswith(tuple(n[:-7] for n in self.plan.names)):
                other.data[: len(other) // 2] = 0


@breaks("MASK-16", "unplanned-differs")
class ZeroesTheBias(Exemplar):
    """Removes biases beside the weights."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name, other in self.model.named_parameters():
            if name.endswith("bias"):
                other.data[0] = 0


@breaks("MASK-17", "mask-differs")
class RollsWithEveryRun(_Reworks):
    """Masks depend on how many models were sparsified before in the same process."""

    runs: ClassVar[itertools.count[int]] = itertools.count()

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask.roll(next(self.runs) % 5, -1)


@breaks("MASK-18", "random-state")
class SeedsTheWorld(Exemplar):
    """Seeds the global generator, for the sake of reproducibility."""

    def update(self, level: float | None = None) -> None:
        torch.manual_seed(0)
        super().update(level)


@breaks("MASK-18", "random-state")
class ShufflesTies(Exemplar):
    """Draws from the global generator to break ties."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense * (1 + 1e-12 * torch.rand_like(dense.double()))


@breaks("MASK-19", "setting-changed")
class Silences(Exemplar):
    """Switches warnings off for the whole process."""

    def update(self, level: float | None = None) -> None:
        warnings.simplefilter("ignore")
        super().update(level)


@breaks("MASK-19", "setting-changed")
class LeavesGradientsOff(Exemplar):
    """Switches gradients off, and not on again."""

    def update(self, level: float | None = None) -> None:
        torch.set_grad_enabled(False)
        super().update(level)


@breaks("MASK-20", "form-differs")
class ReturnsFloat32(Exemplar):
    """A hook brings the output to float32."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, inputs, output: output.float())


class _Product(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


@breaks("MASK-21", "weight-differs")
class MultipliesByTheMask(Exemplar):
    """Zero times NaN is NaN."""

    keep = _Product


@breaks("MASK-22", "count-differs")
class RemovesAllThatTie(_Reworks):
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
class StartsOver(_Reworks):
    """At a lower level it keeps the right number, but not what it kept before."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask if mask.float().mean() < 0.5 else mask.roll(1, -1)


class _OnlyInTraining(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight) if self.training else weight


@breaks("MASK-26", "weight-differs")
class MasksOnlyInTraining(Exemplar):
    """In eval mode forward uses the dense weight."""

    keep = _OnlyInTraining


@breaks("MASK-26", "plan-not-applied")
class UpdatesOnlyInTraining(Exemplar):
    """In eval mode update does nothing."""

    def update(self, level: float | None = None) -> None:
        if self.model.training:
            super().update(level)


@breaks("MASK-27", "weight-differs")
class MasksAtAttach(ExemplarAdapter):
    """Declares that masks come with the first update, and makes them at attach."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, masks_at="attach"))


@breaks("MASK-27", "weight-differs")
class MasksAtFirstForward(Exemplar):
    """The first forward pass makes the masks."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_pre_hook(lambda module, inputs: self.update())


@breaks("MASK-27", "plan-not-applied")
class DeclaresMasksAtAttach(Misdeclared):
    """Declares that masks come with attach, and makes them at the first update."""

    contract = replace(CONTRACT, masks_at="attach")
