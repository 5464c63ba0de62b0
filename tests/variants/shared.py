"""Correct sparsifiers that promise something to other processes and threads."""

from __future__ import annotations

import threading

from msgspec.structs import replace
from torch import nn

from sparsecheck import Context, Plan, Sparsified

from . import variant
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
