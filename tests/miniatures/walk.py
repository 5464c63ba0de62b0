"""Broken under a condition that only programs meet."""

from __future__ import annotations

from torch import Tensor

from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar

from . import breaks


@breaks("WALK-01", "flag-changed")
class ThawsAtUpdate(Exemplar):
    """Sets requires_grad at every update, also on a layer that the user has frozen."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            path, attribute = split_name(name)
            self.model.get_parameter(f"{path}.parametrizations.{attribute}.original").requires_grad_()


@breaks("WALK-02", "kept-differs")
class RanksRecurrentWeightsSigned(Exemplar):
    """Ranks recurrent weights by their signed entries."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense.clamp(min=0) if "_hh_" in name else dense
