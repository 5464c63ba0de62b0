"""Broken in the state that they leave behind in the process."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from sparsecheck import Plan, Saved
from sparsecheck.adapter.protocol import Batch, Loss
from sparsecheck.adapter.shipped.exemplar import Exemplar
from sparsecheck.values.contract import Contract

from . import breaks


@breaks("MASK-19", "setting-changed")
class PatchesLinear(Exemplar):
    """Replaces functional.linear for everyone."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        plain = functional.linear
        functional.linear = lambda *args, **kwargs: plain(*args, **kwargs)


@breaks("MASK-19", "setting-changed")
class PatchesAnInheritedCall(Exemplar):
    """Gives linear layers a `__call__` of its own, which they inherit from nn.Module."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        nn.Linear.__call__ = lambda module, *args: nn.Module.__call__(module, *args)  # type: ignore[method-assign]


@breaks("MASK-19", "setting-changed")
class TurnsWarningsOff(Exemplar):
    """Replaces the function that shows warnings, while it updates, and leaves it so."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        warnings.showwarning = lambda *args: None


@breaks("MASK-19", "setting-changed")
class HooksEveryModule(Exemplar):
    """Counts calls with a forward hook on every module of the process."""

    calls: ClassVar[list[str]] = []

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        nn.modules.module.register_module_forward_hook(lambda module, *_: self.calls.append(str(type(module))))


@breaks("REG-12", "leaked")
class FinalizesWithoutGradients(Exemplar):
    """Switches gradients off to finalize, and leaves them off."""

    def finalize(self) -> nn.Module:
        torch.set_grad_enabled(False)
        return super().finalize()


@breaks("STATE-09", "leaked")
class SavesInDouble(Exemplar):
    """Sets the default dtype to float64 while saving, and leaves it so."""

    def save(self) -> Saved:
        torch.set_default_dtype(torch.float64)
        return super().save()


@breaks("TRAIN-01", "leaked")
class SeedsItsTraining(Exemplar):
    """Seeds the global generator before it trains."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        torch.manual_seed(0)
        super().train(batches, loss, optimizer)


@breaks("REG-18", "kept-alive")
class KeepsEveryModel(Exemplar):
    """Keeps a reference to every model it was attached to, for its logs."""

    models: ClassVar[list[nn.Module]] = []

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self.models.append(model)
