"""The shards of one run, put together: the report of a run that was never parted, or a refusal. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec.structs import replace

from ..values.record import Footer, Header, Record, Subject
from ..values.shard import InvalidShard, Shard
from .report import InvalidReport, Report
from .sharding import ledger_digest


class Unmergeable(InvalidReport):
    """Reports that are not the shards of one run."""


class NoShard(Unmergeable):
    """One of them is no shard."""


class OtherCatalogues(Unmergeable):
    """They were judged by different catalogues, or different versions of sparsecheck."""


class OtherPlans(Unmergeable):
    """They are shards of different plans: other counts, selections, durations or cells."""


class DoubledShard(Unmergeable):
    """One shard is there twice."""


class MissingShard(Unmergeable):
    """One shard is not there."""


class OtherSubjects(Unmergeable):
    """They are about different sparsifiers, or one was declared otherwise."""


class OtherEnvironments(Unmergeable):
    """One sparsifier was judged in different environments."""


def merge(reports: Sequence[Report]) -> Report:
    """The report of the whole run, its records in the order of the plan; whatever the order of the shards.

    Raises:
        Unmergeable: one of its kinds.
    """
    numbered = sorted(((_shard(report.header), report) for report in reports), key=lambda pair: pair[0].number)
    shards, ordered = [shard for shard, _ in numbered], [report for _, report in numbered]
    _check_plans(ordered, shards)
    _check_complete(shards)
    names = [[subject.sparsifier for subject in report.header.subjects] for report in ordered]
    for shard, those in zip(shards, names, strict=True):
        if sorted(those) != sorted(names[0]):
            other = ", ".join(sorted(set(those) ^ set(names[0]))) or "one of them twice"
            raise OtherSubjects(f"shard {shard} is about other sparsifiers than shard {shards[0]}: {other}")
    by_name = [{subject.sparsifier: subject for subject in report.header.subjects} for report in ordered]
    subjects = tuple(_subject([those[name] for those in by_name], shards) for name in names[0])
    records = tuple(record for subject in subjects for record in _records(subject, ordered))
    whole = Report(_header(ordered, subjects), records, None)
    return Report(whole.header, records, Footer(whole.outcomes(), "; ".join(_interruptions(ordered))))


def _shard(header: Header) -> Shard:
    try:
        return Shard.parse(header.shard)
    except InvalidShard as error:
        if not header.shard:
            raise NoShard("one of the reports is of a whole run, and no shard; merge takes what --shard made") from None
        raise NoShard(f"one of the reports is no shard: {error}") from None


def _check_plans(reports: Sequence[Report], shards: Sequence[Shard]) -> None:
    first = reports[0].header
    for shard, report in zip(shards, reports, strict=True):
        header = report.header
        if (header.catalogue, header.requirements) != (first.catalogue, first.requirements):
            raise OtherCatalogues(f"shard {shard} was judged by another catalogue than shard {shards[0]}")
        if header.sparsecheck != first.sparsecheck:
            raise OtherCatalogues(f"shard {shard} was judged by sparsecheck {header.sparsecheck}, shard {shards[0]} "
                                  f"by {first.sparsecheck}")
        if shard.count != shards[0].count:
            raise OtherPlans(f"shard {shard} and shard {shards[0]} are of different plans: their counts differ")
        if header.selection != first.selection:
            raise OtherPlans(f"shard {shard} was asked for another selection than shard {shards[0]}")


def _check_complete(shards: Sequence[Shard]) -> None:
    for one, following in pairwise(shards):
        if one == following:
            raise DoubledShard(f"shard {one} stands in two of the reports")
    there, count = {shard.number for shard in shards}, shards[0].count
    if lacking := [number for number in range(1, count + 1) if number not in there]:
        others = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise MissingShard(f"shard {lacking[0]}/{count}{others} is missing; merge takes all {count} at once")


def _subject(parts: Sequence[Subject], shards: Sequence[Shard]) -> Subject:
    """One sparsifier of the whole run."""
    first = parts[0]
    for shard, part in zip(shards, parts, strict=True):
        where = f"{first.sparsifier}: shard {shard}"
        if part.problem != first.problem:
            lacking = shard if part.problem else shards[0]
            raise OtherSubjects(f"{first.sparsifier} could not be judged in shard {lacking}: "
                                f"{part.problem or first.problem}")
        if part.declaration != first.declaration:
            raise OtherSubjects(f"{where} is of another declaration than shard {shards[0]}")
        if part.environment != first.environment:
            raise OtherEnvironments(f"{where} was judged in another environment than shard {shards[0]}: "
                                    f"{', '.join(_differences(first, part))}")
    return first if first.problem else replace(first, planned=_ledger(parts, shards), share=None)


def _differences(one: Subject, other: Subject) -> Iterator[str]:
    fields = one.environment.__struct_fields__ if one.environment else ()
    for name in fields:
        these, those = getattr(one.environment, name), getattr(other.environment, name, None)
        if these != those:
            yield f"{name} {these} and {those}"


def _ledger(parts: Sequence[Subject], shards: Sequence[Shard]) -> tuple[str, ...]:
    """All planned cells, in the order of the whole ledger.

    Raises:
        OtherPlans: they do not come to the ledger that each shard names.
    """
    name, placed = parts[0].sparsifier, list[tuple[int, str, int]]()
    for shard, part in zip(shards, parts, strict=True):
        if part.share is None or len(part.share.places) != len(part.planned):
            raise OtherPlans(f"{name}: shard {shard} does not say which part of the plan it is")
        if parts[0].share is None or part.share.ledger != parts[0].share.ledger:
            raise OtherPlans(f"{name}: shard {shard} is of another plan than shard {shards[0]}; every shard takes "
                             "the same sparsifiers and the same --durations")
        placed += zip(part.share.places, part.planned, [shard.number] * len(part.planned), strict=True)
    placed.sort()
    cells, numbers = tuple(cell for _, cell, _ in placed), tuple(number for _, _, number in placed)
    whole = [place for place, _, _ in placed] == list(range(len(placed)))
    share = parts[0].share
    if not whole or share is None or ledger_digest(cells, numbers, shards[0].count) != share.ledger:
        raise OtherPlans(f"{name}: the cells of the shards do not come to the plan that they name")
    return cells


def _records(subject: Subject, reports: Iterable[Report]) -> list[Record]:
    """All that there are, those that were not planned last."""
    places = {cell: place for place, cell in enumerate(subject.planned)}
    records = [record for report in reports for record in report.of(subject.sparsifier)]
    return sorted(records, key=lambda record: places.get(record.cell, len(places)))


def _header(reports: Sequence[Report], subjects: tuple[Subject, ...]) -> Header:
    started = min((report.header.started for report in reports if report.header.started), default="")
    return replace(reports[0].header, subjects=subjects, started=started, shard="")


def _interruptions(reports: Iterable[Report]) -> Iterator[str]:
    for report in reports:
        if report.footer is None or report.footer.interrupted:
            why = report.footer.interrupted if report.footer else "it was cut short"
            yield f"shard {report.header.shard}: {why}"
