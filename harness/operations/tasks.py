"""Each operation as a task: the call, and its arguments, which are made outside the timed section."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter.protocol import Adapter, Saved, Sparsified
from ..oracle.compare import same_values
from ..trials import tracing, used_weights
from ..values.capability import declare
from ..values.violation import require
from .workload import Workload


@dataclass(frozen=True)
class Task:
    """An operation that can be timed.

    Attributes:
        call: The function to time.
        make: Returns new arguments for each call; None if there are none.
        within: A context manager entered around a block of calls.
    """

    call: Callable[..., object]
    make: Callable[[], tuple[Any, ...]] | None = None
    within: Callable[[], AbstractContextManager[object]] = nullcontext

    def made(self) -> tuple[Any, ...]:
        """Return the arguments of one call."""
        return self.make() if self.make else ()


class Subject:
    """One sparsifier with one workload."""

    def __init__(self, adapter: Adapter, workload: Workload) -> None:
        self.adapter = adapter
        self.workload = workload

    def attach(self, model: nn.Module) -> Sparsified:
        """Call the adapter's attach."""
        return self.adapter.attach(model, self.workload.plan, self.workload.context)

    def attached(self) -> Sparsified:
        """Attach to a fresh model."""
        return self.attach(self.workload.dense_model())

    def sparsified(self) -> Sparsified:
        """Attach to a fresh model and update."""
        sparsified = self.attached()
        sparsified.update()
        return sparsified

    def restore(self, model: nn.Module, saved: Saved) -> Sparsified:
        """Call the adapter's restore."""
        return self.adapter.restore(model, self.workload.plan, saved, self.workload.context)

    def assert_plan_applied(self) -> None:
        """Assert that, after attach and update, forward uses new weights wherever that is planned.

        Raises:
            Violation: A planned weight is used unchanged (`plan-not-applied`), or forward runs other layers
                (`forward-differs`).
        """
        dense, model, inputs = self.workload.dense_model(), self.sparsified().model, self.workload.inputs
        with torch.no_grad():
            before, now = (used_weights.read_weights_in_order(one, inputs) for one in (dense, model))
        message = f"forward runs {len(now)} layer functions, but the dense model runs {len(before)}"
        require(len(now) == len(before), "forward-differs", message)
        pairs = enumerate(zip(before, now, strict=True), 1)
        untouched = [number for number, (dense_weight, weight) in pairs if same_values(dense_weight, weight)]
        message = f"forward uses the dense weight unchanged in layers {untouched} of the model: nothing to time"
        require(not untouched, "plan-not-applied", message)


def task(operation: str, subject: Subject) -> Task:
    """Return the task for an operation of a sparsifier.

    Raises:
        KeyError: There is no such operation.
    """
    return _TASKS[operation](subject)


def dense_task(operation: str, workload: Workload) -> Task:
    """Return the task for the same operation of the dense model.

    Raises:
        KeyError: The dense model has no such operation.
    """
    return _MODELS[operation](workload.dense_model(), workload.inputs)


def copied(saved: Saved) -> Saved:
    """Return a copy of a saved state, made by torch.save and torch.load, that shares nothing with the original."""
    file = io.BytesIO()
    torch.save((saved.model, saved.sidecar), file)
    file.seek(0)
    model, sidecar = torch.load(file, weights_only=False)  # written by this process
    return Saved(model, sidecar)


def _forward(model: nn.Module, inputs: Tensor) -> Task:
    model.eval()
    return Task(lambda: model(inputs), within=torch.no_grad)


def _backward(model: nn.Module, inputs: Tensor) -> Task:
    parameters = list(model.parameters())
    gradient = torch.ones_like(model(inputs))

    def call() -> None:
        for parameter in parameters:
            parameter.grad = None
        model(inputs).backward(gradient)

    return Task(call)


def _trace(model: nn.Module, inputs: Tensor) -> Task:
    return Task(lambda: tracing.trace(model, inputs))


def _compile(model: nn.Module, inputs: Tensor) -> Task:
    def call() -> None:
        with tracing.compiled(model, whole=False) as compiled:
            compiled(inputs)

    return Task(call)


_MODELS: dict[str, Callable[[nn.Module, Tensor], Task]] = {
    "forward": _forward, "backward": _backward, "trace": _trace, "compile": _compile,
}


def _of_model(make: Callable[[nn.Module, Tensor], Task], subject: Subject) -> Task:
    return make(subject.sparsified().model, subject.workload.inputs)


def _restore(subject: Subject) -> Task:
    saved = copied(subject.sparsified().save())
    return Task(subject.restore, lambda: (subject.workload.dense_model(), copy.deepcopy(saved)))


def _finalize(subject: Subject) -> Task:
    """Return a task that finalizes a restored model, if possible: restoring is much faster than an update."""
    adapter = subject.adapter
    if "restore" not in declare(adapter.supported, adapter.unsupported).supported:
        return Task(lambda sparsified: sparsified.finalize(), lambda: (subject.sparsified(),))
    saved = copied(subject.sparsified().save())

    def restored() -> tuple[Sparsified]:
        return (subject.restore(subject.workload.dense_model(), copy.deepcopy(saved)),)

    return Task(lambda sparsified: sparsified.finalize(), restored)


_TASKS: dict[str, Callable[[Subject], Task]] = {
    "attach": lambda subject: Task(subject.attach, lambda: (subject.workload.dense_model(),)),
    "update": lambda subject: Task(lambda sparsified: sparsified.update(), lambda: (subject.attached(),)),
    "finalize": _finalize,
    "save": lambda subject: Task(subject.sparsified().save),
    "restore": _restore,
    **{name: partial(_of_model, make) for name, make in _MODELS.items()},
}
