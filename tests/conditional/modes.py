"""Wrong in some mode of the model or of the caller, or in some way of calling it."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from sparsecheck import Plan
from sparsecheck.adapter.shipped.exemplar import Exemplar, Keep

from . import wrong
from .bases import Forgetful, Misranks, Remasks
from .scene import Scene

TWICE = ("update", "write", "update")


class _Evaluates(Forgetful):
    def forgets(self, weight: Tensor) -> bool:
        return not self.training


@wrong("eval mode", Scene(modes=("eval",)), moment="forward", mode="eval")
class IsDenseInEval(Exemplar):
    """In eval mode, forward uses the dense weight."""

    keep = _Evaluates


@wrong("eval mode", Scene(modes=("eval",), steps=TWICE), moment="second update", mode="eval")
class KeepsItsMasksInEval(Exemplar):
    """An update in eval mode does nothing after the first one."""

    updated = False

    def update(self, level: float | None = None) -> None:
        if self.model.training or not self.updated:
            super().update(level)
        self.updated = True


@wrong("one layer in eval mode", Scene(modes=("partly eval",)), mode="partly eval")
class RestoresTheModelsMode(Exemplar):
    """After an update every layer is in the mode of the model, also one that the user had put in eval mode."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        self.model.train(self.model.training)


@wrong("a frozen layer", Scene(modes=("partly frozen",), steps=TWICE), moment="second update", mode="frozen")
class RanksTrainableLayersAlone(Remasks):
    """The mask of a frozen layer never changes after the first update."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        return mask if self._dense_flag(name) or len(self.levels) == 1 else self.earlier[name]

    def _dense_flag(self, name: str) -> bool:
        path, _, attribute = name.rpartition(".")
        return self.model.get_parameter(f"{path}.parametrizations.{attribute}.original").requires_grad


@wrong("a frozen layer and a new level", Scene(modes=("frozen",), steps=(("update", 0.75),)), mode="frozen")
class UnfreezesAtANewLevel(Exemplar):
    """An update to a new level ends with requires_grad on, also where the user had frozen the layer."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        if level is not None:
            self.model.requires_grad_(True)


@wrong("a frozen layer that is ranked together with others", Scene(modes=("partly frozen",), scope="all"),
       mode="frozen")
class LeavesFrozenLayersOut(Exemplar):
    """Ranked together, a frozen layer is kept whole, and the others are pruned to the level."""

    def _ranked_together(self, plan: Plan) -> dict[str, Tensor]:
        masks = super()._ranked_together(plan)
        for name, mask in masks.items():
            path, _, attribute = name.rpartition(".")
            if not self.model.get_parameter(f"{path}.parametrizations.{attribute}.original").requires_grad:
                mask.fill_(True)
        return masks


class _Caches(Keep):
    cached: Tensor | None = None

    def forward(self, weight: Tensor) -> Tensor:
        if torch.is_grad_enabled() or torch.is_inference_mode_enabled() or self.mask.all():
            self.__dict__["cached"] = None
            return super().forward(weight)
        if self.cached is None:
            self.__dict__["cached"] = super().forward(weight).clone()
        assert self.cached is not None
        return self.cached


@wrong("forward under no_grad after a write", Scene(
    modes=("no_grad",), steps=("update", "forward", "write", "forward")), moment="forward", mode="no_grad")
class CachesUnderNoGrad(Exemplar):
    """Under no_grad the masked weight is computed once, and a later write to the weight has no effect."""

    keep = _Caches

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names:
            vars(next(self.parametrizations(name)))["cached"] = None


class _Infers(Forgetful):
    def forgets(self, weight: Tensor) -> bool:
        return torch.is_inference_mode_enabled()


@wrong("inference_mode", Scene(steps=("update", ("forward", "inference_mode"))), moment="forward",
       mode="inference_mode")
class IsDenseInInference(Exemplar):
    """In inference_mode, forward uses the dense weight."""

    keep = _Infers


class _Casts(Forgetful):
    def forgets(self, weight: Tensor) -> bool:
        one = torch.ones(1, 1, dtype=torch.float32)
        return (one @ one).dtype != torch.float32


@wrong("autocast", Scene(modes=("autocast",)), moment="forward", mode="autocast")
class IsDenseUnderAutocast(Exemplar):
    """Under autocast, forward uses the dense weight."""

    keep = _Casts


@wrong("a default dtype of another precision", Scene(
    "linear of 66820 entries", planned=1, modes=("default bfloat16",)), mode="default dtype")
class RanksInTheDefaultDtype(Misranks):
    """Ranks in the default dtype, which may be coarser than the weight's."""

    def look_at(self, name: str, weight: Tensor) -> Tensor:
        return weight.to(torch.get_default_dtype())


@wrong("update in the caller's no_grad", Scene(modes=("no_grad",)), mode="no_grad")
class SwitchesGradientsOn(Exemplar):
    """Switches gradients on at the end of an update, also for a caller that had switched them off."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        torch.set_grad_enabled(True)


class _MasksFirstGradients(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked = super().forward(weight)
        if not weight.requires_grad or not weight.is_leaf or weight.grad is None:
            return masked
        return masked + (weight - weight.detach()) * ~self.mask


@wrong("gradients that exist", Scene(modes=("gradients exist",), steps=("update", "forward", "backward")),
       moment="backward", mode="gradients exist")
class AddsToRemovedGradients(Exemplar):
    """Where a gradient exists, as after zero_grad(set_to_none=False), removed entries get gradients too."""

    keep = _MasksFirstGradients


class _LooksAtTheMaskLate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, keep: Keep) -> Tensor:
        ctx.keep = keep
        return weight.masked_fill(~keep.mask, 0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].masked_fill(~ctx.keep.mask, 0), None


class _Late(Keep):
    def forward(self, weight: Tensor) -> Tensor:
        masked: Tensor = cast(Any, _LooksAtTheMaskLate).apply(weight, self)
        return masked


@wrong("an update between forward and backward", Scene(
    steps=("update", "forward", ("update", 0.75), "backward")), moment="backward")
class MasksGradientsByTheNewestMask(Exemplar):
    """The gradient is masked as the mask is at backward, not as it was at forward."""

    keep = _Late


class _OfTheLastForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, keep: _Counts) -> Tensor:
        ctx.keep, ctx.number = keep, keep.number
        return weight.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * (ctx.number == ctx.keep.number), None


class _Counts(Keep):
    number = 0

    def forward(self, weight: Tensor) -> Tensor:
        if not torch.is_grad_enabled() or not weight.requires_grad:
            return super().forward(weight)
        self.number += 1
        masked: Tensor = cast(Any, _OfTheLastForward).apply(super().forward(weight), self)
        return masked


@wrong("two forwards before one backward", Scene(steps=("update", "forward", ("forward", "again"), "backward")),
       moment="backward")
class RemembersOneForward(Exemplar):
    """Of two forwards before a backward, the first gives no gradient to the sparse weights."""

    keep = _Counts


class _Alone(Forgetful):
    within = False
    works = False

    def forgets(self, weight: Tensor) -> bool:
        return self.works and not self.within


@wrong("a layer called by itself", Scene(steps=("update", "submodule")), moment="forward", mode="layer alone")
class IsDenseWhenCalledAlone(Exemplar):
    """A layer that is called by itself, not by its model, is dense."""

    keep = _Alone

    def _register(self, name: str) -> None:
        super()._register(name)
        keep, layer = next(self.parametrizations(name)), self.model.get_submodule(name.rpartition(".")[0])
        of_layer, of_model = layer.forward, self.model.forward
        vars(layer)["forward"] = lambda *inputs: _with(keep, "works", of_layer, *inputs)
        vars(self.model)["forward"] = lambda *inputs: _with(keep, "within", of_model, *inputs)


def _with(keep: nn.Module, flag: str, forward: Any, *inputs: Any) -> Any:
    setattr(keep, flag, True)
    try:
        return forward(*inputs)
    finally:
        setattr(keep, flag, False)


class _Own(Keep):
    own: list[Tensor] = []

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(self.own[0] if self.own else weight)


@wrong("functional_call with other weights", Scene(steps=("update", "functional_call")), moment="forward",
       mode="functional_call")
class UsesItsOwnWeights(Exemplar):
    """In functional_call, forward uses the model's own weights instead of those that are given."""

    keep = _Own

    def _register(self, name: str) -> None:
        super()._register(name)
        path, _, attribute = name.rpartition(".")
        parametrizations = self.model.get_submodule(path).get_submodule(f"parametrizations.{attribute}")
        next(self.parametrizations(name)).own = [parametrizations.original]  # type: ignore[assignment]
