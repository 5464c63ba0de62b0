"""What a sparse model must be, whatever was done to it in between: saved, copied, traced, compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..judging import compare
from ..judging.compare import array, require
from ..judging.oracle import Mask, Reals

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..subject.adapter import Sparsified
    from .trial import Trial


@dataclass(frozen=True)
class ModelOracle:
    """The masks of one sparse model and the weights that forward must compute with, as copies.

    masks: by planned name. dense: all parameters as they were before any mask, float64.
    parameters: the same with removed entries zero.
    """

    trial: Trial
    masks: dict[str, Mask]
    dense: dict[str, Reals]
    parameters: dict[str, Reals]

    @classmethod
    def of(cls, trial: Trial, sparsified: Sparsified, dense: nn.Module | None = None) -> ModelOracle:
        """What `sparsified` must be if `dense`, by default the trial's, holds the dense weights."""
        masks = trial.expected_masks(sparsified)
        parameters = trial.parameters(dense or trial.dense_model())
        return cls(trial, masks, parameters, trial.masked(parameters, masks))

    def updated(self, sparsified: Sparsified) -> ModelOracle:
        """What it must be after a further update of unchanged weights. In place, what was zeroed stays so."""
        masks = self.trial.expected_masks(sparsified)
        left = self.parameters if self.trial.contract.holds == "in place" else self.dense
        return ModelOracle(self.trial, masks, left, self.trial.masked(left, masks))

    def require_other_masks(self, other: ModelOracle, what: str) -> None:
        """Some mask is not that of `other`: else what comes after would prove nothing.

        Raises:
            Violation: `update-without-effect`.
        """
        moved = any((other.masks[name] != mask).any() for name, mask in self.masks.items())
        require(moved, "update-without-effect", f"{what} left every mask as it was")

    def require_sparse(self, what: str) -> None:
        """Some entry of every planned weight is removed: else what comes after would prove nothing.

        Raises:
            Violation: `plan-not-applied`.
        """
        for name, mask in self.masks.items():
            require(not mask.all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")

    def judge(self, sparsified: Sparsified, what: str) -> None:
        """It reports these masks, and forward uses these weights to the oracle's output.

        Raises:
            Violation: `mask-differs`, `mask-missing`, `weight-differs` or `output-differs`.
        """
        self.trial.judge_masks(sparsified, self.masks, what)
        self.judge_model(sparsified.model, what)

    def judge_model(self, model: nn.Module, what: str) -> None:
        """Forward uses these weights, exactly, to the oracle's output.

        Raises:
            Violation: `weight-differs` or `output-differs`.
        """
        self.trial.judge_used(model, self.parameters, what)
        self.judge_output(model, what)

    def judge_output(self, model: Callable[[Tensor], Tensor], what: str) -> None:
        """On fresh inputs, and in batches of another size, the output is the oracle's within tolerance.

        Raises:
            Violation: `output-differs`.
        """
        for batch in (3, 7):
            inputs = self.trial.inputs("fresh", batch)
            self.trial.judge_output(model, self.parameters, inputs, f"{what}: output for a batch of {batch}")


def judge_removed(trial: Trial, model: nn.Module, masks: Mapping[str, Mask], what: str) -> None:
    """Forward uses zero for every entry that `masks` remove.

    Raises:
        Violation: `removed-not-zero`.
    """
    used = trial.used(model)
    for name, mask in masks.items():
        removed = np.where(mask, 0.0, array(used[name]))
        compare.equal(removed, np.zeros(mask.shape), "removed-not-zero", f"{what}: removed entries of {name} as used")
