"""Broken after finalize, under another grad mode, or in what torch keeps about a parameter."""

from __future__ import annotations

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.holders import ParametrizedSparsified
from sparsecheck.adapter.shipped.exemplar import CONTRACT, Exemplar, ExemplarAdapter, Keep
from sparsecheck.values.contract import Contract

from . import breaks


def _layers(sparsified: Sparsified) -> list[nn.Module]:
    return [sparsified.model.get_submodule(name.rpartition(".")[0]) for name in sparsified.plan.names]


@breaks("REG-30", "hooks-differ")
class FinalizeClearsPreHooks(Exemplar):
    """Clears the forward pre-hooks of planned layers when it is finalized."""

    def finalize(self) -> nn.Module:
        for layer in _layers(self):
            layer._forward_pre_hooks.clear()
        return super().finalize()


@breaks("REG-30", "hooks-differ")
class FinalizeMakesNewParameters(Exemplar):
    """Finalizes into new parameters, which lack the hooks on the gradients of the old ones."""

    def finalize(self) -> nn.Module:
        final = super().finalize()
        for layer in _layers(self):
            layer.weight = nn.Parameter(layer.get_parameter("weight").detach())
        return final


@breaks("REG-30", "hooks-differ")
class RunsStateHooksTwice(Exemplar):
    """Registers the hooks on the state dict of a planned layer once more."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        for layer in _layers(self):
            for hook in list(layer._state_dict_hooks.values()):
                layer._register_state_dict_hook(hook)


@breaks("REG-31", "hooks-differ")
class ParametrizesByTorch(Exemplar):
    """Registers parametrizations as torch does, which gives every weight a new gradient accumulator."""

    def _register(self, name: str) -> None:
        keep = Keep(self.model.get_parameter(name), True)
        parametrize.register_parametrization(self.model.get_submodule(name.rpartition(".")[0]), "weight", keep)


@breaks("REG-31", "hooks-differ")
class FinalizesByTorch(Exemplar):
    """Removes parametrizations as torch does, which gives every weight a new gradient accumulator."""

    def finalize(self) -> nn.Module:
        return ParametrizedSparsified.finalize(self)


@breaks("REG-31", "hooks-differ")
class DeclaresHooksLost(ExemplarAdapter):
    """Declares that hooks on gradient accumulators are lost, but keeps them."""

    contract = replace(CONTRACT, accumulator_hooks="lost")


class _Unguarded(Exemplar):
    """Does not remember that it was finalized."""

    def _refuse_if_finalized(self, call: str) -> None:
        pass


@breaks("REG-32", "refusal-unnamed")
class CrashesAfterFinalize(_Unguarded):
    """Looks for its masks on a finalized model, and fails."""


@breaks("REG-32", "removed-not-zero")
class PrunesTheFinalized(Exemplar):
    """Prunes the weights of a finalized model when it is updated, but not by the masks that it reports."""

    def update(self, level: float | None = None) -> None:
        if not self.is_finalized:
            super().update(level)
            self.last = super().masks()
            return
        for name in self.plan.names:
            self.model.get_parameter(name).detach().view(-1)[::2] = 0

    def masks(self) -> dict[str, Tensor]:
        return {name: mask.roll(1) for name, mask in self.last.items()} if self.is_finalized else super().masks()


@breaks("REG-32", "finalized-changed")
class NegatesAtASecondFinalize(Exemplar):
    """Changes the weights when it is finalized again."""

    def finalize(self) -> nn.Module:
        if not self.is_finalized:
            return super().finalize()
        for name in self.plan.names:
            self.model.get_parameter(name).detach().neg_()
        return self.model


class _Contiguous(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        return weight.masked_fill(~self.mask, 0)


@breaks("REG-33", "format-differs")
class FinalizesContiguously(Exemplar):
    """Masks with masked_fill, whose result is contiguous whatever the weight was."""

    keep = _Contiguous


@breaks("REG-33", "format-differs")
class MakesWeightsContiguous(Exemplar):
    """Makes every planned weight contiguous when it attaches."""

    def _register(self, name: str) -> None:
        weight = self.model.get_parameter(name)
        weight.data = weight.detach().contiguous()
        super()._register(name)


@breaks("REG-34", "order-differs")
class FinalizesBehindTheBias(Exemplar):
    """Registers finalized weights last, behind the biases."""

    def finalize(self) -> nn.Module:
        self._order = {}
        return super().finalize()


@breaks("STATE-30", "refusal-by-accident")
class SavesTheFinalized(ExemplarAdapter):
    """Saves a finalized model, and misses the masks when it restores that."""

    sparsified = _Unguarded

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        assert all(saved.model[f"{path}.parametrizations.weight.mask"] is not None
                   for path in (name.rpartition(".")[0] for name in plan.names))
        return super().restore(dense_model, plan, saved, context)


@breaks("STATE-30", "output-differs")
class RestoresTheFinalizedAtRandom(ExemplarAdapter):
    """Leaves out, when it restores, whatever a saved state has under other names than its own."""

    class _Lenient(_Unguarded):
        def load(self, saved: Saved) -> None:
            self.model.load_state_dict(saved.model, strict=False)

    sparsified = _Lenient

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = self.attach(dense_model, plan, context)
        restored.load(saved)
        return restored


@breaks("STATE-31", "removed-not-zero")
class HoldsItsMasks(Exemplar):
    """Updates the masks that it registered, though the state dict has replaced them."""

    def __init__(self, model: nn.Module, plan: Plan, contract: Contract) -> None:
        super().__init__(model, plan, contract)
        self._own = {name: super(HoldsItsMasks, self).mask_tensor(name) for name in plan.names}

    def mask_tensor(self, name: str) -> Tensor:
        return self._own[name] if "_own" in vars(self) else super().mask_tensor(name)


@breaks("STATE-31", "weight-differs")
class HoldsTheWeights(Exemplar):
    """Masks the parameter that it was attached to, though the state dict has replaced it."""

    class _Own(Keep):
        def __init__(self, weight: Tensor, persistent: bool) -> None:
            super().__init__(weight, persistent)
            self.own = [weight]

        def forward(self, weight: Tensor) -> Tensor:
            return super().forward(self.own[0])

    keep = _Own


@breaks("TRAIN-20", "plan-not-applied")
class DoesNothingInInferenceMode(Exemplar):
    """Takes inference_mode for a sign that the model is not trained, and passes over the update."""

    def update(self, level: float | None = None) -> None:
        if not torch.is_inference_mode_enabled():
            super().update(level)


@breaks("TRAIN-20")
class FreezesWithoutGradients(Exemplar):
    """Takes the grad mode of update for the requires_grad of the weights."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self._original(name).requires_grad_(torch.is_grad_enabled())

    def _original(self, name: str) -> nn.Parameter:
        return self.model.get_parameter(name.replace("weight", "parametrizations.weight.original"))


@breaks("TRAIN-20")
class FinalizesFrozen(Exemplar):
    """Takes the grad mode of finalize for the requires_grad of what it finalizes."""

    def finalize(self) -> nn.Module:
        final = super().finalize()
        for name in self.plan.names:
            weight = final.get_parameter(name)
            weight.requires_grad_(weight.requires_grad and torch.is_grad_enabled())
        return final


@breaks("MASK-40", "count-differs")
class IgnoresLevelsThatAreNoFloats(Exemplar):
    """Takes a level that is no Python float for none."""

    def update(self, level: float | None = None) -> None:
        super().update(level if isinstance(level, float) else None)


@breaks("MASK-40", "count-differs")
class TruncatesNumpyLevels(Exemplar):
    """Takes the whole part of a level that is a NumPy number."""

    def update(self, level: float | None = None) -> None:
        super().update(int(level) if isinstance(level, np.generic) else level)


@breaks("MASK-41", "count-differs")
class RemovesAllWhereOneIsNaN(Exemplar):
    """Keeps what is above a threshold, and nothing is above NaN."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            if bool(self._dense(name).sum().isnan()):
                self.mask_tensor(name).zero_()


@breaks("MASK-41", "count-differs")
class CountsFiniteEntries(Exemplar):
    """Removes infinite entries in addition."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            self.mask_tensor(name).logical_and_(self._dense(name) < torch.inf)


@breaks("STATE-01", "KeyError")
class RestoresByADottedName(ExemplarAdapter):
    """Looks for a saved weight under the path of its module and a dot, also if the model is a single layer."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        for name in plan.names:
            path, _, attribute = name.rpartition(".")
            assert saved.model[f"{path}.parametrizations.{attribute}.original"] is not None
        return super().restore(dense_model, plan, saved, context)
