"""Broken on an accelerator, or from one device to another; on the CPU alone nothing is wrong with most of them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep

from . import breaks


class _OnTwo(ExemplarAdapter):
    """Works by another sparsified on whatever is not the CPU."""

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
    """On an accelerator ranks by magnitudes of four bits, where many are equal that are not."""

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
    """On an accelerator rescales what each sparse layer gives, for what was removed."""

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
    """On an accelerator gives float32, whatever the model's dtype is."""

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
    """Restores masks as they were on the device that saved them, and on another a row further down."""

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
    """On an accelerator leaves its masks out of a trace."""

    there = _Dense


class _Renewed(Keep):
    def renew(self, mask: Tensor) -> None:
        self.mask = mask.clone()


@breaks("DEVICE-05", "output-differs")
class MakesNewMasks(Exemplar):
    """Each update puts new masks in the place of the old, which a captured graph goes on to use."""

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
    """Masks in float64 and goes back, so that it holds the weight five times while it does."""

    keep = _Double
