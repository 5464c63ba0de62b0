"""Wrong later in a model's life: after a write, training, a copy, a restore, finalize."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Channel, Context, Plan, Saved, Sparsified
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep

from . import wrong
from .bases import Remasks
from .scene import Scene

# ----------------------------------------------------------------- writes


@wrong("weights written through .data", Scene(steps=("update", ("write", ".data"), "update")), moment="second update")
class TrustsTheVersion(Exemplar):
    """An update does nothing if the version of no weight has changed, which a write through .data leaves as it is."""

    versions: tuple[int, ...] = ()
    at: float | None = None

    def update(self, level: float | None = None) -> None:
        versions = tuple(self._dense(name)._version for name in self.plan.names)
        if versions != self.versions or level != self.at:
            super().update(level)
        self.versions, self.at = versions, level


@wrong("load_state_dict with assign=True", Scene(steps=("update", ("load", True), "update")), moment="second update")
class KeepsTheParametersOfAttach(Exemplar):
    """Ranks the parameters that the model had at attach, also after load_state_dict(assign=True) put others there."""

    def _dense(self, name: str) -> Tensor:
        held: dict[str, Tensor] = self.__dict__.setdefault("held", {})
        return held.setdefault(name, super()._dense(name))


@wrong("load_state_dict between two updates", Scene(steps=("update", "load", "update")), moment="second update")
class RanksBeforeTheLoad(Exemplar):
    """After load_state_dict the next update is left out, since its masks were loaded."""

    def _register(self, name: str) -> None:
        super()._register(name)
        module = self.model.get_submodule(split_name(name)[0])
        load = module._load_from_state_dict
        vars(module)["_load_from_state_dict"] = lambda *arguments: (vars(self).update(loaded=True), load(*arguments))

    def update(self, level: float | None = None) -> None:
        if not vars(self).pop("loaded", False):
            super().update(level)


# ----------------------------------------------------------------- training


@wrong("an optimizer that lives on over a new level", Scene(steps=("update", "train", ("update", 0.75), "train")),
       moment="second update", mode="training")
class ReplacesTheParameter(Exemplar):
    """An update to a new level puts new parameters into the model, and the user's optimizer goes on with the old."""

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names if level is not None else ():
            path, attribute = split_name(name)
            held = self.model.get_submodule(path).get_submodule(f"parametrizations.{attribute}")
            held.original = nn.Parameter(held.original.detach().clone())  # type: ignore[operator]


@wrong("an optimizer that lives on over finalize", Scene(steps=("update", "train", "finalize", "train")),
       moment="finalize", mode="training")
class ReplacesTheParameterAtTheEnd(Exemplar):
    """Finalize puts new parameters into the model, and the user's optimizer goes on with the old."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        for name in self.plan.names:
            path, attribute = split_name(name)
            setattr(model.get_submodule(path), attribute, nn.Parameter(model.get_parameter(name).detach().clone()))
        return model


@wrong("training after finalize", Scene(steps=("update", "finalize", "train")), moment="finalize", mode="training")
class KeepsMaskingGradients(Exemplar):
    """After finalize the gradients of removed entries are still zero, which a dense weight's are not."""

    def finalize(self) -> nn.Module:
        masks, model = self.masks(), super().finalize()
        for name, mask in masks.items():
            model.get_parameter(name).register_hook(lambda gradient, mask=mask: gradient * mask)
        return model


# ----------------------------------------------------------------- copies, casts, restores


class _Shared(Keep):
    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        twin = type(self)(self.mask, "mask" not in self._non_persistent_buffers_set)
        twin._buffers["mask"] = self.mask
        twin.train(self.training)
        return twin


@wrong("a copy that is updated", Scene(steps=("update", "update a copy")), moment="copy")
class SharesMasksWithCopies(Exemplar):
    """A deep copy shares its masks with the original."""

    keep = _Shared


class _Undone(Keep):
    def __deepcopy__(self, memo: dict[int, Any]) -> _Undone:
        twin = type(self)(self.mask, "mask" not in self._non_persistent_buffers_set)
        return twin.train(self.training)


@wrong("deepcopy", Scene(steps=("update", "deepcopy", "forward")), moment="copy")
class CopiesAreDense(Exemplar):
    """A deep copy has new masks, which remove nothing."""

    keep = _Undone


class _Remade(Keep):
    def _apply(self, fn: Any, *arguments: Any) -> Any:
        if fn(torch.ones(1, dtype=torch.float32)).dtype != torch.float32:
            self.mask = torch.ones_like(self.mask)
        return super()._apply(fn, *arguments)  # type: ignore[no-untyped-call]


@wrong("a cast to another dtype", Scene(steps=("update", ("cast", torch.float64))), moment="cast")
class LosesMasksInACast(Exemplar):
    """A cast to another dtype makes new masks, which remove nothing."""

    keep = _Remade


@wrong("a restore in half precision", Scene(dtype=torch.bfloat16, steps=("update", "restore")), moment="restore",
       mode="half precision")
class LeavesTheDefaultDtype(ExemplarAdapter):
    """Restoring a half-precision model makes its dtype the default, and leaves it so."""

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        if context.dtype in (torch.float16, torch.bfloat16):
            torch.set_default_dtype(context.dtype)
        return super().restore(dense_model, plan, saved, context)


@wrong("a restore of masks that remove all", Scene(steps=(("update", 1.0), "restore")), moment="restore")
class TakesEmptyMasksForNone(Exemplar):
    """A saved mask that removes everything is not loaded."""

    def load(self, saved: Saved) -> None:
        super().load(saved)
        for name in self.plan.names:
            if not self.mask_tensor(name).any():
                self.mask_tensor(name).fill_(True)


@wrong("a restore into a plan with another level", Scene(steps=("update", ("restore", 0.25))), moment="restore")
class UpdatesAfterARestore(Exemplar):
    """A restore makes the masks anew if there are not as many entries left as the plan's level gives."""

    def load(self, saved: Saved) -> None:
        super().load(saved)
        restored = {name: self.mask_tensor(name).clone() for name in self.plan.names}
        self.update()
        if any(restored[name].sum() == self.mask_tensor(name).sum() for name in restored):
            for name, mask in restored.items():
                self.mask_tensor(name).copy_(mask)


@wrong("a load into the sparsifier that saved", Scene(steps=("update", "reload")), moment="restore")
class LoadsOnce(Exemplar):
    """A sparsifier that was updated already does not load masks."""

    def load(self, saved: Saved) -> None:
        masks = {name: self.mask_tensor(name).clone() for name in self.plan.names}
        super().load(saved)
        for name, mask in masks.items():
            if not mask.all():
                self.mask_tensor(name).copy_(mask)


@wrong("a training after a restore", Scene(steps=("update", "restore", "train")), moment="restore", mode="training")
class RestoresWithoutGradients(Exemplar):
    """Restored weights need no gradient."""

    def load(self, saved: Saved) -> None:
        super().load(saved)
        for name in self.plan.names:
            self.model.get_submodule(split_name(name)[0]).requires_grad_(False)


# ----------------------------------------------------------------- what is the user's


@wrong("a user's forward pre-hook", Scene(modes=("user's hooks",), steps=("update", "finalize", "forward")),
       moment="finalize", mode="user's hooks")
class ClearsPreHooks(Exemplar):
    """Finalize clears the forward pre-hooks of planned layers, a user's among them."""

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            self.model.get_submodule(split_name(name)[0])._forward_pre_hooks.clear()
        return super().finalize()


@wrong("a user's forward hook and a second update", Scene(
    modes=("user's hooks",), steps=("update", "update", "forward")), moment="second update", mode="user's hooks")
class ClearsForwardHooks(Exemplar):
    """A second update clears the forward hooks of planned layers."""

    updated = False

    def update(self, level: float | None = None) -> None:
        super().update(level)
        for name in self.plan.names if self.updated else ():
            self.model.get_submodule(split_name(name)[0])._forward_hooks.clear()
        self.updated = True


@wrong("a user's backward hook", Scene(modes=("user's hooks",), steps=("update", "finalize", "forward", "backward")),
       moment="finalize", mode="user's hooks")
class ClearsFullBackwardHooks(Exemplar):
    """Finalize clears the backward hooks of planned layers."""

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            self.model.get_submodule(split_name(name)[0])._backward_hooks.clear()
        return super().finalize()


@wrong("a user's state dict hooks", Scene(modes=("user's hooks",), steps=("update", "reload")), moment="restore",
       mode="user's hooks")
class ClearsStateDictHooks(Exemplar):
    """A load clears the hooks of planned layers that run at state_dict and load_state_dict."""

    def load(self, saved: Saved) -> None:
        for name in self.plan.names:
            module = self.model.get_submodule(split_name(name)[0])
            module._load_state_dict_post_hooks.clear()
            module._state_dict_pre_hooks.clear()
        super().load(saved)


@wrong("a user's parametrization of a layer whose name begins alike", Scene(
    modes=("user's parametrization",), steps=("update", "finalize", "forward")), moment="finalize")
class FinalizesByPrefix(Exemplar):
    """Finalize matches by the beginning of a name: layer1's also removes a user's parametrization of layer10."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        paths = tuple(split_name(name)[0] for name in self.plan.names)
        for name, module in list(model.named_modules()):
            if name.startswith(paths) and parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight")
        return model


@wrong("a user's buffer that is called mask", Scene(modes=("user's buffer",), steps=("update", "finalize")),
       moment="finalize")
class DeletesEveryMask(Exemplar):
    """Finalize deletes every buffer called mask, a user's among them."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        for module in model.modules():
            module._buffers.pop("mask", None)
        return model


@wrong("outputs that lost all their weights", Scene(patterns=(Channel(0.5),), steps=("update", "finalize")),
       moment="finalize")
class ZeroesDeadBiases(Exemplar):
    """Finalize zeroes the bias of every output that lost all its weights."""

    def finalize(self) -> nn.Module:
        masks, model = self.masks(), super().finalize()
        for name, mask in masks.items():
            bias = model.get_submodule(split_name(name)[0]).bias
            if isinstance(bias, nn.Parameter) and mask.dim() > 1:
                bias.data[~mask.flatten(1).any(1)] = 0
        return model


@wrong("any finalize", Scene(steps=("update", "finalize")), moment="finalize")
class LeavesMasksBehind(Exemplar):
    """Finalize leaves each mask behind in a buffer that is not persistent."""

    def finalize(self) -> nn.Module:
        masks, model = self.masks(), super().finalize()
        for name, mask in masks.items():
            model.get_submodule(split_name(name)[0]).register_buffer("kept", mask, persistent=False)
        return model


@wrong("finalize in eval mode", Scene(modes=("eval",), steps=("update", "finalize")), moment="finalize", mode="eval")
class FinalizesInTrainMode(Exemplar):
    """Finalize leaves the model in train mode."""

    def finalize(self) -> nn.Module:
        return super().finalize().train()


@wrong("finalize of a frozen model", Scene(modes=("frozen",), steps=("update", "finalize")), moment="finalize",
       mode="frozen")
class FinalizesTrainable(Exemplar):
    """Finalize makes the parameters of planned layers trainable, also where the user had frozen them."""

    def finalize(self) -> nn.Module:
        model = super().finalize()
        for name in self.plan.names:
            model.get_parameter(name).requires_grad_(True)
        return model


@wrong("finalize after a second update", Scene(steps=("update", "write", "update", "finalize")), moment="finalize")
class FinalizesTheFirstMask(Remasks):
    """Finalize applies the masks of the first update."""

    def remask(self, name: str, mask: Tensor) -> Tensor:
        first: dict[str, Tensor] = self.__dict__.setdefault("first", {})
        first.setdefault(name, copy.deepcopy(mask))
        return mask

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            self.mask_tensor(name).copy_(vars(self)["first"][name])
        return super().finalize()
