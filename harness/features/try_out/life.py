"""The run of a user's own model: it is built from copies, and its inputs are made from the example."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...adapter.protocol import Adapter, Batch, Context
from ...process.guard import Guard
from ...programs import statements
from ...programs.build import OTHER
from ...programs.mask_run import MaskRun
from ...programs.taking import Skipped
from ...values.declaration import Declaration
from ...values.plan import Plan
from ...values.program import OptimizerKind, ProgramLayer
from ...values.steps import Step
from .own_model import OwnModel


@dataclass(frozen=True)
class Life:
    """The steps of a model's life.

    Attributes:
        steps: The steps.
        shapes: The shapes of the parameters of the model, by name.
        dtype: The dtype of the model.
        optimizer: The kind of the user's optimizer.
        layers: Empty: the model was not made from a description.
    """

    steps: tuple[Step, ...]
    shapes: Mapping[str, tuple[int, ...]]
    dtype: str
    optimizer: OptimizerKind = "sgd"
    layers: tuple[ProgramLayer, ...] = ()


class OwnRun(MaskRun):
    """One life of a user's own model.

    Args:
        own: The model.
        life: The steps.
        plan: The plan.
        adapter: The adapter.
        declaration: Its declaration.
        guard: The guard of the process-wide state.
        begin: Called with each step as it begins.
    """

    def __init__(
        self, own: OwnModel, life: Life, plan: Plan, adapter: Adapter, declaration: Declaration, guard: Guard,
        begin: Callable[[str], None],
    ) -> None:
        self._own = own
        self._begin = begin
        self._began = 0
        self._plan = plan
        super().__init__(life, adapter, declaration, guard, own.inputs.device)

    def _take(self, step: Step) -> None:
        self._began += 1
        self._begin(f"step {self._began}, {statements.describe(step)}")
        super()._take(step)

    def made_plan(self) -> Plan:
        return self._plan

    def built(self, salt: str) -> nn.Module:
        """Return a copy of the model; for `OTHER`, with other weights of the same distribution."""
        model = self._own.fresh()
        if salt == OTHER:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.copy_(parameter.flip(0) if parameter.dim() else -parameter)
        return model

    def inputs(self, salt: str = "probe", batch: int = 3) -> Tensor:
        """Return the example, whatever the batch size asked for: no other is known to be taken."""
        return self._own.inputs.clone()

    def batches(self, count: int, salt: str) -> list[Batch]:
        """Return variants of the example, each with a random target that depends on its number alone."""
        with torch.no_grad():
            shape = self._own.fresh()(self.inputs()).shape
        made = []
        for number in range(count):
            generator = torch.Generator().manual_seed(number)
            target = torch.rand(shape, generator=generator).to(self.dtype)
            made.append((_variant(self.inputs(), number), target.to(self.device)))
        return made

    def layer_inputs(self, name: str) -> Tensor:
        raise Skipped("what a layer of your own model takes is not known")

    def context(self) -> Context:
        return Context(self.inputs(), tuple(self.batches(2, "calibration")), self.device, self.dtype)

    def new_values(self, name: str) -> Tensor:
        """Return the dense model's values in another order."""
        dense = self._own.model.get_parameter(name).detach()
        return self.writable(name, dense.flip(0) if dense.dim() else -dense)

    def layers(self) -> Iterator[tuple[ProgramLayer, nn.Module, nn.Module]]:
        return iter(())


def _variant(inputs: Tensor, number: int) -> Tensor:
    """Return inputs that the model takes if it takes these: in another order along the last dimension."""
    return inputs.roll(number, -1) if inputs.dim() else inputs
