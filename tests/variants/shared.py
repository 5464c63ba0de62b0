"""Correct sparsifiers that promise something to other processes and threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Saved, Sparsified
from sparsecheck.adapter.shipped.exemplar import new_mask

from . import variant
from .checking import check, check_layers, closed_by_finalize
from .forwarding import ForwardedAdapter, MaskedForward
from .holders import InPlace, InPlaceAdapter


class _OneAtATime(InPlace):
    """Lets one thread update at a time, by a lock that cannot be pickled."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.lock = threading.Lock()

    def update(self, level: float | None = None) -> None:
        with self.lock:
            super().update(level)


@variant("pickled=model")
class PickledModelAdapter(InPlaceAdapter):
    """Its model can be pickled, and its sparsifier, which has a lock, cannot."""

    supported = InPlaceAdapter.supported
    contract = replace(InPlaceAdapter.contract, pickled="model")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _OneAtATime(model, plan)


class _FromOneTable(MaskedForward):
    """A forward that takes all masks from one dictionary, which is replaced and never changed."""

    def __init__(self, model: nn.Module, kept: dict[str, Tensor]) -> None:
        super().__init__(model, tuple(kept))
        self.kept = kept

    def masks(self) -> dict[int, Tensor]:
        weights = {name: self.model.get_parameter(name) for name in self.names}
        return {id(weight): self.kept[name].to(weight.device) for name, weight in weights.items()}


@closed_by_finalize
class _AtOnce(Sparsified):
    """Computes everything first, and changes one attribute of the model at the end."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        ones = {name: torch.ones_like(model.get_parameter(name), dtype=torch.bool) for name in plan.names}
        self.model.forward = _FromOneTable(model, ones)

    @property
    def _forward(self) -> _FromOneTable:
        forward: _FromOneTable = vars(self.model)["forward"]
        return forward

    def masks(self) -> dict[str, Tensor]:
        return {name: kept.to(self.model.get_parameter(name).device) for name, kept in self._forward.kept.items()}

    def update(self, level: float | None = None) -> None:
        plan, kept = self.plan if level is None else self.plan.at_level(level), self.masks()
        self._forward.kept = {
            name: new_mask(pattern, self.model.get_parameter(name).detach(), kept[name], AtOnceAdapter.contract)
            for name, pattern in plan.patterns.items()
        }

    def sidecar(self) -> dict[str, Tensor]:
        return {name: kept.clone() for name, kept in self.masks().items()}

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        for name, kept in sidecar.items():
            if kept.shape != self.model.get_parameter(name).shape:
                raise ValueError(f"{name} has another shape than its saved mask")
        self._forward.kept = {name: kept.clone() for name, kept in sidecar.items()}

    def finalize(self) -> nn.Module:
        weights = {name: self.model.get_parameter(name) for name in self.plan.names}
        final = {name: weights[name].detach().clone().masked_fill_(~kept, 0) for name, kept in self.masks().items()}
        for name, weight in weights.items():
            weight.data = final[name]
        del self.model.forward
        return self.model


@variant("threads=update")
class AtOnceAdapter(ForwardedAdapter):
    """Changes all masks by one assignment, so that another thread sees those of before or those of after.

    A captured graph would go on with the masks of before, so that no accelerator is supported.
    """

    supported = ForwardedAdapter.supported.replace(" accelerator", "")
    unsupported = f"{ForwardedAdapter.unsupported} accelerator"
    contract = replace(
        ForwardedAdapter.contract, mask_storage="sidecar", averages="dense", threads="update",
        undone="attach update finalize",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.refuse_unsupported(plan)
        check(model, plan)
        check_layers(model, plan)
        if "forward" in vars(model):
            raise ValueError(f"{plan.names[0]}: the model is sparsified already")
        return _AtOnce(model, plan)


@contextmanager
def _undoing(model: nn.Module) -> Iterator[None]:
    """Give a model its parameters and buffers back if the code inside raises."""
    before = {name: one.clone() for name, one in model.state_dict().items()}
    try:
        yield
    except BaseException:
        model.load_state_dict(before)
        raise


class _Undoing(InPlace):
    def update(self, level: float | None = None) -> None:
        kept = self.kept
        try:
            with _undoing(self.model):
                super().update(level)
        except BaseException:
            self.kept = kept
            raise


@variant("undone=attach restore update finalize")
class UndoingAdapter(InPlaceAdapter):
    """Remembers what was before each call, and brings it back if the call ends midway."""

    contract = replace(InPlaceAdapter.contract, undone="attach restore update finalize")

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        self.check(model, plan)
        return _Undoing(model, plan)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        with _undoing(dense_model):
            return super().restore(dense_model, plan, saved, context)
