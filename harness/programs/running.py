"""One run of a program against a sparsifier, with a twin beside it: the part that no profile changes.

A profile's walk says how its models, plans and inputs are made, and what must hold after a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..adapter.protocol import Adapter, Batch, Context, Sparsified
from ..oracle.tolerance import Tolerance
from ..oracle.units import Mask
from ..process.guard import Guard
from ..values.capability import Support
from ..values.declaration import Declaration
from ..values.plan import Plan
from ..values.program import OptimizerKind, ProgramLayer
from ..values.steps import Step, Update
from ..values.structural_program import GraphLayer
from ..values.violation import CannotJudge, Violation
from . import statements
from .gradients import Held, assert_gradients_kept
from .taking import Skipped, take
from .twin import Twin


class Runnable(Protocol):
    """What is run: the steps, and what they must know of the network.

    Attributes:
        steps: The steps.
        dtype: The dtype of the network's parameters.
        optimizer: The kind of the user's optimizer.
        layers: The layers of the network, if it was made from a description.
        shapes: The shapes of the parameters that can be planned, by name.
    """

    @property
    def steps(self) -> Sequence[Step]: ...

    @property
    def dtype(self) -> str: ...

    @property
    def optimizer(self) -> OptimizerKind: ...

    @property
    def layers(self) -> Sequence[ProgramLayer | GraphLayer]: ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...


class Run(ABC):
    """One run of a program.

    Attributes:
        program: The program.
        contract: The declared contract.
        plan: The plan.
        device: The device.
        default_dtype: Torch's default dtype from attach on.
        guard: The guard of the process-wide state.
        twin: The twin.
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
        cut: Why the rest of the program was not run, although that is no property of the sparsifier; mostly empty.
        looks: Whether masks and output are looked at after the step in progress.

    Args:
        program: The program.
        adapter: The adapter.
        declaration: Its declaration.
        guard: The guard of the process-wide state.
        device: The device.
    """

    program: Runnable
    twin: Twin

    def __init__(
        self, program: Runnable, adapter: Adapter, declaration: Declaration, guard: Guard,
        device: torch.device = torch.device("cpu"),  # noqa: B008  # a device is a frozen value
    ) -> None:
        self.program = program
        self.adapter = adapter
        self.declaration = declaration
        self.contract = declaration.contract
        self.guard = guard
        self.device = device
        self.plan = self.made_plan()
        self.model = self.built("dense")
        self.twin = self.made_twin()
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
        self.cut = ""
        self.finished = False
        self.looks = True

    def known_names(self) -> tuple[str, ...]:
        """Return the planned names that the network has."""
        return tuple(name for name in self.plan.names if name in self.program.shapes)

    def known_places(self, names: Iterable[str]) -> dict[str, nn.Parameter]:
        """Return the parameters that hold planned weights, all of them found before a step changes any.

        Raises:
            Skipped: The place of one is not known.
        """
        places = {name: self.place(name) for name in names}
        for name, place in places.items():
            if place is None:
                raise Skipped(f"no parameter is known that holds {name}")
        return {name: place for name, place in places.items() if place is not None}

    # ------------------------------------------------------------- of a profile

    @abstractmethod
    def made_plan(self) -> Plan:
        """Return the plan of the program."""

    @abstractmethod
    def built(self, salt: str) -> nn.Module:
        """Return a dense model whose weights are drawn from `salt`."""

    @abstractmethod
    def made_twin(self) -> Twin:
        """Return the twin of the model."""

    @abstractmethod
    def inputs(self, salt: str = "probe", batch: int = 3) -> Tensor:
        """Return a batch of inputs."""

    @abstractmethod
    def batches(self, count: int, salt: str) -> list[Batch]:
        """Return batches (inputs, target)."""

    @abstractmethod
    def layer_inputs(self, name: str) -> Tensor:
        """Return a batch of inputs for one layer called by itself."""

    @abstractmethod
    def context(self) -> Context:
        """Return the context that the adapter gets."""

    @abstractmethod
    def place(self, name: str) -> nn.Parameter | None:
        """Return the parameter that training changes for a planned one, or None if no place is known."""

    @abstractmethod
    def new_values(self, name: str) -> Tensor:
        """Return other values for a planned parameter of the sparse model."""

    @abstractmethod
    def layers(self) -> Iterator[tuple[ProgramLayer | GraphLayer, nn.Module, nn.Module]]:
        """Yield every planned layer, the module of the sparse model, and that of the twin."""

    @abstractmethod
    def judge_update(self, plan: Plan, before: dict[str, Mask] | None) -> None:
        """Compare what an update has removed with what the plan demands, and remove it from the twin.

        Args:
            plan: The plan, at the levels of this update.
            before: The masks before it; None if it was the first.
        """

    @abstractmethod
    def assert_state(self) -> None:
        """Assert all that must hold after any step before finalize."""

    def held_gradients(self, step: Step) -> dict[str, Held]:
        """Return the parameters whose gradients a step must keep, with their gradients before it."""
        return {}

    def gradient_bound(self) -> Tolerance:
        """Return the tolerance for gradients."""
        return statements.bound(self)

    def gradient_scale(self) -> Iterator[Tensor]:
        """Yield tensors whose entries say of which order the rounding of gradients is.

        A large weight makes large activations, whose rounding reaches the gradients of all layers.
        """
        yield from self.twin.model.parameters()

    @property
    def restores(self) -> bool:
        """Return whether a saved state can be restored."""
        return self.supports("restore")

    def impossible(self) -> tuple[str, str] | None:
        """Return a planned name for which the plan must be refused, and why; None if it need not be refused."""
        missing = [name for name in self.plan.names if name not in self.program.shapes]
        return (missing[0], f"the model has no parameter {missing[0]}") if missing else None

    @abstractmethod
    def assert_untouched(self) -> None:
        """Assert that a refused plan has left the model as it was."""

    @abstractmethod
    def check_possible(self, plan: Plan) -> None:
        """Check that an update leaves a model of which something can be judged.

        Raises:
            Skipped: It does not.
        """

    @abstractmethod
    def assert_restored(self, donor: nn.Module) -> None:
        """Assert what must hold of a restored model, besides all that holds after any step.

        Args:
            donor: The model whose state was saved; it is not used any more.
        """

    @abstractmethod
    def assert_plain(self) -> None:
        """Assert what must hold of the final model, besides that it is the twin's equal."""

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
                where = f"step {number}, {statements.describe(step)}"
                if self._is_about_inference(error) or self._is_of_the_twin(error, where):
                    self.skipped.append(f"{statements.describe(step)} and all after it: {error}")
                    return
                if not isinstance(error, Violation):
                    raise
                raise Violation(error.kind, f"{where}: {error.message}") from error.__cause__

    def check_whole(self) -> None:
        """Check that the program was not ended by the dense model, after which nothing is known of the sparsifier.

        Raises:
            CannotJudge: It was.
        """
        if self.cut:
            raise CannotJudge(f"{self.cut}; this is no failure of the sparsifier, but of the program on this torch")

    def _is_about_inference(self, error: Exception) -> bool:
        """Return whether torch refuses a tensor that an update under inference_mode has made, as TRAIN-20 permits."""
        cause = error.__cause__ or error
        return self.inferred and isinstance(cause, RuntimeError) and "inference tensor" in str(cause).lower()

    def _is_of_the_twin(self, error: Exception, where: str) -> bool:
        """Return, and note, whether the dense twin raised, as where an older torch lacks an operation in a dtype."""
        its = {id(self.twin), *map(id, self.twin.model.modules())}
        frames = walk_tb(error.__traceback__)
        raised = isinstance(error, RuntimeError) and any(id(one.f_locals.get("self")) in its for one, _ in frames)
        if raised:
            self.cut = f"{where}: the dense model itself raises {type(error).__name__}: {error}"
        return raised

    def _take(self, step: Step) -> None:
        gradients = self.held_gradients(step)
        try:
            with self.user_defaults():
                take(step, self)
        except Skipped as reason:
            self.skipped.append(f"{statements.describe(step)}: {reason}")
            return
        if not self.finished:
            with self.user_defaults():
                self.assert_state()
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
