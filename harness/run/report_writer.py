"""Write the report of a run record by record, so that a crash loses at most the cell being judged."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..report.lines import encode
from ..report.report import Report, write
from ..report.stale_entries import settled
from ..report.verdict import bound
from ..values.record import Footer, Line, Record, Verdict

if TYPE_CHECKING:
    from .session import Session


class ReportWriter:
    """Collects the records of a run and writes them to a file: header first, then each record, then the footer.

    The file is opened for appending: lines that another process writes into it are not overwritten, so they show.

    Attributes:
        header: The header of the report.
        records: The records so far.
        interrupted: The reason why the run was cut short, or an empty string.
        unwritten: The reason why no more records can be written, or an empty string; lines written before are complete.
        report: The complete report, once `finish` was called.

    Raises:
        OSError: The header cannot be written.
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
        self._current = current_cell_file(path).open("wb", buffering=0) if path else None
        if self._file is not None:
            self._file.truncate(0)
        self._write(self.header)
        for record in _known_in_advance(session):
            self.add(record)

    def add(self, record: Record) -> None:
        """Keep and write one record."""
        self.records.append(record)
        with self._noting_errors():
            self._write(record)

    def begin(self, nodeid: str) -> None:
        """Write down the cell that is being judged, for the parent to read if this process dies."""
        if self._current is not None and self._is_own:
            with self._noting_errors():
                self._current.truncate(0)
                os.pwrite(self._current.fileno(), cell_of(nodeid).encode(), 0)

    def add_lost(self, nodeid: str, why: str) -> None:
        """Add the record of a cell whose process died while judging it."""
        cell = cell_of(nodeid)
        for subject in self.header.subjects:
            if cell in subject.planned:
                record = Record(cell, Verdict.ERROR, "crash", f"the process that judged it died: {why}")
                self.add(bound(record, subject.declaration))

    def select(self, collected: Container[str]) -> None:
        """Reduce the plan to the `collected` cells, unless that is all that is to be judged.

        Cells that are unavailable here are never collected; they stay if nothing was deselected.
        """
        unavailable = {record.cell for record in self.records if record.verdict is Verdict.UNAVAILABLE}
        planned = [cell for subject in self.header.subjects for cell in subject.planned if cell not in unavailable]
        kept = tuple(cell for cell in planned if cell in collected)
        if len(kept) == len(planned):
            return
        subjects = tuple(
            replace(subject, planned=tuple(cell for cell in subject.planned if cell in collected))
            for subject in self.header.subjects
        )
        selection = replace(self.header.selection, cells=kept)
        self.header = replace(self.header, subjects=subjects, selection=selection)
        self.records = [record for record in self.records if record.cell not in unavailable]

    def finish(self) -> Report:
        """Write the footer, which is computed from the records, and return the complete report."""
        partial = Report(self.header, tuple(self.records), None)
        self.report = settled(Report(self.header, partial.records, Footer(partial.outcomes(), self.interrupted)))
        with self._noting_errors():
            self._conclude(self.report)
        if self._file is not None:
            self._file.close()
        if self._path is not None and self._current is not None and self._is_own:
            self._current.close()
            current_cell_file(self._path).unlink(missing_ok=True)
        return self.report

    def _conclude(self, report: Report) -> None:
        """Write the footer; and all records anew, if they were settled otherwise than they were written."""
        assert report.footer is not None
        if report.records != tuple(self.records) and self._path is not None and self._is_own and not self.unwritten:
            write(report, self._path)
        else:
            self._write(report.footer)

    @property
    def _is_own(self) -> bool:
        """Return whether this is the writing process, and not one that a sparsifier forked from it."""
        return os.getpid() == self._process

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        """Note a failed write, such as on a full disk, so that the run ends but the process does not crash."""
        try:
            yield
        except OSError as error:
            self.unwritten = self.unwritten or f"its records could not be written any further ({error.strerror})"
            self.interrupted = self.interrupted or self.unwritten

    def _write(self, line: Line) -> None:
        """Write a complete line, or none of it.

        Raises:
            OSError: The line could not be written, and the part of it that was is removed again.
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


def _known_in_advance(session: Session) -> Iterator[Record]:
    """Yield the records kept from an interrupted run, and those of unavailable cells."""
    for one in session.plans:
        kept = {record.cell for record in one.kept}
        yield from one.kept
        for planned in one.planned:
            if planned.disposition == "unavailable" and planned.cell.id not in kept:
                yield Record(planned.cell.id, Verdict.UNAVAILABLE, reason=planned.why)


UNWRITTEN = 74
"""The exit code (EX_IOERR) of a pytest that could not write all its records."""


def current_cell_file(report: Path) -> Path:
    """Return the path of the file next to `report` that names the cell being judged."""
    return report.with_name(report.name + ".current")


def cell_of(nodeid: str) -> str:
    """Return the cell id at the end of a pytest node id, in brackets."""
    return nodeid.rpartition("[")[2].rstrip("]")
