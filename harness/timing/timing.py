"""What a timing case is given: one sparsifier at one size, ready to be timed.

Times are of the processor and of one thread, with torch on one thread and the garbage collector off: on a
shared machine nothing else repeats. Even so they are told, and nothing is judged by them.
"""

from __future__ import annotations

import copy
import gc
import io
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from ..catalogue.axes import pattern_capability
from ..judging.compare import require, same_numbers
from ..judging.plans import plan_for
from ..subject.adapter import Context, Saved, Sparsified
from ..subject.discovery import Found
from ..trials import models, probe, tracing
from ..values.capability import Support
from ..values.declaration import Declaration
from ..values.network import Layer, Network
from ..values.timing import OPERATIONS, SIZES, Entry, Ratio

F = TypeVar("F", bound=Callable[..., None])

CLOCK = time.thread_time
ATTRIBUTE = "__sparsecheck_operation__"
ROUNDS = {"256x260": 20, "1024x1028": 8}
BLOCKS = {"256x260": 120, "1024x1028": 60}
CALLS = {"256x260": 8, "1024x1028": 1}
"""Per size: rounds of an operation; of forward, blocks and the calls that make one, about half a millisecond.
Fixed, so that every run does the same work."""

_BATCH = 32
_DTYPE, _DEVICE = torch.float32, torch.device("cpu")
_TAKEN = ("linear", "float32", "cpu")
_PATTERNS = ("unstructured-0.5", "block1x4-0.5", "2of4", "channel0-0.5", "band-3", "given")


class NotTimed(Exception):
    """A timing case that would run and time nothing; the message says what to do."""


class Benchmark(Protocol):
    """What is used of pytest-benchmark's fixture."""

    enabled: bool
    extra_info: dict[str, Any]
    group: str | None
    stats: Any

    def pedantic(self, target: Callable[..., Any], **options: Any) -> Any: ...


def times(operation: str) -> Callable[[F], F]:
    """The decorated function times `operation`, once a size; it takes `benchmark` and `subject`.

    Raises:
        KeyError: no operation has that name.
    """
    OPERATIONS[operation]

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, operation)
        return function

    return mark


def pattern_for(declaration: Declaration) -> str:
    """The pattern a sparsifier is timed on: the first it supports, those first that an update has to rank for."""
    supported = declaration.capabilities.supported
    return next((pattern for pattern in _PATTERNS if pattern_capability(pattern) in supported), "given")


def lacking(operation: str, declaration: Declaration) -> tuple[str, ...]:
    """The capabilities that timing `operation` takes and the sparsifier does not offer."""
    needs = (*_TAKEN, pattern_capability(pattern_for(declaration)), *OPERATIONS[operation])
    return tuple(name for name in needs if declaration.capabilities.support(name) is not Support.SUPPORTED)


class TimingSubject:
    """One sparsifier and a model of one linear layer; every model it makes has the same weights.

    rounds: how often to time an operation. inputs: float32, (32, inputs).
    """

    def __init__(self, entry: Entry, found: Found) -> None:
        self.entry = entry
        self.found = found
        self.rounds = ROUNDS[entry.size]
        self.pattern = pattern_for(found.declaration)
        outputs, inputs = SIZES[entry.size]
        self.network = Network(entry.size, (Layer("layer1", "linear", inputs, outputs, bias=True),),
                               ("layer1.weight",), (inputs,))
        self.plan = plan_for(self.network, self.pattern, "timing")
        self.inputs = models.inputs(self.network, "timing", _BATCH, _DTYPE, _DEVICE)
        self._dense = models.build(self.network, "timing", _DTYPE, _DEVICE)
        with torch.no_grad():
            batch = (self.inputs, self._dense(self.inputs))
        self.context = Context(self.inputs, (batch, batch), _DEVICE, _DTYPE)

    def dense_model(self) -> nn.Module:
        """A fresh copy of the dense model."""
        return copy.deepcopy(self._dense)

    def attach(self, model: nn.Module) -> Sparsified:
        """The adapter's attach."""
        return self.found.adapter.attach(model, self.plan, self.context)

    def attached(self) -> Sparsified:
        """A fresh model, attached."""
        return self.attach(self.dense_model())

    def sparsified(self) -> Sparsified:
        """A fresh model, attached and updated, and proven to have taken hold.

        Raises:
            Violation: `plan-not-applied`, forward uses the planned weight unchanged.
        """
        sparsified = self.attached()
        sparsified.update()
        with torch.no_grad():
            [(name, used)] = probe.weights_in_use(sparsified.model, self.network, self.inputs).items()
        require(
            not same_numbers(used, self._dense.get_parameter(name)),
            "plan-not-applied", f"{name} is planned, but forward uses the dense weight unchanged: nothing to time",
        )
        return sparsified

    def restore(self, model: nn.Module, saved: Saved) -> Sparsified:
        """The adapter's restore."""
        return self.found.adapter.restore(model, self.plan, saved, self.context)

    def trace(self, model: nn.Module) -> object:
        """torch.jit.trace of the model, its own check included."""
        return tracing.trace(model, self.inputs)

    def time_forward(self, benchmark: Benchmark) -> None:
        """Time the sparse model's forward, in turn with the dense one's; the ratio goes to `extra_info`."""
        sparse, dense = self.sparsified().model.eval(), self.dense_model().eval()
        calls, blocks = CALLS[self.entry.size], BLOCKS[self.entry.size]
        with torch.no_grad(), collector_off():
            ratios = in_turn(benchmark, lambda: sparse(self.inputs), lambda: dense(self.inputs), blocks, calls)
        found = spread(ratios)
        benchmark.extra_info["sparse_over_dense"] = {
            "median": found.median, "q1": found.low, "q3": found.high, "pairs": len(ratios)
        }


def copied(saved: Saved) -> Saved:
    """What is saved, through torch.save and torch.load: nothing of it is shared with the original."""
    file = io.BytesIO()
    torch.save((saved.model, saved.sidecar), file)
    file.seek(0)
    model, sidecar = torch.load(file, weights_only=False)
    return Saved(model, sidecar)


def in_turn(
    benchmark: Benchmark, call: Callable[[], object], rival: Callable[[], object], rounds: int, calls: int
) -> list[float]:
    """Time `call` by `benchmark` and `rival` between its blocks, each block after one call that is not timed.

    Returns the ratios of neighbouring blocks, two a round.
    """
    blocks: list[float] = []

    def time_the_rival(*_: object) -> None:
        rival()
        start = CLOCK()
        for _call in range(calls):
            rival()
        blocks.append((CLOCK() - start) / calls)
        call()

    benchmark.pedantic(call, teardown=time_the_rival, rounds=rounds, iterations=calls, warmup_rounds=1)
    return paired(benchmark.stats.stats.data, blocks)


def paired(own: Sequence[float], rivals: Sequence[float]) -> list[float]:
    """Each of `own` over the rival before it, and over the one after; `rivals` starts before `own`.

    Not over their mean: times are skewed, so that a mean of two is mostly above one, and equals would come out
    below 1.
    """
    neighbours = zip(own, rivals, rivals[1:])  # noqa: B905  # pytest-benchmark may end with a block of no round
    return [one / rival for one, before, after in neighbours for rival in (before, after)]


def spread(ratios: Sequence[float]) -> Ratio:
    """Median and quartiles of at least two ratios."""
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(statistics.median(ratios), low, high)


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage is collected within."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread: another's time would not be counted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def provenance(subject: TimingSubject) -> dict[str, object]:
    """What a time cannot be compared without, for pytest-benchmark's extra_info."""
    declaration = subject.found.declaration
    return {
        "entry": subject.entry.id, "sparsifier": subject.entry.sparsifier, "operation": subject.entry.operation,
        "size": subject.entry.size, "pattern": subject.pattern, "dtype": "float32", "batch": _BATCH,
        "distribution": declaration.distribution, "version": declaration.version,
        "torch": str(torch.__version__), "threads": torch.get_num_threads(),
        "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
    }


