"""Broken under a condition that only programs meet."""

from __future__ import annotations

from torch import Tensor, nn

from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.channel_dependencies import Dependencies
from sparsecheck.adapter.shipped.exemplar import Exemplar
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover

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


@breaks("WALK-04", "flag-changed")
class ThawsAtAFurtherUpdate(ChannelRemover):
    """Has a frozen layer trained after a second update."""

    updates = 0

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.updates += 1
        for parameter in self.model.parameters():
            parameter.requires_grad_(parameter.requires_grad or self.updates > 1)


@breaks("WALK-04", "hook-lost")
class ClearsHooks(ChannelRemover):
    """Removes the user's hooks from every layer that loses channels."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for module in self.model.modules():
            module._forward_pre_hooks.clear()


class _AddsConv2dAlone(Dependencies):
    def _resolved(self, label: int) -> int:
        is_flat = any(isinstance(module, nn.Conv1d) for module in self._model.modules())
        return label if is_flat else super()._resolved(label)


@breaks("WALK-05", "channels-differ")
class ForgetsTheSkipOfConv1d(ChannelRemover):
    """Follows an addition only where it adds the channels of two-dimensional convolutions."""

    dependencies = _AddsConv2dAlone
