"""What one call does, counted: operators, bytes, functions called. The same on every run, and so gated exactly."""

from __future__ import annotations

import resource
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..values.capability import declare
from ..values.timing import Counts
from .clocks import uncollected
from .tasks import Subject, Task

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_TRACERS = ("trace", "compile")
"""Operations that run a model in order to look at it: of these the graphs are counted, and nothing of what runs."""


def counts(operation: str, task: Task, subject: Subject) -> Counts:
    """Of one call of `task`, after one that is not counted."""
    if operation in _TRACERS:
        return _graphs(subject) if operation == "compile" else Counts()
    held = held_bytes(subject) if operation == "update" else 0
    with uncollected():
        _run(task)
        seen = _Operators()
        _run(task, seen)
        return Counts(dict(sorted(seen.ran.items())), seen.made, seen.peak, calls(task), held)


def operators(task: Task) -> dict[str, int]:
    """How often each aten operator runs in one call of `task`, after one that is not counted."""
    _run(task)
    seen = _Operators()
    _run(task, seen)
    return dict(sorted(seen.ran.items()))


def _run(task: Task, within: AbstractContextManager[object] = nullcontext()) -> None:  # noqa: B008  # does nothing
    arguments = task.made()
    with task.within(), within:
        task.call(*arguments)


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


class _Operators(TorchDispatchMode):
    """Notes each operator that runs, the bytes that it makes, and how many of those are alive at once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self.ran: Counter[str] = Counter()
        self.made = self.peak = 0
        self._alive: list[tuple[StorageWeakRef, int]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {_address(tensor) for tensor in _tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        self.ran[str(func)] += 1
        for tensor in _tensors(result):
            if _address(tensor) not in given:
                self._note(tensor)
        return result

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self._alive = [one for one in self._alive if not one[0].expired()]
        self._alive.append((StorageWeakRef(storage), storage.nbytes()))
        self.made += storage.nbytes()
        self.peak = max(self.peak, sum(size for _, size in self._alive))


def _tensors(values: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def held_bytes(subject: Subject) -> int:
    """What the sparse model and the sidecar hold beyond the dense model."""
    sparsified = subject.sparsified()
    model, sidecar = sparsified.model, _tensors(sparsified.sidecar())
    held = _bytes([*model.parameters(), *model.buffers(), *sidecar])
    return held - _bytes(subject.workload.dense_model().parameters())


def most_held(device: torch.device) -> int:
    """The most bytes that this process ever held: of memory, or of what its allocator had on the device."""
    if device.type == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
    return torch.cuda.max_memory_reserved(device)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum({_address(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}.values())


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
