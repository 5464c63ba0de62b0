"""One entry measured: the sparsifier's task counted, then timed in turn with all that it is compared with."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Protocol

import msgspec
import torch
from msgspec import Struct

from ...adapter.discovery import Found
from ...adapter.protocol import Adapter
from ...adapter.shipped.exemplar import ExemplarAdapter
from ...adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from ...operations.clocks import CLOCK, quiet
from ...operations.counting import counts, most_held
from ...operations.tasks import Subject, dense_task, task
from ...operations.workload import Workload, lacking, pattern_of
from ...process.device import clock_of
from ...values.timing import OPERATIONS, SIZES, Comparison, Entry, Scope, State, Timing
from .floor_adapter import FloorAdapter
from .interleaving import Arm, Pace, Timer, Turns

SLOWEST = ("compile",)
"""Operations that take so long, and so little of it in the sparsifier, that floor and dense model are left out."""


GATED: tuple[Comparison, ...] = ("self",)
"""What it is compared with, beside the other version, where it is held against that."""


class Rival(Struct, frozen=True):
    """Another version of what is timed. file: of an adapter, in the same process. folder: where another release of the
    package is installed, in a process of its own that takes turns with this one."""

    file: str = ""
    folder: str = ""


class Settings(Struct, frozen=True):
    """How a run times. comparisons: with what. precision: how far an interval may reach to either side, as a fraction.
    budget: seconds of the processor that the rounds of one entry may take, as far as can be told beforehand."""

    scope: Scope = Scope()
    comparisons: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar")
    precision: float = 0.02
    budget: float = 0.6
    rival: Rival | None = None


class Benchmark(Protocol):
    """What is used of pytest-benchmark's fixture."""

    enabled: bool
    extra_info: dict[str, Any]
    group: str | None
    stats: Any

    def pedantic(self, target: Callable[..., Any], **options: Any) -> Any: ...


def measure(
    entry: Entry, found: Found, settings: Settings, benchmark: Benchmark, rival: Callable[[Pace], Timer] | None
) -> Timing:
    """Time `entry` by `benchmark`, whose record carries the whole of it; `rival` makes what it is held against.

    Raises:
        Violation: `plan-not-applied`, forward uses a planned weight unchanged.
    """
    subject = proven(found, entry)
    workload = subject.workload
    counted = counts(entry.operation, task(entry.operation, subject), subject)
    benchmark.group = f"{entry.operation} {entry.size} {entry.device}"  # before it makes its record
    with quiet():
        own = arm(entry, found.adapter, workload)
        others = dict(_others(entry, found.adapter, workload, settings, own.pace))
        if rival is not None:
            others["rival"] = rival(own.pace)
        turns = Turns(own, others, entry.key)
        _take(turns, settings, benchmark)
    timing = Timing(
        entry, State.TIMED, "", statistics.median(turns.own), turns.ratios(), counted, most_held(workload.device)
    )
    benchmark.extra_info.update(provenance(entry, found), timing=msgspec.to_builtins(timing))
    return timing


def proven(found: Found, entry: Entry) -> Subject:
    """The sparsifier at the entry's workload, once it was seen to take hold there.

    Raises:
        Violation: `plan-not-applied`.
    """
    return _proven(found, entry.size, entry.device)


@lru_cache(maxsize=4)
def _proven(found: Found, size: str, device: str) -> Subject:
    """Kept, as one model serves all operations."""
    subject = Subject(found.adapter, Workload(size, pattern_of(found.declaration, SIZES[size]), torch.device(device)))
    subject.assert_plan_applied()
    return subject


def _take(turns: Turns, settings: Settings, benchmark: Benchmark) -> None:
    taken = turns.pilot()
    CLOCK.clock, CLOCK.calls = turns.subject.clock, turns.subject.pace.calls
    rounds = turns.rounds(settings.precision, settings.budget, taken)
    benchmark.pedantic(turns.turn, setup=turns.before, teardown=turns.after, rounds=rounds)


def arm(entry: Entry, adapter: Adapter, workload: Workload, pace: Pace | None = None) -> Arm:
    """One operation of an adapter, ready to take turns; at its own pace if none is given."""
    return Arm(task(entry.operation, Subject(adapter, workload)), clock_of(workload.device), pace)


def _others(
    entry: Entry, adapter: Adapter, workload: Workload, settings: Settings, pace: Pace
) -> Iterator[tuple[Comparison, Timer]]:
    """What the settings compare with, as far as it can do the same."""
    is_structural, compared = adapter.profile == "structural", settings.comparisons
    if "self" in compared:
        yield "self", arm(entry, adapter, workload, pace)
    exemplar = StructuralExemplarAdapter if is_structural else ExemplarAdapter
    if "exemplar" in compared and type(adapter) is not exemplar:
        yield "exemplar", arm(entry, exemplar(), workload)
    if entry.operation in SLOWEST:
        return
    if "floor" in compared and not is_structural:
        yield "floor", arm(entry, FloorAdapter(), workload)
    if "dense" in compared and OPERATIONS[entry.operation].is_models:
        yield "dense", Arm(dense_task(entry.operation, workload), clock_of(workload.device))


def provenance(entry: Entry, found: Found) -> dict[str, object]:
    """What a time cannot be compared without, for pytest-benchmark's extra_info."""
    return {
        "entry": entry.id, "pattern": pattern_of(found.declaration, SIZES[entry.size]), "dtype": "float32",
        "distribution": found.declaration.distribution, "version": found.declaration.version,
        "torch": str(torch.__version__), "python": ".".join(map(str, sys.version_info[:2])),
        "architecture": platform.machine(), "threads": torch.get_num_threads(),
        "hash_seed": os.environ.get("PYTHONHASHSEED", "random"), "load": [round(load, 2) for load in os.getloadavg()],
        "allocator": "keeps" if "MALLOC_TOP_PAD_" in os.environ else "as it is",
    }


def obstacle(entry: Entry, found: Found) -> str:
    """Why an entry is not offered; nothing if it is."""
    missing = lacking(entry, found.declaration)
    return f"{', '.join(missing)} declared unsupported" if missing else ""
