"""Run a program against a sparsifier, with a dense twin beside it."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial, singledispatchmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from ..adapter.protocol import Adapter, Saved, Sparsified
from ..process.guard import Guard
from ..trials.raise_site import assert_deliberate
from ..trials.type_checks import checked_sparsified
from ..values.capability import Support
from ..values.declaration import Declaration
from ..values.plan import Plan
from ..values.program import Program, ProgramLayer
from ..values.steps import (
    AddHook,
    Attach,
    Backward,
    CallLayer,
    Cast,
    ChangeMemory,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    FunctionalCall,
    Parametrize,
    SaveAndRestore,
    SetMode,
    Step,
    Train,
    Under,
    Update,
    WriteWeights,
)
from ..values.violation import Violation, require
from . import build, statements
from .hooks import add_hook
from .places import dense_place, find_module, find_parameter
from .ranking import assert_masks_follow_plan
from .twin import OPTIMIZERS, Twin, loss
from .weights import draw


class Skipped(Exception):
    """Raised if a step cannot be taken here, through no fault of the sparsifier."""


class NotOffered(Exception):
    """Raised if the sparsifier refuses the plan on purpose, so that there is nothing to run."""


class Identity(nn.Module):
    """A user's parametrization that changes nothing."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight


class Walk:
    """One run of a program.

    Attributes:
        program: The program.
        contract: The declared contract.
        plan: The plan.
        device: The device.
        guard: The guard of the process-wide state.
        twin: The dense twin.
        model: The model that the user holds: the dense one, then the sparse one, then the final one.
        before: The parameters of the model that was attached to.
        dtype: The dtype of the model now.
        exact: Whether weights must still be equal bit for bit, because nothing has trained them.
        updates: The number of updates so far.
        calls: The calls of the user's hooks on the sparse model, and on the twin.
        optimizer: The user's optimizer.
        keeps_gradients: Whether both models have the gradients of the same backward, under the masks in force.
        adopted: What was taken over as observed, since no statement predicts it.
        skipped: The steps that were not taken, with the reason.
    """

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
        self.twin = Twin(build.build(program, "dense", device, memory=False), self._known_names())
        self.before = dict(self.model.named_parameters(remove_duplicate=False))
        self.dtype: torch.dtype = getattr(torch, program.dtype)
        self.sparsified: Sparsified | None = None
        self.optimizer: torch.optim.Optimizer | None = None
        self.keeps_gradients = False
        self.exact = True
        self.updates = 0
        self.default_dtype = torch.float32
        self.calls, self.twin_calls = Counter[str](), Counter[str]()
        self.twin_hooks: list[RemovableHandle] = []
        self.adopted = set[str]()
        self.skipped: list[str] = []
        self.finished = False

    def _known_names(self) -> tuple[str, ...]:
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
            try:
                self._take(step)
            except Violation as violation:
                where = f"step {number}, {statements.describe(step)}"
                raise Violation(violation.kind, f"{where}: {violation.message}") from violation.__cause__

    def _take(self, step: Step) -> None:
        try:
            self.step(step)
        except Skipped as reason:
            self.skipped.append(f"{statements.describe(step)}: {reason}")
            return
        if not self.finished:
            statements.assert_state(self)
        if changed := self.guard.changed:
            self.guard.changed = []
            raise Violation("process-changed", f"the sparsifier changed {'; and '.join(changed)}")

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
        is_dense = not self.updates and self.contract.masks_at == "update"
        if is_dense and (own := find_parameter(self.model, name)) is not None:
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

    # ------------------------------------------------------------- steps

    @singledispatchmethod
    def step(self, step: Any) -> None:
        """Take one step."""
        raise TypeError(f"no step: {step!r}")

    @step.register
    def _(self, step: Attach) -> None:
        if self.sparsified is not None:
            raise Skipped("attached already")
        self.default_dtype = getattr(torch, step.default_dtype)
        if missing := [name for name in self.plan.names if name not in self.program.shapes]:
            self._assert_attach_refused(missing[0])
            self.finished = True
            return
        self.sparsified = self._attach()
        self.model = self.sparsified.model
        if self.contract.masks_at == "attach":
            self.judge_masks(self.plan, None if self.contract.level_basis == "dense" else self.twin.reported())

    def _attach(self) -> Sparsified:
        plan, context = self.plan.copy(), build.context(self.program, self.dtype, self.device)
        try:
            with self._user_defaults(), self.guard.contain():
                answer = self.adapter.attach(self.model, plan, context)
        except Exception as error:
            assert_deliberate(error, "attach")
            raise NotOffered(str(error)) from error
        return checked_sparsified(answer, "attach", self.guard)

    def _assert_attach_refused(self, name: str) -> None:
        try:
            self._attach().update()
        except NotOffered as refusal:
            words = (name, name.rpartition(".")[0])
            message = f"the model has no parameter {name}; attach refuses with {refusal}, which does not name it"
            require(any(word in str(refusal) for word in words), "refusal-unnamed", message)
            return
        except Violation:
            raise
        except Exception as error:
            assert_deliberate(error, "the first update")
            return
        raise Violation("not-refused", f"the model has no parameter {name}, but attach and update go through")

    @contextlib.contextmanager
    def _user_defaults(self) -> Iterator[None]:
        """Have the user's default dtype inside; what the sparsifier changes is the guard's business."""
        earlier = torch.get_default_dtype()
        torch.set_default_dtype(self.default_dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(earlier)

    @step.register
    def _(self, step: Update) -> None:
        sparsified = self.attached
        if self.updates and not self.supports("reupdate"):
            raise Skipped("reupdate is not supported")
        if step.level is not None and not self.supports("relevel"):
            raise Skipped("relevel is not supported")
        level = statements.number(step.level, step.type)
        if step.level is not None and not 0 <= step.level <= 1:
            if not any(hasattr(pattern, "level") for pattern in self.plan.patterns.values()):
                raise Skipped("no planned pattern has a level")
            self._assert_update_refused(sparsified, level)
            return
        before = self.twin.reported() if self.updates or self.contract.masks_at == "attach" else None
        try:
            with self._user_defaults(), _under(step.under):
                sparsified.update(*(() if level is None else (level,)))
        except Violation:
            raise
        except Exception as error:
            self._judge_update_error(error, step)
            return
        self.updates += 1
        self.judge_masks(self.plan if step.level is None else self.plan.at_level(step.level), before)

    def _judge_update_error(self, error: Exception, step: Update) -> None:
        if step.type in ("numpy", "tensor"):  # a level is a float; another type must not be taken for another level
            raise Skipped(f"a level of this type raises {type(error).__name__}") from None
        if self.updates == 0:
            assert_deliberate(error, "the first update")
            raise NotOffered(str(error)) from error
        if step.type == "float" and not step.under:
            message = f"{statements.describe(step)} raises {type(error).__name__}: {error}"
            raise Violation("crashed", message) from error
        assert_deliberate(error, statements.describe(step))

    def _assert_update_refused(self, sparsified: Sparsified, level: Any) -> None:
        try:
            with self._user_defaults():
                sparsified.update(level)
        except Violation:
            raise
        except Exception as error:
            assert_deliberate(error, f"update({level})")
            return
        raise Violation("not-refused", f"update({level}) goes through, but a level is a fraction from 0 to 1")

    def judge_masks(self, plan: Plan, before: Any) -> None:
        """Compare the masks after an update with what the plan demands, and put them in force for the twin."""
        masks = statements.reported_masks(self)
        dense, dtype = self.twin.scored(), str(self.dtype).removeprefix("torch.")
        assert_masks_follow_plan(plan, masks, before, dense, self.contract, dtype)
        self.twin.set_masks(masks)
        self.keeps_gradients = False

    @step.register
    def _(self, step: WriteWeights) -> None:
        for name in self._known_names():
            place = self.place(name)
            if place is None:
                raise Skipped(f"no parameter is known that holds {name}")
            values = self._new_values(name)
            self.call(partial(statements.write, self.model, place, values, step.how), statements.describe(step))
            self.twin.write(name, values)
        if step.how == "assign":
            if self.sparsified is None:
                self.before = dict(self.model.named_parameters(remove_duplicate=False))
            self.forget_optimizer()

    def _new_values(self, name: str) -> Tensor:
        """Return other values for a parameter, masked where a sparsifier keeps its zeros in the parameter itself."""
        shape, dtype = self.program.shapes[name], str(self.dtype).removeprefix("torch.")
        drawn = draw(f"written {self.updates} {name}", shape, "distinct", dtype)
        values = torch.tensor(drawn, dtype=self.dtype, device=self.device)
        hides = self.contract.holds in ("parametrization", "buffer")
        return values if hides else values.masked_fill(~self.twin.masks[name], 0)

    @step.register
    def _(self, step: Forward) -> None:
        inputs = self.inputs("forward", step.batch)
        with _under(step.under):
            buffers = [(buffer, buffer.clone()) for buffer in self.twin.model.buffers()]
            try:
                expected = self.twin.model(inputs.clone())
            except Exception as error:
                for buffer, earlier in buffers:  # a norm counts a batch before it rejects it
                    buffer.copy_(earlier)
                raise Skipped(f"the dense model raises {type(error).__name__}: {error}") from None
            seen = self.call(lambda: self.model(inputs.clone()), "forward")
        statements.assert_output(self, seen, expected, f"output for a batch of {step.batch}")

    def _assert_learns(self) -> None:
        """Assert that the output depends on a parameter that is not frozen.

        Raises:
            Skipped: It does not, so that the dense model could not be trained either.
        """
        if not copy.deepcopy(self.twin.model)(self.inputs()).requires_grad:
            raise Skipped("every parameter is frozen")

    @step.register
    def _(self, step: Backward) -> None:
        self._assert_learns()
        for model in (self.model, self.twin.model):
            if step.zero != "keep" or not self.keeps_gradients:
                model.zero_grad(set_to_none=step.zero != "zeros")
        batches = build.batches(self.program, step.forwards, "backward", self.dtype, self.device)
        self.twin.backward(batches)
        self.call(lambda: loss(self.model, batches).backward(), "backward")
        statements.assert_gradients(self)
        self.keeps_gradients = True

    @step.register
    def _(self, step: Train) -> None:
        sparsified = self.attached
        self._assert_learns()
        if self.optimizer is None:
            self.optimizer = OPTIMIZERS[self.program.optimizer](self.model.parameters())
        batches = build.batches(self.program, step.steps, "train", self.dtype, self.device)
        self.twin.train(batches, self.program.optimizer)
        optimizer = self.optimizer
        self.call(lambda: sparsified.train(batches, functional.mse_loss, optimizer), "training")
        self.exact = False
        self.keeps_gradients = False

    @step.register
    def _(self, step: SetMode) -> None:
        self.model.train(step.train)
        self.twin.model.train(step.train)

    @step.register
    def _(self, step: Freeze) -> None:
        for name in self._known_names()[: 1 if step.what == "first" else None]:
            place = self.place(name)
            if place is None:
                raise Skipped(f"no parameter is known that holds {name}")
            place.requires_grad_(not step.frozen)
            self.twin.model.get_parameter(name).requires_grad_(not step.frozen)

    @step.register
    def _(self, step: Cast) -> None:
        if not self.supports(step.dtype):
            raise Skipped(f"{step.dtype} is not supported")
        self.dtype = getattr(torch, step.dtype)
        self.call(lambda: self.model.to(self.dtype), f"the cast to {step.dtype}")
        self.twin.to(self.dtype)
        if self.sparsified is None:
            self.before = dict(self.model.named_parameters(remove_duplicate=False))

    @step.register
    def _(self, step: ChangeMemory) -> None:
        kind = torch.channels_last if step.format == "channels_last" else torch.contiguous_format
        to: Callable[..., nn.Module] = self.model.to
        if step.format == "channels_last" and any(one.dim() == 5 for one in self.twin.model.parameters()):
            raise Skipped("torch cannot convert a weight of five dimensions to channels_last")
        self.call(lambda: to(memory_format=kind), f"the change of memory to {step.format}")

    @step.register
    def _(self, step: CopyModel) -> None:
        original: Any = self.model if step.what == "model" else self.attached
        original = getattr(original, "_own", original)
        try:
            made = copy.deepcopy(original) if step.how == "deepcopy" else pickle.loads(pickle.dumps(original))
        except Exception as error:  # nothing is promised here, and nothing was copied
            raise Skipped(f"{step.how} raises {type(error).__name__}") from None
        if step.what == "model":
            self._assert_copy(made)
            return
        _spoil(self.model)
        self.sparsified = checked_sparsified(made, step.how, self.guard)
        self.model = self.sparsified.model
        self.before = dict(self.model.named_parameters(remove_duplicate=False))
        self.forget_optimizer()

    def _assert_copy(self, made: nn.Module) -> None:
        expected = copy.deepcopy(self.twin.model)(self.inputs())
        statements.assert_output(self, made(self.inputs()), expected, "output of the copy")
        _spoil(made)

    @step.register
    def _(self, step: SaveAndRestore) -> None:
        sparsified = self.attached
        if not self.supports("restore") or not self.updates:
            raise Skipped("restore is not supported" if self.updates else "nothing was updated yet")
        saved = self.call(sparsified.save, "save")
        if step.through == "bytes":
            saved = Saved(_through_bytes(saved.model), _through_bytes(saved.sidecar))
        dense = build.build(self.program, "other", self.device).to(self.dtype)
        self._parametrize_like_twin(dense)
        statements.give_flags(dense, self.twin.model)
        self.before = dict(dense.named_parameters(remove_duplicate=False))
        plan, context = self.plan.copy(), build.context(self.program, self.dtype, self.device)

        def restore() -> Sparsified:
            with self.guard.contain():
                return checked_sparsified(self.adapter.restore(dense, plan, saved, context), "restore", self.guard)

        self.sparsified = self.call(restore, "restore")
        self.model = self.sparsified.model
        self._forget_hooks()
        self.forget_optimizer()
        if self.contract.mask_storage == "nowhere":
            self._update_restored()

    def _parametrize_like_twin(self, dense: nn.Module) -> None:
        """Register the user's parametrizations on a dense model, as a user does who restores a state with them."""
        for name, module in self.twin.model.named_modules():
            for attribute, made in getattr(module, "parametrizations", {}).items():
                for _ in made:
                    parametrize.register_parametrization(dense.get_submodule(name), attribute, Identity())

    def _forget_hooks(self) -> None:
        """Remove the twin's hooks, since a restored model has none."""
        while self.twin_hooks:
            self.twin_hooks.pop().remove()
        self.calls.clear()
        self.twin_calls.clear()

    def _update_restored(self) -> None:
        """Update, where the masks of a saved state are lost and the next update makes them."""
        if self.contract.masks_at == "update":
            self.call(self.attached.update, "the first update after restore")
        self.adopted.add("masks after a restore that carries none")
        self.twin.set_masks(statements.reported_masks(self))

    @step.register
    def _(self, step: AddHook) -> None:
        if step.on == "model":
            add_hook(self.model, step, "", self.calls)
            self.twin_hooks.append(add_hook(self.twin.model, step, "", self.twin_calls))
            return
        for layer, module, twin in self.layers():
            add_hook(module, step, layer.name, self.calls)
            self.twin_hooks.append(add_hook(twin, step, layer.name, self.twin_calls))

    @step.register
    def _(self, step: Parametrize) -> None:
        planned = {name.rpartition(".")[0] for name in self.plan.names}
        for layer in self.program.layers:
            module = find_module(self.model, layer.name)
            if layer.name not in planned and layer.kind == "linear" and module is not None:
                for one in (module, self.twin.model.get_submodule(layer.name)):
                    parametrize.register_parametrization(one, "weight", Identity())

    @step.register
    def _(self, step: CallLayer) -> None:
        if self.contract.holds in ("forward", "wrapper"):
            raise Skipped("a layer called alone is dense, as declared")
        for layer, module, twin in self.layers():
            inputs = build.layer_inputs(layer, self.program, self.dtype, self.device)
            seen = self.call(partial(module, inputs), f"{layer.name} called by itself")
            statements.assert_output(self, seen, twin(inputs), f"output of {layer.name} called by itself")

    @step.register
    def _(self, step: FunctionalCall) -> None:
        tensors: dict[str, Tensor] = dict(self.model.named_parameters())
        seen = self.call(
            lambda: torch.func.functional_call(self.model, tensors, (self.inputs(),)), "functional_call"
        )
        statements.assert_output(self, seen, self.twin.model(self.inputs()), "output of functional_call")

    @step.register
    def _(self, step: Finalize) -> None:
        sparsified = self.attached
        if not self.supports("finalize") or not self.updates:
            raise Skipped("finalize is not supported" if self.updates else "nothing was updated yet")
        self.model = self.call(sparsified.finalize, "finalize")
        if self.contract.holds == "wrapper":  # which takes the place of the layer, and its hooks with it
            self._forget_hooks()
        statements.assert_final(self)
        self.finished = True
        if step.train:
            self._assert_learns()
            self._train_final(step.train)

    def _train_final(self, steps: int) -> None:
        self.twin.finalize()
        batches = build.batches(self.program, steps, "train", self.dtype, self.device)
        self.twin.forget_optimizer()
        self.twin.train(batches, self.program.optimizer)
        optimizer = OPTIMIZERS[self.program.optimizer](self.model.parameters())
        for inputs, target in batches:
            optimizer.zero_grad()
            functional.mse_loss(self.model(inputs), target).backward()
            optimizer.step()
        statements.assert_output(self, self.model(self.inputs()), self.twin.model(self.inputs()),
                                 "output of the final model after training")


def _spoil(model: nn.Module) -> None:
    """Overwrite every parameter of a model that must share nothing with the one at work."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)


def _through_bytes(value: Any) -> Any:
    """Return what a file would give back."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def _under(mode: Under) -> contextlib.AbstractContextManager[Any]:
    if mode == "no_grad":
        return torch.no_grad()
    if mode == "inference_mode":
        return torch.inference_mode()
    return torch.autocast("cpu", torch.bfloat16) if mode == "autocast" else contextlib.nullcontext()
