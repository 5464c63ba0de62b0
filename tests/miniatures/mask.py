"""Broken in the effect of a mask in forward, in the time when it takes effect, or by changing something else."""

from __future__ import annotations

import warnings

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Channel, Context, Given, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks
from .ranking import Reworks


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
class TakesTrueForRemoved(Reworks):
    """A given mask is read with the opposite meaning: True = removed."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return ~mask if isinstance(self.plan.patterns[name], Given) else mask


@breaks("MASK-03", "plan-not-applied")
class TakesZerosForNone(Reworks):
    """A given mask that removes everything is treated as no mask at all."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask if mask.any() else ~mask


@breaks("MASK-04", "mask-form")
class ReportsFloats(Exemplar):
    """The reported masks have the weight's dtype."""

    def masks(self) -> dict[str, Tensor]:
        return {name: mask.float() for name, mask in super().masks().items()}


@breaks("MASK-04", "mask-names")
class ReportsTheUnplanned(Exemplar):
    """Also reports a mask of ones for every unplanned parameter."""

    def masks(self) -> dict[str, Tensor]:
        others = {name: torch.ones_like(value) != 0 for name, value in self.model.named_parameters()}
        return others | super().masks()


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
    """Removed entries get the gradient of kept ones."""

    keep = _StraightThrough


@breaks("MASK-16", "unplanned-differs")
class MatchesByPrefix(Exemplar):
    """Zeroes half of every weight whose name starts like that of a planned one, such as layer10 for layer1."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name, other in self.model.named_parameters():
            if "parametrizations" not in name and name.startswith(tuple(n[:-7] for n in self.plan.names)):
                other.data[: len(other) // 2] = 0


@breaks("MASK-16", "unplanned-differs")
class ZeroesTheBias(Exemplar):
    """Removes biases in addition to weights."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name, other in self.model.named_parameters():
            if name.endswith("bias"):
                other.data[0] = 0


class _Rolls(Reworks):
    by = 0

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask.roll(self.by, -1)


@breaks("MASK-17", "mask-differs")
class RollsWithEveryRun(ExemplarAdapter):
    """Masks depend on the number of models sparsified before."""

    sparsified = _Rolls
    runs = 0

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        made = super().attach(model, plan, context)
        assert isinstance(made, _Rolls)
        made.by = self.runs % 5
        self.runs += 1
        return made


@breaks("MASK-18", "random-state")
class SeedsTheWorld(Exemplar):
    """Seeds the global generator, for reproducibility."""

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
    """Switches gradients off and leaves them off."""

    def update(self, level: float | None = None) -> None:
        torch.set_grad_enabled(False)
        super().update(level)


@breaks("MASK-20", "form-differs")
class ReturnsFloat32(Exemplar):
    """A hook casts the output to float32."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, inputs, output: output.float())


class _Product(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


@breaks("MASK-21", "weight-differs")
class MultipliesByTheMask(Exemplar):
    """Multiplies by the mask, so that a removed NaN stays NaN."""

    keep = _Product


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
    """Declares that masks are created by the first update, but creates them at attach."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, replace(self.contract, masks_at="attach"))


@breaks("MASK-27", "weight-differs")
class MasksAtFirstForward(Exemplar):
    """The first forward creates the masks."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_pre_hook(lambda module, inputs: self.update())


@breaks("MASK-27", "plan-not-applied")
class DeclaresMasksAtAttach(Misdeclared):
    """Declares that masks are created at attach, but creates them at the first update."""

    contract = replace(CONTRACT, masks_at="attach")


@breaks("MASK-29", "random-otherwise")
class BlamesChance(Misdeclared):
    """Declares that its masks are random, so that the kept entries are not checked."""

    contract = replace(CONTRACT, score="random")


@breaks("MASK-29", "random-otherwise")
class DrawsInSecret(Reworks):
    """Rolls masks at random, and restores the global generator."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            return mask.roll(int(torch.randint(1, mask.shape[-1], ())), -1)


@breaks("MASK-30", "output-differs")
class ZeroesTheBiasOfChannels(Exemplar):
    """Zeroes the bias of a removed output too."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name, pattern in self.plan.patterns.items():
            bias = self.model.get_submodule(split_name(name)[0])._parameters.get("bias")
            if bias is not None and pattern == Channel(0.5):
                bias.detach()[~self.mask_tensor(name).any(1)] = 0


class _Rescaled(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        rescale = bool((self.mask.view(-1, 4).sum(1) == 2).all()) if self.mask.numel() % 4 == 0 else False
        return super().forward(weight) * (2 if rescale else 1)


@breaks("MASK-30", "weight-differs")
class RescalesTwoOfFour(Exemplar):
    """Doubles the entries that 2:4 keeps, to compensate for the removed ones."""

    keep = _Rescaled


@breaks("MASK-31", "count-differs")
class TakesTheFirstForAll(ExemplarAdapter):
    """Gives every parameter the pattern of the first one."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        first = next(iter(plan.patterns.values()))
        alike = plan if isinstance(first, Given) else Plan(dict.fromkeys(plan.names, first), plan.scope)
        return super().attach(model, alike, context)


@breaks("MASK-31", "count-differs")
class GoesByTheModelsOrder(ExemplarAdapter):
    """Assigns the patterns in the order of the model instead of the plan."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        named = [name for name, _ in model.named_parameters() if name in plan.patterns]
        dealt = dict(zip(named, plan.patterns.values(), strict=False))
        return super().attach(model, Plan({**plan.patterns, **dealt}, plan.scope), context)


@breaks("MASK-02", "output-differs")
class SqueezesABatchOfOne(Exemplar):
    """A hook removes all dimensions of size one from the output, including a batch of one."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, inputs, output: output.squeeze())


@breaks("MASK-19", "setting-changed")
class SetsUpTheProcess(Exemplar):
    """Switches deterministic algorithms on and changes the number of threads, and leaves both so."""

    def update(self, level: float | None = None) -> None:
        torch.use_deterministic_algorithms(True)
        super().update(level)


@breaks("MASK-32", "mask-differs")
class BlamesPosition(Misdeclared):
    """Declares that masks depend on position alone, so that the kept entries are not checked."""

    contract = replace(CONTRACT, score="position")


@breaks("MASK-35", "kept-differs")
class KeepsTheMasksOfALevel(Exemplar):
    """Ranks once per level: a later update at that level restores the masks of the first."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.of_level: dict[float | None, dict[str, Tensor]] = {}
        super().__init__(model, plan, contract)

    def update(self, level: float | None = None) -> None:
        super().update(level)
        found = {name: self.mask_tensor(name).clone() for name in self.plan.names}
        for name, mask in self.of_level.setdefault(level, found).items():
            self.mask_tensor(name).copy_(mask)


@breaks("MASK-35", "kept-differs")
class KeepsTheMasksOfAGivenLevel(KeepsTheMasksOfALevel):
    """Ranks once per level that an update was given, and again at each update that was given none."""

    def update(self, level: float | None = None) -> None:
        if level is None:
            self.of_level.pop(None, None)
        super().update(level)
