"""Measure one entry: count the operators of its task, then time it in turns with its comparisons."""

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
"""Slow operations with little time spent in the sparsifier; they are not compared with floor and dense model."""


GATED: tuple[Comparison, ...] = ("self",)
"""The comparisons of a run that is gated against another version, except that version."""


class Rival(Struct, frozen=True):
    """Another version of the sparsifier that takes turns with it.

    Attributes:
        file: An adapter file, timed in the same process.
        folder: A folder in which another release of the package is installed, timed in a second process.
    """

    file: str = ""
    folder: str = ""


class Settings(Struct, frozen=True):
    """The settings of a timing run.

    Attributes:
        scope: The part of the plan to time.
        comparisons: The sparsifiers and models to compare with.
        precision: The wished half width of the intervals, as a fraction of the median.
        budget: The processor seconds that the rounds of one entry may take, by an estimate made beforehand.
        rival: Another version to compare with, or None.
    """

    scope: Scope = Scope()
    comparisons: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar")
    precision: float = 0.02
    budget: float = 0.6
    rival: Rival | None = None


class Benchmark(Protocol):
    """The part of pytest-benchmark's fixture that is used."""

    enabled: bool
    extra_info: dict[str, Any]
    group: str | None
    stats: Any

    def pedantic(self, target: Callable[..., Any], **options: Any) -> Any: ...


def measure(
    entry: Entry, found: Found, settings: Settings, benchmark: Benchmark, rival: Callable[[Pace], Timer] | None
) -> Timing:
    """Time an entry and store the timing in pytest-benchmark's `extra_info`.

    Args:
        entry: The entry.
        found: The loaded adapter.
        settings: The settings of the run.
        benchmark: The fixture of pytest-benchmark.
        rival: Prepares the rival at a pace, or None.

    Raises:
        Violation: `plan-not-applied`: the forward uses a planned weight unchanged.
    """
    subject = verified_subject(found, entry)
    workload = subject.workload
    counted = counts(entry.operation, task(entry.operation, subject), subject)
    benchmark.group = f"{entry.operation} {entry.size} {entry.device}"  # before it makes its record
    with quiet():
        own = arm(entry, found.adapter, workload)
        others = dict(_comparisons(entry, found.adapter, workload, settings, own.pace))
        if rival is not None:
            others["rival"] = rival(own.pace)
        turns = Turns(own, others, entry.key)
        _take(turns, settings, benchmark)
    timing = Timing(
        entry, State.TIMED, "", statistics.median(turns.own), turns.ratios(), counted, most_held(workload.device)
    )
    benchmark.extra_info.update(provenance(entry, found), timing=msgspec.to_builtins(timing))
    return timing


def verified_subject(found: Found, entry: Entry) -> Subject:
    """Return the sparsifier at the entry's workload, after checking that it changes the forward there.

    Raises:
        Violation: `plan-not-applied`: the forward uses a planned weight unchanged.
    """
    return _verified_subject(found, entry.size, entry.device)


@lru_cache(maxsize=4)
def _verified_subject(found: Found, size: str, device: str) -> Subject:
    """Return the sparsifier at a workload; cached, because one model serves all operations."""
    subject = Subject(found.adapter, Workload(size, pattern_of(found.declaration, SIZES[size]), torch.device(device)))
    subject.assert_plan_applied()
    return subject


def _take(turns: Turns, settings: Settings, benchmark: Benchmark) -> None:
    taken = turns.pilot()
    CLOCK.clock, CLOCK.calls = turns.subject.clock, turns.subject.pace.calls
    rounds = turns.rounds(settings.precision, settings.budget, taken)
    benchmark.pedantic(turns.turn, setup=turns.before, teardown=turns.after, rounds=rounds)


def arm(entry: Entry, adapter: Adapter, workload: Workload, pace: Pace | None = None) -> Arm:
    """Return one operation of an adapter, ready to take turns, at `pace` or else at a pace that suits it."""
    return Arm(task(entry.operation, Subject(adapter, workload)), clock_of(workload.device), pace)


def _comparisons(
    entry: Entry, adapter: Adapter, workload: Workload, settings: Settings, pace: Pace
) -> Iterator[tuple[Comparison, Timer]]:
    """Yield the comparisons of the settings that can do the same operation."""
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
    """Return the facts without which a time cannot be compared, for pytest-benchmark's `extra_info`."""
    return {
        "entry": entry.id, "pattern": pattern_of(found.declaration, SIZES[entry.size]), "dtype": "float32",
        "distribution": found.declaration.distribution, "version": found.declaration.version,
        "torch": str(torch.__version__), "python": ".".join(map(str, sys.version_info[:2])),
        "architecture": platform.machine(), "threads": torch.get_num_threads(),
        "hash_seed": os.environ.get("PYTHONHASHSEED", "random"), "load": [round(load, 2) for load in os.getloadavg()],
        "allocator": "keeps" if "MALLOC_TOP_PAD_" in os.environ else "as it is",
    }


def obstacle(entry: Entry, found: Found) -> str:
    """Return why an entry is not offered, or an empty string if it is."""
    missing = lacking(entry, found.declaration)
    return f"{', '.join(missing)} declared unsupported" if missing else ""
