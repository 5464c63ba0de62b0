"""Render the origin of judged code, if it is not an installed release."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.report import Report
from ..values.origin import UNUSED, Origin
from ..values.record import Subject
from .escaping import one_line


def origin_lines(report: Report) -> Iterator[str]:
    """Yield a line per origin that is not an installed release, with its sparsifiers."""
    names: dict[Origin, list[str]] = {}
    for subject in report.header.subjects:
        if subject.origin is not None and subject.origin.deviation:
            names.setdefault(subject.origin, []).append(subject.sparsifier)
    for origin, sparsifiers in names.items():
        yield one_line(_deviation(origin, ', '.join(sparsifiers)), 600)


def _deviation(origin: Origin, names: str) -> str:
    if origin.deviation == UNUSED:
        return f"Unclear which code was judged: {names}; {origin.file} imports nothing of {origin.package}"
    place = f"{origin.file or 'an adapter file'} ({origin.package}, {origin.deviation})"
    return f"Not an installed release: {names}, judged from {place}"


def code_of(subject: Subject) -> str:
    """Return the origin of the judged code and its short fingerprint; an empty string for an older report."""
    if subject.origin is None or subject.fingerprint is None:
        return ""
    return f"{subject.origin}, fingerprint {subject.fingerprint}"
