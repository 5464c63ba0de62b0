"""Keeps the report of a run as it goes, so that what was judged outlives whatever comes after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..judging.report import Report, encode
from ..values.record import Footer, Line, Record, Verdict

if TYPE_CHECKING:
    from .session import Session


class Recorder:
    """Writes header, then each record as it comes, then the footer; to `path`, or to nowhere. What others write there
    is not written over, so that it shows.

    interrupted: what cut the run short, if something did.
    """

    def __init__(self, session: Session, path: Path | None) -> None:
        self.header = session.header
        self.records: list[Record] = []
        self.interrupted = ""
        self.report: Report | None = None
        self._path = path
        self._process = os.getpid()
        self._file = path.open("ab") if path else None
        self._current = in_flight(path).open("wb", buffering=0) if path else None
        if self._file is not None:
            self._file.truncate(0)
        self._write(self.header)
        for one in session.judged:
            for planned in one.planned:
                if planned.disposition == "unavailable":
                    self.add(Record(planned.cell.id, Verdict.UNAVAILABLE, reason=planned.why))

    def add(self, record: Record) -> None:
        self.records.append(record)
        self._write(record)

    def begin(self, nodeid: str) -> None:
        """Note what is being judged, for whoever finds this process dead."""
        if self._current is not None and self._is_own:
            self._current.truncate(0)
            os.pwrite(self._current.fileno(), cell_of(nodeid).encode(), 0)

    def add_lost(self, nodeid: str, why: str) -> None:
        """The record of a cell whose process died while it was being judged."""
        cell = cell_of(nodeid)
        if any(cell in subject.planned for subject in self.header.subjects):
            self.add(Record(cell, Verdict.ERROR, "crash", f"the process that judged it died: {why}"))

    def finish(self) -> Report:
        """The whole report; its footer is computed from the records and written last."""
        partial = Report(self.header, tuple(self.records), None)
        footer = Footer(partial.outcomes(), self.interrupted)
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

    def _write(self, line: Line) -> None:
        if self._file is not None and self._is_own:
            self._file.write(encode(line))
            self._file.flush()


def in_flight(report: Path) -> Path:
    """The file beside a report that names the cell being judged, while there is one."""
    return report.with_name(report.name + ".current")


def cell_of(nodeid: str) -> str:
    """The cell's id, which ends a case's node id in brackets."""
    return nodeid.rpartition("[")[2].rstrip("]")
