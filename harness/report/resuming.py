"""Decide which records of an interrupted run can be reused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ..errors import SparsecheckError
from ..values.expected import different_entries
from ..values.origin import short_digest
from ..values.record import Header, Record, Subject, Verdict
from .identity import versions_of
from .report import EmptyReport, Report, salvage

_RESTART = "To start again, run it without --resume."
_BEFORE_AND_NOW = "{} before, {} now"


class CannotResume(SparsecheckError):
    """Raised if the requested run is not the rest of the interrupted one."""


class NothingToResume(CannotResume):
    """Raised if there is neither a report nor the partial records of a run."""


class ReportInUse(CannotResume):
    """Raised if another run is still writing the report."""


class ChangedCatalogue(CannotResume):
    """Raised if the records were judged by another catalogue or another version of sparsecheck."""


class ChangedPlan(CannotResume):
    """Raised if the sparsifiers, the selection, the shard or the planned cells differ from those before."""


class ChangedDeclaration(CannotResume):
    """Raised if the declaration of a sparsifier differs from before, or it can no longer be judged."""


class ChangedCode(CannotResume):
    """Raised if the code of a sparsifier, its adapter or its expectations were changed."""


class ChangedExpectations(CannotResume):
    """Raised if other known defects of a sparsifier were expected than are now."""


class ChangedEnvironment(CannotResume):
    """Raised if the records were judged in another environment."""


def earlier(sources: Iterable[Path], names: Sequence[str], header: Header) -> Mapping[str, Report]:
    """Return the reusable records of an interrupted run, as one report per sparsifier.

    Args:
        sources: The report and the files of partial records.
        names: The sparsifiers that the resumed run is asked to judge.
        header: The header of the resumed run.

    Raises:
        CannotResume: The records belong to another run. The subclass says why.
        InvalidReport: A file is not a report.
    """
    found: dict[str, Report] = {}
    for path in sources:
        for one in _salvaged(path):
            _check_header(one.header, header, path)
            for subject in one.header.subjects:
                if subject.sparsifier not in names:
                    raise ChangedPlan(f"{path} is also about {subject.sparsifier}, which was not asked for")
                if not subject.problem:
                    part = Report(replace(one.header, subjects=(subject,)), kept(one.of(subject.sparsifier)), None)
                    found[subject.sparsifier] = _combine(found.get(subject.sparsifier), part)
    return found


def _salvaged(path: Path) -> Iterator[Report]:
    """Yield the readable part of a report, or nothing if it has no header."""
    try:
        yield salvage(path)
    except EmptyReport:
        return


def _check_header(seen: Header, asked: Header, path: Path) -> None:
    if (seen.catalogue, seen.requirements) != (asked.catalogue, asked.requirements):
        problem = f"{path} was judged by another catalogue than this run{versions_of(seen, asked)}"
        hint = "Use the same --catalogue. " if seen.catalogue != asked.catalogue else ""
        raise ChangedCatalogue(problem, hint + _RESTART)
    if seen.sparsecheck and seen.sparsecheck != asked.sparsecheck:
        raise ChangedCatalogue(
            f"{path} was judged by sparsecheck {seen.sparsecheck}, and this is {asked.sparsecheck}", _RESTART
        )
    if seen.code and seen.code != asked.code:
        digests = _BEFORE_AND_NOW.format(short_digest(seen.code), short_digest(asked.code))
        raise ChangedCatalogue(f"{path} was judged by other code of sparsecheck ({digests})", _RESTART)
    if seen.selection != asked.selection:
        raise ChangedPlan(f"{path} has another selection than this run", f"Use the same one. {_RESTART}")
    if seen.shard != asked.shard:
        raise ChangedPlan(f"{path} is the report of {_describe(seen.shard)}, not of {_describe(asked.shard)}")


def _describe(shard: str) -> str:
    return f"shard {shard}" if shard else "a whole run"


def kept(records: Iterable[Record]) -> tuple[Record, ...]:
    """Return one record per cell, without the cells whose process crashed, which are judged again."""
    crashed = (Verdict.ERROR, "crash")
    by_cell: dict[str, Record] = {}
    for record in records:
        if (record.verdict, record.signature) != crashed:
            by_cell.setdefault(record.cell, record)
    return tuple(by_cell.values())


def _combine(one: Report | None, other: Report) -> Report:
    if one is None:
        return other
    check_same(one.header.subjects[0], other.header.subjects[0])
    started = min(one.header.started, other.header.started)
    return Report(replace(one.header, started=started), kept((*one.records, *other.records)), None)


def check_same(before: Subject, now: Subject) -> None:
    """Check that a subject of the interrupted run and one of the resumed run agree.

    Raises:
        ChangedDeclaration: Their declarations or origins differ, or the sparsifier cannot be judged now.
        ChangedCode: Their fingerprints differ.
        ChangedEnvironment: Their environments differ.
        ChangedPlan: Their planned cells differ.
        ChangedExpectations: Their expected defects differ.
    """
    name = now.sparsifier
    if now.problem:
        raise ChangedDeclaration(f"{name} could be judged before, but not now: {now.problem}")
    if before.declaration != now.declaration:
        raise ChangedDeclaration(f"{name} has another declaration than before", _RESTART)
    if not before.shares_origin(now):
        raise ChangedDeclaration(f"{name} was judged from {before.origin} before, and is {now.origin} now", _RESTART)
    if changed := before.code_changes(now, _BEFORE_AND_NOW):
        raise ChangedCode(f"{name} was judged with other files before: {changed}", _RESTART)
    if before.environment != now.environment:
        raise ChangedEnvironment(f"{name} was judged in another environment before ({before.environment})", _RESTART)
    if (before.planned, before.share) != (now.planned, now.share):
        hint = "Use the same selection, shard and --durations."
        raise ChangedPlan(f"{name} has other cells to judge than before", hint)
    if titles := different_entries(before.expected, now.expected):
        raise ChangedExpectations(f"{name} has other expectations than before: {titles}", _RESTART)
