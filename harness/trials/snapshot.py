"""Copies of a model's state, to show that an operation left it unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..oracle import compare
from ..values.violation import require
from . import flags
from .modules import assert_same_modules, describe_modules

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial


class Snapshot:
    """Copies of parameters, buffers, flags, masks and output of a sparse model.

    Buffers that forward itself changes, such as those of an observer, are left out.
    """

    def __init__(self, trial: Trial, sparsified: Sparsified) -> None:
        self._inputs = trial.inputs("snapshot")
        self._flags = flags.read(sparsified.model)
        self._masks = _copies(sparsified.masks())
        state = _copies(model_tensors(sparsified.model))
        self._output = self._run(sparsified.model)
        self._changed_by_forward = _changed_by_forward(sparsified.model, state)
        self._state = {name: tensor for name, tensor in state.items() if name not in self._changed_by_forward}

    def assert_unchanged(self, sparsified: Sparsified, what: str) -> None:
        """Assert that everything copied is unchanged, bit for bit.

        Raises:
            Violation: Something has changed (`changed`).
        """
        tensors = model_tensors(sparsified.model)
        state = {name: value for name, value in tensors.items() if name not in self._changed_by_forward}
        compare.assert_same_state(state, self._state, "changed", what)
        compare.assert_same_state(sparsified.masks(), self._masks, "changed", f"{what}: masks")
        self._assert_same_flags(flags.read(sparsified.model), what)
        compare.assert_equal(self._run(sparsified.model), self._output, "changed", f"{what}: output")

    def _assert_same_flags(self, seen: dict[str, bool], what: str) -> None:
        for name in {**self._flags, **seen}:
            before, after = self._flags.get(name), seen.get(name)
            require(before == after, "changed", f"{what}: {name} is {after}, expected {before}")

    def _run(self, model: nn.Module) -> Tensor:
        with torch.no_grad():
            output: Tensor = model(self._inputs.clone())
        return output


class Untouched:
    """Copies of a model's parameters, buffers, module types and hooks, to show that a call left it unchanged."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._state, self._modules = _state_of(model), describe_modules(model)

    def assert_unchanged(self, kind: str, what: str) -> None:
        """Assert that nothing has changed, bit for bit.

        Args:
            kind: The kind of the violation.
            what: The subject of the message.

        Raises:
            Violation: Something has changed.
        """
        compare.assert_same_state(_state_of(self._model), self._state, kind, what)
        assert_same_modules(describe_modules(self._model), self._modules, kind, what)


def _state_of(model: nn.Module) -> dict[str, Tensor]:
    state = {name: tensor.detach().clone() for name, tensor in model.named_parameters(remove_duplicate=False)}
    return state | {f"{name} (buffer)": tensor.detach().clone() for name, tensor in model.named_buffers()}


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return every parameter and buffer, persistent or not, under every name that it has."""
    return {
        **dict(model.named_parameters(remove_duplicate=False)),
        **dict(model.named_buffers(remove_duplicate=False)),
    }


def _changed_by_forward(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """Return the buffers that have changed since `before`."""
    buffers = model.named_buffers(remove_duplicate=False)
    return {name for name, value in buffers if name not in before or not compare.same_values(value, before[name])}


def _copies(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
