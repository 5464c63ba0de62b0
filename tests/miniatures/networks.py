"""Broken on models that are not a chain of torch's own plain layers, or that have more state."""

from __future__ import annotations

from dataclasses import replace as replace_plan

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks


@breaks("MASK-02", "output-differs")
class ForgetsTheStride(Exemplar):
    """Copies a convolution with its kernel alone, without stride, padding, dilation and groups."""

    def _register(self, name: str) -> None:
        module = self.model.get_submodule(name.rpartition(".")[0])
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
        super()._register(name)


@breaks("MASK-01", "ValueError")
class SplitsTheName(ExemplarAdapter):
    """Assumes that every parameter lies in a named layer, which is wrong for a model that is a single layer."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for name in plan.names:
            _layer, _attribute = name.rsplit(".", 1)
        return super().attach(model, plan, context)


@breaks("MASK-01", "plan-not-applied")
class KnowsTorchsTypesAlone(Exemplar):
    """Finds layers by exact type, and skips a subclass of nn.Linear."""

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_each(plan)
        for name, mask in masks.items():
            kind = type(self.model.get_submodule(name.rpartition(".")[0])).__mro__[1]
            if kind not in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding):
                masks[name] = torch.ones_like(mask)
        return masks


class _Notes(nn.Module):
    """A module that must never be called."""


@breaks("MASK-01", "NotImplementedError")
class HangsItselfIn(Exemplar):
    """Stores its state in a child module of the model, which an nn.Sequential runs too."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.add_module("_notes", _Notes())

    def finalize(self) -> nn.Module:
        del self.model._notes
        return super().finalize()


@breaks("REG-21", "buffer-changed")
class CalibratesInTraining(Exemplar):
    """Runs the model in train mode to rank it, which changes running statistics."""

    def update(self, level: float | None = None) -> None:
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm1d):
                module(torch.ones(2, module.num_features, device=module.weight.device, dtype=module.weight.dtype))
        super().update(level)


@breaks("STATE-21", "buffer-differs")
class RestoresParametersAlone(Exemplar):
    """Restores parameters and masks, but no other buffer."""

    def load(self, saved: Saved) -> None:
        buffers = {name for name, _ in self.model.named_buffers() if not name.endswith(".mask")}
        super().load(Saved({**saved.model, **{name: self.model.get_buffer(name) for name in buffers}}, saved.sidecar))


@breaks("REG-19", "gradient-changed")
class ZeroesGradients(Exemplar):
    """Zeroes all gradients before it ranks."""

    def update(self, level: float | None = None) -> None:
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        super().update(level)


@breaks("REG-20", "hooks-differ")
class ClearsBackwardHooks(Exemplar):
    """Removes a layer's backward hooks to register its own, and does not restore them."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        for module in model.modules():
            module._backward_hooks.clear()


@breaks("REG-22", "not-refused")
class TakesAnySize(Misdeclared):
    """Declares that only sizes that are multiples of 16 are supported, but accepts any."""

    contract = replace(CONTRACT, sizes="multiples of 16")


@breaks("REG-22", "not-refused")
class PassesOverWhatDoesNotFit(ExemplarAdapter):
    """Silently leaves a weight of an unsupported size dense."""

    contract = replace(CONTRACT, sizes="multiples of 16")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        shapes = {name: parameter.shape for name, parameter in model.named_parameters(remove_duplicate=False)}
        fitting = {
            name: pattern for name, pattern in plan.patterns.items()
            if name not in shapes or not any(size % 16 for size in shapes[name][:2])
        }
        return super().attach(model, replace_plan(plan, patterns=fitting), context)


@breaks("REG-22", "refusal-unnamed")
class RefusesWithoutAName(ExemplarAdapter):
    """Refuses a weight of an unsupported size without naming it."""

    contract = replace(CONTRACT, sizes="multiples of 16")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        for name, parameter in model.named_parameters(remove_duplicate=False):
            if name in plan.names and any(size % 16 for size in parameter.shape[:2]):
                raise ValueError("all sizes are to be multiples of 16")
        return super().attach(model, plan, context)
