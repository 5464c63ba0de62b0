"""Broken in the choice of channels to remove, or of the dependent channels."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
import torch
from torch import Tensor, fx, nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.protocol import Batch, Loss
from sparsecheck.adapter.shipped.channel_dependencies import Dependencies
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter

from . import breaks


@breaks("SMOKE-07", "plan-not-applied")
class RemovesNothing(ChannelRemover):
    """Chooses channels, but removes none."""

    def remove(self, labels: Iterable[int]) -> None:
        super().remove(())


@breaks("STRUCT-01", "share-differs")
class TakesTheLevelForWhatIsKept(ChannelRemover):
    """Keeps the share that it was asked to remove."""

    def update(self, level: float | None = None) -> None:
        first = next(iter(self.plan.patterns.values()))
        super().update(1 - getattr(first, "level", 0.5))


@breaks("STRUCT-01", "share-differs")
class RoundsDownAdapter(StructuralExemplarAdapter):
    """Declares rounding half to even, but rounds down."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return ChannelRemover(model, plan, msgspec.structs.replace(self.contract, rounding="floor"))


@breaks("STRUCT-01", "share-differs")
class RemovesOneMore(ChannelRemover):
    """Removes one channel too many."""

    def chosen(self, plan: Plan, names: tuple[str, ...]) -> list[int]:
        chosen = super().chosen(plan, names)
        left = [label for label in self.labels.gives[names[0].removesuffix(".weight")] if label not in chosen]
        return [*chosen, left[0]] if len(left) > 1 else chosen


class _FirstTaker(Dependencies):
    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        seen = set[tuple[int, ...]]()
        for name, labels in self.takes.items():
            if tuple(labels) in seen and self.gives[name] != labels and labels[0] >= 0:
                self.takes[name] = [-1] * len(labels)
            seen.add(tuple(labels))


@breaks("STRUCT-02", "channels-differ")
class ForgetsTheSecondTaker(ChannelRemover):
    """Cuts only the first of two layers with the same input channels."""

    dependencies = _FirstTaker


class _OffsetByNone(Dependencies):
    def _follow(self, node: fx.Node, gives: dict[str, list[int]], takes: dict[str, list[int]]) -> list[int]:
        labels = super()._follow(node, gives, takes)
        return labels if node.target is not torch.cat else sorted(labels, reverse=True)


@breaks("STRUCT-02", "channels-differ")
class CountsFromTheWrongEndOfAConcatenation(ChannelRemover):
    """Swaps the parts of a concatenation."""

    dependencies = _OffsetByNone


class _Interleaved(Dependencies):
    def _of_weighted(self, module: nn.Module, taken: list[int]) -> tuple[list[int], list[int]]:
        repeated, given = super()._of_weighted(module, taken)
        is_flat = isinstance(module, nn.Linear) and len(repeated) > len(taken) > 0
        return (taken * (len(repeated) // len(taken)) if is_flat else repeated), given


@breaks("STRUCT-02", "channels-differ")
class TakesFlatFeaturesInTurn(ChannelRemover):
    """Assumes that flattening interleaves the channels."""

    dependencies = _Interleaved


class _Unadded(Dependencies):
    def _resolved(self, label: int) -> int:
        return label


@breaks("STRUCT-02", "channels-differ")
class ForgetsTheSkip(ChannelRemover):
    """Ignores that both operands of an addition must lose the same channels."""

    dependencies = _Unadded


class _Neighbours(Dependencies):
    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        for name, labels in self.gives.items():
            others = [other for other in self.gives if other != name and other.startswith(name)]
            for other in others:
                size = min(len(labels), len(self.gives[other]))
                self.gives[other] = [*labels[:size], *self.gives[other][size:]]


@breaks("STRUCT-02", "channels-differ")
class CutsWhatIsNamedAlike(ChannelRemover):
    """Cuts every layer whose name starts with that of a planned one."""

    dependencies = _Neighbours


@breaks("STRUCT-03", "entry-differs")
class KeepsTheFirstBiases(ChannelRemover):
    """Keeps the first biases instead of those of the remaining channels."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        bias = getattr(module, "bias", None)
        super().cut(module, outputs, inputs)
        if isinstance(bias, nn.Parameter):
            module.bias = nn.Parameter(bias.detach()[: len(outputs)].clone(), bias.requires_grad)


@breaks("STRUCT-03", "entry-differs")
class KeepsTheFirstStatistics(ChannelRemover):
    """Keeps the first running means of a norm instead of those of the remaining channels."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        mean = getattr(module, "running_mean", None)
        super().cut(module, outputs, inputs)
        if isinstance(mean, Tensor):
            module.running_mean = mean[: len(outputs)].clone()


@breaks("STRUCT-03", "entry-differs")
class MakesUpForWhatIsGone(ChannelRemover):
    """Scales the remaining inputs of a layer up to compensate for the removed ones, as dropout does."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        before = getattr(module, "in_features", 0)
        super().cut(module, outputs, inputs)
        if before:
            with torch.no_grad():
                module.get_parameter("weight").mul_(before / len(inputs))


@breaks("STRUCT-03", "entry-differs")
class MovesTheStatistics(ChannelRemover):
    """Runs the model in train mode at attach, which changes the statistics of its norms."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Any) -> None:
        super().__init__(model, plan, contract)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module(torch.ones(2, module.num_features, 2, 2, dtype=module.weight.dtype))


class _Hooked(ChannelRemover):
    """A forward hook on each planned layer."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self.model.get_submodule(name.rpartition(".")[0]).register_forward_hook(self.hook)

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output


@breaks("STRUCT-04", "output-differs")
class ScalesItsOutput(_Hooked):
    """A hook doubles the output of each planned layer."""

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output * 2


@breaks("STRUCT-05", "kept-differs")
class RemovesTheLargest(ChannelRemover):
    """Removes the channels with the highest scores."""

    def scores(self, weight: Tensor) -> Tensor:
        return -super().scores(weight)


@breaks("STRUCT-05", "kept-differs")
class RanksBySum(ChannelRemover):
    """Ranks channels by the sum of their entries instead of their magnitudes."""

    def scores(self, weight: Tensor) -> Tensor:
        return weight.detach().double().flatten(1).sum(1)


@breaks("STRUCT-06", "cost-differs")
class KeepsTheDenseWeights(ChannelRemover):
    """Keeps each dense weight as an additional parameter."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        weight = module.get_parameter("weight")
        super().cut(module, outputs, inputs)
        module.register_parameter("dense", nn.Parameter(weight.detach().clone()))


@breaks("STRUCT-06", "cost-differs")
class RunsItTwice(_Hooked):
    """A hook computes each planned layer a second time and drops the result."""

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        type(module).forward(module, *inputs)
        return output


@breaks("STRUCT-07", "entry-differs")
class RemovesAtAttach(ChannelRemover):
    """Declares that channels are removed at the first update, but removes them at attach."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Any) -> None:
        super().__init__(model, plan, contract)
        super().update()

    def update(self, level: float | None = None) -> None:
        if level is not None:
            super().update(level)


@breaks("STRUCT-08", "share-differs")
class TakesTheFirstLevelForAll(ChannelRemover):
    """Removes from every layer the share planned for the first."""

    def chosen(self, plan: Plan, names: tuple[str, ...]) -> list[int]:
        first = next(iter(plan.patterns.values()))
        return super().chosen(plan.at_level(getattr(first, "level", 0.5)), names)


@breaks("STRUCT-09", "kept-differs")
class RanksEachByItself(ChannelRemover):
    """Ranks every layer by itself, whatever the scope."""

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        self.remove([label for name in plan.names for label in self.chosen(plan, (name,))])


@breaks("STRUCT-10", "share-differs")
class CountsFromWhatRemains(ChannelRemover):
    """Declares that a level counts from the dense model, but counts from the remaining channels."""

    def update(self, level: float | None = None) -> None:
        self.contract = msgspec.structs.replace(self.contract, level_basis="remaining")
        super().update(level)


@breaks("STRUCT-11", "flag-changed")
class StaysInEvalMode(ChannelRemover):
    """Switches the model to eval mode to inspect it, and leaves it there."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Any) -> None:
        super().__init__(model.eval(), plan, contract)


@breaks("STRUCT-12", "flag-changed")
class Unfreezes(ChannelRemover):
    """Creates new parameters, which require gradients even if the old ones were frozen."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        super().cut(module, outputs, inputs)
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(True)


@breaks("STRUCT-13", "step-differs")
class TrainsEveryOtherBatch(ChannelRemover):
    """Skips every other batch in training."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        super().train(list(batches)[::2], loss, optimizer)


@breaks("STRUCT-13", "step-differs")
class ForgetsItsStatistics(ChannelRemover):
    """Gives the remaining norms another momentum."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        super().cut(module, outputs, inputs)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.5


@breaks("STRUCT-14", "not-plain")
class FinalizesIntoAWrapper(ChannelRemover):
    """Finalize returns the model inside another module."""

    def finalize(self) -> nn.Module:
        return nn.Sequential(self.model)


@breaks("STRUCT-14", "not-plain")
class LeavesAHook(_Hooked):
    """Leaves a hook on each planned layer in the finalized model."""


@breaks("STRUCT-15", "entry-differs")
class RestoresWithoutStatistics(ChannelRemover):
    """Restores the parameters, but no statistics."""

    def load(self, saved: Saved) -> None:
        parameters = {name: one for name, one in saved.model.items() if "running" not in name}
        self.remove(saved.sidecar["gone"].tolist())
        self.model.load_state_dict(parameters, strict=False)


@breaks("STRUCT-16", "entry-differs")
class SavesTheLastUpdate(ChannelRemover):
    """Saves the model as it was after the last update."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.then = copy.deepcopy(self.model.state_dict())

    def save(self) -> Saved:
        return Saved(getattr(self, "then", self.model.state_dict()), self.sidecar())


@breaks("STRUCT-17", "fresh-interpreter-failed")
class RemembersInItsClass(ChannelRemover):
    """Keeps the removed channels in a class attribute instead of the saved state."""

    remembered: ClassVar[list[int]] = []

    def sidecar(self) -> dict[str, Tensor]:
        type(self).remembered = list(self.gone)
        return {}

    def load(self, saved: Saved) -> None:
        super().load(Saved(saved.model, {"gone": torch.tensor(self.remembered)}))


@breaks("STRUCT-18", "RuntimeError")
class SavesWhatItRemovedItself(ChannelRemover):
    """Saves only the channels that it removed itself, not those removed before a restore."""

    restored = False

    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.restored = True

    def sidecar(self) -> dict[str, Tensor]:
        return {"gone": torch.zeros(0, dtype=torch.long)} if self.restored else super().sidecar()


@breaks("STRUCT-19", "aliased")
class TakesTheSavedTensors(ChannelRemover):
    """Puts the saved tensors themselves into the restored model."""

    def load(self, saved: Saved) -> None:
        super().load(saved)
        for name, parameter in self.model.named_parameters():
            parameter.data = saved.model[name]


@breaks("STRUCT-20", "not-refused")
class TakesAnyShape(ChannelRemover):
    """Accepts saved tensors of any shape."""

    def load(self, saved: Saved) -> None:
        self.gone = saved.sidecar["gone"].tolist()
        for name, value in saved.model.items():
            self.model.get_parameter(name).data = value.clone()


@breaks("STRUCT-21", "output-differs")
class BakesTheNumberOfRows(_Hooked):
    """A hook cuts the output to as many rows as there are inputs, by a plain integer."""

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output[: int(inputs[0].shape[0])]


def _unless_all_zero(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output if bool((output != 0).any()) else output.detach()


@breaks("STRUCT-22")
class BranchesOnNumbers(_Hooked):
    """A hook branches on the numbers of the output."""

    hook = staticmethod(_unless_all_zero)


@breaks("STRUCT-23", "Unsupported")
class BreaksTheGraph(_Hooked):
    """A hook causes a graph break."""

    hook = staticmethod(torch.compiler.disable(_unless_all_zero))
