"""Broken in how it registers itself on a model, or removes itself again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import cast

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Context, Given, Pattern, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.protocol import Batch, Loss
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks


class _Unchecked(ExemplarAdapter):
    """Carries out plans without checking them first."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return self.sparsified(model, plan, self.contract)


@breaks("REG-01", "held-otherwise")
class DeclaresABuffer(Misdeclared):
    """Declares holds=buffer, but uses a parametrization."""

    contract = replace(CONTRACT, holds="buffer")


@breaks("REG-01", "held-otherwise")
class DeclaresAWrapper(Misdeclared):
    """Declares holds=wrapper, so that the modules inside are not checked, but uses a parametrization."""

    contract = replace(CONTRACT, holds="wrapper")


@breaks("REG-01", "not-plain")
class ParametrizesAll(Exemplar):
    """Parametrizes every layer, unplanned ones with a mask of ones."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        for name in [name for name, _ in model.named_parameters() if name.endswith(".weight")]:
            self._register(name)


@breaks("REG-02", "dense-differs")
class ZeroesTheDense(Exemplar):
    """Sets the removed entries of the dense weight to zero as well."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self._dense(name).masked_fill_(~self.mask_tensor(name), 0)


@breaks("REG-02", "dense-differs")
class RoundsTheDense(Exemplar):
    """Keeps the dense weight in half precision."""

    def _register(self, name: str) -> None:
        weight = self.model.get_parameter(name).data
        weight.copy_(weight.to(torch.float16))
        super()._register(name)


@breaks("REG-03", "frozen-differs")
class ThawsThePlanned(Exemplar):
    """Makes every planned weight trainable."""

    def _register(self, name: str) -> None:
        self.model.get_parameter(name).requires_grad_(True)
        super()._register(name)


@breaks("REG-03", "frozen-differs")
class FreezesTheRest(Exemplar):
    """Freezes all unplanned parameters while it works, and makes all of them trainable afterwards."""

    def update(self, level: float | None = None) -> None:
        self.model.requires_grad_(False)
        super().update(level)
        self.model.requires_grad_(True)


@breaks("REG-04", "identity-lost")
class ClonesTheWeight(Exemplar):
    """Uses a clone of the parameter, so that an optimizer built before trains an unused one."""

    def _register(self, name: str) -> None:
        path, attribute = split_name(name)
        clone = nn.Parameter(self.model.get_parameter(name).detach().clone())
        setattr(self.model.get_submodule(path), attribute, clone)
        super()._register(name)


@breaks("REG-04", "order-differs")
class RegistersAnew(Exemplar):
    """Removes and re-registers every weight, which moves it behind its bias."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        for module in model.modules():
            if (weight := module._parameters.pop("weight", None)) is not None:
                module.register_parameter("weight", weight)


class _Trainable(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        del self.mask
        self.mask = nn.Parameter(torch.ones_like(weight))

    def forward(self, weight: Tensor) -> Tensor:
        return weight.masked_fill(self.mask == 0, 0)


@breaks("REG-05", "parameters-differ")
class TrainsItsMask(Exemplar):
    """The mask is a parameter (F7)."""

    keep = _Trainable


class _Attribute(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        del self.mask
        self.mask = torch.ones_like(weight, dtype=torch.bool)


@breaks("REG-05", "mask-loose")
class LeavesItsMaskLoose(Exemplar):
    """The mask is a plain attribute, which .to and .half do not move (F6)."""

    keep = _Attribute


@breaks("REG-06", "hooks-differ")
class ClearsHooks(Exemplar):
    """Clears all hooks of a planned layer."""

    def _register(self, name: str) -> None:
        self.model.get_submodule(split_name(name)[0])._forward_hooks.clear()
        super()._register(name)


@breaks("REG-06", "hooks-differ")
class TurnsHooksRound(Exemplar):
    """Restores the hooks in the wrong order."""

    def _register(self, name: str) -> None:
        layer = self.model.get_submodule(split_name(name)[0])
        layer._forward_hooks = OrderedDict(reversed(layer._forward_hooks.items()))
        super()._register(name)


@breaks("REG-07", "flag-changed")
class TrainsAfterwards(Exemplar):
    """Ends each update in train mode, whatever the mode was before."""

    def update(self, level: float | None = None) -> None:
        self.model.eval()
        super().update(level)
        self.model.train()


class _Stacking(Exemplar):
    def _register(self, name: str) -> None:
        path, attribute = split_name(name)
        module = self.model.get_submodule(path)
        parametrize.register_parametrization(module, attribute, self.keep(getattr(module, attribute), True))


@breaks("REG-08", "attached-twice")
class Stacks(_Unchecked):
    """Attached twice, it stacks a second mask on the first, and updates only the last."""

    sparsified = _Stacking


@breaks("REG-08", "refusal-unnamed")
class BreaksDownTheSecondTime(_Unchecked):
    """Attached twice, it fails on its own parametrization, with an error that names nothing."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        if any(parametrize.is_parametrized(module) for module in model.modules()):
            raise KeyError(0)
        return super().attach(model, plan, context)


@breaks("REG-09", "refusal-harmed")
class LooksTooLate(_Unchecked):
    """Refuses an unknown parameter only after it has registered the others."""


@breaks("REG-09", "not-refused")
class SkipsTheUnknown(_Unchecked):
    """Silently skips an unknown parameter."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        known = {name for name, _ in model.named_parameters()}
        found = {name: pattern for name, pattern in plan.patterns.items() if name in known}
        return super().attach(model, Plan(found, plan.scope), context)


@breaks("REG-10", "weight-differs")
class ForgetsTheTwin(Exemplar):
    """Parametrizes only the planned layer; the one tied to it stays dense."""

    def _register(self, name: str) -> None:
        path, attribute = split_name(name)
        keep = self.keep(self.model.get_parameter(name), True)
        parametrize.register_parametrization(self.model.get_submodule(path), attribute, keep)


@breaks("REG-10", "untied")
class PartsTheTwins(Exemplar):
    """Gives two tied layers separate parameters with one mask."""

    def _register(self, name: str) -> None:
        weight = self.model.get_parameter(name)
        keep = self.keep(weight, True)
        for module in [module for module in self.model.modules() if getattr(module, "weight", None) is weight]:
            module.weight = nn.Parameter(weight.detach().clone())
            parametrize.register_parametrization(module, "weight", keep)


@breaks("REG-11", "not-refused")
class Broadcasts(_Unchecked):
    """Uses a mask of one row for all rows (F8)."""


class _Unmasking(Exemplar):
    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            self.mask_tensor(name).fill_(True)
        return super().finalize()


@breaks("REG-12", "finalized-differs")
class FinalizesTheDense(_Unmasking):
    """Removes the mask before multiplying it into the weight."""


@breaks("REG-12", "not-plain")
class FinalizesToABuffer(Exemplar):
    """Leaves the finalized weight as a buffer."""

    def finalize(self) -> nn.Module:
        final = super().finalize()
        for path, attribute in map(split_name, self.plan.names):
            module = final.get_submodule(path)
            weight = module._parameters.pop(attribute)
            module.register_buffer(attribute, weight)
        return final


@breaks("REG-13", "keys-differ")
class LeavesTheMaskBehind(Exemplar):
    """Finalize leaves the mask in the state dict."""

    def finalize(self) -> nn.Module:
        masks = {name: mask.clone() for name, mask in self.masks().items()}
        final = super().finalize()
        for name, mask in masks.items():
            path, _ = split_name(name)
            final.get_submodule(path).register_buffer("sparsity_mask", mask)
        return final


@breaks("REG-13", "not-plain")
class LeavesAHookBehind(Exemplar):
    """Finalize leaves a hook that counts calls."""

    def _register(self, name: str) -> None:
        super()._register(name)
        self.model.get_submodule(split_name(name)[0]).register_forward_pre_hook(lambda *_: None)


@breaks("REG-14", "output-differs")
class FinalizesTheBiasAway(Exemplar):
    """Finalize zeroes the bias of each planned layer."""

    def finalize(self) -> nn.Module:
        for name, parameter in self.model.named_parameters():
            if name.endswith("bias"):
                parameter.data.zero_()
        return super().finalize()


class _Switched(Keep):
    on = False

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight) if self.on else weight


@breaks("REG-15", "weight-differs")
class MasksTheWholeModelOnly(Exemplar):
    """Applies its masks only while the whole model runs."""

    keep = _Switched

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_pre_hook(lambda *_: self._switch(True))
        model.register_forward_hook(lambda *_: self._switch(False))

    def _switch(self, on: bool) -> None:
        for module in self.model.modules():
            if isinstance(module, _Switched):
                module.on = on


@breaks("REG-10", "untied")
class FinalizesTheTwinsApart(Exemplar):
    """Finalize gives two tied layers separate weights."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        for name in self.plan.names:
            path, attribute = split_name(name)
            setattr(model.get_submodule(path), attribute, nn.Parameter(model.get_parameter(name).detach().clone()))
        return model


@breaks("REG-16", "flag-changed")
class FinalizeThaws(Exemplar):
    """Finalize makes every parameter trainable."""

    def finalize(self) -> nn.Module:
        return super().finalize().requires_grad_(True)


@breaks("REG-16", "flag-changed")
class FinalizesForInference(Exemplar):
    """Finalize puts the model into eval mode."""

    def finalize(self) -> nn.Module:
        return super().finalize().eval()


@breaks("REG-16", "hooks-differ")
class FinalizeClearsHooks(Exemplar):
    """Finalize removes a user's hooks."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        for module in model.modules():
            module._forward_hooks.clear()
        return model


@breaks("REG-17", "gradient-left")
class LeavesItsCalibrationBehind(Exemplar):
    """Scores by gradients, and leaves them for the user's first step."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        torch.cat([parameter.flatten() for parameter in self.model.parameters()]).sum().backward()


@breaks("REG-04", "identity-lost")
class ReplacesOnTheSecondUpdate(Exemplar):
    """Replaces the parameter at every update but the first."""

    updates = 0

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.updates += 1
        for name in self.plan.names if self.updates > 1 else ():
            chain = self.model.get_submodule(name.replace(".weight", ".parametrizations.weight"))
            chain.original = nn.Parameter(chain.get_parameter("original").detach().clone())


@breaks("REG-23", "argument-changed")
class WorksOffThePlanAdapter(ExemplarAdapter):
    """Takes the patterns out of the plan one by one while it works."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        queue, patterns = cast("dict[str, Pattern]", plan.patterns), {}
        while queue:
            name, patterns[name] = next(iter(queue)), queue.pop(next(iter(queue)))
        return super().attach(model, Plan(patterns, plan.scope), context)


@breaks("REG-23", "argument-changed")
class WritesIntoTheGivenMaskAdapter(ExemplarAdapter):
    """Writes into the array of a given mask, which it uses without copying it."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for pattern in plan.patterns.values():
            if isinstance(pattern, Given):
                torch.from_numpy(pattern.mask).flatten()[0] = False
        return super().attach(model, plan, context)


@breaks("REG-23", "argument-changed")
class NormalizesTheCalibrationBatchesAdapter(ExemplarAdapter):
    """Normalizes the calibration batches in place."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for inputs, _ in context.batches:
            if inputs.is_floating_point():
                inputs.div_(inputs.abs().max() * 2)
        return super().attach(model, plan, context)


@breaks("REG-23", "argument-changed")
class ClampsTheInput(Exemplar):
    """Clamps the input of every forward in place."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_pre_hook(lambda _, inputs: inputs[0].is_floating_point() and inputs[0].clamp_(-0.5, 0.5))


@breaks("REG-23", "argument-changed")
class AddsNoiseToTheBatches(Exemplar):
    """Changes the batches in place while it trains on them."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        batches = list(batches)
        super().train(batches, loss, optimizer)
        for _, target in batches:
            target.add_(0.01)
