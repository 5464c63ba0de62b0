"""What a probe found: of each capability that was left undeclared, how much would pass if it were declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..catalogue import UnknownRequirement, requirement
from ..report.ledger import supposed
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Subject, Verdict
from .escaping import one_line


def probed(subject: Subject, records: Sequence[Record]) -> Iterator[str]:
    """A line for each capability that was supposed, and what first failed of it."""
    declaration = subject.declaration
    assert declaration is not None
    taking = {record: _supposed(record, declaration) for record in records if _tells(record)}
    for name in declaration.supposed:
        own = [record for record, names in taking.items() if name in names]
        yield from _found(name, own, [record for record in own if taking[record] == (name,)])


def _supposed(record: Record, declaration: Declaration) -> tuple[str, ...]:
    """Nothing that is known, of a requirement that this catalogue does not have."""
    cell = Cell.parse(record.cell)
    try:
        return supposed(requirement(cell.requirement), cell, declaration)
    except UnknownRequirement:
        return ()


def _tells(record: Record) -> bool:
    """A refusal is of something else, which is declared unsupported."""
    return record.verdict not in (Verdict.UNAVAILABLE, Verdict.NOT_RUN, Verdict.REFUSED)


def _found(name: str, own: Sequence[Record], alone: Sequence[Record]) -> Iterator[str]:
    """alone: those of its `own` cells that take nothing else that is undeclared, and so tell of it alone."""
    telling = alone or own
    failed = [record for record in telling if record.verdict is not Verdict.PASSED]
    if not telling:
        yield f"  {name}: no cell here could tell"
        return
    advice = "declare it supported" if not failed else _advice(len(failed) < len(telling))
    beside = "" if alone else ", each of which takes something else that is undeclared"
    yield f"  {name}: {len(telling) - len(failed)} of {len(telling)} cells pass{beside}: {advice}"
    for record in failed[:1]:
        yield f"    first of those that do not: {one_line(record.message, 300)}"
        yield f"    {record.cell}"


def _advice(some_pass: bool) -> str:
    if some_pass:
        return "declare it supported if it is offered, and mend or expect what fails"
    return "declare it unsupported, and refuse it by name; or supported, and mend it"
