"""How a sparse model stands, so that it can be held to that after it was saved, copied, traced or compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..oracle import compare
from ..oracle.compare import array
from ..oracle.units import Mask, Reals
from ..values.violation import require

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial

BATCHES = (3, 7)
"""Batch sizes that outputs are compared for."""


@dataclass(frozen=True)
class Baseline:
    """One sparse model before something is done to it, as copies. Whether it is right as it stands is for MASK to
    judge; what comes after is to keep to it.

    masks: as reported, by planned name. parameters: all, float64, a weight as forward uses it.
    outputs: by batch size, for the trial's fresh inputs.
    """

    trial: Trial
    masks: dict[str, Mask]
    parameters: dict[str, Reals]
    outputs: dict[int, Reals]

    @classmethod
    def of(cls, trial: Trial, sparsified: Sparsified) -> Baseline:
        """How `sparsified` stands now.

        Raises:
            Violation: `mask-missing` or `forward-differs`.
        """
        with torch.no_grad():
            outputs = {batch: array(sparsified.model(trial.inputs("fresh", batch))).copy() for batch in BATCHES}
        return cls(trial, reported_masks(trial, sparsified), trial.effective_parameters(sparsified.model), outputs)

    def cast(self, trial: Trial) -> Baseline:
        """What it must be in the dtype of `trial`; its outputs are then the oracle's."""
        parameters = {name: _cast(values, trial.dtype) for name, values in self.parameters.items()}
        outputs = {batch: trial.oracle_output(parameters, trial.inputs("fresh", batch)) for batch in BATCHES}
        return Baseline(trial, self.masks, parameters, outputs)

    def require_new_masks(self, other: Baseline, what: str) -> None:
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

    def assert_matches(self, sparsified: Sparsified, what: str) -> None:
        """It reports these masks, and forward uses these weights to the same output.

        Raises:
            Violation: `mask-differs`, `mask-missing`, `weight-differs` or `output-differs`.
        """
        self.trial.assert_masks(sparsified, self.masks, what)
        self.assert_model(sparsified.model, what)

    def assert_model(self, model: nn.Module, what: str) -> None:
        """Forward uses these weights, exactly, to the same output.

        Raises:
            Violation: `weight-differs` or `output-differs`.
        """
        self.trial.assert_used_weights(model, self.parameters, what)
        self.assert_output(model, what)

    def assert_output(self, model: Callable[[Tensor], Tensor], what: str, batches: Iterable[int] = BATCHES) -> None:
        """On fresh inputs, in batches of each size, the output is the same within tolerance.

        Raises:
            Violation: `output-differs`.
        """
        for batch in batches:
            with torch.no_grad():
                seen = model(self.trial.inputs("fresh", batch))
            what_seen = f"{what}: output for a batch of {batch}"
            compare.assert_close(seen, self.outputs[batch], self.trial.tolerance, "output-differs", what_seen)

    def assert_updated(self, sparsified: Sparsified, what: str) -> None:
        """After a further update of unchanged weights: forward uses zero for what is removed now, and what it used
        before for what was kept and is.

        Raises:
            Violation: `plan-not-applied`, `removed-not-zero`, `weight-differs` or `mask-missing`.
        """
        masks, used = reported_masks(self.trial, sparsified), self.trial.used_weights(sparsified.model)
        assert_removed_are_zero(self.trial, sparsified.model, masks, what)
        for name, mask in masks.items():
            require(not mask.all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")
            both = mask & self.masks[name]
            seen, expected = (np.where(both, values, 0.0) for values in (array(used[name]), self.parameters[name]))
            compare.assert_equal(seen, expected, "weight-differs", f"{what}: entries of {name} that stay kept, as used")


def reported_masks(trial: Trial, sparsified: Sparsified) -> dict[str, Mask]:
    """The masks that it reports for what is planned, as copies.

    Raises:
        Violation: `mask-missing`.
    """
    masks = trial.masks(sparsified)
    for name in trial.plan.names:
        require(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it")
    return {name: masks[name].copy() for name in trial.plan.names}


def assert_removed_are_zero(trial: Trial, model: nn.Module, masks: Mapping[str, Mask], what: str) -> None:
    """Forward uses zero for every entry that `masks` remove.

    Raises:
        Violation: `removed-not-zero`.
    """
    used = trial.used_weights(model)
    for name, mask in masks.items():
        removed = np.where(mask, 0.0, array(used[name]))
        entries = f"{what}: removed entries of {name} as used"
        compare.assert_equal(removed, np.zeros(mask.shape), "removed-not-zero", entries)


def _cast(values: Reals, dtype: torch.dtype) -> Reals:
    return array(torch.tensor(values).to(dtype))
