"""Tabulate reports by sparsifier and torch version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from packaging.version import InvalidVersion, Version

from ...catalogue import revisions
from ...report.identity import LeftOut, left_out
from ...report.report import EmptyReport, InvalidReport, Report, ReportMismatch, check_whole
from ...show.defects import in_short, result_word, verdict_counts
from ...show.results import device, shown
from ...values.declaration import Environment
from ...values.record import Outcome, Subject
from .changes import Change, Judged, Release, changes


class SameTorch(ReportMismatch):
    """Raised if two reports judge the same sparsifier on the same torch version."""


class NoTorch(InvalidReport):
    """Raised if a report does not state the torch version on which a sparsifier was judged."""


@dataclass(frozen=True)
class Square:
    """One sparsifier on one torch version.

    Attributes:
        result: The result in words, or `not judged`.
        counts: The result at each level and the number of cells per verdict, in words.
        problem: The reason why it could not be judged, or an empty string.
    """

    result: str
    counts: str
    problem: str


@dataclass(frozen=True)
class Row:
    """One sparsifier, with one square per torch version; None where no report contains it."""

    sparsifier: str
    squares: tuple[Square | None, ...]


@dataclass(frozen=True)
class VersionTable:
    """Sparsifiers by name, torch versions in ascending order, and the changes between them, worst first.

    Attributes:
        environments: Per environment, pairs of name and value.
        selected: Whether only a selection of the catalogue was judged.
        left_out: Requirements that a report does not have, or has at another revision.
    """

    releases: tuple[Release, ...]
    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    environments: tuple[tuple[tuple[str, str], ...], ...]
    selected: bool
    left_out: tuple[LeftOut, ...] = ()


def tabulate(reports: Sequence[Report]) -> VersionTable:
    """Return the table of complete reports, given in any order.

    Raises:
        EmptyReport: The reports contain no sparsifier.
        SameTorch: Two reports judge the same sparsifier on the same torch version.
        NoTorch: A report does not state a torch version.
        ReportMismatch: The reports have different selections.
        InvalidReport: A report does not hold the verdicts of a whole run.
    """
    for report in reports:
        check_whole(report, "one of the reports")
    if len({report.header.selection for report in reports}) > 1:
        raise ReportMismatch("the reports were made with different selections; combine runs of one selection")
    omitted = dict.fromkeys(one for report in reports for one in left_out(report.requirements, revisions()))
    reports = [report.restricted(revisions()) for report in reports]
    judged = sorted((one for report in reports for one in _judged(report)), key=lambda one: (one.name, one.release))
    if not judged:
        raise EmptyReport("the reports contain no sparsifier")
    _check_once(judged)
    releases = tuple(sorted({one.release for one in judged}))
    rows = tuple(_row(name, releases, list(group)) for name, group in groupby(judged, key=lambda one: one.name))
    selected = bool(reports[0].header.selection)
    return VersionTable(releases, rows, changes(judged), _environments(judged), selected, tuple(omitted))


def _check_once(judged: Sequence[Judged]) -> None:
    for (name, release), group in groupby(judged, key=lambda one: (one.name, one.release)):
        if len(list(group)) > 1:
            raise SameTorch(f"{name} is in two reports on torch {release.name}; leave one of them out")


def _judged(report: Report) -> Iterator[Judged]:
    outcomes = {one.sparsifier: one for one in report.outcomes()}
    for subject in report.header.subjects:
        records = {record.cell: record for record in report.of(subject.sparsifier)}
        environment = _environment(subject, report)
        yield Judged(
            shown(subject.sparsifier), _release(environment, subject), subject, environment,
            outcomes[subject.sparsifier], records, report.header, report.requirements,
        )


def _environment(subject: Subject, report: Report) -> Environment:
    """Return the subject's environment, or that of the other subjects if it could not be judged."""
    if subject.environment is not None:
        return subject.environment
    others = {one.environment for one in report.header.subjects if one.environment is not None}
    if len(others) != 1:
        raise NoTorch(f"{shown(subject.sparsifier)} could not be judged, and its report does not say on which torch")
    return others.pop()


def _release(environment: Environment, subject: Subject) -> Release:
    try:
        return Release(Version(Version(environment.torch).public))
    except InvalidVersion:
        name, torch = shown(subject.sparsifier), shown(environment.torch)
        raise NoTorch(f"{name} was judged on torch {torch!r}, which is not a version according to PEP 440") from None


def _row(name: str, releases: Sequence[Release], judged: Sequence[Judged]) -> Row:
    squares = {one.release: _square(one.subject, one.outcome) for one in judged}
    return Row(name, tuple(squares.get(release) for release in releases))


def _square(subject: Subject, outcome: Outcome) -> Square:
    counts = verdict_counts(outcome.counts)
    levels = in_short(outcome)
    summary = f"{levels}; {counts}" if levels and counts else counts
    return Square(result_word(outcome, subject.problem), shown(summary), shown(subject.problem))


def _environments(judged: Sequence[Judged]) -> tuple[tuple[tuple[str, str], ...], ...]:
    found: dict[tuple[Release, tuple[tuple[str, str], ...]], int] = {}
    for one in judged:
        key = one.release, tuple(_facts(one))
        found[key] = found.get(key, 0) + 1
    return tuple((*facts, ("sparsifiers", str(count))) for (_, facts), count in sorted(found.items()))


def _facts(judged: Judged) -> Iterator[tuple[str, str]]:
    environment, header = judged.environment, judged.header
    facts = (
        ("torch", environment.torch), ("python", environment.python), ("numpy", environment.numpy),
        ("platform", environment.platform), ("device", device(environment.devices, environment.accelerator)),
        ("date", header.started[:10]), ("sparsecheck", header.sparsecheck), ("catalogue", str(header.catalogue)),
    )
    return ((name, shown(fact)) for name, fact in facts)
