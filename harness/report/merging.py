"""Merge the reports of all shards of a run into the report of the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec.structs import replace

from ..values.expected import different_entries
from ..values.origin import short_digest
from ..values.record import Footer, Header, Record, Subject
from ..values.shard import InvalidShard, Shard
from .identity import versions_of
from .report import InvalidReport, Report
from .sharding import ledger_digest
from .stale_entries import settled


class Unmergeable(InvalidReport):
    """Raised if reports are not the shards of one run."""


class NotAShard(Unmergeable):
    """Raised if a report is not the report of a shard."""


class CatalogueMismatch(Unmergeable):
    """Raised if two shards were judged by different catalogues or by different versions of sparsecheck."""


class PlanMismatch(Unmergeable):
    """Raised if two shards belong to different plans: their counts, selections, durations or cells differ."""


class DuplicateShard(Unmergeable):
    """Raised if two reports are of the same shard."""


class MissingShard(Unmergeable):
    """Raised if the report of a shard is missing."""


class SubjectMismatch(Unmergeable):
    """Raised if two shards judged different sparsifiers, or one sparsifier under different declarations."""


class EnvironmentMismatch(Unmergeable):
    """Raised if one sparsifier was judged in different environments."""


def merge(reports: Sequence[Report]) -> Report:
    """Return the report of the whole run, with its records in the order of the plan.

    Args:
        reports: The reports of all shards, in any order.

    Raises:
        Unmergeable: The reports are not all the shards of one run. The subclass says why.
    """
    numbered = sorted(((_shard(report.header), report) for report in reports), key=lambda pair: pair[0].number)
    shards, ordered = [shard for shard, _ in numbered], [report for _, report in numbered]
    _check_plans(ordered, shards)
    _check_complete(shards)
    _check_names(ordered, shards)
    by_name = [{subject.sparsifier: subject for subject in report.header.subjects} for report in ordered]
    subjects = tuple(_merge_subject([those[name] for those in by_name], shards) for name in by_name[0])
    records = tuple(record for subject in subjects for record in _merge_records(subject, ordered))
    whole = Report(_merge_header(ordered, subjects), records, None)
    footer = Footer(whole.outcomes(), "; ".join(_interruptions(ordered)))
    return settled(Report(whole.header, records, footer))


def _shard(header: Header) -> Shard:
    try:
        return Shard.parse(header.shard)
    except InvalidShard as error:
        if not header.shard:
            message = "one of the reports is of a whole run; merge takes the reports of runs with --shard"
            raise NotAShard(message) from None
        raise NotAShard(f"one of the reports is not of a shard: {error}") from None


def _check_plans(reports: Sequence[Report], shards: Sequence[Shard]) -> None:
    first = reports[0].header
    for shard, report in zip(shards, reports, strict=True):
        header = report.header
        if (header.catalogue, header.requirements) != (first.catalogue, first.requirements):
            raise CatalogueMismatch(f"shard {shard} was judged by another catalogue than shard {shards[0]}"
                                    f"{versions_of(header, first)}")
        if header.sparsecheck != first.sparsecheck:
            raise CatalogueMismatch(f"shard {shard} was judged by sparsecheck {header.sparsecheck}, shard {shards[0]} "
                                    f"by {first.sparsecheck}")
        if header.code != first.code:
            raise CatalogueMismatch(f"shard {shard} was judged by other code of sparsecheck than shard {shards[0]} "
                                    f"({short_digest(header.code)} and {short_digest(first.code)})")
        if shard.count != shards[0].count:
            raise PlanMismatch(f"shard {shard} and shard {shards[0]} belong to different plans: their counts differ")
        if header.selection != first.selection:
            raise PlanMismatch(f"shard {shard} ran with another selection than shard {shards[0]}")


def _check_complete(shards: Sequence[Shard]) -> None:
    for one, following in pairwise(shards):
        if one == following:
            raise DuplicateShard(f"shard {one} is in two of the reports")
    present, count = {shard.number for shard in shards}, shards[0].count
    if missing := [number for number in range(1, count + 1) if number not in present]:
        others = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
        raise MissingShard(f"shard {missing[0]}/{count}{others} missing; merge takes all {count} at once")


def _check_names(reports: Sequence[Report], shards: Sequence[Shard]) -> None:
    names = [[subject.sparsifier for subject in report.header.subjects] for report in reports]
    for shard, those in zip(shards, names, strict=True):
        if sorted(those) != sorted(names[0]):
            other = ", ".join(sorted(set(those) ^ set(names[0]))) or "one of them is listed twice"
            raise SubjectMismatch(f"shard {shard} judged other sparsifiers than shard {shards[0]}: {other}")


def _merge_subject(parts: Sequence[Subject], shards: Sequence[Shard]) -> Subject:
    """Return the subject of the whole run, given its parts in each shard."""
    first = parts[0]
    for shard, part in zip(shards, parts, strict=True):
        where = f"{first.sparsifier}: shard {shard}"
        if part.problem != first.problem:
            failed = shard if part.problem else shards[0]
            raise SubjectMismatch(f"{first.sparsifier} could not be judged in shard {failed}: "
                                  f"{part.problem or first.problem}")
        if part.declaration != first.declaration:
            raise SubjectMismatch(f"{where} has another declaration than shard {shards[0]}")
        if not part.shares_origin(first):
            raise SubjectMismatch(f"{where} judged {part.origin}, shard {shards[0]} {first.origin}")
        if changed := part.code_changes(first, "{} and {}"):
            raise SubjectMismatch(f"{where} was judged with other files than shard {shards[0]}: {changed}")
        if part.environment != first.environment:
            raise EnvironmentMismatch(f"{where} was judged in another environment than shard {shards[0]}: "
                                      f"{', '.join(_differences(first, part))}")
        if titles := different_entries(part.expected, first.expected):
            raise SubjectMismatch(f"{where} has other expectations than shard {shards[0]}: {titles}")
    return first if first.problem else replace(first, planned=_merge_ledger(parts, shards), share=None)


def _differences(one: Subject, other: Subject) -> Iterator[str]:
    fields = one.environment.__struct_fields__ if one.environment else ()
    for name in fields:
        these, those = getattr(one.environment, name), getattr(other.environment, name, None)
        if these != those:
            yield f"{name} {these} and {those}"


def _merge_ledger(parts: Sequence[Subject], shards: Sequence[Shard]) -> tuple[str, ...]:
    """Return all planned cells in the order of the whole ledger.

    Raises:
        PlanMismatch: The cells of the shards do not add up to the ledger whose digest each shard carries.
    """
    name, placed = parts[0].sparsifier, list[tuple[int, str, int]]()
    for shard, part in zip(shards, parts, strict=True):
        if part.share is None or len(part.share.places) != len(part.planned):
            raise PlanMismatch(f"{name}: shard {shard} does not say which part of the plan it is")
        if parts[0].share is None or part.share.ledger != parts[0].share.ledger:
            raise PlanMismatch(f"{name}: shard {shard} belongs to another plan than shard {shards[0]}; run every shard "
                               "with the same sparsifiers and the same --durations")
        placed += zip(part.share.places, part.planned, [shard.number] * len(part.planned), strict=True)
    placed.sort()
    cells, numbers = tuple(cell for _, cell, _ in placed), tuple(number for _, _, number in placed)
    whole = [place for place, _, _ in placed] == list(range(len(placed)))
    share = parts[0].share
    if not whole or share is None or ledger_digest(cells, numbers, shards[0].count) != share.ledger:
        raise PlanMismatch(f"{name}: the cells of the shards do not add up to the plan that they name")
    return cells


def _merge_records(subject: Subject, reports: Iterable[Report]) -> list[Record]:
    """Return the records of all shards in the order of the plan, and unplanned ones last."""
    places = {cell: place for place, cell in enumerate(subject.planned)}
    records = [record for report in reports for record in report.of(subject.sparsifier)]
    return sorted(records, key=lambda record: places.get(record.cell, len(places)))


def _merge_header(reports: Sequence[Report], subjects: tuple[Subject, ...]) -> Header:
    started = min((report.header.started for report in reports if report.header.started), default="")
    return replace(reports[0].header, subjects=subjects, started=started, shard="")


def _interruptions(reports: Iterable[Report]) -> Iterator[str]:
    for report in reports:
        if report.footer is None or report.footer.interrupted:
            why = report.footer.interrupted if report.footer else "it was cut short"
            yield f"shard {report.header.shard}: {why}"
