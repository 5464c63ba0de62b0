"""What of an interrupted run still counts, and for which run it does. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ..errors import SparsecheckError
from ..values.record import Header, Record, Subject, Verdict
from .report import EmptyReport, Report, salvage


class CannotResume(SparsecheckError):
    """What was asked for is not the rest of what was interrupted."""


class NothingToResume(CannotResume):
    """There is no report, nor what a run that never came to write one has left."""


class Occupied(CannotResume):
    """A run that goes on is writing the report."""


class OtherCatalogue(CannotResume):
    """The records were judged by another catalogue, or another sparsecheck."""


class OtherPlan(CannotResume):
    """Other sparsifiers, another selection, another shard or other cells were asked for."""


class OtherDeclaration(CannotResume):
    """A sparsifier declares something else than when it was interrupted, or cannot be judged any more."""


class OtherEnvironment(CannotResume):
    """The records were judged in another environment."""


def earlier(sources: Iterable[Path], names: Sequence[str], header: Header) -> Mapping[str, Report]:
    """By sparsifier, what the files hold of the run that `header` begins, less what is judged again.

    Raises:
        CannotResume: one of its kinds.
        InvalidReport: a file is no report.
    """
    found: dict[str, Report] = {}
    for path in sources:
        for one in _salvaged(path):
            _check_header(one.header, header, path)
            for subject in one.header.subjects:
                if subject.sparsifier not in names:
                    raise OtherPlan(f"{path} is about {subject.sparsifier}, too, which was not asked for")
                if not subject.problem:
                    part = Report(replace(one.header, subjects=(subject,)), kept(one.of(subject.sparsifier)), None)
                    found[subject.sparsifier] = _together(found.get(subject.sparsifier), part)
    return found


def _salvaged(path: Path) -> Iterator[Report]:
    """Nothing where not even the header was written."""
    try:
        yield salvage(path)
    except EmptyReport:
        return


def _check_header(seen: Header, asked: Header, path: Path) -> None:
    if (seen.catalogue, seen.requirements) != (asked.catalogue, asked.requirements):
        raise OtherCatalogue(f"{path} was judged by another catalogue than this sparsecheck has; run it anew")
    if seen.sparsecheck and seen.sparsecheck != asked.sparsecheck:
        raise OtherCatalogue(f"{path} was judged by sparsecheck {seen.sparsecheck}, this is {asked.sparsecheck}; "
                             "run it anew")
    if seen.selection != asked.selection:
        raise OtherPlan(f"{path} is of another selection than was asked for; name the same, or run it anew")
    if seen.shard != asked.shard:
        raise OtherPlan(f"{path} is {_named(seen.shard)}, and not {_named(asked.shard)}, which was asked for")


def _named(shard: str) -> str:
    return f"shard {shard}" if shard else "of a whole run"


def kept(records: Iterable[Record]) -> tuple[Record, ...]:
    """One record a cell, less those of cells whose process ended while they were judged."""
    crashed = (Verdict.ERROR, "crash")
    by_cell: dict[str, Record] = {}
    for record in records:
        if (record.verdict, record.signature) != crashed:
            by_cell.setdefault(record.cell, record)
    return tuple(by_cell.values())


def _together(one: Report | None, other: Report) -> Report:
    if one is None:
        return other
    check_same(one.header.subjects[0], other.header.subjects[0])
    started = min(one.header.started, other.header.started)
    return Report(replace(one.header, started=started), kept((*one.records, *other.records)), None)


def check_same(before: Subject, now: Subject) -> None:
    """Raises:
    OtherDeclaration, OtherEnvironment, OtherPlan: what was judged `before` is not what is judged `now`.
    """
    name = now.sparsifier
    if now.problem:
        raise OtherDeclaration(f"{name} could be judged before, and now cannot: {now.problem}")
    if before.declaration != now.declaration:
        raise OtherDeclaration(f"{name} declares something else than before; run it anew")
    if before.environment != now.environment:
        raise OtherEnvironment(f"{name} was judged in another environment before ({before.environment}); run it anew")
    if (before.planned, before.share) != (now.planned, now.share):
        raise OtherPlan(f"{name} has other cells to judge than before: another selection, shard or --durations")
