"""Render the result of a probe: for each undeclared capability, how many cells pass with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..catalogue import find_requirement
from ..report.ledger import supposed
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Subject, Verdict
from .escaping import one_line


def probe_lines(subject: Subject, records: Sequence[Record]) -> Iterator[str]:
    """Yield a line for each undeclared capability, followed by the first failure of a cell that needs it."""
    declaration = subject.declaration
    assert declaration is not None
    taking = {record: _supposed(record, declaration) for record in records if _is_informative(record)}
    for name in declaration.supposed:
        own = [record for record, names in taking.items() if name in names]
        yield from _found(name, own, [record for record in own if taking[record] == (name,)])


def _supposed(record: Record, declaration: Declaration) -> tuple[str, ...]:
    """Return the undeclared capabilities that a cell needs; none if the catalogue does not have its requirement."""
    cell = Cell.parse(record.cell)
    requirement = find_requirement(cell.requirement)
    return supposed(requirement, cell, declaration) if requirement is not None else ()


def _is_informative(record: Record) -> bool:
    """Return whether a record says anything about the capability; a refusal concerns another, unsupported one."""
    return record.verdict not in (Verdict.UNAVAILABLE, Verdict.NOT_RUN, Verdict.REFUSED)


def _found(name: str, own: Sequence[Record], alone: Sequence[Record]) -> Iterator[str]:
    """Yield the lines about one capability.

    Args:
        name: The capability.
        own: The records of the cells that need it.
        alone: Those of them that need no other undeclared capability.
    """
    records = alone or own
    failed = [record for record in records if record.verdict is not Verdict.PASSED]
    if not records:
        yield f"  {name}: no cell on this machine needs it"
        return
    advice = "declare it supported" if not failed else _advice(len(failed) < len(records))
    others = "" if alone else ", all of which need another undeclared capability too"
    yield f"  {name}: {len(records) - len(failed)} of {len(records)} cells pass{others}: {advice}"
    for record in failed[:1]:
        yield f"    first failure: {one_line(record.message, 300)}"
        yield f"    {record.cell}"


def _advice(some_pass: bool) -> str:
    if some_pass:
        return "declare it supported if the package offers it, and fix or expect the failures"
    return "declare it unsupported and refuse it by name, or declare it supported and fix it"
