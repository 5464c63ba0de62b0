"""Exact counts of one call: operators, bytes, functions. They repeat in every run, and are gated exactly."""

from __future__ import annotations

import resource
import sys
import warnings
from collections.abc import Iterable
from types import FrameType

import torch
from torch import Tensor

from ..process.device import peak_reserved
from ..process.operators import Operators, address, tensors
from ..values.capability import declare
from ..values.timing import Counts
from .clocks import uncollected
from .tasks import Subject, Task

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_TRACERS = ("trace", "compile")
"""Operations that run a model in order to analyse it: their graphs are counted, their operators are not."""
_RUNS = 3
"""The number of runs, of which the smallest count of calls is taken.

A run may refill a cache that an import has emptied: when torch's compiler is imported late, all abstract classes lose
their caches.
"""


def counts(operation: str, task: Task, subject: Subject) -> Counts:
    """Return the counts of one call of `task`, after a first call that is not counted."""
    if operation in _TRACERS:
        return _graphs(subject) if operation == "compile" else Counts()
    held = held_bytes(subject) if operation == "update" else 0
    with uncollected():
        seen = _seen(task)
        called = min(calls(task) for _ in range(_RUNS))
        return Counts(dict(sorted(seen.ran.items())), seen.made, seen.peak, called, held)


def operators(task: Task) -> dict[str, int]:
    """Return how often each aten operator runs in one call of `task`, after a first call that is not counted."""
    return dict(sorted(_seen(task).ran.items()))


def _seen(task: Task) -> Operators:
    """Return the operators of the second call.

    During the first call under any dispatch mode, torch imports its compiler, and the import keeps the frames that led
    to it, with their tensors, until garbage is collected.
    """
    for _ in range(2):
        arguments, seen = task.made(), Operators()
        with task.within(), seen:
            task.call(*arguments)
    return seen


def calls(task: Task) -> int:
    """Return the number of Python and C functions that one call calls, itself included.

    Those of torch.compile do not count: once it has run, it wraps the creation of every module.
    """
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
    return count - 1  # sys.setprofile itself


def held_bytes(subject: Subject) -> int:
    """Return the size of the sparse model and the sidecar beyond the dense model, in bytes."""
    sparsified = subject.sparsified()
    model, sidecar = sparsified.model, tensors(sparsified.sidecar())
    held = _bytes([*model.parameters(), *model.buffers(), *sidecar])
    return held - _bytes(subject.workload.dense_model().parameters())


def most_held(device: torch.device) -> int:
    """Return the peak memory of this process, or of its allocator on the device, in bytes."""
    if device.type == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
    return peak_reserved(device)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum({address(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


def _graphs(subject: Subject) -> Counts:
    """Count the graphs, graph breaks and recompilations of torch.compile, called before and after an update."""
    from torch._dynamo.utils import counters

    sparsified, inputs = subject.sparsified(), subject.workload.inputs
    is_updated_anew = "reupdate" in declare(subject.adapter.supported, subject.adapter.unsupported).supported
    torch._dynamo.reset()
    counters.clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about graph breaks, which are counted
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
