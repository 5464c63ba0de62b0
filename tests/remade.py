"""Reports with other records, plans or footers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as replaced

from msgspec.structs import replace

from sparsecheck.report.report import Report
from sparsecheck.values.record import Footer, Record, Subject
from tests.samples import declaration, environment


def remade(of: Report, records: Iterable[Record], subjects: Iterable[Subject] | None = None) -> Report:
    """Return a report with other records, all of them planned, and the footer that belongs to them."""
    records = tuple(records)
    planned = [
        replace(subject, planned=tuple(one.cell for one in records if one.cell.startswith(subject.sparsifier + ":")))
        for subject in (of.header.subjects if subjects is None else subjects)
    ]
    body = Report(replace(of.header, subjects=tuple(planned)), records, None)
    return replaced(body, footer=Footer(body.outcomes(), ""))


def subject(name: str, **fields: object) -> Subject:
    return replace(Subject(name, declaration(name=name), environment()), **fields)
