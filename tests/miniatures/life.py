"""Broken only by an unusual order of calls, in a copy, beside a second sparsifier, or in the memory that it holds."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Plan
from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover
from sparsecheck.values.contract import Contract

from . import breaks


@breaks("LIFE-01", "mask-differs")
class PassesOverFrozenModels(Exemplar):
    """An update does nothing to a model of which no parameter asks for gradients."""

    def update(self, level: float | None = None) -> None:
        if any(parameter.requires_grad for parameter in self.model.parameters()):
            super().update(level)


@breaks("LIFE-01", "mask-differs")
class KeepsTheChannelsOfFrozenModels(ChannelRemover):
    """An update removes no channel of a model of which no parameter asks for gradients."""

    def update(self, level: float | None = None) -> None:
        if any(parameter.requires_grad for parameter in self.model.parameters()):
            super().update(level)


@breaks("LIFE-02", "output-differs")
class PrunesToFinalize(Exemplar):
    """Finalize makes up for an update that was never asked for."""

    def finalize(self) -> nn.Module:
        if all(bool(mask.all()) for mask in self.masks().values()):
            self.update()
        return super().finalize()


@breaks("LIFE-02", "refusal-unnamed")
class FinalizesWhatWasUpdated(Exemplar):
    """Finalize breaks before the first update, in a lookup of its level."""

    def update(self, level: float | None = None) -> None:
        self.levels = {"last": level}
        super().update(level)

    def finalize(self) -> nn.Module:
        assert "last" in vars(self)["levels"]
        return super().finalize()


@breaks("LIFE-03", "not-refused")
class ClampsLevels(Exemplar):
    """Takes a level outside 0 to 1 for the nearest one inside."""

    def update(self, level: float | None = None) -> None:
        super().update(level if level is None else min(max(level, 0.0), 1.0))


@breaks("LIFE-03", "refusal-harmed")
class RefusesLevelsTooLate(Exemplar):
    """Brings all entries back before it refuses a level outside 0 to 1."""

    def update(self, level: float | None = None) -> None:
        if level is not None:
            for name in self.plan.names:
                self.mask_tensor(name).fill_(True)
        super().update(level)


@breaks("LIFE-04")
class FinalizesTheWholeModel(Exemplar):
    """Finalize removes every parametrization of the model, also those of another sparsifier."""

    def finalize(self) -> nn.Module:
        final = super().finalize()
        for module in list(final.modules()):
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        return final


@breaks("LIFE-04", "plan-not-applied")
class StartsWithADenseModel(Exemplar):
    """Attach brings back every entry of the model, also those that another sparsifier has removed."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        for module in model.modules():
            if isinstance(module, Keep):
                module.mask.fill_(True)
        super().__init__(model, plan, contract)


class _Remembering(Exemplar):
    """Looks its parametrizations up at attach."""

    chains: dict[str, Any]

    def mask_tensor(self, name: str) -> Tensor:
        mask: Tensor = self._chain(name)[0].mask
        return mask

    def _dense(self, name: str) -> Tensor:
        dense: Tensor = self._chain(name).original.detach()
        return dense

    def _chain(self, name: str) -> Any:
        chains = vars(self).setdefault("chains", {})
        if name not in chains:
            chains[name] = self.model.get_submodule(name.replace(".weight", ".parametrizations.weight"))
        return chains[name]


@breaks("LIFE-05", "replaced-dense")
class UpdatesTheLayersOfAttach(_Remembering):
    """An update masks the layers that the model had at the first one, whatever has become of them."""


@breaks("LIFE-06", "update-broken")
class CopiesWithoutItsContract(Exemplar):
    """Leaves its contract out of its state, as a copy sees at its first update."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "contract"}


@breaks("LIFE-06")
class CopiesShareTheModel(Exemplar):
    """A deep copy of the sparsifier works on the same model."""

    def __deepcopy__(self, memo: dict[int, Any]) -> CopiesShareTheModel:
        return copy.copy(self)


@breaks("LIFE-07", "grows")
class KeepsEveryMask(Exemplar):
    """Keeps a copy of the masks of every update."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        vars(self).setdefault("history", []).append(self.masks())


@breaks("LIFE-07", "grows")
class KeepsEveryRemainder(ChannelRemover):
    """Keeps a copy of the weights of every update."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        weights = [self.model.get_parameter(name).detach().clone() for name in self.plan.names]
        vars(self).setdefault("history", []).append(weights)


@breaks("LIFE-08", "too-large")
class SavesTheDenseModel(Exemplar):
    """Saves three copies of the dense weights beside the model."""

    def sidecar(self) -> Any:
        return {name: self._dense(name).expand(3, *self._dense(name).shape).clone() for name in self.plan.names}

    def load_sidecar(self, sidecar: Any) -> None:
        pass


@breaks("LIFE-09", "too-large")
class KeepsTheWeightsOfAttach(Exemplar):
    """Keeps two copies of each dense weight and one of its scores from attach on."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self.copies = [self._dense(name).expand(3, *self._dense(name).shape).clone() for name in plan.names]


@breaks("LIFE-10", "not-freed")
class RemembersWhatItFinalized(Exemplar):
    """Keeps the masks of the model that was finalized last, beyond the life of the sparsifier."""

    last: ClassVar[list[Tensor]] = []

    def finalize(self) -> nn.Module:
        self.last[:] = self.masks().values()
        return super().finalize()


@breaks("LIFE-10", "not-freed")
class RemembersWhatItRemoved(ChannelRemover):
    """Keeps the dense weights of the model that was attached to last, beyond the life of the sparsifier."""

    last: ClassVar[list[Tensor]] = []

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        self.last[:] = [model.get_parameter(name).detach().clone() for name in plan.names]
        super().__init__(model, plan, contract)


@breaks("LIFE-11", "update-broken")
class LocksItselfOut(Exemplar):
    """Does not unlock after an update that raised, so that every further one is refused."""

    is_updating = False

    def update(self, level: float | None = None) -> None:
        if self.is_updating:
            raise RuntimeError(f"{', '.join(self.plan.names)}: an update is under way")
        self.is_updating = True
        super().update(level)
        self.is_updating = False
