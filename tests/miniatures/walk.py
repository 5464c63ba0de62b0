"""Broken under a condition that only programs meet."""

from __future__ import annotations

from torch import Tensor

from sparsecheck.adapter.shipped.exemplar import Exemplar

from . import breaks


@breaks("WALK-02", "kept-differs")
class RanksOneGate(Exemplar):
    """Ranks recurrent weights by their signed entries."""

    def _dense(self, name: str) -> Tensor:
        dense = super()._dense(name)
        return dense.clamp(min=0) if "_hh_" in name else dense
