"""Broken only in a network of many layers, after many steps, or at a level at which a whole row goes."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sparsecheck import Plan, Saved
from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep

from . import breaks

_HELD = 4


@breaks("MODEL-01", "count-differs")
class UpdatesFourMasks(Exemplar):
    """Ranks the first four parameters at every update, and all others at the first update alone."""

    updated = False

    def _ranked_each(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_each(plan)
        ranked = [*masks][:_HELD] if self.updated else masks
        self.updated = True
        return {name: masks[name] for name in ranked}


class _Tiring(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.calls = 0

    def forward(self, weight: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(weight) if self.calls < 30 else weight + 0


@breaks("MODEL-02", "removed-not-zero")
class TiresOfMasking(Exemplar):
    """Masks a weight for its first thirty forwards."""

    keep: ClassVar[type[Keep]] = _Tiring


class _Normalizing(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked = super().forward(weight)
        norms = masked.flatten(1).square().sum(1).sqrt().view(-1, *[1] * (weight.dim() - 1))
        return torch.where(self.mask, weight * (norms / norms), 0)


@breaks("MODEL-02", "loss-not-finite")
class DividesByNorms(Exemplar):
    """Multiplies each row by its norm and divides it again; the gradient is NaN once a row has lost every entry."""

    keep: ClassVar[type[Keep]] = _Normalizing


@breaks("MODEL-03", "mask-differs")
class SavesFourMasks(Exemplar):
    """Saves the masks of the first four parameters, and all others as if they kept everything."""

    def save(self) -> Saved:
        saved = super().save()
        for name in self.plan.names[_HELD:]:
            place = f"{name.rpartition('.')[0]}.parametrizations.weight.0.mask"
            saved.model[place] = torch.ones_like(saved.model[place])
        return saved


@breaks("MODEL-04", "removed-not-zero")
class FinalizesFourLayers(Exemplar):
    """Makes the zeros of the first four parameters permanent, and gives the others their dense weights back."""

    def finalize(self) -> nn.Module:
        for name in self.plan.names[_HELD:]:
            self.mask_tensor(name).fill_(True)
        return super().finalize()


@breaks("MODEL-04", "output-differs")
class ResetsDeepNorms(Exemplar):
    """Resets the statistics of the norms of a final model that has more than two."""

    def finalize(self) -> nn.Module:
        final = super().finalize()
        norms = [one for one in final.modules() if isinstance(one, nn.BatchNorm2d)]
        for norm in norms if len(norms) > 2 else ():
            norm.reset_running_stats()
        return final
