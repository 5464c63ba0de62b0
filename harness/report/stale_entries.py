"""Find the known defects, and the signatures of known defects, that explained no failure of a run alone.

Such an entry is stale although no cell that it covers passes: another entry explains all its failures. If it stayed,
the defect that it was once written for could come back unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from ..catalogue import at_version
from ..values.cell import Cell
from ..values.record import Footer, Record, Subject, Verdict
from ..values.selection import Selection
from .expectation import Expectation
from .ledger import enumerate_cells
from .report import InvalidReport, Report
from .verdict import bound

_UNDECIDED = (Verdict.ERROR, Verdict.NOT_RUN)


def settled(report: Report) -> Report:
    """Return the report in which every entry that explained no failure alone is red.

    The first known failure in a cell that such an entry covers becomes a stale expectation, which names the entry. An
    entry is judged only if the report says enough: no cell that it covers is outside the selection, in another shard,
    or an error. A signature is judged only if all sparsifiers of its entry are in the report.

    Raises:
        InvalidReport: The expected defects that the report states are not valid.
    """
    if report.header.shard or report.header.selection.probe or (report.footer and report.footer.interrupted):
        return report
    blamed: dict[str, list[str]] = {}
    for cell, message in _stale(report):
        blamed.setdefault(cell, []).append(message)
    if not blamed:
        return report
    declared = {subject.sparsifier: subject.declaration for subject in report.header.subjects}
    records = tuple(
        bound(_blamed(one, blamed[one.cell]), declared[Cell.parse(one.cell).sparsifier]) if one.cell in blamed else one
        for one in report.records
    )
    changed = Report(report.header, records, None)
    return Report(report.header, records, Footer(changed.outcomes(), "") if report.footer else None)


def fails(record: Record) -> bool:
    """Return whether the case of a cell failed, whether that was expected or not."""
    return record.verdict in (Verdict.FAILED, Verdict.KNOWN) or (
        record.verdict is Verdict.STALE and bool(record.signature)
    )


def _blamed(record: Record, messages: Sequence[str]) -> Record:
    """Return the record of a known failure as one of the stale entries that `messages` name."""
    by = f"defect {record.defect}" if record.defect else "another expectation"
    message = f"{'; '.join(messages)}. The failure of this cell is known by {by}: {record.message}"
    return replace(record, verdict=Verdict.STALE, message=message, reason="", link="")


@dataclass(frozen=True)
class _Run:
    """What a report says about one sparsifier.

    Attributes:
        subject: The sparsifier.
        whole: All its cells, whatever part was selected.
        records: Its records, by cell.
        entries: The entries that were expected.
    """

    subject: Subject
    whole: Sequence[Cell]
    records: Mapping[Cell, Record]
    entries: Sequence[Expectation]

    @cached_property
    def explanations(self) -> list[set[tuple[Expectation, str]]]:
        """Return for each failing cell all entries and signatures that explain it."""
        return [
            {(entry, text) for entry in self.entries if entry.covers(cell) for text in entry.matching(record.signature)}
            for cell, record in self.records.items() if fails(record)
        ]

    def is_alive(self, entry: Expectation) -> bool:
        """Return whether a failure is explained by `entry` alone."""
        return any({one for one, _ in pairs} == {entry} for pairs in self.explanations)

    def is_decided(self, entry: Expectation) -> bool:
        """Return whether every cell that `entry` covers was judged or cannot be judged here."""
        found = (self.records.get(cell) for cell in self.whole if entry.covers(cell))
        return all(record is not None and record.verdict not in _UNDECIDED for record in found)

    def place(self, entry: Expectation) -> str:
        """Return a known failure in a cell that `entry` covers; an empty string if a cell shows it as stale.

        It is the first one that can be red, if there is one.
        """
        covered = [record for cell, record in self.records.items() if entry.covers(cell)]
        if any(record.verdict is Verdict.STALE for record in covered):
            return ""
        known = [record for record in covered if record.verdict is Verdict.KNOWN]
        red = (one for one in known if bound(_blamed(one, ()), self.subject.declaration).verdict is Verdict.STALE)
        return next((one.cell for one in (*red, *known)), "")


def _stale(report: Report) -> Iterator[tuple[str, str]]:
    """Yield a cell and a message for each stale entry and signature."""
    runs = [_run(report, subject) for subject in report.header.subjects if subject.expected]
    for run in runs:
        for entry in run.entries:
            if not run.is_alive(entry) and run.is_decided(entry) and (cell := run.place(entry)):
                yield cell, (f"{entry.title} explained no failure of {run.subject.sparsifier} alone: delete it, or "
                             "restrict it to failures that no other entry explains")
    yield from _stale_signatures(runs)


def _stale_signatures(runs: Sequence[_Run]) -> Iterator[tuple[str, str]]:
    """Yield the signatures that are not needed, although their entries are."""
    entries = dict.fromkeys(entry for run in runs for entry in run.entries if len(entry.signatures) > 1)
    for entry in entries:
        those = [run for run in runs if entry in run.entries]
        judged = {run.subject.sparsifier for run in those if run.is_decided(entry) and run.is_alive(entry)}
        if judged != set(entry.sparsifiers):
            continue
        used = {text for run in those for pairs in run.explanations if len(pairs) == 1 for one, text in pairs
                if one == entry}
        cell = next(filter(None, (run.place(entry) for run in those)), "")
        for text in entry.signatures:
            if text not in used and cell:
                yield cell, f"the signature {text!r} of {entry.title} explained no failure alone: delete it"


def _run(report: Report, subject: Subject) -> _Run:
    try:
        return _run_of(report, subject)
    except (ValueError, LookupError) as error:
        problem = f"the expected defects of {subject.sparsifier} are not valid: {error}"
        raise InvalidReport(problem, "Run it again.") from None


def _run_of(report: Report, subject: Subject) -> _Run:
    records = {Cell.parse(record.cell): record for record in report.of(subject.sparsifier)}
    planned: Iterable[Cell] = map(Cell.parse, subject.planned)
    if report.header.selection and subject.declaration is not None and subject.environment is not None:
        requirements = at_version(int(report.header.catalogue))
        cells = enumerate_cells(requirements, subject.declaration, Selection(), subject.environment)
        planned = (one.cell for one in cells)
    return _Run(subject, tuple(planned), records, tuple(map(Expectation.of, subject.expected)))
