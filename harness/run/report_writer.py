"""Keeps the report of a run as it goes, so that what was judged outlives whatever comes after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..report.report import Report, encode
from ..report.verdict import bound
from ..values.record import Footer, Line, Record, Verdict

if TYPE_CHECKING:
    from .session import Session


class Recorder:
    """Writes header, then each record as it comes, then the footer; to `path`, or to nowhere. What others write there
    is not written over, so that it shows.

    interrupted: what cut the run short, if something did. unwritten: why no more can be written, if it cannot; what
    was written before is whole.

    Raises:
        OSError: not even the beginning can be written.
    """

    def __init__(self, session: Session, path: Path | None) -> None:
        self.header = session.header
        self.records: list[Record] = []
        self.interrupted = ""
        self.unwritten = ""
        self.report: Report | None = None
        self._path = path
        self._process = os.getpid()
        self._file = path.open("ab", buffering=0) if path else None
        self._current = in_flight(path).open("wb", buffering=0) if path else None
        if self._file is not None:
            self._file.truncate(0)
        self._write(self.header)
        for record in _known_before(session):
            self.add(record)

    def add(self, record: Record) -> None:
        self.records.append(record)
        with self._noting():
            self._write(record)

    def begin(self, nodeid: str) -> None:
        """Note what is being judged, for whoever finds this process dead."""
        if self._current is not None and self._is_own:
            with self._noting():
                self._current.truncate(0)
                os.pwrite(self._current.fileno(), cell_of(nodeid).encode(), 0)

    def add_lost(self, nodeid: str, why: str) -> None:
        """The record of a cell whose process died while it was being judged."""
        cell = cell_of(nodeid)
        for subject in self.header.subjects:
            if cell in subject.planned:
                record = Record(cell, Verdict.ERROR, "crash", f"the process that judged it died: {why}")
                self.add(bound(record, subject.declaration))

    def finish(self) -> Report:
        """The whole report; its footer is computed from the records and written last."""
        partial = Report(self.header, tuple(self.records), None)
        footer = Footer(partial.outcomes(), self.interrupted)
        with self._noting():
            self._write(footer)
        if self._file is not None:
            self._file.close()
        if self._path is not None and self._current is not None and self._is_own:
            self._current.close()
            in_flight(self._path).unlink(missing_ok=True)
        self.report = Report(self.header, partial.records, footer)
        return self.report

    @property
    def _is_own(self) -> bool:
        """Not in a process that a sparsifier forked: it has this object, too, and the file open."""
        return os.getpid() == self._process

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """A full disk ends the run, and not the process."""
        try:
            yield
        except OSError as error:
            self.unwritten = self.unwritten or f"its records could not be written any further ({error.strerror})"
            self.interrupted = self.interrupted or self.unwritten

    def _write(self, line: Line) -> None:
        """A line, or nothing of it.

        Raises:
            OSError: nothing.
        """
        if self._file is None or not self._is_own or self.unwritten:
            return
        data, done = encode(line), 0
        try:
            while done < len(data):
                done += self._file.write(data[done:]) or 0
        except OSError:
            with suppress(OSError):
                self._file.truncate(os.fstat(self._file.fileno()).st_size - done)
            raise


def _known_before(session: Session) -> Iterator[Record]:
    """The records of what was judged earlier, and of what is unavailable."""
    for one in session.judged:
        kept = {record.cell for record in one.kept}
        yield from one.kept
        for planned in one.planned:
            if planned.disposition == "unavailable" and planned.cell.id not in kept:
                yield Record(planned.cell.id, Verdict.UNAVAILABLE, reason=planned.why)


UNWRITTEN = 74
"""With this a pytest ends that could not write its records any further: EX_IOERR."""


def in_flight(report: Path) -> Path:
    """The file beside a report that names the cell being judged, while there is one."""
    return report.with_name(report.name + ".current")


def cell_of(nodeid: str) -> str:
    """The cell's id, which ends a case's node id in brackets."""
    return nodeid.rpartition("[")[2].rstrip("]")
