"""What is timed: operations at sizes, a plan drawn up before the run, and what became of each entry of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Literal

from msgspec import Struct

Comparison = Literal["self", "floor", "dense", "exemplar", "rival"]
"""What a sparsifier is timed against: itself, which is the noise; the least work that could do the same; the model that
is not sparse; the exemplar doing the same kind of work; the last release of it, or whatever adapter was named."""


class Operation(Struct, frozen=True):
    """needs: capabilities beyond those that any model takes. is_models: whether the model that is not sparse does it
    too, so that the two can be compared. is_sized: whether it takes longer on a larger model; if not, it is timed on
    the smallest alone."""

    needs: tuple[str, ...] = ()
    is_models: bool = False
    is_sized: bool = True


OPERATIONS: dict[str, Operation] = {
    "attach": Operation(),
    "update": Operation(),
    "forward": Operation(is_models=True),
    "backward": Operation(is_models=True),
    "finalize": Operation(("finalize",)),
    "save": Operation(("restore",)),
    "restore": Operation(("restore",)),
    "trace": Operation(("trace",), is_models=True, is_sized=False),
    "compile": Operation(("compile",), is_models=True, is_sized=False),
}
"""`backward` is a forward with its backward, `compile` torch.compile with the first call."""


class Size(Struct, frozen=True):
    """One model that is timed. capability: of its planned layers. shape: of a matrix, its outputs and inputs; of a
    convolution, its output and input channels and the edge of its window; of a block, its width and batch."""

    kind: Literal["matrix", "convolution", "block"]
    shape: tuple[int, ...]
    is_quick: bool = False

    @property
    def capability(self) -> str:
        return "conv2d" if self.kind == "convolution" else "linear"


SIZES: dict[str, Size] = {
    "16x16": Size("matrix", (16, 16)),
    "64x64": Size("matrix", (64, 64)),
    "256x256": Size("matrix", (256, 256), is_quick=True),
    "1024x1024": Size("matrix", (1024, 1024), is_quick=True),
    "2048x2048": Size("matrix", (2048, 2048)),
    "4096x4096": Size("matrix", (4096, 4096)),
    "conv64": Size("convolution", (64, 64, 3)),
    "block128": Size("block", (128, 8)),
}
QUICK = tuple(name for name, size in SIZES.items() if size.is_quick)


class Entry(Struct, frozen=True, order=True):
    """One entry of the plan. Its id is written `sparsifier:operation/size/device`."""

    sparsifier: str
    operation: str
    size: str
    device: str = "cpu"

    @property
    def id(self) -> str:
        return f"{self.sparsifier}:{self.key}"

    @property
    def key(self) -> str:
        """What it is of any sparsifier."""
        return f"{self.operation}/{self.size}/{self.device}"


class Scope(Struct, frozen=True):
    """Which part of what could be timed is to be: the operations, sizes and devices named; of those `only` the entries
    with these keys, if there are any.

    Raises:
        ValueError: nothing that is timed is called so.
    """

    operations: tuple[str, ...] = tuple(OPERATIONS)
    sizes: tuple[str, ...] = QUICK
    devices: tuple[str, ...] = ("cpu",)
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, named, known in (("operation", self.operations, OPERATIONS), ("size", self.sizes, SIZES)):
            if unknown := [name for name in named if name not in known]:
                raise ValueError(f"no {what} is called {unknown[0]!r}; there are {', '.join(known)}")


def plan(sparsifiers: Iterable[str], scope: Scope = Scope()) -> tuple[Entry, ...]:  # noqa: B008  # frozen
    """Every operation at every size that makes a difference to it, on every device, of each of the `sparsifiers`."""
    entries = (
        Entry(name, operation, size, device)
        for name in sparsifiers
        for operation in scope.operations
        for size in (scope.sizes if OPERATIONS[operation].is_sized else scope.sizes[:1])
        for device in scope.devices
    )
    return tuple(entry for entry in entries if not scope.only or entry.key in scope.only)


class State(str, Enum):
    """What became of one entry."""

    TIMED = "timed"
    NOT_OFFERED = "not offered"
    RAISED = "raised"
    NOT_TIMED = "not timed"


class Ratio(Struct, frozen=True):
    """What an operation takes over what a comparison takes, pair by pair.

    median: of the paired ratios. low, high: between which their median lies, each missed with a probability of one
    in a hundred. quantile: the tenth part of the one over that of the other. pairs: how many.
    """

    median: float
    low: float
    high: float
    quantile: float
    pairs: int

    @property
    def width(self) -> float:
        """How far the interval reaches, as a fraction of the median."""
        return (self.high - self.low) / self.median


class Counts(Struct, frozen=True):
    """What one call does, counted; the same on every run of the same code with the same torch.

    operators: how often each aten operator ran. output_bytes: of the tensors that they made. peak_bytes: of those, what
    was alive at once. calls: functions called, of Python and of C. held_bytes: what the sparse model and the sidecar
    hold beyond the dense model, the masks above all. graphs, graph_breaks, recompiles: of `compile` alone, the last
    after an update.
    """

    operators: Mapping[str, int] = {}
    output_bytes: int = 0
    peak_bytes: int = 0
    calls: int = 0
    held_bytes: int = 0
    graphs: int = 0
    graph_breaks: int = 0
    recompiles: int = 0


class Timing(Struct, frozen=True, omit_defaults=True):
    """One entry and what became of it. message: why it was not timed. median: seconds of one call, of one thread of the
    processor or of the device. ratios: to each comparison. process_bytes: the most that the process, or on a device its
    allocator, ever held until then, torch included: what the machine must have, and no measure of one operation."""

    entry: Entry
    state: State
    message: str = ""
    median: float = 0.0
    ratios: Mapping[Comparison, Ratio] = {}
    counts: Counts | None = None
    process_bytes: int = 0


def exit_code(timings: Iterable[Timing]) -> int:
    """0: all that was planned was timed, or is not offered. 1: an operation raised. 3: something planned was
    not timed, or nothing at all was."""
    states = {timing.state for timing in timings}
    if State.NOT_TIMED in states or not states & {State.TIMED, State.RAISED}:
        return 3
    return 1 if State.RAISED in states else 0
