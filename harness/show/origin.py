"""Render the origin of judged code, if it is not an installed release."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.report import Report
from ..values.record import Origin
from .escaping import one_line


def origin_lines(report: Report) -> Iterator[str]:
    """Yield a line per origin that is not an installed release, with its sparsifiers."""
    names: dict[Origin, list[str]] = {}
    for subject in report.header.subjects:
        if subject.origin is not None and subject.origin.deviation:
            names.setdefault(subject.origin, []).append(subject.sparsifier)
    for origin, sparsifiers in names.items():
        yield one_line(f"Not an installed release: {', '.join(sparsifiers)}, judged from {_place(origin)}", 600)


def _place(origin: Origin) -> str:
    package = f"{origin.distribution} {origin.version}".rstrip()
    return f"{origin.file or 'an adapter file'} ({package}, {origin.deviation})"
