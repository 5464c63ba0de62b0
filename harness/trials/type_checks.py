"""Check that the answers of an adapter have the types of the protocol.

A wrong type is reported in one sentence where it is returned, and not by a later error that it causes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Loss, Saved, Sparsified
from ..adapter.schedules import Scheduled
from ..process.guard import Guard
from ..values.schedule import Schedule
from ..values.violation import Violation, presume

T = TypeVar("T")


def checked_sparsified(answer: object, call: str, guard: Guard) -> Sparsified:
    """Return the answer of attach or restore, wrapped so that its own answers are checked.

    Args:
        answer: The value that the adapter returned.
        call: The name of the method that returned it.
        guard: The guard that contains the updates.

    Raises:
        Violation: The answer is not a Sparsified, or its model is not a module (`protocol-broken`).
    """
    own = _of_type(Sparsified, answer, f"the result of {call}()")  # type: ignore[type-abstract]
    checked = _Checked(own, guard)
    _of_type(nn.Module, checked.model, f"the attribute `model` of the result of {call}()")
    return checked


def copied_by(copy_: Callable[[Sparsified], Sparsified], sparsified: Sparsified) -> Sparsified:
    """Return a copy of a sparsifier that a trial has made, checked as the original is.

    Args:
        copy_: Copies the adapter's own sparsifier.
        sparsified: The original.
    """
    assert isinstance(sparsified, _Checked)
    return sparsified.copied_by(copy_)


class _Checked(Sparsified):
    """Passes every call on, and checks the types of the answers (`protocol-broken`).

    A method of the protocol that is not checked here is the sparsifier's own, and never the default of the base class.
    """

    def __init__(self, own: Sparsified, guard: Guard) -> None:
        self._own = own
        self._guard = guard
        for name in public_methods(Sparsified):
            if name not in vars(_Checked):
                setattr(self, name, getattr(own, name))

    def __deepcopy__(self, memo: dict[int, Any]) -> _Checked:
        """Return a checked copy of the sparsifier, which the same guard contains."""
        return self.copied_by(lambda own: copy.deepcopy(own, memo))

    def copied_by(self, copy_: Callable[[Sparsified], Sparsified]) -> _Checked:
        """Return a checked copy of the sparsifier, made by `copy_`, which the same guard contains."""
        return _Checked(copy_(self._own), self._guard)

    @property
    def model(self) -> nn.Module:
        return _of_type(nn.Module, self._own.model, "the attribute `model`")

    @model.setter
    def model(self, model: nn.Module) -> None:
        self._own.model = model

    def update(self, level: float | None = None) -> None:
        with self._guard.contain():
            self._own.update(*(() if level is None else (level,)))

    def masks(self) -> dict[str, Tensor]:
        masks = _by_name(self._own.masks(), "the result of masks()")
        for name, mask in masks.items():
            layout = _of_type(Tensor, mask, f"the result of masks() for {name}").layout
            message = f"the result of masks() for {name} has layout {layout}, expected torch.strided"
            presume(layout is torch.strided, "protocol-broken", message)
        return masks

    def finalize(self) -> nn.Module:
        return _of_type(nn.Module, self._own.finalize(), "the result of finalize()")

    def train(self, batches: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer) -> None:
        self._own.train(batches, loss, optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        self._own.step(optimizer)

    def save(self) -> Saved:
        saved = _of_type(Saved, self._own.save(), "the result of save()")
        _by_name(saved.model, "the model in the result of save()")
        return saved

    def sidecar(self) -> Any:
        return self._own.sidecar()

    def load(self, saved: Saved) -> None:
        self._own.load(saved)

    def load_sidecar(self, sidecar: Any) -> None:
        self._own.load_sidecar(sidecar)

    def schedule(self, schedule: Schedule) -> Scheduled:
        with self._guard.contain():
            made = self._own.schedule(schedule)
        return _of_type(Scheduled, made, "the result of schedule()")  # type: ignore[type-abstract]

    def remember(self) -> None:
        with self._guard.contain():
            self._own.remember()

    def rewind(self) -> None:
        with self._guard.contain():
            self._own.rewind()


def public_methods(protocol: type) -> list[str]:
    """Return the names of the public methods of a class of the protocol."""
    return [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]


def _of_type(kind: type[T], answer: object, what: str) -> T:
    if not isinstance(answer, kind):
        raise Violation("protocol-broken", f"{what} is of type {type(answer).__name__}, expected {kind.__name__}")
    return answer


def _by_name(answer: object, what: str) -> dict[str, Any]:
    mapping = _of_type(Mapping, answer, what)  # type: ignore[type-abstract]
    for name in mapping:
        _of_type(str, name, f"a name in {what}")
    return dict(mapping)
