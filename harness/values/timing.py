"""Values of a timing run: operations and sizes, the plan drawn up beforehand, and the result of each entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Literal

from msgspec import Struct

Comparison = Literal["self", "floor", "dense", "exemplar", "rival"]
"""The other side of a comparison.

self: the sparsifier itself, which measures the noise. floor: the least work with the same result. dense: the dense
model. exemplar: the exemplar doing the same kind of work. rival: an earlier release, or the adapter that was named.
"""


class Operation(Struct, frozen=True):
    """An operation that can be timed.

    Attributes:
        needs: The capabilities that it needs, beyond those of every model.
        is_models: Whether the dense model has it too, so that the two can be compared.
        is_sized: Whether it takes longer on a larger model; if not, it is timed at the smallest size alone.
    """

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
"""By name. `backward` is a forward and a backward; `compile` is torch.compile and the first call."""


class Size(Struct, frozen=True):
    """A model that is timed.

    Attributes:
        kind: The kind of its planned layers.
        shape: (outputs, inputs) of a matrix; (output channels, input channels, kernel) of a convolution; (width, batch)
            of a block.
        is_quick: Whether it is timed by default.
    """

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
        """Return the id without the sparsifier."""
        return f"{self.operation}/{self.size}/{self.device}"


class Scope(Struct, frozen=True):
    """The selected operations, sizes and devices.

    Attributes:
        operations: Names from `OPERATIONS`.
        sizes: Names from `SIZES`.
        devices: Device types.
        only: If not empty, the keys of the only entries to time.

    Raises:
        ValueError: An operation or a size does not exist.
    """

    operations: tuple[str, ...] = tuple(OPERATIONS)
    sizes: tuple[str, ...] = QUICK
    devices: tuple[str, ...] = ("cpu",)
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, named, known in (("operation", self.operations, OPERATIONS), ("size", self.sizes, SIZES)):
            if unknown := [name for name in named if name not in known]:
                raise ValueError(f"there is no {what} {unknown[0]!r}; known are {', '.join(known)}")


def plan(sparsifiers: Iterable[str], scope: Scope = Scope()) -> tuple[Entry, ...]:  # noqa: B008  # frozen
    """Return one entry per sparsifier, operation, size and device; an operation independent of size has one size."""
    entries = (
        Entry(name, operation, size, device)
        for name in sparsifiers
        for operation in scope.operations
        for size in (scope.sizes if OPERATIONS[operation].is_sized else scope.sizes[:1])
        for device in scope.devices
    )
    return tuple(entry for entry in entries if not scope.only or entry.key in scope.only)


class State(str, Enum):
    """The result of one entry."""

    TIMED = "timed"
    NOT_OFFERED = "not offered"
    RAISED = "raised"
    NOT_TIMED = "not timed"


class Ratio(Struct, frozen=True):
    """The time of an operation divided by that of its comparison, from paired measurements.

    Attributes:
        median: The median of the paired ratios.
        low: Lower end of a confidence interval of the median; each end is missed with probability 0.01.
        high: Upper end of that interval.
        quantile: The ratio of the first deciles.
        pairs: The number of pairs.
    """

    median: float
    low: float
    high: float
    quantile: float
    pairs: int

    @property
    def width(self) -> float:
        """Return the width of the interval as a fraction of the median."""
        return (self.high - self.low) / self.median


class Counts(Struct, frozen=True):
    """Exact counts of one call, equal in every run of the same code on the same torch.

    Attributes:
        operators: The number of calls per aten operator.
        output_bytes: The size of all tensors that these returned.
        peak_bytes: The largest size of those tensors alive at once.
        calls: The number of Python and C functions called.
        held_bytes: The memory of the sparse model and the sidecar beyond the dense model; above all, the masks.
        graphs: The number of compiled graphs; of `compile` alone, as the next two.
        graph_breaks: The number of graph breaks.
        recompiles: The number of recompilations after an update.
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
    """One entry and its result.

    Attributes:
        entry: The entry.
        state: The result.
        message: The reason why it was not timed.
        median: Seconds per call, on one thread of the processor or on the device.
        ratios: The ratio to each comparison.
        counts: Exact counts, if they were taken.
        process_bytes: The peak memory of the process, or of the device's allocator, torch included. It says what the
            machine must have, and does not measure one operation.
    """

    entry: Entry
    state: State
    message: str = ""
    median: float = 0.0
    ratios: Mapping[Comparison, Ratio] = {}
    counts: Counts | None = None
    process_bytes: int = 0


def exit_code(timings: Iterable[Timing]) -> int:
    """Return the exit code of a timing run.

    0: everything planned was timed or is not offered. 1: an operation raised. 3: something planned was not timed, or
    nothing was timed at all.
    """
    states = {timing.state for timing in timings}
    if State.NOT_TIMED in states or not states & {State.TIMED, State.RAISED}:
        return 3
    return 1 if State.RAISED in states else 0
