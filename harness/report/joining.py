"""Join reports about different sparsifiers, over the requirements that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ..values.record import Footer
from .identity import LeftOut, catalogue_version, left_out
from .report import Report, ReportMismatch


def join(reports: Sequence[Report], interrupted: str = "") -> Report:
    """Join reports about different sparsifiers into one.

    Raises:
        ReportMismatch: Their catalogues, selections or shards differ, or one sparsifier is in two of them.
    """
    first = reports[0].header
    if any((one.header.catalogue, one.requirements) != (first.catalogue, reports[0].requirements) for one in reports):
        raise ReportMismatch("the reports were judged by different catalogues")
    check_alike(reports)
    subjects = [subject for report in reports for subject in report.header.subjects]
    started = min((report.header.started for report in reports if report.header.started), default="")
    header = replace(first, subjects=tuple(subjects), started=started)
    joined = Report(header, tuple(record for report in reports for record in report.records), None)
    return Report(header, joined.records, Footer(joined.outcomes(), interrupted))


def aligned(reports: Sequence[Report]) -> tuple[tuple[Report, ...], tuple[LeftOut, ...]]:
    """Restrict reports to the requirements that all of them share, so that they can be joined.

    Returns:
        The reports, in order, and the requirements that were left out.
    """
    common = dict(reports[0].requirements)
    for one in reports[1:]:
        common = {id: revision for id, revision in common.items() if one.requirements.get(id) == revision}
    omitted = dict.fromkeys(gone for one in reports for gone in left_out(common, one.requirements))
    version = min(catalogue_version(one.header) for one in reports)
    parts = [one.restricted(common) for one in reports]
    if omitted:
        parts = [_relabel(one, version, common) for one in parts]
    return tuple(parts), tuple(omitted)


def _relabel(report: Report, catalogue: int, requirements: Mapping[str, int]) -> Report:
    header = replace(report.header, catalogue=catalogue, requirements=dict(requirements))
    return Report(header, report.records, report.footer)


def check_alike(reports: Sequence[Report]) -> None:
    """Check that reports can be shown side by side.

    Raises:
        ReportMismatch: Their selections or shards differ, or one sparsifier is in two of them.
    """
    names = [subject.sparsifier for report in reports for subject in report.header.subjects]
    if len({report.header.selection for report in reports}) > 1:
        raise ReportMismatch("the reports have different selections")
    if len({report.header.shard for report in reports}) > 1:
        raise ReportMismatch("the reports are of different shards; merge all shards of a run with `sparsecheck merge`")
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise ReportMismatch(f"{twice[0]} is in two of the reports")
