"""Broken in what is removed, or in what forward makes of it."""

from __future__ import annotations

from torch import Tensor

from sparsecheck.sparsifiers.exemplar import Exemplar, Keep

from . import breaks


class _Negated(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return -super().forward(weight)


@breaks("MASK-01")
class Negates(Exemplar):
    """Forward uses the negative of the masked weight (F3)."""

    keep = _Negated
