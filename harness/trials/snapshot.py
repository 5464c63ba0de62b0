"""A sparse model as it was before something was done to it, or beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..oracle import compare
from ..trials import flags
from ..values.violation import require

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial


class Snapshot:
    """Copies of all that should be left as it is: parameters, buffers, flags, masks and output. A buffer that
    forward itself changes, as an observer's does, is left out."""

    def __init__(self, trial: Trial, sparsified: Sparsified) -> None:
        self._inputs = trial.inputs("snapshot")
        self._flags = flags.read(sparsified.model)
        self._masks = _copies(sparsified.masks())
        state = _copies(model_tensors(sparsified.model))
        self._output = self._run(sparsified.model)
        self._counting = _counting(sparsified.model, state)
        self._state = {name: tensor for name, tensor in state.items() if name not in self._counting}

    def assert_unchanged(self, sparsified: Sparsified, what: str) -> None:
        """Nothing of it has changed, bit for bit.

        Raises:
            Violation: of kind `changed`.
        """
        state = {name: value for name, value in model_tensors(sparsified.model).items() if name not in self._counting}
        compare.assert_same_state(state, self._state, "changed", what)
        compare.assert_same_state(sparsified.masks(), self._masks, "changed", f"{what}: masks")
        self._judge_flags(flags.read(sparsified.model), what)
        compare.assert_equal(self._run(sparsified.model), self._output, "changed", f"{what}: output")

    def _judge_flags(self, seen: dict[str, bool], what: str) -> None:
        for name in {**self._flags, **seen}:
            before, after = self._flags.get(name), seen.get(name)
            require(before == after, "changed", f"{what}: {name} is {after}, expected {before}")

    def _run(self, model: nn.Module) -> Tensor:
        with torch.no_grad():
            output: Tensor = model(self._inputs)
        return output


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name, persistent or not, under every name it has."""
    return {
        **dict(model.named_parameters(remove_duplicate=False)),
        **dict(model.named_buffers(remove_duplicate=False)),
    }


def _counting(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """The buffers that are no longer what they were."""
    buffers = model.named_buffers(remove_duplicate=False)
    return {name for name, value in buffers if name not in before or not compare.same_values(value, before[name])}


def _copies(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
