"""Broken in what forward makes of a mask, in when it does so, and in what it touches besides."""

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
    """A given mask is read the other way round: True = removed."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return ~mask if isinstance(self.plan.patterns[name], Given) else mask


@breaks("MASK-03", "plan-not-applied")
class TakesZerosForNone(Reworks):
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


class _Rolls(Reworks):
    by = 0

    def rework(self, name: str, mask: Tensor) -> Tensor:
        return mask.roll(self.by, -1)


@breaks("MASK-17", "mask-differs")
class RollsWithEveryRun(ExemplarAdapter):
    """Masks depend on how many models were sparsified before."""

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


@breaks("MASK-29", "random-otherwise")
class BlamesChance(Misdeclared):
    """Declares that its masks are random, so that no one asks which entries it keeps."""

    contract = replace(CONTRACT, score="random")


@breaks("MASK-29", "random-otherwise")
class DrawsInSecret(Reworks):
    """Rolls masks by chance, and puts the global generator back."""

    def rework(self, name: str, mask: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            return mask.roll(int(torch.randint(1, mask.shape[-1], ())), -1)


@breaks("MASK-30", "output-differs")
class ZeroesTheBiasOfChannels(Exemplar):
    """Takes the bias of a removed output for removed, too."""

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
    """Makes up for what 2:4 removes by doubling what it keeps."""

    keep = _Rescaled


@breaks("MASK-31", "count-differs")
class TakesTheFirstForAll(ExemplarAdapter):
    """Gives every parameter the pattern of the first."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        first = next(iter(plan.patterns.values()))
        alike = plan if isinstance(first, Given) else Plan(dict.fromkeys(plan.names, first), plan.scope)
        return super().attach(model, alike, context)


@breaks("MASK-31", "count-differs")
class GoesByTheModelsOrder(ExemplarAdapter):
    """Deals the patterns out in the order of the model, not of the plan."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        named = [name for name, _ in model.named_parameters() if name in plan.patterns]
        dealt = dict(zip(named, plan.patterns.values(), strict=False))
        return super().attach(model, Plan({**plan.patterns, **dealt}, plan.scope), context)


@breaks("MASK-02", "output-differs")
class SqueezesABatchOfOne(Exemplar):
    """A hook on the output drops dimensions of size one, and with them a batch of one."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, inputs, output: output.squeeze())


@breaks("MASK-19", "setting-changed")
class SetsUpTheProcess(Exemplar):
    """Asks for deterministic algorithms and other threads, and leaves it at that."""

    def update(self, level: float | None = None) -> None:
        torch.use_deterministic_algorithms(True)
        super().update(level)


@breaks("MASK-32", "mask-differs")
class BlamesPosition(Misdeclared):
    """Declares that position decides, so that no one asks which entries it keeps."""

    contract = replace(CONTRACT, score="position")
