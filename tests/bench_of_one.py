"""Judge one adapter by one requirement in this process, so that tests see a case fail and pass."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any

from sparsecheck import Adapter, Trial
from sparsecheck.catalogue import AREAS, CATALOGUE, requirement
from sparsecheck.report.ledger import Planned, enumerate_cells
from sparsecheck.report.verdict import signature
from sparsecheck.run.case_outcome import passed, red_verdict
from sparsecheck.run.case_run import run_case
from sparsecheck.trials.case_marker import compared_instead, requirement_judged_by
from sparsecheck.trials.refusal import RefusedBy
from sparsecheck.values.record import Record
from sparsecheck.values.requirement import Requirement
from sparsecheck.values.selection import Selection
from tests.stand_in import environment, standing_in

ALL = frozenset(one.id for one in CATALOGUE)


@cache
def cases() -> dict[str, Callable[[Trial], RefusedBy | None]]:
    """Return every case function, by the requirement that it judges."""
    found: dict[str, Callable[[Trial], RefusedBy | None]] = {}
    for area in AREAS:
        module = importlib.import_module(f"sparsecheck.cases.test_{area.lower()}")
        for value in vars(module).values():
            if (id := requirement_judged_by(value)) is not None:
                assert id not in found, f"two cases judge {id}"
                found[id] = value
    return found


def planned(adapter: Adapter, requirements: Iterable[Requirement] = CATALOGUE) -> tuple[Planned, ...]:
    """Return the ledger of `adapter` under the name `it`."""
    declared, every = adapter.declare("it"), Selection()
    return tuple(cell for one in requirements for cell in enumerate_cells((one,), declared, every, environment(one)))


def available(adapter: Adapter, requirements: Iterable[Requirement] = CATALOGUE) -> Iterator[Planned]:
    """Yield the cells that can be judged here."""
    return (one for one in planned(adapter, requirements) if one.disposition != "unavailable")


def canonical(adapter: Adapter, ids: Container[str] = ALL) -> Iterator[Planned]:
    """Yield the first cell that can be judged here of every requirement, or of those in `ids`."""
    seen = set[str]()
    for one in available(adapter, [each for each in CATALOGUE if each.id in ids]):
        if one.cell.requirement not in seen:
            seen.add(one.cell.requirement)
            yield one


def judge(adapter: Adapter, one: Planned) -> Record:
    """Return the record of one cell as a run would give it, without expectations."""
    case = cases()[one.cell.requirement]
    return judge_by(case, adapter, one, compared_instead(case))


def judge_by(case: Callable[[Trial], RefusedBy | None], adapter: Adapter, one: Planned, instead: str = "") -> Record:
    """Return the record of one cell as judged by `case`, which compares `instead` or else the planned parameters."""
    trial = Trial(one.cell, adapter)
    try:
        with standing_in(), _classes_restored(adapter), trial.guard.watch():
            result = run_case(case, trial, instead)
    except Exception as error:
        return Record(one.cell.id, red_verdict(error), signature(error), str(error))
    return passed(one.cell.id, result)


@contextmanager
def _classes_restored(adapter: Adapter) -> Iterator[None]:
    """Restore, at the end, what the adapter's own classes and modules hold, so that no cell depends on earlier ones."""
    roots = (type(adapter), getattr(adapter, "sparsified", object))
    owned = [part for root in roots for part in root.__mro__ if part.__module__.startswith("tests.")]
    modules = [vars(sys.modules[name]) for name in {part.__module__ for part in owned}]
    before = [(part, dict(vars(part)), _contents(vars(part))) for part in owned]
    held = [(names, _contents(names)) for names in modules]
    try:
        yield
    finally:
        for part, names, contents in before:
            for name in [one for one in vars(part) if one not in names]:
                delattr(part, name)
            for name in [one for one in names if vars(part)[one] is not names[one]]:
                setattr(part, name, names[name])
            _refill(names, contents)
        for names, contents in held:
            _refill(names, contents)


def _contents(names: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: copy(value) for name, value in names.items()
        if isinstance(value, list | dict | set) and not name.startswith("__")
    }


def _refill(names: Mapping[str, Any], contents: Mapping[str, Any]) -> None:
    for name, content in contents.items():
        names[name].clear()
        (names[name].extend if isinstance(content, list) else names[name].update)(content)


def judge_all(adapter: Adapter, id: str) -> Iterator[Record]:
    """Yield the records of every available cell of requirement `id`."""
    return (judge(adapter, one) for one in available(adapter, (requirement(id),)))
