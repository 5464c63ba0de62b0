"""Find out which programs and cells reach a fault under a condition.

Until its fault acts for the first time, a product does what the exemplar does. So a program in which it never acts
gives the verdict that the exemplar gets, and need not be run. A recorder, the exemplar with every condition consulted
at every place and nothing done, shows which programs these are.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from time import process_time
from typing import Any

import torch
from torch import Tensor

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.catalogue import requirement
from sparsecheck.programs.corpus import corpus
from sparsecheck.programs.fill import fill
from sparsecheck.programs.judging import run_program
from sparsecheck.programs.offer import Offer, offer_of, probe
from sparsecheck.programs.targets import TARGETS
from sparsecheck.report.ledger import Planned
from sparsecheck.values.program import Program
from sparsecheck.values.record import Record
from tests.bench_of_one import available, judge, judge_by, planned
from tools.kill_matrix.matrix import cheaper

from .conditions import CONDITIONS
from .faults import FAULTS
from .faulty import At, Condition, Fault, Faulty, FaultyAdapter, Place

Spot = tuple[str, str]
"""The names of a fault and of a condition under which it acts."""

_RETURNS: tuple[Place, ...] = ("pattern", "rank", "mask", "copy", "cast")
"""The places where a fault returns a value, and does nothing if that is the right one."""

_seen: set[Spot] = set()


class Recorder(Faulty):
    """The exemplar, which notes the faults that would act, and under which condition."""

    fault = Fault("none", "wrong rule", "rank", lambda at, value: value)
    condition = Condition("never", "layer", lambda at: False)

    def do(self, place: Place, name: str, value: Any, given: Any = None) -> Any:
        """Note the faults that would act, and return the right value."""
        at = At(self, name, given)
        held = [one.name for one in CONDITIONS if one.holds(at)]
        for fault in FAULTS:
            spots = {(fault.name, condition) for condition in held}
            if fault.place == place and not spots <= _seen and _acts(fault, at, value):
                _seen.update(spots)
        return value

    def finalize(self) -> Any:
        """Note the faults that would act, and finalize."""
        self._refuse_if_finalized("finalize")
        for name in self.plan.names:
            self.do("finalize", name, None)
            self.do("finalized", name, None)
        return Exemplar.finalize(self)


def _acts(fault: Fault, at: At, value: Any) -> bool:
    """Return whether a fault does anything; where it returns a value, anything but the right one."""
    if fault.place not in _RETURNS:
        return True
    if not isinstance(value, Tensor):
        return bool(fault.act(at, value) != value)
    return not torch.equal(fault.act(at, value.clone()), value)


class RecorderAdapter(FaultyAdapter):
    """Adapter of the recorder."""

    sparsified = Recorder


class RecorderFails(Exception):
    """Raised if a program rejects the recorder, so that what it says of a product would mean nothing."""


@dataclass(frozen=True)
class Reached:
    """The spots that one program or cell reaches.

    Attributes:
        name: The name of the program or cell.
        seconds: The time that it took the recorder.
        spots: The spots.
        red: The kind of failure if it rejects the recorder; an empty string if it does not.
    """

    name: str
    seconds: float
    spots: frozenset[Spot]
    red: str = ""


Table = tuple[Reached, ...]


def cost_first(table: Table, spot: Spot) -> tuple[str, ...]:
    """Return the names of those that reach a spot, the quickest first."""
    found = sorted((one for one in table if spot in one.spots and not one.red), key=lambda one: one.seconds)
    return tuple(one.name for one in found)


def _noted(name: str, act: Callable[[], Record]) -> Reached:
    """Return what is reached while `act` judges the recorder."""
    _seen.clear()
    start = process_time()
    record = act()
    return Reached(name, process_time() - start, frozenset(_seen), record.signature if record.verdict.is_red else "")


# ----------------------------------------------------------------- programs


@cache
def programs() -> dict[str, Program]:
    """Return the programs of WALK as filled for the exemplar: the corpus, and the plans that WALK-02 tries out.

    A product that fails none of the latter offers what the exemplar offers.
    """
    offer = _offer()
    probes = {
        f"{target} {pattern}": probe(offer, TARGETS[target], pattern)
        for target, patterns in offer.patterns.items() for pattern in patterns
    }
    return probes | {name: fill(skeleton, offer) for name, skeleton in corpus().items()}


@cache
def _offer() -> Offer:
    adapter = ExemplarAdapter()
    return offer_of(adapter, adapter.declare("it"))


def judge_program(adapter: Adapter, name: str) -> Record:
    """Return the record of a program, judged as a run would."""
    program = programs()[name]
    return judge_by(lambda trial: run_program(trial, program), adapter, _cell(), "the model after every step")


@cache
def _cell() -> Planned:
    return planned(ExemplarAdapter(), (requirement("WALK-01"),))[0]


def reach_of(name: str) -> Reached:
    """Return the spots that a program reaches.

    Raises:
        RecorderFails: It rejects the recorder.
    """
    found = _noted(name, lambda: judge_program(RecorderAdapter(), name))
    if found.red:
        raise RecorderFails(f"{name} rejects the recorder, which does nothing wrong: {found.red}")
    return found


# ----------------------------------------------------------------- cells


def reach_of_cell(id: str) -> Reached:
    """Return the spots that a cell reaches. What torch cannot trace with the conditions in it is red."""
    be_cheaper()
    return _noted(id, lambda: judge(RecorderAdapter(), cells()[id]))


@cache
def be_cheaper() -> None:
    """Make the cells of this process cheaper until it ends; see `kill_matrix`."""
    stack = ExitStack()
    stack.enter_context(cheaper())
    atexit.register(stack.close)


@cache
def cells() -> dict[str, Planned]:
    """Return every cell that can be judged here, without those of the programs."""
    found = {one.cell.id: one for one in available(ExemplarAdapter())}
    return {id: one for id, one in found.items() if one.cell.area != "WALK"}
