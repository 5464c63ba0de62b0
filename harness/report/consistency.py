"""Find what contradicts itself or the catalogue in a report, as far as that can be known.

A report may come from another sparsecheck: requirements that this catalogue does not have at the same revision are not
compared, nor is anything of a report of format 1, or of one that does not say which sparsecheck planned it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from ..catalogue import VERSION, at_version, requirement
from ..suggestions import quoted
from ..values.cell import Cell
from ..values.declaration import Declaration, Environment
from ..values.record import Header, Record, Subject, Verdict
from ..values.selection import Selection
from ..values.versions import is_version
from .ledger import REFUSE, Planned, binds, enumerate_cells

if TYPE_CHECKING:
    from .report import Report

_TEXTS = ("signature", "message", "refused_by", "reason", "link", "defect")
_LONGEST = 1e8
"""More seconds than any case takes."""

_NEEDED = {Verdict.KNOWN: "reason", Verdict.REFUSED: "refused_by", Verdict.PROVISIONAL: "reason"}
"""The text without which a verdict that is not red says nothing."""

_ALLOWED = {
    Verdict.PASSED: (), Verdict.REFUSED: ("refused_by",), Verdict.UNAVAILABLE: ("reason",),
    Verdict.FAILED: ("signature", "message"), Verdict.ERROR: ("signature", "message"),
    Verdict.NOT_RUN: ("signature", "message"), Verdict.KNOWN: ("signature", "message", "reason", "link", "defect"),
}
"""The texts that a verdict may have; all, if it is not listed."""


def record_inconsistency(record: Record) -> str:
    """Return why a record cannot be true, or an empty string."""
    if not (math.isfinite(record.seconds) and 0 <= record.seconds < _LONGEST):
        return f"it says that a case took {record.seconds} seconds"
    verdict = record.verdict
    needed = _NEEDED.get(verdict, "")
    if needed and not getattr(record, needed).strip():
        return f"the verdict is {verdict.value!r}, but there is no {needed}"
    allowed = _ALLOWED.get(verdict, _TEXTS)
    extra = next((name for name in _TEXTS if getattr(record, name) and name not in allowed), "")
    return f"the verdict is {verdict.value!r}, but there is a {extra}" if extra else ""


def footer_difference(report: Report) -> str:
    """Return the first difference between the footer of a report and what its plan and its records give."""
    stated, computed = report.footer.outcomes if report.footer else (), report.outcomes()
    for one, other in zip(stated, computed, strict=False):
        for field in one.__struct_fields__:
            said, is_so = getattr(one, field), getattr(other, field)
            if said != is_so:
                subject = next(one for one in report.header.subjects if one.sparsifier == other.sparsifier)
                said, is_so = quoted(str(said)), quoted(str(is_so))
                return (f"{other.sparsifier}: {field} is {said} in the footer, and {is_so} by the plan and the records "
                        f"({report.balance(subject)})")
    return f"it has the outcome of {len(stated)} sparsifiers, and the header lists {len(computed)}"


def inconsistency(report: Report) -> str:
    """Return the first reason why a report cannot be true, or an empty string."""
    return next(_inconsistencies(report), "")


def _inconsistencies(report: Report) -> Iterator[str]:
    header = report.header
    yield from _of_header(header)
    for subject in header.subjects:
        where = quoted(subject.sparsifier)
        yield from (f"{where}: {problem}" for problem in _of_subject(subject, bool(header.shard)))
        records = report.of(subject.sparsifier)
        yield from (f"{where}: {problem}" for problem in _of_records(subject, records))
        if is_comparable(header) and subject.declaration is not None and subject.environment is not None:
            plan = _plan(header, subject.declaration, subject.environment)
            yield from _of_plan(subject, plan)
            yield from _of_verdicts(records, subject.declaration, plan)


def is_comparable(header: Header) -> bool:
    """Return whether the plan of a report can be compared with the catalogue."""
    return header.format > 1 and bool(header.sparsecheck)


def _of_header(header: Header) -> Iterator[str]:
    try:
        if header.started:
            datetime.fromisoformat(header.started)
    except ValueError:
        yield f"it was started at {quoted(header.started)}, which is no date"
    names = Counter(subject.sparsifier for subject in header.subjects)
    yield from (f"it is about {quoted(name)} {count} times" for name, count in names.items() if count > 1)


def _of_subject(subject: Subject, is_shard: bool) -> Iterator[str]:
    if subject.problem and subject.planned:
        yield "it could not be judged, but cells of it are planned"
    if subject.environment is not None and not is_version(subject.environment.torch):
        yield f"it was judged on torch {quoted(subject.environment.torch)}, which is no version"
    if subject.declaration is not None and subject.declaration.sparsifier != subject.sparsifier:
        yield f"its declaration is that of {quoted(subject.declaration.sparsifier)}"
    prefix = f"{subject.sparsifier}:"
    yield from (f"{quoted(cell)} is planned for it" for cell in subject.planned if not cell.startswith(prefix))
    if len(set(subject.planned)) < len(subject.planned):
        yield "a cell of it is planned twice"
    if (subject.share is not None) != (is_shard and not subject.problem):
        yield "it has a share of a plan, and the run was no shard" if subject.share else "it has no share of the plan"
    if subject.share is not None and len(subject.share.places) != len(subject.planned):
        yield "its share of the plan is not that of its planned cells"


def _of_records(subject: Subject, records: tuple[Record, ...]) -> Iterator[str]:
    if subject.problem and records:
        yield "it could not be judged, but there are records of it"
    explained: dict[str, tuple[str, str]] = {}
    for record in records:
        if record.verdict is Verdict.KNOWN and record.defect:
            reason = record.reason, record.link
            if explained.setdefault(record.defect, reason) != reason:
                yield f"the known defect {quoted(record.defect)} has two reasons"


class _Plan:
    """The cells that the catalogue gives for a declaration.

    Attributes:
        compared: The requirements that the report and this catalogue share.
        then: The ids of the cells at the catalogue version of the report, in order.
        anytime: The cells at the present version, by id. A combined report may have cells that are newer than its
            version.
    """

    def __init__(self, compared: frozenset[str], then: tuple[Planned, ...], now: tuple[Planned, ...]) -> None:
        self.compared = compared
        self.then = tuple(one.cell.id for one in then)
        self.anytime = {one.cell.id: one for one in now}


def _plan(header: Header, declaration: Declaration, environment: Environment) -> _Plan:
    version = min(header.catalogue, VERSION) if isinstance(header.catalogue, int) else VERSION
    return _enumerated(version, tuple(header.requirements.items()), declaration, header.selection, environment)


@lru_cache(maxsize=64)
def _enumerated(
    version: int, revisions: tuple[tuple[str, int], ...], declaration: Declaration, selection: Selection,
    environment: Environment,
) -> _Plan:
    stated = dict(revisions)
    then, now = ([one for one in at_version(number) if stated.get(one.id) == one.revision]
                 for number in (version, VERSION))
    compared = frozenset(one.id for one in now)
    cells = enumerate_cells(now, declaration, selection, environment)
    before = cells if version == VERSION else enumerate_cells(then, declaration, selection, environment)
    return _Plan(compared, before, cells)


def _of_plan(subject: Subject, plan: _Plan) -> Iterator[str]:
    """Yield a planned cell that the catalogue does not give for the declaration, and one that it gives."""
    planned = set(subject.planned)
    unknown = (cell for cell in subject.planned if cell not in plan.anytime)
    if unplanned := next((cell for cell in unknown if Cell.parse(cell).requirement in plan.compared), ""):
        yield f"{quoted(unplanned)} is planned, which the catalogue does not give for its declaration"
    if subject.share is None and (missing := next((cell for cell in plan.then if cell not in planned), "")):
        yield f"{quoted(missing)} is not planned, which the catalogue gives for its declaration"


def _of_verdicts(records: tuple[Record, ...], declaration: Declaration, plan: _Plan) -> Iterator[str]:
    """Yield the verdicts that the catalogue, the declaration or the environment rules out."""
    for record in records:
        planned = plan.anytime.get(record.cell)
        if planned is not None and (problem := _ruled_out(record.verdict, planned, declaration)):
            yield f"{quoted(record.cell)} {problem}"


def _ruled_out(verdict: Verdict, planned: Planned, declaration: Declaration) -> str:
    if verdict is Verdict.UNAVAILABLE:
        return "is unavailable, but its environment can run it" if planned.disposition == "judge" else ""
    if planned.disposition == "unavailable":
        return f"was judged, but its environment cannot run it: {planned.why}"
    if verdict is Verdict.REFUSED and planned.cell.area != REFUSE:
        return f"was refused, which only cells of {REFUSE} can be"
    if verdict is Verdict.PROVISIONAL and binds(requirement(planned.cell.requirement), planned.cell, declaration):
        return "is a provisional failure, but its requirement binds the sparsifier"
    return ""
