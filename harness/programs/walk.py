"""Run a program of the mask profile against a sparsifier, with a dense twin beside it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Context
from ..oracle.units import Mask
from ..values.plan import Plan
from ..values.program import Program, ProgramLayer, Values
from ..values.steps import Step
from . import build, sparsifier_steps, statements, user_steps
from .gradients import Held, held_gradients
from .places import dense_place, find_module, find_parameter
from .ranking import assert_masks_follow_plan
from .running import Run
from .twin import Twin
from .weights import values_of

STEPS = (sparsifier_steps, user_steps)
"""The modules that register the steps."""


class Walk(Run):
    """One run of a program of the mask profile; the twin is a dense model with its own account of the masks.

    Attributes:
        judges_plan: Whether the masks after an update must be those that plan, weights and contract demand.
    """

    program: Program
    judges_plan = True

    def made_plan(self) -> Plan:
        return build.plan(self.program)

    def built(self, salt: str) -> nn.Module:
        return build.build(self.program, salt, self.device)

    def made_twin(self) -> Twin:
        return Twin(copy.deepcopy(self.model), self.known_names())

    def inputs(self, salt: str = "probe", batch: int = 3) -> Tensor:
        return build.inputs(self.program, salt, batch, self.dtype, self.device)

    def batches(self, count: int, salt: str) -> list[Batch]:
        return build.batches(self.program, count, salt, self.dtype, self.device)

    def layer_inputs(self, name: str) -> Tensor:
        layer = next(one for one in self.program.layers if one.name == name)
        return build.layer_inputs(layer, self.program, self.dtype, self.device)

    def context(self) -> Context:
        return build.context(self.program, self.dtype, self.device)

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

    def new_values(self, name: str) -> Tensor:
        """Return other values, masked where a sparsifier keeps its zeros in the parameter itself."""
        shape, dtype = self.program.shapes[name], str(self.dtype).removeprefix("torch.")
        kind: Values = "untied" if self.program.values == "untied" else "distinct"
        drawn = values_of(self.program, name, f"written {self.updates}", shape, kind, dtype)
        values = torch.tensor(drawn, dtype=self.dtype, device=self.device)
        hides = self.contract.holds in ("parametrization", "buffer")
        return values if hides else values.masked_fill(~self.twin.masks[name], 0)

    def layers(self) -> Iterator[tuple[ProgramLayer, nn.Module, nn.Module]]:
        for layer in self.program.layers:
            planned = any(f"{layer.name}.{name}" in self.plan.patterns for name in layer.shapes)
            if planned and (module := find_module(self.model, layer.name)) is not None:
                yield layer, module, self.twin.model.get_submodule(layer.name)

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
