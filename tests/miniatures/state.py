"""Broken in saving, restoring, copying, casting or moving."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract

from . import Misdeclared, breaks

_SIDECAR = replace(CONTRACT, mask_storage="sidecar")
_NOWHERE = replace(CONTRACT, mask_storage="nowhere")


@breaks("STATE-01", "weight-differs")
class RestoresThePlannedAlone(Exemplar):
    """Restores the planned parameters, but no others."""

    def load(self, saved: Saved) -> None:
        own = {name: value for name, value in saved.model.items() if ".parametrizations." in name}
        self.model.load_state_dict(own, strict=False)


@breaks("STATE-01", "weight-differs")
class SavesInHalf(Exemplar):
    """Saves weights as float16, to save space."""

    def save(self) -> Saved:
        return Saved({name: value.half() for name, value in self.model.state_dict().items()})


_SHELF: list[dict[str, Tensor]] = []


class _Shelved(Exemplar):
    def sidecar(self) -> Any:
        _SHELF.append(super().sidecar())
        return {"shelf": len(_SHELF) - 1}

    def load_sidecar(self, sidecar: Any) -> None:
        super().load_sidecar(dict(enumerate(_SHELF)).get(sidecar["shelf"], {}))


@breaks("STATE-02", "mask-differs")
class SavesAReference(ExemplarAdapter):
    """Saves the location of the masks in this process instead of the masks."""

    contract = _SIDECAR
    sparsified = _Shelved


class _Local(_Shelved):
    def load_sidecar(self, sidecar: Any) -> None:
        Exemplar.load_sidecar(self, _SHELF[sidecar["shelf"]])


@breaks("STATE-02", "fresh-interpreter-failed: restore in a fresh interpreter: IndexError")
class RestoresAtHomeAlone(ExemplarAdapter):
    """Can be restored only in the process that saved it."""

    contract = _SIDECAR
    sparsified = _Local


class _Withheld(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent=True)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return {}


class _Withholding(Exemplar):
    keep = _Withheld


@breaks("STATE-03", "state-dict-refused")
class WithholdsABuffer(ExemplarAdapter):
    """Hides a persistent mask from the state dict, whose strict load then misses it (B7)."""

    contract = _NOWHERE
    sparsified = _Withholding


class _Forgetful(Keep):
    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        self.mask.fill_(True)


@breaks("STATE-03", "mask-differs")
class StartsAfreshOnLoad(Exemplar):
    """Loading a state dict resets the masks."""

    keep = _Forgetful


@breaks("STATE-04", "mask-carried")
class SaysSidecar(Misdeclared):
    """Declares that masks are stored in the sidecar, but stores them in the model's state dict."""

    contract = _SIDECAR


@breaks("STATE-04", "mask-differs")
class SaysBoth(Misdeclared):
    """Declares that masks are stored in the sidecar too, but stores them in the state dict alone."""

    contract = replace(CONTRACT, mask_storage="both")


@breaks("STATE-04", "mask-carried")
class SaysNowhere(Misdeclared):
    """Declares that masks are not stored, but stores them."""

    contract = _NOWHERE


@breaks("STATE-05", "mask-differs")
class EatsItsArgument(Exemplar):
    """Removes the masks from the saved state when it loads them (B13)."""

    def load(self, saved: Saved) -> None:
        masks = {name: saved.model.pop(name) for name in list(saved.model) if name.endswith(".mask")}
        self.model.load_state_dict(saved.model, strict=False)
        for name, mask in masks.items():
            self.model.get_buffer(name).copy_(mask)


class _Scribbling(Exemplar):
    loaded: dict[str, Tensor] | None = None

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        super().load_sidecar(sidecar)
        self.loaded = sidecar

    def update(self, level: float | None = None) -> None:
        super().update(level)
        if self.loaded is not None:
            self.loaded.update(self.sidecar())


@breaks("STATE-06", "saved-changed")
class ScribblesInTheSaved(ExemplarAdapter):
    """Goes on using the sidecar that it was restored from as its own."""

    contract = _SIDECAR
    sparsified = _Scribbling


class _Lending(Exemplar):
    def sidecar(self) -> dict[str, Tensor]:
        return {name: self.mask_tensor(name) for name in self.plan.names}

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        for name, mask in sidecar.items():
            next(self.parametrizations(name)).mask = mask


@breaks("STATE-06", "saved-changed")
class LendsItsMasks(ExemplarAdapter):
    """A restored sparsifier uses the masks of the original (B14)."""

    contract = _SIDECAR
    sparsified = _Lending


_MASKS: dict[tuple[str, torch.Size], Tensor] = {}


class _Caching(Exemplar):
    def _register(self, name: str) -> None:
        super()._register(name)
        keep = next(self.parametrizations(name))
        assert isinstance(keep, Keep)
        keep.mask = _MASKS.setdefault((name, keep.mask.shape), keep.mask)


@breaks("STATE-06", "changed")
class CachesMasksByName(ExemplarAdapter):
    """Parameters of equal name and shape share a mask, even in different models."""

    contract = _SIDECAR
    sparsified = _Caching


@breaks("STATE-07", "aliased")
class AdoptsTheSaved(Exemplar):
    """Uses the saved tensors instead of copying them."""

    def load(self, saved: Saved) -> None:
        self.model.load_state_dict(saved.model, assign=True)


class _SavedOnce(Exemplar):
    restored = False

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        super().load_sidecar(sidecar)
        self.restored = True

    def sidecar(self) -> dict[str, Tensor]:
        return {} if self.restored else super().sidecar()


@breaks("STATE-08", "mask-differs")
class SavesOnce(ExemplarAdapter):
    """Once restored it never saves masks again (B12)."""

    contract = _SIDECAR
    sparsified = _SavedOnce


@breaks("STATE-09", "saved-changed")
class HandsOutItsMasks(ExemplarAdapter):
    """Saves the mask tensors in use, which the next update changes (B10)."""

    contract = _SIDECAR
    sparsified = _Lending


@breaks("STATE-09", "changed")
class SavesInEvalMode(Exemplar):
    """Saving switches the model to eval mode and leaves it there."""

    def save(self) -> Saved:
        self.model.eval()
        return super().save()


@breaks("STATE-10", "not-refused")
class LoadsWhatFits(ExemplarAdapter):
    """Restores the tensors whose shapes fit, and silently drops the others."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        sparsified = self.attach(dense_model, plan, context)
        own = sparsified.model.state_dict()
        fitting = {name: value for name, value in saved.model.items() if value.shape == own[name].shape}
        sparsified.model.load_state_dict(fitting, strict=False)
        return sparsified


class _Trusting(Exemplar):
    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        for name, mask in sidecar.items():
            next(self.parametrizations(name)).mask = mask.clone()


@breaks("STATE-10", "not-refused")
class TakesMasksAsTheyAre(ExemplarAdapter):
    """Loads a saved mask without checking its shape, as BaseSparsifier.load_state_dict does."""

    contract = _SIDECAR
    sparsified = _Trusting


@breaks("STATE-10", "refusal-unnamed")
class RefusesWithoutAName(ExemplarAdapter):
    """Refuses a state that does not fit without naming the layer."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        try:
            return super().restore(dense_model, plan, saved, context)
        except Exception:
            raise ValueError("invalid checkpoint") from None


@breaks("STATE-11", "unsafe-to-load")
class SavesAnObject(Exemplar):
    """Saves an object of its own class in the sidecar."""

    def sidecar(self) -> Any:
        return {"contract": self.contract}

    def load_sidecar(self, sidecar: Any) -> None:
        self.contract = sidecar["contract"]


@breaks("STATE-12", "state-dict-refused")
class LeavesItsMask(Exemplar):
    """Finalize leaves each mask behind in a buffer."""

    def finalize(self) -> nn.Module:
        masks = self.masks()
        model = super().finalize()
        for name, mask in masks.items():
            model.get_submodule(name.rpartition(".")[0]).register_buffer("weight_mask", mask)
        return model


class _Single(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.one = torch.ones_like(weight)

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight) * self.one


@breaks("STATE-13", "RuntimeError")
class StaysInItsDtype(Exemplar):
    """Multiplies by a tensor of the dtype at attach, which a cast does not change (A2)."""

    keep = _Single


class _Remembering(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        self.last = super().forward(weight)
        return self.last


@breaks("STATE-14", "RuntimeError")
class RemembersItsResult(Exemplar):
    """Keeps its last result, a tensor with a history, which cannot be deep-copied (pytorch#37322)."""

    keep = _Remembering


class _Shared(Keep):
    def __deepcopy__(self, memo: dict[int, Any]) -> Keep:
        return self


@breaks("STATE-14", "aliased")
class CopiesItsMaskByReference(Exemplar):
    """A deep copy shares its masks with the original."""

    keep = _Shared


@breaks("STATE-15", "mask-differs")
class SavesMaskedWeights(Exemplar):
    """Saves zeros in place of removed entries, which then cannot regrow."""

    def save(self) -> Saved:
        state = self.model.state_dict()
        for name, mask in self.masks().items():
            original = name.replace(".weight", ".parametrizations.weight.original")
            state[original] = state[original].masked_fill(~mask, 0)
        return Saved(state, self.sidecar())


class _Loose(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self._buffers.pop("mask")
        self.mask = torch.ones_like(weight, dtype=torch.bool)


@breaks("STATE-16", "left-behind")
class LeavesItsMaskBehind(Exemplar):
    """The mask is a plain attribute, which is not moved to another device (F6)."""

    keep = _Loose


class _Twofold(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        if weight.device.type == "cpu":
            self.used = self.mask.clone()
        return weight.masked_fill(~self.used, 0)


@breaks("STATE-16", "left-behind")
class UsesACopyOfItsMask(Exemplar):
    """The mask moves to another device, but forward uses a copy of it that does not."""

    keep = _Twofold


class _Factor(Keep):
    def __init__(self, weight: Tensor, persistent: bool) -> None:
        super().__init__(weight, persistent)
        self.mask = torch.ones_like(weight)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


class _Stale(Exemplar):
    keep: ClassVar[type[Keep]] = _Factor

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self.held = {name: self.mask_tensor(name) for name in plan.names}

    def sidecar(self) -> dict[str, Tensor]:
        return {name: mask.clone() for name, mask in self.held.items()}


@breaks("STATE-17", "mask-differs")
class SavesTheMaskItOnceHeld(ExemplarAdapter):
    """Saves the mask tensors from attach, which a cast has replaced since (A5)."""

    contract = _SIDECAR
    sparsified = _Stale


class _StaleUpdate(_Stale):
    def update(self, level: float | None = None) -> None:
        before = {name: self.mask_tensor(name).clone() for name in self.plan.names}
        super().update(level)
        for name, mask in before.items():
            if self.mask_tensor(name) is not self.held[name]:
                self.held[name].copy_(self.mask_tensor(name))
                self.mask_tensor(name).copy_(mask)


@breaks("STATE-17", "plan-not-applied")
class UpdatesTheMaskItOnceHeld(ExemplarAdapter):
    """Updates the mask tensors from attach, which a cast has replaced since (A5)."""

    contract = _SIDECAR
    sparsified = _StaleUpdate
