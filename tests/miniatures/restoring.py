"""Broken in the model that a restore builds on, or in the state that it restores."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from msgspec.structs import replace
from torch import nn

from sparsecheck import Context, Given, Plan, Saved, Sparsified
from sparsecheck.adapter.protocol import Batch, Loss
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter

from . import Misdeclared, breaks


@breaks("STATE-18", "restored-otherwise")
class DeclaresADenseModel(Misdeclared):
    """Declares that it restores onto a dense model, but attaches anew."""

    contract = replace(CONTRACT, restores_into="dense")


@breaks("STATE-18", "restored-otherwise")
class DeclaresAWholeModel(Misdeclared):
    """Declares that the saved state contains the whole model, but builds on the given one."""

    contract = replace(CONTRACT, restores_into="whole model")


@breaks("STATE-18", "restored-otherwise")
class RestoresACopy(ExemplarAdapter):
    """Restores into a copy, so that a user who keeps a reference to the model goes on with the dense one."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        return super().restore(copy.deepcopy(dense_model), plan, saved, context)


@breaks("STATE-19", "flag-changed")
class RestoresForInference(ExemplarAdapter):
    """Switches the restored model to eval mode."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = super().restore(dense_model, plan, saved, context)
        restored.model.eval()
        return restored


class _Thawing(Exemplar):
    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.model.requires_grad_(True)


@breaks("STATE-19", "flag-changed")
class RestoreThaws(ExemplarAdapter):
    """Makes every restored parameter trainable."""

    sparsified = _Thawing


class _Stale(Exemplar):
    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.last = {name: value.clone() for name, value in self.model.state_dict().items()}

    def save(self) -> Saved:
        return Saved(self.last)


@breaks("STATE-20", "weight-differs")
class SavesTheLastUpdate(ExemplarAdapter):
    """Saves the weights of the last update, without the training since."""

    sparsified = _Stale


class _Shifting(Exemplar):
    def load(self, saved: Saved) -> None:
        super().load(saved)
        for name, pattern in self.plan.patterns.items():
            if not isinstance(pattern, Given):
                self.mask_tensor(name).copy_(self.mask_tensor(name).roll(1, 0))


@breaks("STATE-20", "mask-differs")
class RestoresGivenMasksAlone(ExemplarAdapter):
    """Restores every mask that is not given one row too low."""

    sparsified = _Shifting


@breaks("STATE-15", "mask-differs")
class RanksInItsFirstTraining(Exemplar):
    """A restored model ranks again at the end of its first training."""

    loaded = False

    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.loaded = True

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        super().train(batches, loss, optimizer)
        if self.loaded:
            self.loaded = False
            self.update(0.25)
