"""Broken in what a restore builds on, and in what it brings back."""

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
    """Declares that a dense model is all it restores onto, and attaches anew."""

    contract = replace(CONTRACT, restores_into="dense")


@breaks("STATE-18", "restored-otherwise")
class DeclaresAWholeModel(Misdeclared):
    """Declares that what is saved brings the whole model along, and builds on the one it is given."""

    contract = replace(CONTRACT, restores_into="whole model")


@breaks("STATE-18", "restored-otherwise")
class RestoresACopy(ExemplarAdapter):
    """Restores into a copy, so that a user who holds on to the model goes on with the dense one."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        return super().restore(copy.deepcopy(dense_model), plan, saved, context)


@breaks("STATE-19", "flag-changed")
class RestoresForInference(ExemplarAdapter):
    """Puts what it restores into eval mode."""

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
    """Makes every parameter that it restores trainable."""

    sparsified = _Thawing


class _Stale(Exemplar):
    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.last = {name: value.clone() for name, value in self.model.state_dict().items()}

    def save(self) -> Saved:
        return Saved(self.last)


@breaks("STATE-20", "weight-differs")
class SavesTheLastUpdate(ExemplarAdapter):
    """Saves what the last update left, and not what was learned since."""

    sparsified = _Stale


class _Shifting(Exemplar):
    def load(self, saved: Saved) -> None:
        super().load(saved)
        for name, pattern in self.plan.patterns.items():
            if not isinstance(pattern, Given):
                self.mask_tensor(name).copy_(self.mask_tensor(name).roll(1, 0))


@breaks("STATE-20", "mask-differs")
class RestoresGivenMasksAlone(ExemplarAdapter):
    """Restores every mask but a given one a row further down."""

    sparsified = _Shifting


@breaks("STATE-15", "mask-differs")
class RanksInItsFirstTraining(Exemplar):
    """What was restored ranks anew at the end of its first training."""

    loaded = False

    def load(self, saved: Saved) -> None:
        super().load(saved)
        self.loaded = True

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        super().train(batches, loss, optimizer)
        if self.loaded:
            self.loaded = False
            self.update(0.25)
