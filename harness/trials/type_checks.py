"""What an adapter answers, held to the types of the protocol: another type is told where it is given, in one
sentence, and not by what breaks on it further on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Loss, Saved, Sparsified
from ..process.guard import Guard
from ..values.violation import Violation, require

T = TypeVar("T")


def checked_sparsified(answer: object, call: str, guard: Guard) -> Sparsified:
    """What `call` of an adapter gave, its own answers held to the protocol, too, and its updates contained by `guard`.

    Raises:
        Violation: `protocol-broken`, it is no Sparsified, or its model is none.
    """
    own = _of(Sparsified, answer, f"what {call}() returned")  # type: ignore[type-abstract]
    answering = _Answering(own, guard)
    _of(nn.Module, answering.model, f"the model of what {call}() returned")
    return answering


class _Answering(Sparsified):
    """Passes everything on to the sparsifier's own; an answer of another type than the protocol's is a Violation
    of kind `protocol-broken`."""

    def __init__(self, own: Sparsified, guard: Guard) -> None:
        self._own = own
        self._guard = guard

    @property
    def model(self) -> nn.Module:
        return _of(nn.Module, self._own.model, "the attribute `model`")

    @model.setter
    def model(self, model: nn.Module) -> None:
        self._own.model = model

    def update(self, level: float | None = None) -> None:
        with self._guard.contain():
            self._own.update(*(() if level is None else (level,)))

    def masks(self) -> dict[str, Tensor]:
        masks = _by_name(self._own.masks(), "masks() returned")
        for name, mask in masks.items():
            layout = _of(Tensor, mask, f"what masks() returned for {name}").layout
            message = f"what masks() returned for {name} is laid out as {layout}, expected torch.strided"
            require(layout is torch.strided, "protocol-broken", message)
        return masks

    def finalize(self) -> nn.Module:
        return _of(nn.Module, self._own.finalize(), "what finalize() returned")

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        self._own.train(batches, loss, optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        self._own.step(optimizer)

    def save(self) -> Saved:
        saved = _of(Saved, self._own.save(), "what save() returned")
        _by_name(saved.model, "save() returned as model")
        return saved

    def sidecar(self) -> Any:
        return self._own.sidecar()

    def load(self, saved: Saved) -> None:
        self._own.load(saved)

    def load_sidecar(self, sidecar: Any) -> None:
        self._own.load_sidecar(sidecar)


def _of(kind: type[T], answer: object, what: str) -> T:
    if not isinstance(answer, kind):
        raise Violation("protocol-broken", f"{what} is of type {type(answer).__name__}, expected {kind.__name__}")
    return answer


def _by_name(answer: object, what: str) -> dict[str, Any]:
    mapping = _of(Mapping, answer, f"what {what}")  # type: ignore[type-abstract]
    for name in mapping:
        _of(str, name, f"a name that {what}")
    return dict(mapping)
