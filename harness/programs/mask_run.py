"""One run against a sparsifier of the mask profile, whatever the network: what must hold after a step."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from ..oracle.units import Mask
from ..values.plan import Plan
from ..values.steps import Step
from . import sparsifier_steps, statements, user_steps
from .gradients import Held, held_gradients
from .places import dense_place, find_parameter
from .ranking import assert_masks_follow_plan
from .running import Run
from .twin import Twin

STEPS = (sparsifier_steps, user_steps)
"""The modules that register the steps."""


class MaskRun(Run):
    """A run of the mask profile; the twin is a dense model with its own account of the masks.

    Attributes:
        judges_plan: Whether the masks after an update must be those that plan, weights and contract demand.
    """

    judges_plan = True

    def made_twin(self) -> Twin:
        return Twin(copy.deepcopy(self.model), self.known_names())

    def place(self, name: str) -> nn.Parameter | None:
        if self.sparsified is None:
            return self.before[name]
        if self.contract.trained == "reparametrized":
            return None
        is_dense = not self.updates and self.contract.masks_at == "update"
        keeps_all = name in self.twin.masks and bool(self.twin.masks[name].all())  # so that no mask need be held
        if (is_dense or keeps_all) and (own := find_parameter(self.model, name)) is not None:
            return own
        return dense_place(self.model, name, self.contract.holds, self.before)

    def writable(self, name: str, values: Tensor) -> Tensor:
        """Return values, masked where a sparsifier keeps its zeros in the parameter itself."""
        hides = self.contract.holds in ("parametrization", "buffer")
        return values if hides else values.masked_fill(~self.twin.masks[name], 0)

    def judge_update(self, plan: Plan, before: dict[str, Mask] | None) -> None:
        masks = statements.reported_masks(self)
        dense, dtype = self.twin.scored(), str(self.dtype).removeprefix("torch.")
        if self.judges_plan:
            assert_masks_follow_plan(plan, masks, before, dense, self.contract, dtype)
        self.twin.set_masks(masks)
        self.keeps_gradients = False

    def assert_state(self) -> None:
        if self.looks:
            statements.assert_masks(self)
        statements.assert_state(self, self.looks)

    def held_gradients(self, step: Step) -> dict[str, Held]:
        return held_gradients(step, self)

    def assert_untouched(self) -> None:
        """Leave it to the area REFUSE."""

    def check_possible(self, plan: Plan) -> None:
        """Take every update: weights may be masked as a whole."""

    def assert_restored(self, donor: nn.Module) -> None:
        """Leave it to the area STATE."""

    def assert_plain(self) -> None:
        """Leave it to the area REG."""
