"""The behaviour of a sparse model at one moment, to be compared with after it is saved, copied, traced or compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..oracle import compare
from ..oracle.compare import array
from ..oracle.units import Mask, Reals
from ..values.violation import presume

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial

BATCHES = (3, 7)
"""The batch sizes for which outputs are compared."""


@dataclass(frozen=True)
class Baseline:
    """Masks, parameters and outputs of a sparse model, copied before something is done to it.

    Whether they are right is judged by MASK; a baseline demands that they do not change.

    Attributes:
        trial: The cell.
        masks: The reported masks, by planned name, True where kept.
        parameters: All parameters, float64; a weight as forward uses it.
        outputs: By batch size, the output for the trial's fresh inputs.
    """

    trial: Trial
    masks: dict[str, Mask]
    parameters: dict[str, Reals]
    outputs: dict[int, Reals]

    @classmethod
    def of(cls, trial: Trial, sparsified: Sparsified) -> Baseline:
        """Record the behaviour of `sparsified` now.

        Raises:
            Violation: A mask is missing (`mask-missing`), or forward runs other layers (`forward-differs`).
        """
        with torch.no_grad():
            outputs = {batch: array(sparsified.model(trial.inputs("fresh", batch))).copy() for batch in BATCHES}
        return cls(trial, reported_masks(trial, sparsified), trial.effective_parameters(sparsified.model), outputs)

    def cast(self, trial: Trial) -> Baseline:
        """Return the baseline that must hold after a cast to the dtype of `trial`; its outputs are the oracle's."""
        parameters = {name: _cast(values, trial.dtype) for name, values in self.parameters.items()}
        outputs = {batch: trial.oracle_output(parameters, trial.inputs("fresh", batch)) for batch in BATCHES}
        return Baseline(trial, self.masks, parameters, outputs)

    def require_new_masks(self, other: Baseline, what: str) -> None:
        """Assert that some mask differs from that of `other`, without which the rest of the case would prove nothing.

        Raises:
            Violation: All masks are equal (`update-without-effect`).
        """
        moved = any((other.masks[name] != mask).any() for name, mask in self.masks.items())
        presume(moved, "update-without-effect", f"{what} left every mask as it was")

    def require_sparse(self, what: str) -> None:
        """Assert that every planned weight has removed entries, without which the rest of the case would prove nothing.

        Raises:
            Violation: A mask keeps every entry (`plan-not-applied`).
        """
        for name, mask in self.masks.items():
            presume(not mask.all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")

    def assert_matches(self, sparsified: Sparsified, what: str) -> None:
        """Assert that `sparsified` reports these masks, and that forward uses these weights and returns these outputs.

        Raises:
            Violation: A mask (`mask-differs`, `mask-missing`), a weight (`weight-differs`) or an output
                (`output-differs`) is different.
        """
        self.trial.assert_masks(sparsified, self.masks, what)
        self.assert_model(sparsified.model, what)

    def assert_model(self, model: nn.Module, what: str) -> None:
        """Assert that forward uses exactly these weights and returns these outputs.

        Raises:
            Violation: A weight (`weight-differs`) or an output (`output-differs`) is different.
        """
        self.trial.assert_used_weights(model, self.parameters, what)
        self.assert_output(model, what)

    def assert_output(self, model: Callable[[Tensor], Tensor], what: str, batches: Iterable[int] = BATCHES) -> None:
        """Assert that `model` returns the same outputs for fresh inputs, within tolerance.

        Args:
            model: The model, or a trace, an exported program or a compiled function of it.
            what: The subject of the message.
            batches: The batch sizes to compare.

        Raises:
            Violation: An output is different (`output-differs`).
        """
        for batch in batches:
            with torch.no_grad():
                seen = model(self.trial.inputs("fresh", batch))
            what_seen = f"{what}: output for a batch of {batch}"
            compare.assert_close(seen, self.outputs[batch], self.trial.tolerance, "output-differs", what_seen)

    def assert_updated(self, sparsified: Sparsified, what: str) -> None:
        """Assert that a further update without training removes entries and leaves the other kept ones unchanged.

        Raises:
            Violation: Nothing is removed (`plan-not-applied`), a removed entry is not zero in forward
                (`removed-not-zero`), an entry kept before and after has changed (`weight-differs`), or a mask is
                missing (`mask-missing`).
        """
        masks, used = reported_masks(self.trial, sparsified), self.trial.used_weights(sparsified.model)
        assert_removed_are_zero(self.trial, sparsified.model, masks, what)
        for name, mask in masks.items():
            presume(not mask.all(), "plan-not-applied", f"{what}: the mask of {name} keeps all")
            both = mask & self.masks[name]
            seen, expected = (np.where(both, values, 0.0) for values in (array(used[name]), self.parameters[name]))
            compare.assert_equal(seen, expected, "weight-differs", f"{what}: entries of {name} that stay kept, as used")


def reported_masks(trial: Trial, sparsified: Sparsified) -> dict[str, Mask]:
    """Return copies of the masks that `sparsified` reports for the planned parameters.

    Raises:
        Violation: A mask is missing (`mask-missing`).
    """
    masks = trial.masks(sparsified)
    for name in trial.plan.names:
        presume(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it")
    return {name: masks[name].copy() for name in trial.plan.names}


def assert_removed_are_zero(trial: Trial, model: nn.Module, masks: Mapping[str, Mask], what: str) -> None:
    """Assert that forward uses zero for every removed entry.

    Raises:
        Violation: It does not (`removed-not-zero`).
    """
    used = trial.used_weights(model)
    for name, mask in masks.items():
        removed = np.where(mask, 0.0, array(used[name]))
        entries = f"{what}: removed entries of {name} as used"
        compare.assert_equal(removed, np.zeros(mask.shape), "removed-not-zero", entries)


def _cast(values: Reals, dtype: torch.dtype) -> Reals:
    return array(torch.tensor(values).to(dtype))
