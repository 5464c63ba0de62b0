"""What one call does, counted: operators, bytes, functions called. The same on every run, and so gated exactly."""

from __future__ import annotations

import resource
import sys
import warnings
from collections.abc import Iterable
from types import FrameType

import torch
from torch import Tensor

from ..process.device import most_reserved
from ..process.operators import Operators, address, tensors
from ..values.capability import declare
from ..values.timing import Counts
from .clocks import uncollected
from .tasks import Subject, Task

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_TRACERS = ("trace", "compile")
"""Operations that run a model in order to look at it: of these the graphs are counted, and nothing of what runs."""
_RUNS = 3
"""Of which the fewest calls count: one may fill what an import emptied. Torch's compiler, imported late, makes all
abstract classes forget what is not theirs."""


def counts(operation: str, task: Task, subject: Subject) -> Counts:
    """Of one call of `task`, after one that is not counted."""
    if operation in _TRACERS:
        return _graphs(subject) if operation == "compile" else Counts()
    held = held_bytes(subject) if operation == "update" else 0
    with uncollected():
        seen = _seen(task)
        called = min(calls(task) for _ in range(_RUNS))
        return Counts(dict(sorted(seen.ran.items())), seen.made, seen.peak, called, held)


def operators(task: Task) -> dict[str, int]:
    """How often each aten operator runs in one call of `task`, after one that is not counted."""
    return dict(sorted(_seen(task).ran.items()))


def _seen(task: Task) -> Operators:
    """Of the second call. On the first that any mode sees torch imports its compiler, whose import keeps the frames
    that led to it, and their tensors, until garbage is collected."""
    for _ in range(2):
        arguments, seen = task.made(), Operators()
        with task.within(), seen:
            task.call(*arguments)
    return seen


def calls(task: Task) -> int:
    """How many functions, of Python and of C, one call calls, itself included; but none of torch.compile's, which
    wraps the making of every module for good once it has run, and has a callback for the end of each."""
    arguments, count = task.made(), 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call") and not frame.f_globals.get("__name__", "").startswith("torch._dynamo")

    with task.within():
        sys.setprofile(note)
        try:
            task.call(*arguments)
        finally:
            sys.setprofile(None)
    return count - 1  # that of sys.setprofile itself


def held_bytes(subject: Subject) -> int:
    """What the sparse model and the sidecar hold beyond the dense model."""
    sparsified = subject.sparsified()
    model, sidecar = sparsified.model, tensors(sparsified.sidecar())
    held = _bytes([*model.parameters(), *model.buffers(), *sidecar])
    return held - _bytes(subject.workload.dense_model().parameters())


def most_held(device: torch.device) -> int:
    """The most bytes that this process ever held: of memory, or of what its allocator had on the device."""
    if device.type == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
    return most_reserved(device)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum({address(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def _graphs(subject: Subject) -> Counts:
    """Of torch.compile, not whole, called before and after an update."""
    from torch._dynamo.utils import counters

    sparsified, inputs = subject.sparsified(), subject.workload.inputs
    is_updated_anew = "reupdate" in declare(subject.adapter.supported, subject.adapter.unsupported).supported
    torch._dynamo.reset()
    counters.clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what does not compile whole, which is counted
            compiled = torch.compile(sparsified.model, backend="eager")
            compiled(inputs)
            first, broken = counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())
            if is_updated_anew:
                sparsified.update()
            compiled(inputs)
            return Counts(graphs=first, graph_breaks=broken, recompiles=counters["stats"]["unique_graphs"] - first)
    finally:
        torch._dynamo.reset()
        counters.clear()
