"""Wrong in the choice of what is kept, for some values, patterns and levels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from sparsecheck import Band, Block, Channel, Context, Given, NofM, Pattern, Plan, Sparsified, Unstructured
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

from . import wrong
from .bases import Misranks, Relevels, Remasks
from .given import FORTRAN
from .scene import Scene

TWICE = ("update", "write", "update")

# ----------------------------------------------------------------- values


@wrong("ties at the cut, level above a half", Scene(values="ties", patterns=(Unstructured(0.75),)))
class KeepsTies(Remasks):
    """Above half, keeps everything that is not below a threshold: too much among ties."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        size = self._dense(name).abs()
        return size >= size[mask].min() if 0 < mask.float().mean() < 0.5 else mask


@wrong("equal scores in two layers", Scene(values="equal", scope="all", patterns=(Unstructured(0.25),)))
class TakesTiesFromTheLastLayer(Exemplar):
    """Ranked together, keeps equal scores of the last layer before those of the first."""

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        return super()._ranked_together(Plan(dict(reversed([*plan.patterns.items()])), plan.scope))


@wrong("all weights equal", Scene(values="equal"))
class RemovesWhatIsBelow(Remasks):
    """Removes nothing from a layer whose weights are all equal."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return mask | (self._dense(name).min() == self._dense(name).max())


@wrong("exact zeros, in a convolution", Scene("conv2d", values="zeros", patterns=(Unstructured(0.25),)), "conv2d")
class RemovesZerosBesides(Remasks):
    """Removes the zeros of a convolution in addition to the count."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        weight = self._dense(name)
        return mask & (weight != 0) if weight.dim() == 4 else mask


@wrong("one NaN", Scene(values="nan"))
class RemovesTheLayerOfANaN(Remasks):
    """A NaN makes the threshold NaN, and the whole layer is removed."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return mask & ~self._dense(name).isnan().any()


@wrong("an infinity", Scene(values="inf"))
class NormalizesByTheLargest(Misranks):
    """Divides by the largest magnitude: next to an infinity all others are equal."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight / weight.abs().max() if weight.isinf().any() else weight


@wrong("subnormal weights", Scene(values="subnormal"))
class FlushesSubnormals(Misranks):
    """Ranks subnormal weights as zeros."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight.masked_fill(weight.abs() < torch.finfo(weight.dtype).tiny, 0)


@wrong("magnitudes over many orders", Scene(values="wide"))
class RanksBelowOneMillionth(Misranks):
    """Ranks weights below a thousandth of the largest as equals."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight.masked_fill(weight.abs() < weight.abs().max() / 1000, 0)


@wrong("weights that differ beyond single precision", Scene(values="near", dtype=torch.float64), mode="float64")
class RanksDoublesAsSingles(Misranks):
    """Ranks float64 weights in float32."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight.float()


@wrong("sums beyond the range of float16", Scene(
    "conv2d", dtype=torch.float16, values="wide", patterns=(Channel(0.5),)), "conv2d", mode="float16")
class SumsInHalfPrecision(Misranks):
    """Sums the scores of channels in float16, where they overflow and become equal."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        if weight.dtype != torch.float16 or weight.dim() < 3:
            return weight
        return weight.abs().sum((1, 2, 3), keepdim=True).clamp(max=60).expand_as(weight)


@wrong("bfloat16", Scene("linear of 400 entries", dtype=torch.bfloat16, patterns=(Unstructured(0.9),)),
       mode="bfloat16")
class CountsInHalfPrecision(Exemplar):
    """In bfloat16, computes the number to remove in bfloat16 too."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        def rounded(name: str, pattern: Pattern) -> Pattern:
            if isinstance(pattern, Unstructured) and self._dense(name).dtype == torch.bfloat16:
                return Unstructured(float(torch.tensor(pattern.level, dtype=torch.bfloat16)))
            return pattern

        return super()._ranked_each(Plan({name: rounded(name, one) for name, one in plan.patterns.items()}))


# ----------------------------------------------------------------- patterns


@wrong("N:M updated again", Scene(patterns=(NofM(1, 2),), steps=TWICE), moment="second update")
class MakesGroupsOnce(Remasks):
    """Makes N:M masks at the first update; no later one looks at the weights again."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        again = len(self.levels) > 1 and isinstance(self.plan.patterns[name], NofM)
        return self.earlier[name] if again else mask


@wrong("N:M with n equal to m", Scene(patterns=(NofM(2, 2),)))
class KeepsOneLessThanAll(Remasks):
    """N:N removes one entry of each group."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if isinstance(pattern, NofM) and pattern.n == pattern.m:
            mask.view(-1, pattern.m)[:, -1] = False
        return mask


@wrong("a mask in Fortran order", Scene(patterns=(FORTRAN,)), moment="attach")
class ReadsGivenMasksInMemoryOrder(Remasks):
    """A given mask in Fortran order is read in the order of its memory."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        return torch.tensor(pattern.mask.ravel(order="K")).view_as(mask) if isinstance(pattern, Given) else mask


@wrong("a channel dimension that is neither outputs nor inputs", Scene("conv2d", patterns=(Channel(0.5, 2),)), "conv2d")
class TakesAnyDimForInputs(Exemplar):
    """Takes every channel dimension except the outputs' for the inputs'."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        def read(pattern: Pattern) -> Pattern:
            return replace(pattern, dim=min(pattern.dim, 1)) if isinstance(pattern, Channel) else pattern

        return super()._ranked_each(Plan({name: read(one) for name, one in plan.patterns.items()}, plan.scope))


@wrong("level 0 on channels of a convolution", Scene("conv1d", patterns=(Channel(0.0),)), "convolutions")
class LosesAFilter(Remasks):
    """A convolution loses one filter at least, at level 0 too."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        if isinstance(self.plan.patterns[name], Channel) and mask.dim() > 2 and mask.all():
            mask[0] = False
        return mask


@wrong("a band in a matrix with more rows than columns", Scene(patterns=(Band(3),)), "linear")
class WrapsTheBand(Remasks):
    """A band starts again below the square part of a matrix, as fill_diagonal_ with wrap does."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        if isinstance(self.plan.patterns[name], Band) and mask.shape[0] > mask.shape[1] + 1:
            mask[mask.shape[1] + 1:] |= mask[:mask.shape[0] - mask.shape[1] - 1]
        return mask


@wrong("blocks of one column", Scene(patterns=(Block((4, 1), 0.5),)), "linear")
class RanksColumnBlocksByTheirLargest(Misranks):
    """Ranks blocks of one column by their largest entry instead of their sum."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if not isinstance(pattern, Block) or pattern.shape[1] != 1 or weight.shape[0] % pattern.shape[0]:
            return weight
        largest = weight.abs().view(-1, pattern.shape[0], weight.shape[1]).amax(1)
        return largest.repeat_interleave(pattern.shape[0], 0)


@wrong("a size that is no multiple of the block", Scene("linear of prime sizes", patterns=(Block((2, 3), 0.5),)))
class CutsTheLastBlocks(Remasks):
    """Removes the partial blocks in the last column, which are kept by contract."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        pattern = self.plan.patterns[name]
        if isinstance(pattern, Block) and (rest := mask.shape[1] % pattern.shape[1]):
            mask[:, -rest:] = False
        return mask


# ----------------------------------------------------------------- levels


@wrong("levels that are not whole per cent", Scene("linear of 400 entries", patterns=(Unstructured(0.999),)))
class TruncatesTheLevel(Relevels):
    """Keeps a level in whole per cent, truncated: 0.29 removes 28 %, 0.999 removes 99 %."""

    def relevel(self, level: float) -> float:
        return int(level * 100) / 100


@wrong("a level with three decimals", Scene("linear of 400 entries", patterns=(Unstructured(0.125),)))
class RoundsTheLevel(Relevels):
    """Rounds a level to two decimals."""

    def relevel(self, level: float) -> float:
        return round(level, 2)


@wrong("a level just above 0", Scene("linear of 400 entries", patterns=(Unstructured(0.005),)))
class TakesLittleForNothing(Relevels):
    """Treats a level below one per cent as 0."""

    def relevel(self, level: float) -> float:
        return level if level >= 0.01 else 0.0


@wrong("a level just below 1", Scene("linear of 400 entries", patterns=(Unstructured(0.99),)))
class TakesMostForAll(Relevels):
    """Treats a level of 0.99 or more as 1."""

    def relevel(self, level: float) -> float:
        return level if level < 0.99 else 1.0


@wrong("a level that is an int", Scene(steps=(("update", 1),)))
class TakesIntegersForCounts(Exemplar):
    """Reads a level that is an int as the number of entries to remove."""

    def update(self, level: float | None = None) -> None:
        if isinstance(level, int):
            level /= min(self._dense(name).numel() for name in self.plan.names)
        super().update(level)


@wrong("a level that is no Python float", Scene(steps=(("update", 0),)))
class TakesFloatsAlone(Exemplar):
    """Ignores silently a level that is no Python float: 0, 1, numpy.float32(0.5)."""

    def update(self, level: float | None = None) -> None:
        super().update(level if isinstance(level, float) else None)


@wrong("a level for a plan with several", Scene(
    patterns=(Unstructured(0.25), Unstructured(0.75)), steps=(("update", 0.5),)))
class ScalesThePlan(Exemplar):
    """A new level scales the plan's levels instead of replacing them."""

    def update(self, level: float | None = None) -> None:
        planned = [one.level for one in self.plan.patterns.values() if isinstance(one, Unstructured)]
        plan, largest = self.plan, max(planned, default=0)
        if level is not None and largest:
            self.plan = Plan({
                name: Unstructured(level * one.level / largest) if isinstance(one, Unstructured) else one
                for name, one in plan.patterns.items()
            }, plan.scope)
        super().update(None if largest else level)
        self.plan = plan


@wrong("the level that is set already", Scene(steps=(("update", 0.5), "write", ("update", 0.5))),
       moment="second update")
class ReturnsEarly(Exemplar):
    """An update at the level that is set already returns early, however the weights have changed."""

    set_level: float | None = None

    def update(self, level: float | None = None) -> None:
        if level is None or level != self.set_level:
            super().update(level)
        self.set_level = level


@wrong("up and down again", Scene(steps=(("update", 0.75), ("update", 0.5))), moment="second update")
class NeverRegrowsBelowTheHighest(Remasks):
    """A level that is lower than one before removes what that one removed."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        before = [level for level in self.levels[:-1] if level is not None]
        level = self.levels[-1]
        return mask & self.earlier[name] if level is not None and any(one > level for one in before) else mask


@wrong("the third update", Scene(steps=("update", "write", "update", "write", "update")), moment="third update")
class SkipsEveryThirdUpdate(Remasks):
    """Every third update keeps the masks of the second."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return mask if len(self.levels) % 3 else self.earlier[name]


# ----------------------------------------------------------------- plans


@wrong("three parameters ranked together", Scene(planned=3, scope="all"))
class CountsTheThirdInVain(Exemplar):
    """Ranked together, the third parameter is counted, and stays dense."""

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_together(plan)
        return {name: torch.ones_like(mask) if place == 2 else mask for place, (name, mask) in enumerate(masks.items())}


@wrong("five planned parameters", Scene(planned=5, patterns=(
    Unstructured(0.25), Unstructured(0.5), Channel(0.5), NofM(1, 2), Unstructured(0.75))))
class GivesTheFifthTheFirstPattern(ExemplarAdapter):
    """The fifth planned parameter gets the pattern of the first."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        names = plan.names
        patterns = {name: plan.patterns[names[place % 4]] for place, name in enumerate(names)}
        return super().attach(model, Plan(patterns, plan.scope), context)


@wrong("a weight and the bias beside it", Scene(attributes=("weight", "bias"), planned=1), "linear")
class LetsTheBiasFollow(Remasks):
    """A bias that is planned beside its weight is kept where any weight of its output is."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        weight = f"{name.removesuffix('bias')}weight"
        if name.endswith("bias") and weight in self.plan.names:
            return self.mask_tensor(weight).flatten(1).any(1)
        return mask


@wrong("a bias that the layer does not have", Scene(
    "linear without bias", attributes=("weight", "bias"), planned=1), moment="attach")
class PassesOverNone(ExemplarAdapter):
    """A planned parameter that is None is passed over silently."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        held = {name: one for name, one in plan.patterns.items() if not name.endswith("bias")
                or model.get_submodule(name.rpartition(".")[0]).bias is not None}
        return super().attach(model, Plan(held, plan.scope), context)
