"""Run a program against a sparsifier, with a dense twin beside it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..adapter.protocol import Adapter, Sparsified
from ..process.guard import Guard
from ..values.capability import Support
from ..values.declaration import Declaration
from ..values.program import Program, ProgramLayer
from ..values.steps import Step, Update
from ..values.violation import Violation
from . import build, sparsifier_steps, statements, user_steps
from .gradients import assert_gradients_kept, held_gradients
from .places import dense_place, find_module, find_parameter
from .taking import Skipped, take
from .twin import Twin

STEPS = (sparsifier_steps, user_steps)
"""The modules that register the steps."""


class Walk:
    """One run of a program.

    Attributes:
        program: The program.
        contract: The declared contract.
        plan: The plan.
        device: The device.
        default_dtype: Torch's default dtype from attach on.
        guard: The guard of the process-wide state.
        twin: The dense twin.
        model: The model that the user holds: the dense one, then the sparse one, then the final one.
        before: The parameters of the model that was attached to.
        dtype: The dtype of the model now.
        exact: Whether weights must still be equal bit for bit, because nothing has trained them.
        updates: The number of updates so far.
        inferred: Whether one of them was under inference_mode.
        calls: The calls of the user's hooks on the sparse model, and on the twin.
        expected: The output of the twin that was computed last.
        optimizer: The user's optimizer.
        keeps_gradients: Whether both models have the gradients of the same backward, under the masks in force.
        adopted: What was taken over as observed, since no statement predicts it.
        skipped: The steps that were not taken, with the reason.
        looks: Whether masks and output are looked at after the step in progress.
        judges_plan: Whether the masks after an update must be those that plan, weights and contract demand.
    """

    judges_plan = True

    def __init__(
        self, program: Program, adapter: Adapter, declaration: Declaration, guard: Guard,
        device: torch.device = torch.device("cpu"),  # noqa: B008  # a device is a frozen value
    ) -> None:
        self.program = program
        self.adapter = adapter
        self.declaration = declaration
        self.contract = declaration.contract
        self.guard = guard
        self.device = device
        self.plan = build.plan(program)
        self.model = build.build(program, "dense", device)
        self.twin = Twin(copy.deepcopy(self.model), self.known_names())
        self.before = dict(self.model.named_parameters(remove_duplicate=False))
        self.dtype: torch.dtype = getattr(torch, program.dtype)
        self.sparsified: Sparsified | None = None
        self.optimizer: torch.optim.Optimizer | None = None
        self.keeps_gradients = False
        self.exact = True
        self.updates = 0
        self.inferred = False
        self.default_dtype = torch.float32
        self.calls, self.twin_calls = Counter[str](), Counter[str]()
        self.twin_hooks: list[RemovableHandle] = []
        self.expected: statements.Expected | None = None
        self.adopted = set[str]()
        self.skipped: list[str] = []
        self.finished = False
        self.looks = True

    def known_names(self) -> tuple[str, ...]:
        """Return the planned names that the network has."""
        return tuple(name for name in self.plan.names if name in self.program.shapes)

    # ------------------------------------------------------------- running

    def run(self) -> None:
        """Take every step, and compare after each.

        Raises:
            Violation: A statement does not hold; the message names the step.
            NotOffered: The sparsifier refuses the plan.
        """
        for number, step in enumerate(self.program.steps, 1):
            if self.finished:
                return
            self.looks = not any(_is_straight(one) for one in self.program.steps[number:number + 1])
            try:
                self._take(step)
            except Exception as error:
                if self._is_about_inference(error) or self._is_of_the_twin(error):
                    self.skipped.append(f"{statements.describe(step)} and all after it: {error}")
                    return
                if not isinstance(error, Violation):
                    raise
                where = f"step {number}, {statements.describe(step)}"
                raise Violation(error.kind, f"{where}: {error.message}") from error.__cause__

    def _is_about_inference(self, error: Exception) -> bool:
        """Return whether torch refuses a tensor that an update under inference_mode has made, as TRAIN-20 permits."""
        cause = error.__cause__ or error
        return self.inferred and isinstance(cause, RuntimeError) and "inference tensor" in str(cause).lower()

    def _is_of_the_twin(self, error: Exception) -> bool:
        """Return whether the dense twin raised, as it does where an older torch lacks an operation in a dtype."""
        its = {id(self.twin), *map(id, self.twin.model.modules())}
        frames = walk_tb(error.__traceback__)
        return isinstance(error, RuntimeError) and any(id(one.f_locals.get("self")) in its for one, _ in frames)

    def _take(self, step: Step) -> None:
        gradients = held_gradients(step, self)
        try:
            with self.user_defaults():
                take(step, self)
        except Skipped as reason:
            self.skipped.append(f"{statements.describe(step)}: {reason}")
            return
        if not self.finished:
            with self.user_defaults():
                statements.assert_state(self, self.looks)
            assert_gradients_kept(gradients, step, self)
        if changed := self.guard.changed:
            self.guard.changed = []
            raise Violation("process-changed", f"the sparsifier changed {'; and '.join(changed)}")
        self._assert_random_state()

    def _assert_random_state(self) -> None:
        """Assert that attach, update and restore drew no random numbers, unless the score is declared random."""
        moved, self.guard.moved = sorted({*self.guard.moved}), []
        if moved and self.contract.score != "random":
            message = f"the sparsifier changed the global random state of {' and '.join(moved)}"
            raise Violation("random-state", message)

    @contextmanager
    def user_defaults(self) -> Iterator[None]:
        """Have the user's default dtype inside; what the sparsifier changes is the guard's business."""
        earlier = torch.get_default_dtype()
        if earlier == self.default_dtype:
            yield
            return
        torch.set_default_dtype(self.default_dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(earlier)

    def supports(self, capability: str) -> bool:
        """Return whether the adapter declares a capability as supported."""
        return self.declaration.capabilities.support(capability) is Support.SUPPORTED

    @property
    def attached(self) -> Sparsified:
        """Return the sparsifier at work.

        Raises:
            Skipped: Nothing is attached yet.
        """
        if self.sparsified is None:
            raise Skipped("nothing is attached yet")
        return self.sparsified

    def inputs(self, salt: str = "probe", batch: int = 3) -> Tensor:
        """Return a batch of inputs."""
        return build.inputs(self.program, salt, batch, self.dtype, self.device)

    def place(self, name: str) -> nn.Parameter | None:
        """Return the parameter that training changes for a planned one, or None if no place is known."""
        if self.sparsified is None:
            return self.before[name]
        if self.contract.trained == "reparametrized":
            return None
        is_dense = not self.updates and self.contract.masks_at == "update"
        keeps_all = name in self.twin.masks and bool(self.twin.masks[name].all())  # so that no mask need be held
        if (is_dense or keeps_all) and (own := find_parameter(self.model, name)) is not None:
            return own
        return dense_place(self.model, name, self.contract.holds, self.before)

    def layers(self) -> Iterator[tuple[ProgramLayer, nn.Module, nn.Module]]:
        """Yield every planned layer, the module of the sparse model, and that of the twin."""
        for layer in self.program.layers:
            planned = any(f"{layer.name}.{name}" in self.plan.patterns for name in layer.shapes)
            if planned and (module := find_module(self.model, layer.name)) is not None:
                yield layer, module, self.twin.model.get_submodule(layer.name)

    def call(self, act: Callable[[], Any], what: str) -> Any:
        """Call the sparsifier, and make an unexpected exception a violation.

        Raises:
            Violation: It raised (`crashed`).
        """
        try:
            return act()
        except (Violation, Skipped):
            raise
        except Exception as error:
            raise Violation("crashed", f"{what} raises {type(error).__name__}: {error}") from error

    def forget_optimizer(self) -> None:
        """Let the next training step make new optimizers, since the model has other parameters."""
        self.optimizer = None
        self.keeps_gradients = False
        self.twin.forget_optimizer()


def _is_straight(step: Step) -> bool:
    return isinstance(step, Update) and step.straight
