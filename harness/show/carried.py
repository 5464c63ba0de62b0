"""Carry over verdicts from another machine for cells that were unavailable here; they are shown and not counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace

from ..catalogue.axes import device_capability
from ..report.report import Report, check_whole
from ..values.cell import Cell
from ..values.record import Record, Subject, Verdict
from .defects import verdict_counts
from .escaping import one_line, printable

CARRIED = "Verdicts from other machines, not counted above:"


@dataclass(frozen=True)
class Carried:
    """The verdicts of one older report for a sparsifier's cells that were unavailable in a run.

    Attributes:
        sparsifier: The name of the sparsifier.
        facts: Pairs of a label and a value about the older report: package, device, driver, torch, date and age.
        records: The records of the older report.
    """

    sparsifier: str
    facts: tuple[tuple[str, str], ...]
    records: tuple[Record, ...]

    @property
    def counted(self) -> str:
        """Return the number of cells by verdict, in words."""
        return verdict_counts(dict(sorted(self._counts().items())))

    def _counts(self) -> Counter[str]:
        return Counter(record.verdict.value for record in self.records)


def carried(report: Report, older: Sequence[Report]) -> Iterator[Carried]:
    """Yield the verdicts of older reports for the cells that were unavailable in `report`.

    Raises:
        InvalidReport: One of `older` does not hold the verdicts of a whole run.
    """
    for one in older:
        _check(one)
    older = [one.restricted(report.requirements) for one in older]
    for subject in report.header.subjects:
        missing = {_role(record.cell) for record in report.of(subject.sparsifier) if _is_missing(record)}
        for one in older:
            for there in one.header.subjects:
                if there.sparsifier == subject.sparsifier:
                    yield from _found(missing, there, one, report.header.started)


def _check(older: Report) -> None:
    started = printable(older.header.started) or "no date"
    check_whole(older, f"the carried report ({started})")


def _is_missing(record: Record) -> bool:
    return record.verdict is Verdict.UNAVAILABLE and Cell.parse(record.cell).device != "cpu"


def _role(id: str) -> Cell:
    """Return the cell with its device replaced by its device capability, so that all accelerators are equal."""
    cell = Cell.parse(id)
    return replace(cell, device=device_capability(cell.device))


def _found(missing: set[Cell], there: Subject, older: Report, started: str) -> Iterator[Carried]:
    records = tuple(
        record for record in older.of(there.sparsifier)
        if _role(record.cell) in missing and record.verdict is not Verdict.UNAVAILABLE
    )
    if records:
        facts = tuple((what, printable(fact)) for what, fact in _facts(there, older.header.started, started))
        yield Carried(printable(there.sparsifier), facts, records)


def _facts(there: Subject, judged: str, started: str) -> Iterator[tuple[str, str]]:
    declaration, environment = there.declaration, there.environment
    yield "package", declaration.package if declaration else ""
    yield "device", environment.accelerator if environment else ""
    yield "driver", environment.driver if environment else ""
    yield "torch", environment.torch if environment else ""
    yield "date", judged[:10]
    yield "age", _age(judged, started)


def _age(judged: str, started: str) -> str:
    try:
        days = (date.fromisoformat(started[:10]) - date.fromisoformat(judged[:10])).days
    except ValueError:
        return "of unknown age"
    than = "older" if days >= 0 else "newer"
    return f"{abs(days)} day{'' if abs(days) == 1 else 's'} {than} than this run"


def carried_lines(found: Sequence[Carried]) -> Iterator[str]:
    """Yield the lines below a summary: one per older report, followed by its red cells."""
    if found:
        yield CARRIED
    for one in found:
        origin = ", ".join(f"{label} {fact or 'unknown'}" for label, fact in one.facts if label != "age")
        yield f"  {one_line(f'{one.sparsifier}: {one.counted} ({origin})')}, {dict(one.facts)['age']}"
        for record in one.records:
            if record.verdict.is_red:
                yield f"    {record.verdict.value}: {Cell.parse(record.cell).axes}: {one_line(record.message)}"
