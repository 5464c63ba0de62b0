"""The reasons for an exit code other than 0, from which the exit code and every document about a run are derived."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..errors import INCOMPLETE, OK, RED, UNUSABLE
from ..values.record import Outcome, Subject
from .outcome import is_for_elsewhere, nothing_passed
from .report import Report

INTERRUPTED = "interrupted"
NOT_JUDGED = "not judged"
NOTHING_PASSED = "nothing passed"
NOTHING_PLANNED = "nothing planned"
ELSEWHERE = "nothing could be judged"
PROBE = "probe"
LACKING = "required but not judged"


@dataclass(frozen=True)
class Reason:
    """One reason for an exit code other than 0.

    Attributes:
        code: The exit code that it leads to.
        kind: What is wrong, in a word or a few: the verdict of a red cell, or `interrupted`.
        sparsifier: The name of the sparsifier; empty if it concerns the whole run.
        sentence: The explanation, without a full stop.
        cells: The ids of the cells that it concerns; empty if it concerns no particular cell.
    """

    code: int
    kind: str
    sparsifier: str
    sentence: str
    cells: tuple[str, ...] = ()


def exit_code(report: Report, required: Collection[str] = ()) -> int:
    """Return the exit code of a run that ends with this report; a key of `EXIT_CODES`.

    Args:
        report: The report.
        required: The names of sparsifiers that must have been judged.
    """
    return max((one.code for one in reasons(report, required)), default=OK)


def reasons(report: Report, required: Collection[str] = ()) -> Iterator[Reason]:
    """Yield every reason why a run that ends with this report does not exit with 0.

    Args:
        report: The report.
        required: The names of sparsifiers that must have been judged.
    """
    yield from _of_run(report)
    for subject, outcome in zip(report.header.subjects, report.outcomes(), strict=True):
        yield from _of_subject(report, subject, outcome)
    yield from _elsewhere(report)
    judged = _judged(report)
    for name in required:
        if name not in judged:
            yield Reason(UNUSABLE, LACKING, name, "the run had to judge this sparsifier")


def _of_run(report: Report) -> Iterator[Reason]:
    header = report.header
    if report.footer is None or report.footer.interrupted:
        why = report.footer.interrupted if report.footer else "the run was cut short"
        yield Reason(INCOMPLETE, INTERRUPTED, "", why)
    if header.selection.probe:
        yield Reason(UNUSABLE, PROBE, "", "undeclared capabilities were treated as supported, which gives no verdict")
    if not header.shard and not any(one.problem or one.planned for one in header.subjects):
        yield Reason(UNUSABLE, NOTHING_PLANNED, "", "no cell of any sparsifier is planned")


def _of_subject(report: Report, subject: Subject, outcome: Outcome) -> Iterator[Reason]:
    name, records = subject.sparsifier, report.of(subject.sparsifier)
    if subject.problem:
        yield Reason(UNUSABLE, NOT_JUDGED, name, subject.problem)
    for kind, cells in report.balance(subject).parts():
        yield Reason(INCOMPLETE, kind, name, f"{len(cells)} {kind}, first {cells[0]}", cells)
    for record in records:
        if record.verdict.is_red:
            yield Reason(RED, record.verdict.value, name, record.message or record.signature, (record.cell,))
    if subject.problem or report.header.selection or subject.share is not None or not outcome.balanced:
        return
    if not subject.planned:
        yield Reason(RED, NOTHING_PLANNED, name, "none of its cells is planned")
    elif nothing_passed(records) and not is_for_elsewhere(records):
        yield Reason(RED, NOTHING_PASSED, name, "every judged cell failed or was refused")


def _elsewhere(report: Report) -> Iterator[Reason]:
    """Yield a reason per sparsifier if this machine could judge none of them."""
    selection, shard = report.header.selection, report.header.shard
    applicable = [one for one in report.outcomes() if one.planned or shard or not selection]
    if {one.result for one in applicable} == {"unavailable"}:
        for one in applicable:
            yield Reason(RED, ELSEWHERE, one.sparsifier, "this machine cannot run any of its cells")


def _judged(report: Report) -> set[str]:
    """Return the sparsifiers that were judged; a shard may have no cell of one that the whole run judges."""
    pairs = zip(report.header.subjects, report.outcomes(), strict=True)
    return {
        subject.sparsifier for subject, outcome in pairs
        if subject.share is not None or (outcome.planned and outcome.result != "unavailable")
    }
