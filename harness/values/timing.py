"""What is timed: operations at sizes, a plan drawn up before the run, and what became of each entry of it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

OPERATIONS: dict[str, tuple[str, ...]] = {
    "attach": (),
    "update": (),
    "forward": (),
    "finalize": ("finalize",),
    "save": ("restore",),
    "restore": ("restore",),
    "trace": ("trace",),
}
"""Each operation with the capabilities that it needs of a sparsifier, beyond those that any model takes."""

SIZES: dict[str, tuple[int, int]] = {"256x260": (256, 260), "1024x1028": (1024, 1028)}
"""Shapes of the weight that is sparsified: outputs, inputs."""


class Entry(Struct, frozen=True, order=True):
    """One entry of the plan. Its id is written `sparsifier:operation/size`."""

    sparsifier: str
    operation: str
    size: str

    @property
    def id(self) -> str:
        return f"{self.sparsifier}:{self.operation}/{self.size}"


def plan(sparsifiers: Iterable[str]) -> tuple[Entry, ...]:
    """Every operation at every size, of each of the `sparsifiers`."""
    return tuple(Entry(name, operation, size) for name in sparsifiers for operation in OPERATIONS for size in SIZES)


class State(str, Enum):
    """What became of one entry."""

    TIMED = "timed"
    NOT_OFFERED = "not offered"
    RAISED = "raised"
    NOT_TIMED = "not timed"


class Ratio(Struct, frozen=True):
    """Median and quartiles of paired ratios, sparse over dense."""

    median: float
    low: float
    high: float


class Timing(Struct, frozen=True, omit_defaults=True):
    """One entry and what became of it. message: why it was not timed. median: seconds of one thread of the
    processor, of one call. ratio: of forward, to the dense model's."""

    entry: Entry
    state: State
    message: str = ""
    median: float = 0.0
    ratio: Ratio | None = None


def exit_code(timings: Iterable[Timing]) -> int:
    """0: all that was planned was timed, or is not offered. 1: an operation raised. 3: something planned was
    not timed, or nothing at all was."""
    states = {timing.state for timing in timings}
    if State.NOT_TIMED in states or not states & {State.TIMED, State.RAISED}:
        return 3
    return 1 if State.RAISED in states else 0
