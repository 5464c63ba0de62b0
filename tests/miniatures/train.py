"""Broken only during or after training."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sparsecheck import Plan
from sparsecheck.adapter.protocol import Batch, Loss
from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep
from sparsecheck.values.contract import Contract

from . import breaks


def _original(model: nn.Module, name: str) -> nn.Parameter:
    return model.get_parameter(name.replace(".weight", ".parametrizations.weight.original"))


class _Transparent(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight + 0


@breaks("TRAIN-01", "removed-not-zero")
class ZeroesOnce(Exemplar):
    """Update sets removed entries to zero, but nothing keeps them there."""

    keep = _Transparent

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name, mask in self.masks().items():
            _original(self.model, name).detach().masked_fill_(~mask, 0)


class _Detached(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight.detach())


@breaks("TRAIN-01", "weight-not-moved")
class CutsTheGradient(Exemplar):
    """Masks a detached weight, so that there is no gradient (F5)."""

    keep = _Detached


class _Descending(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        kept = super().forward(weight)
        return 2 * kept.detach() - kept


@breaks("TRAIN-01", "loss-not-lower")
class ClimbsTheLoss(Exemplar):
    """Its own training loop has the wrong sign of the loss."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        super().train(batches, lambda output, target: -loss(output, target), optimizer)


class _Ranking(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if torch.is_grad_enabled() and not self.mask.all():
            strongest = weight.detach().abs().flatten().topk(int(self.mask.sum())).indices
            self.mask.fill_(False).view(-1)[strongest] = True
        return super().forward(weight)


@breaks("TRAIN-02", "mask-differs")
class RanksInEveryForward(Exemplar):
    """Ranks again in each training forward, without an update."""

    keep = _Ranking


class _Turned(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        kept = super().forward(weight)
        return 2 * kept.detach() - kept


@breaks("TRAIN-03", "step-differs")
class TurnsTheGradient(Exemplar):
    """Its gradient has the wrong sign."""

    keep = _Turned


class _Economical(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            weight.grad = None
        return super().forward(weight)


@breaks("TRAIN-03", "step-differs")
class DropsTheGradient(Exemplar):
    """Each forward clears the gradient accumulated so far."""

    keep = _Economical


class _Subtracting(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() != 2:
            return super().forward(weight)
        return weight - torch.mm(torch.eye(len(weight), dtype=weight.dtype), weight.masked_fill(self.mask, 0))


@breaks("TRAIN-04", "removed-not-zero")
class SubtractsAProduct(Exemplar):
    """Subtracts the removed part by a matrix product, which autocast rounds."""

    keep = _Subtracting


@breaks("TRAIN-04", "dtype-differs")
class CastsBack(Exemplar):
    """A hook casts the model's output to float32, under autocast too."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, inputs, output: output.float())


@breaks("TRAIN-05", "weight-not-moved")
class ReplacesParameters(Exemplar):
    """Attach replaces each planned parameter by a new one."""

    def _register(self, name: str) -> None:
        module = self.model.get_submodule(name.rpartition(".")[0])
        module.weight = nn.Parameter(module.get_parameter("weight").detach().clone())
        super()._register(name)


@breaks("TRAIN-06", "count-differs")
class Compounds(Exemplar):
    """A level given to update counts from the remaining entries, although level_basis='dense' is declared."""

    def update(self, level: float | None = None) -> None:
        super().update(level if level is None else 0.5 + 0.5 * level)


@breaks("TRAIN-06", "weight-not-moved")
class FreezesOnUpdate(Exemplar):
    """An update to a new level leaves the dense weights without a gradient."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names if level is not None else ():
            _original(self.model, name).requires_grad_(False)


@breaks("TRAIN-07", "weight-differs")
class FinalizesTheUntrained(Exemplar):
    """Finalize restores the weights of the last update."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.at_update = {name: value.detach().clone() for name, value in self.model.named_parameters()}

    def finalize(self) -> nn.Module:
        self.model.load_state_dict(self.at_update, strict=False)
        return super().finalize()


@breaks("TRAIN-08", "count-differs")
class Collapses(Exemplar):
    """Each update removes the weakest entries in addition to those removed before."""

    def update(self, level: float | None = None) -> None:
        before = self.masks()
        super().update(level)
        for name, mask in before.items():
            self.mask_tensor(name).logical_and_(mask)


@breaks("TRAIN-08", "count-differs")
class Leaks(Exemplar):
    """Once trained, each update restores one entry that it should remove."""

    updates = 0

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.updates += 1
        for name in self.plan.names if self.updates > 1 else ():
            mask = self.mask_tensor(name).view(-1)
            mask[(~mask).nonzero()[0]] = True


@breaks("TRAIN-09", "training-differs")
class ForgetsMomentum(Exemplar):
    """Clears the optimizer's state after each step, so that removed entries do not move."""

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        super().step(optimizer)
        optimizer.state.clear()


@breaks("TRAIN-09", "training-differs")
class SkipsEverySecondBatch(Exemplar):
    """Owns the training loop, and skips every second batch."""

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        super().train(list(batches)[::2], loss, optimizer)


@breaks("TRAIN-09", "training-differs")
class HoldsTheBias(Exemplar):
    """Blocks the gradient of a planned layer's bias."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        for name in plan.names:
            bias = model.get_submodule(name.rpartition(".")[0])._parameters.get("bias")
            if bias is not None and bias.requires_grad:
                bias.register_hook(torch.zeros_like)


@breaks("TRAIN-07", "weight-differs")
class FinalizesAnew(Exemplar):
    """Ranks once more before it finalizes, by the trained weights."""

    def finalize(self) -> nn.Module:
        self.update()
        return super().finalize()


class _OnceMasked(Keep):
    learns: Tensor

    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.register_buffer("learns", torch.ones_like(weight, dtype=torch.bool), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(torch.where(self.learns, weight, weight.detach()))


@breaks("TRAIN-10", "weight-not-moved")
class MasksGradientsOnce(Exemplar):
    """Masks gradients by the mask of the first update, so that regrown entries never train."""

    keep = _OnceMasked

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            keep = next(self.parametrizations(name))
            if bool(keep.get_buffer("learns").all()):
                keep.get_buffer("learns").copy_(self.mask_tensor(name))
