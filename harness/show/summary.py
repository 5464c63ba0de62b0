"""The verdicts of a report in plain text, as a run ends in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..catalogue import CATALOGUE, VERSION, revisions
from ..errors import INCOMPLETE
from ..report.identity import left_out
from ..report.ledger import not_offered
from ..report.outcome import is_for_elsewhere
from ..report.reasons import INTERRUPTED, NOTHING_PASSED, NOTHING_PLANNED, PROBE, Reason, reasons
from ..report.report import Report
from ..values.cell import Cell
from ..values.record import Outcome, Record, Subject, Verdict
from .accuracy import accuracy_lines
from .defects import (
    by_cause,
    counted,
    in_short,
    known_defects,
    level_lines,
    of_requirement,
    repeat_command,
    result,
    sentence,
    verdict_counts,
)
from .escaping import one_line
from .left_out import left_out_lines
from .origin import code_of
from .probe import probe_lines

_UNEXPECTED = (Verdict.FAILED, Verdict.ERROR, Verdict.STALE, Verdict.PROVISIONAL)


def summary(report: Report) -> Iterator[str]:
    """Yield per sparsifier its results, counts, unexpected failures by cause, and known defects.

    If there are several sparsifiers, a line for each follows at the end.
    """
    outcomes = {one.sparsifier: one for one in report.outcomes()}
    found = tuple(reasons(report))
    for subject in report.header.subjects:
        yield from _subject(report, subject, outcomes[subject.sparsifier], found)
        yield ""
    if len(report.header.subjects) > 1:
        yield from _overview(report.header.subjects, outcomes)
    yield from _limits(report, [one for one in found if not one.sparsifier])


def _limits(report: Report, found: Sequence[Reason]) -> Iterator[str]:
    """Yield the reasons why the results do not cover the whole catalogue of today, and those that concern the run."""
    if report.header.selection.probe:
        yield "Probe: undeclared capabilities were treated as supported."
        yield "Nothing above is a verdict; declare them and run again."
    elif report.header.selection:
        yield "Only a selection was judged; the results do not cover the whole catalogue."
    if shard := report.header.shard:
        yield f"Only shard {shard} was judged; `sparsecheck merge` merges all shards."
    if not report.is_current:
        yield f"Judged by catalogue {report.header.catalogue}; this sparsecheck has catalogue {VERSION}."
        yield from left_out_lines(left_out(report.requirements, revisions()))
    for one in found:
        if one.kind == INTERRUPTED:
            yield f"INTERRUPTED ({one_line(one.sentence)}): the run is incomplete and gives no verdict."
        elif one.kind != PROBE:
            yield f"{one.kind.upper()}: {one.sentence}"


def _subject(report: Report, subject: Subject, outcome: Outcome, found: Sequence[Reason]) -> Iterator[str]:
    if subject.problem:
        yield f"{subject.sparsifier}: NOT JUDGED: {one_line(subject.problem, 1200)}"
        return
    if subject.is_inapplicable and outcome.result == "selection":
        yield f"{subject.sparsifier}: NOT APPLICABLE: none of its cells is selected"
        return
    records = report.of(subject.sparsifier)
    yield from _headline(subject, outcome, "PROBE" if report.header.selection.probe else result(outcome, records))
    yield from _warnings(report, subject, [one for one in found if one.sparsifier == subject.sparsifier])
    if report.header.selection.probe:
        yield from probe_lines(subject, records)
        yield from _not_run(records)
        return
    for verdict in _UNEXPECTED:
        yield from _unexpected(subject, [record for record in records if record.verdict is verdict], verdict)
    yield from _known(subject, records)
    yield from _not_run(records)
    yield from _refusals(records)
    yield from program_lines(records)
    yield from accuracy_lines(records)
    yield from _not_offered(report, subject)
    yield from _unavailable(records)


def _warnings(report: Report, subject: Subject, found: Sequence[Reason]) -> Iterator[str]:
    """Yield a line if records are missing, if nothing was judged or passed, and if the adapter is older."""
    if unbalanced := [one.sentence for one in found if one.code == INCOMPLETE]:
        yield f"  PLAN AND RECORDS DIFFER: {'; '.join(unbalanced)}"
    elif subject.share is None and is_for_elsewhere(report.of(subject.sparsifier)):
        yield "  NOTHING COULD BE JUDGED on this machine, which cannot run any of these cells"
    yield from _older_adapter(subject)
    for one in found:
        if one.kind in (NOTHING_PASSED, NOTHING_PLANNED):
            yield f"  {one.kind.upper()}: {one.sentence}"


def _older_adapter(subject: Subject) -> Iterator[str]:
    """Yield a line if the adapter was written for an earlier catalogue."""
    if subject.declaration is not None and subject.declaration.catalogue < VERSION:
        written = f"written for catalogue {subject.declaration.catalogue} of {VERSION}"
        yield f"  {written}; `sparsecheck list --check` shows what to add"


def _headline(subject: Subject, outcome: Outcome, word: str) -> Iterator[str]:
    """Yield the result, a line per level, and the counts."""
    declaration, environment = subject.declaration, subject.environment
    assert declaration is not None
    assert environment is not None
    package = one_line(declaration.package, 80)
    facts = f"{declaration.profile} profile, {package}, torch {one_line(environment.torch, 80)}"
    yield f"{subject.sparsifier}: {word} ({facts})"
    yield from (f"  {line}" for line in (level_lines(outcome) if word != "PROBE" else ()))
    yield f"  {counted(outcome.planned, 'cell')} planned: {verdict_counts(outcome.counts)}"
    if judged := code_of(subject):
        yield f"  code: {one_line(judged)}"


def _overview(subjects: Sequence[Subject], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    width = max(len(subject.sparsifier) for subject in subjects)
    for subject in subjects:
        outcome = outcomes[subject.sparsifier]
        text = f"{result(outcome):14}  {in_short(outcome)}; {verdict_counts(outcome.counts)}"
        if subject.problem or (subject.is_inapplicable and outcome.result == "selection"):
            text = "NOT JUDGED" if subject.problem else "NOT APPLICABLE"
        yield f"{subject.sparsifier:{width}}  {text}".rstrip()


def _unexpected(subject: Subject, records: list[Record], verdict: Verdict) -> Iterator[str]:
    """Yield the cells of one verdict by requirement, each cause with a message and a command to repeat it."""
    for id, those in of_requirement(records):
        yield f"  {verdict.value}: {id} {sentence(id)}".rstrip()
        for failures in by_cause(those):
            first = failures.first
            yield f"    {counted(len(failures.records), 'cell')}: {one_line(first.message)}"
            if first.reason:
                yield f"    because: {one_line(first.reason + _link(first))}"
            yield f"    repeat: {repeat_command(subject.adapter, first.cell)}"


def _known(subject: Subject, records: Sequence[Record]) -> Iterator[str]:
    """Yield each known defect once, worst first, with its reason, its cells and all its causes."""
    defects = known_defects(records)
    if defects:
        yield f"  {counted(len(defects), 'known defect')}, worst first:"
    for defect in defects:
        yield f"  - {one_line(f'{defect.title}: {defect.first.reason}{_link(defect.first)}')}"
        yield f"    breaks: {one_line(defect.breaks, 1200)}"
        for one in defect.causes:
            yield f"    seen in {counted(len(one.records), 'cell')}: {one_line(one.first.message)}"
        yield f"    repeat: {repeat_command(subject.adapter, defect.first.cell)}"


def _link(record: Record) -> str:
    return f" ({record.link})" if record.link else ""


def _not_run(records: tuple[Record, ...]) -> Iterator[str]:
    cells = [record for record in records if record.verdict is Verdict.NOT_RUN]
    if cells:
        yield f"  NOT RUN: {counted(len(cells), 'cell')}, because a smoke check of the adapter fails:"
        yield f"    {one_line(cells[0].message)}"
        yield "    If this is a defect of the package, expect it (`sparsecheck expect`) to judge the other cells."


def _refusals(records: tuple[Record, ...]) -> Iterator[str]:
    for who in ("package", "adapter"):
        ids = sorted({_requirement_of(record) for record in records if record.refused_by == who})
        if ids:
            yield f"  refused by the {who}: {', '.join(ids)}"


def _not_offered(report: Report, subject: Subject) -> Iterator[str]:
    """Yield a line with the requirements that need an unsupported capability."""
    if subject.declaration is None or subject.environment is None or report.header.selection:
        return
    judged = {_requirement_of(record) for record in report.of(subject.sparsifier)}
    lacking = not_offered(CATALOGUE, subject.declaration, subject.environment)
    ids = [one.id for one in lacking if one.id in report.requirements and one.id not in judged]
    if ids:
        yield f"  not offered: {', '.join(ids)}"


def _unavailable(records: tuple[Record, ...]) -> Iterator[str]:
    reasons = Counter(record.reason for record in records if record.verdict is Verdict.UNAVAILABLE)
    for reason, count in sorted(reasons.items()):
        yield f"  unavailable: {counted(count, 'cell')}, {one_line(reason)}"


def program_lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield a line with the coverage of the programs that passed, if any did."""
    passed = [record for record in records if record.coverable]
    if passed:
        pairs = f"{sum(record.covers for record in passed):,} of {passed[0].coverable:,} pairs of what is offered"
        yield f"  programs: {counted(len(passed), 'program')} passed, which cover {pairs}"


def _requirement_of(record: Record) -> str:
    return Cell.parse(record.cell).requirement
