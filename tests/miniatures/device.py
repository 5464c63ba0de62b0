"""Broken on an accelerator, or between two devices; on the CPU alone most of them are correct."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep

from . import breaks


class _OnTwo(ExemplarAdapter):
    """Uses another sparsifier on every device but the CPU."""

    there: ClassVar[type[Exemplar]]

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        kind = self.sparsified if str(context.device) == "cpu" else self.there
        return kind(model, plan, self.contract)


class _Coarse(Exemplar):
    def _dense(self, name: str) -> Tensor:
        weight = super()._dense(name)
        return (weight / weight.abs().max() * 15).round()


@breaks("DEVICE-01", "mask-differs")
class RanksInFewBitsThere(_OnTwo):
    """Ranks by magnitudes of four bits on an accelerator, which makes ties of different scores."""

    there = _Coarse


class _Hooked(Exemplar):
    def _register(self, name: str) -> None:
        super()._register(name)
        self.model.get_submodule(split_name(name)[0]).register_forward_hook(self.hook)

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output * 1.5


@breaks("DEVICE-02", "output-differs")
class RescalesThere(_OnTwo):
    """Rescales the output of each sparse layer on an accelerator."""

    there = _Hooked


class _Wide(Exemplar):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.model.register_forward_hook(self.hook)

    @staticmethod
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output.float()


@breaks("DEVICE-02", "dtype-differs")
class WidensThere(_OnTwo):
    """Returns float32 on an accelerator, whatever the model's dtype."""

    there = _Wide


class _Homesick(Exemplar):
    home = ""

    def sidecar(self) -> dict[str, Any]:
        return {"home": self.home}

    def load_sidecar(self, sidecar: dict[str, Any]) -> None:
        if sidecar["home"] != self.home:
            for name in self.plan.names:
                self.mask_tensor(name).copy_(self.mask_tensor(name).roll(1, 0))


@breaks("DEVICE-03", "mask-differs")
class ShiftsMasksElsewhere(ExemplarAdapter):
    """Restores masks correctly on the device that saved them, and one row too low on another."""

    sparsified = _Homesick

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        assert isinstance(sparsified, _Homesick)
        sparsified.home = str(context.device)
        return sparsified


class _Untraced(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight if torch._C._get_tracing_state() else super().forward(weight)


class _Dense(Exemplar):
    keep = _Untraced


@breaks("DEVICE-04", "output-differs")
class TracesDenseThere(_OnTwo):
    """Leaves its masks out of a trace on an accelerator."""

    there = _Dense


class _Renewed(Keep):
    def renew(self, mask: Tensor) -> None:
        self.mask = mask.clone()


@breaks("DEVICE-05", "output-differs")
class MakesNewMasks(Exemplar):
    """Each update allocates new masks, while a captured graph goes on using the old ones."""

    keep = _Renewed

    def update(self, level: float | None = None) -> None:
        for name in self.plan.names:
            [keep] = self.parametrizations(name)
            assert isinstance(keep, _Renewed)
            keep.renew(keep.mask)
        super().update(level)


class _Double(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return (weight.double() * self.mask).to(weight.dtype)


@breaks("DEVICE-06", "memory-differs")
class MasksInDouble(Exemplar):
    """Masks in float64 and casts back, which needs five times the weight's memory."""

    keep = _Double
