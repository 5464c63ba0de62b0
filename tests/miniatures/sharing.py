"""Broken only once it is pickled, sent to another process or used by two threads, or if a call ends midway."""

from __future__ import annotations

import copy
import os
from typing import Any
from weakref import WeakValueDictionary

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep
from tests.variants.wrapped import Masked, WrappedAdapter

from . import Misdeclared, breaks


class _Wrapping(WrappedAdapter):
    """Wraps planned layers in a class of its own."""

    wrapper: type[Masked]

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        for module in sparsified.model.modules():
            if isinstance(module, Masked):
                module.__class__ = self.wrapper
        return sparsified


class _Applied(Masked):
    def __deepcopy__(self, memo: dict[int, Any]) -> _Applied:
        copied = type(self).__new__(type(self))
        vars(copied).update(copy.deepcopy(vars(self), memo))
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.layer.get_parameter("weight").masked_fill_(~self.mask, 0)
            self.mask = torch.ones_like(self.mask)


@breaks("LIFE-12", "weight-differs")
class TrainsDenseOnceUnpickled(_Wrapping):
    """Applies its masks when it is unpickled, and keeps none for the training that follows."""

    wrapper = _Applied


class _OfOneProcess(Masked):
    made_by = 0

    def weight(self) -> Tensor:
        vars(self).setdefault("made_by", os.getpid())
        return super().weight() if self.made_by == os.getpid() else self.layer.get_parameter("weight") * 1


@breaks("LIFE-13", "output-differs")
class IsDenseInOtherProcesses(_Wrapping):
    """Finds its masks by the number of the process that made them."""

    wrapper = _OfOneProcess


_ALL: WeakValueDictionary[int, PicklesItsNumber] = WeakValueDictionary()


@breaks("LIFE-14", "mask-differs")
class PicklesItsNumber(Exemplar):
    """Is pickled as its number among all that are alive, so that it is itself once unpickled."""

    def __deepcopy__(self, memo: dict[int, Any]) -> PicklesItsNumber:
        copied = type(self).__new__(type(self))
        vars(copied).update(copy.deepcopy(vars(self), memo))
        return copied

    def __reduce__(self) -> Any:
        _ALL[id(self)] = self
        return _alive, (id(self),)


def _alive(number: int) -> PicklesItsNumber:
    return _ALL[number]


class _Busy(Keep):
    is_busy = False

    def forward(self, weight: Tensor) -> Tensor:
        if self.is_busy:
            return weight
        self.is_busy = True
        masked = super().forward(weight)
        self.is_busy = False
        return masked


@breaks("LIFE-15", "torn")
class IsDenseWhileItRuns(Exemplar):
    """Takes a second forward for a call of its own, and masks nothing in it."""

    keep = _Busy


@breaks("LIFE-16", "torn")
class UpdatesLayerByLayer(Misdeclared):
    """Promises that others may run the model during an update, which replaces one mask after the other."""

    contract = replace(ExemplarAdapter.contract, threads="update")


@breaks("LIFE-17", "not-undone")
class LeavesHalfAnUpdate(Misdeclared):
    """Promises to undo an update that ends midway, and replaces one mask after the other."""

    contract = replace(ExemplarAdapter.contract, undone="update")


@breaks("LIFE-17", "not-undone")
class LeavesHalfAModel(Misdeclared):
    """Promises to undo an attach that ends midway, and parametrizes one layer after the other."""

    contract = replace(ExemplarAdapter.contract, undone="attach")
