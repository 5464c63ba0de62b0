"""The run of a user's own model that loses channels, beside a copy that has the same channels."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...oracle import compare
from ...oracle.tolerance import Tolerance
from ...oracle.units import Mask, total_removed
from ...programs import sparsifier_steps, statements, user_steps
from ...programs.gradients import Held
from ...programs.places import find_parameter
from ...programs.taking import Skipped
from ...programs.twin import Twin
from ...values.pattern import Channel
from ...values.plan import Plan
from ...values.steps import Step
from ...values.violation import Violation, require
from .channels import Cut, cut, gradients_left
from .life import OwnRun
from .messages import OF_OUTPUTS

STEPS = (sparsifier_steps, user_steps)
"""The modules that register the steps."""


class AdoptedTwin(Twin):
    """A plain model that takes over the shapes of each update, once what is left was compared with what was there."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, ())

    def write(self, name: str, values: Tensor) -> None:
        """Set the values of a parameter."""
        self._values(name).copy_(values)

    def adopt(self, model: nn.Module) -> None:
        """Take a copy of a model in place of the present one, with the flags of that one."""
        made = copy.deepcopy(model)
        statements.give_flags(made, self.model)
        self.model = made
        self.forget_optimizer()


class ChannelRun(OwnRun):
    """One life of a user's own model whose channels are removed.

    What is right follows from the model itself: what is left of a parameter are rows and columns of it, and the output
    is that of the model before the update, in which all layers take zeros for what is gone.

    Attributes:
        last: What the last update has left; None before it.
    """

    twin: AdoptedTwin
    last: Cut | None = None

    def made_twin(self) -> AdoptedTwin:
        return AdoptedTwin(copy.deepcopy(self.model))

    def place(self, name: str) -> nn.Parameter | None:
        return find_parameter(self.model, name)

    def new_values(self, name: str) -> Tensor:
        """Return the present values in another order."""
        return self.twin.model.get_parameter(name).detach().flip(0).clone()

    def writable(self, name: str, values: Tensor) -> Tensor:
        return values

    def assert_state(self) -> None:
        statements.assert_state(self, self.looks)

    def held_gradients(self, step: Step) -> dict[str, Held]:
        return {}

    # ------------------------------------------------------------- updates

    def check_possible(self, plan: Plan) -> None:
        for name, pattern in plan.patterns.items():
            if isinstance(pattern, Channel) and plan.scope == "each":
                count, gone = self._units(name)
                if total_removed(pattern.level, count, self.contract, gone) >= count:
                    raise Skipped(f"it would leave no channel of {name.removeprefix(self._own.prefix)}")

    def judge_update(self, plan: Plan, before: dict[str, Mask] | None) -> None:
        masks = self.call(self.attached.masks, "masks()")
        message = "masks() returns masks, expected an empty dict, since no weight is masked"
        require(not masks, "protocol-broken", message)
        gone = {name: self._units(name)[1] for name in plan.names}
        found = cut(self.twin.model, self.model)
        self._assert_counts(plan, gone)
        self.last = found
        try:
            self._assert_output(found)
        except Skipped as reason:
            self.skipped.append(str(reason))
        self.twin.adopt(self.model)
        self.forget_optimizer()

    def _units(self, name: str) -> tuple[int, int]:
        """Return the number of output channels of a planned weight in the dense model, and how many are gone of it."""
        place, count = find_parameter(self.model, name), self.program.shapes[name][0]
        if place is None:
            raise Violation("tensor-missing", f"the model has no parameter {name}")
        rows, gates = place.shape[0], _gates(self._own.model, name)
        return count // gates, (count - rows) // gates

    def _assert_counts(self, plan: Plan, gone: Mapping[str, int]) -> None:
        """Assert that planned weights have lost as many channels as the plan demands.

        If several are planned, one may have lost more, since it may share channels with another.
        """
        groups = [plan.names] if plan.scope == "all" else [(name,) for name in plan.names]
        for names in groups:
            pattern = plan.patterns[names[0]]
            assert isinstance(pattern, Channel)
            units = [self._units(name) for name in names]
            count, seen = (sum(side) for side in zip(*units, strict=True))
            expected = total_removed(pattern.level, count, self.contract, sum(gone[name] for name in names))
            shown = " and ".join(name.removeprefix(self._own.prefix) for name in names)
            if seen > expected and len(plan.names) > 1:
                self.adopted.add(f"{seen - expected} more of {count} channels of {shown}, which shares them")
                continue
            message = f"the update of {shown} removes {seen} of {count} channels, expected {expected}"
            require(seen == expected, "count-differs", message)

    def _assert_output(self, found: Cut) -> None:
        """Assert that the output in eval mode is that of the model before, with zeros for channels that are gone."""
        reference, seen = found.masked().eval(), copy.deepcopy(self.model).eval()
        with torch.no_grad():
            expected = reference(self.inputs())
            output = self.call(lambda: seen(self.inputs()), "forward after the update")
        if output.shape != expected.shape:
            self.cut = OF_OUTPUTS
            self.finished = True
            return
        what = "output in eval mode, against the model before the update with zeros for the channels that are gone"
        compare.assert_close(output, compare.array(expected), self._wide(expected), "output-differs", what)

    def _wide(self, *tensors: Tensor) -> Tolerance:
        one = statements.scaled(statements.bound(self), *tensors)
        wider = statements.AFTER_TRAINING if self.exact else 1
        return Tolerance(one.relative * wider, one.absolute * wider)

    def assert_learns_as_masked(self) -> None:
        """Assert that what is left has the gradients of the model before the update, with zeros for what is gone.

        It is for models that were in eval mode from the start: batch norms of a few inputs make rounding larger than
        any defect, and their statistics move with every forward.

        Raises:
            Violation: One differs (`gradient-differs`), or there is none (`gradient-missing`).
        """
        if self.last is None:
            raise Skipped("nothing was updated")
        reference, [(inputs, target)] = self.last.masked(), self.batches(1, "train")
        functional.mse_loss(reference(inputs), target).backward()
        self.call(lambda: functional.mse_loss(self.model(inputs), target).backward(), "backward")
        gradients = [one.grad for one in reference.parameters() if one.grad is not None]
        largest = max(float(one.abs().max()) for one in gradients)
        for name, expected in gradients_left(reference.named_parameters(), self.last.kept):
            seen = find_parameter(self.model, name)
            if seen is None or seen.grad is None:
                raise Violation("gradient-missing", f"backward leaves no gradient of {name}")
            one = self._wide()
            limit = Tolerance(one.relative, one.absolute * largest)
            compare.assert_close(seen.grad, expected, limit, "gradient-differs", f"gradient of {name}")

    def assert_restored(self, donor: nn.Module) -> None:
        own, other = ({name: one.detach() for name, one in model.named_parameters()} for model in (self.model, donor))
        compare.assert_no_shared_storage(own, other, "restored model and original")


def _gates(model: nn.Module, name: str) -> int:
    """Return the number of rows of a planned weight that belong to one hidden unit."""
    holder = model.get_submodule(name.rpartition(".")[0])
    return {nn.LSTM: 4, nn.GRU: 3}.get(type(holder), 1)


