"""Broken only under an optimizer that lives on."""

from __future__ import annotations

import copy
from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep, reorder
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter
from tests.variants.holders import InPlace, InPlaceAdapter

from . import breaks


def _original(model: nn.Module, name: str) -> nn.Parameter:
    return model.get_parameter(name.replace(".weight", ".parametrizations.weight.original"))


class _Masking(InPlace):
    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        for name in plan.names:
            weight = model.get_parameter(name)
            if weight.requires_grad:
                weight.register_hook(lambda gradient, name=name: gradient.masked_fill(~self.masks()[name], 0))

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        optimizer.step()


@breaks("OPTIM-01", "removed-not-zero")
class MasksGradientsAlone(InPlaceAdapter):
    """Update sets removed entries to zero and masks their gradients, so that momentum brings them back."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _Masking(model, plan)


@breaks("OPTIM-02", "training-differs")
class ClearsTheState(Exemplar):
    """The first step after an update clears the state of the optimizer."""

    is_new = False

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.is_new = True

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        if self.is_new:
            optimizer.state.clear()
        self.is_new = False
        super().step(optimizer)


@breaks("OPTIM-02", "training-differs")
class ReplacesParametersLater(Exemplar):
    """A second update replaces each planned parameter by a new one, which the optimizer does not hold."""

    updates = 0

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.updates += 1
        for name in self.plan.names if self.updates == 2 else ():
            chain = self.model.get_submodule(name.replace(".weight", ".parametrizations.weight"))
            chain.original = nn.Parameter(_original(self.model, name).detach().clone())


class _Clamping(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        kept = super().forward(weight)
        if kept.requires_grad:
            kept.register_hook(lambda gradient: gradient.clamp(-10, 10))
        return kept


@breaks("OPTIM-03", "training-differs")
class ClampsGradients(Exemplar):
    """Clamps the gradient of a planned weight, as it is before a scaled loss is scaled back."""

    keep = _Clamping


@breaks("OPTIM-03", "training-differs")
class HoldsTheLearningRate(Exemplar):
    """Steps with the learning rate that the optimizer had at first."""

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("first_lr", group["lr"])
        super().step(optimizer)


class _Passing(Keep):
    is_first = True

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("first", torch.ones_like(weight, dtype=torch.bool), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        if self.is_first and not self.mask.all():
            self.is_first = False
            self.get_buffer("first").copy_(self.mask)
        passes = self.get_buffer("first") & ~self.mask
        return super().forward(weight) + torch.where(passes, weight - weight.detach(), 0)


@breaks("OPTIM-04", "norm-differs")
class MasksGradientsByTheFirstUpdate(Exemplar):
    """After a second update, entries that only this one removed still have gradients."""

    keep = _Passing


@breaks("OPTIM-05")
class RestoresInAnotherOrder(ExemplarAdapter):
    """Restores a model that lists its last layer first, so that the state of an optimizer reaches other parameters."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = super().restore(dense_model, plan, saved, context)
        modules = restored.model._modules
        for name in reversed(list(modules)):
            modules[name] = modules.pop(name)
        return restored


class _BiasFirst(InPlace):
    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.order = {path: tuple(module._parameters) for path, module in model.named_modules()}
        for module in model.modules():
            reorder(module, ("bias",))

    def finalize(self) -> nn.Module:
        final = super().finalize()
        for path, names in self.order.items():
            reorder(final.get_submodule(path), names)
        return final


@breaks("OPTIM-06", "order-otherwise")
class ListsBiasesFirst(InPlaceAdapter):
    """Lists the bias of each layer before its weight, until it is finalized, and does not say so."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _BiasFirst(model, plan)


@breaks("OPTIM-06", "order-otherwise")
class DeclaresTheOrderKept(ExemplarAdapter):
    """Declares that the order of parameters is kept, but lists a parametrized weight behind the bias."""

    contract = replace(CONTRACT, parameter_order="kept")


@breaks("OPTIM-07", "hooks-differ")
class StepsByACopy(Exemplar):
    """Steps by another optimizer with the same parameters and state."""

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        own: Any = copy.copy(optimizer)
        own._optimizer_step_pre_hooks, own._optimizer_step_post_hooks = {}, {}
        super().step(own)


class _Product(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return torch.where(self.mask, weight, 0)


@breaks("OPTIM-08", "gradient-differs")
class WritesMasksThroughData(Exemplar):
    """Writes the mask that forward has kept for backward through `data`, which torch does not see."""

    keep = _Product

    def mask_tensor(self, name: str) -> Tensor:
        return super().mask_tensor(name).data


@breaks("OPTIM-09", "optimizer-torn")
class KeepsWhatItDoesNotCut(ChannelRemover):
    """Makes new parameters where channels go, and keeps the others, so that an optimizer trains a part of the model."""

    def cut(self, module: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
        before = dict(module.named_parameters(recurse=False))
        super().cut(module, outputs, inputs)
        for name, parameter in before.items():
            if parameter.shape == module.get_parameter(name).shape:
                setattr(module, name, parameter)


@breaks("OPTIM-09", "optimizer-torn")
class DeclaresOptimizersKept(StructuralExemplarAdapter):
    """Declares that an optimizer of the dense model goes on training, but makes new parameters."""

    contract = replace(StructuralExemplarAdapter.contract, optimizers="kept")
