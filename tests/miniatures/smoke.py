"""Broken adapters, through which nothing about a sparsifier can be learned."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsecheck import Context, Given, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.values.contract import Contract

from . import breaks


@breaks("SMOKE-01", "output-shape")
class GivesATuple(Exemplar):
    """The model returns a tuple of its output and its sparsity."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, inputs, output: (output, 0.5))


@breaks("SMOKE-02", "mask-missing")
class NamesMasksByLayer(Exemplar):
    """Reports its masks under the names of layers instead of parameters."""

    def masks(self) -> dict[str, Tensor]:
        return {name.removesuffix(".weight"): mask for name, mask in super().masks().items()}


@breaks("SMOKE-02", "mask-shape")
class ReportsFlatMasks(Exemplar):
    """Reports its masks flat."""

    def masks(self) -> dict[str, Tensor]:
        return {name: mask.flatten() for name, mask in super().masks().items()}


@breaks("SMOKE-03", "plan-not-applied")
class AimsAtTheNeighbour(ExemplarAdapter):
    """Sparsifies another layer whose name starts alike."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        aimed = {}
        for name, pattern in plan.patterns.items():
            other = name.replace("1.weight", "10.weight")
            fits = Given(np.resize(pattern.mask, model.get_parameter(other).shape)) if isinstance(
                pattern, Given) else pattern
            aimed[other] = fits
        return super().attach(model, Plan(aimed, plan.scope), context)


@breaks("SMOKE-04", "weight-not-moved")
class TrainsACopy(Exemplar):
    """Trains a copy of the model."""

    def train(self, batches: Iterable[tuple[Tensor, Tensor]], loss: Any, optimizer: torch.optim.Optimizer) -> None:
        twin = copy.deepcopy(self.model)
        for inputs, target in batches:
            loss(twin(inputs), target).backward()


@breaks("SMOKE-05", "nothing-saved")
class SavesNothing(Exemplar):
    """Saves an empty state dict."""

    def save(self) -> Saved:
        return Saved({}, self.sidecar())


@breaks("SMOKE-06", "output-shape")
class FinalizesTheFirstLayer(Exemplar):
    """Finalize returns the first layer instead of the model."""

    def finalize(self) -> nn.Module:
        return next(super().finalize().children())
