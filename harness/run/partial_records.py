"""Storage of a run's records in progress, next to its report, so that an interrupted run can resume."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..files import is_special, writing
from ..report.resuming import NothingToResume, ReportInUse


@dataclass(frozen=True)
class PartialRecords:
    """A folder with one subfolder per attempt, so that a child that outlives its attempt disturbs no later one.

    Attributes:
        folder: The folder of all attempts, `REPORT.parts`.
        report: The absolute path of the report.
    """

    folder: Path
    report: Path

    def sources(self) -> list[Path]:
        """Return the files with records: those of earlier attempts, latest first, or else the report itself."""
        left = sorted(self.folder.glob("*/*.jsonl"), reverse=True)
        return left or ([self.report] if self.report.exists() else [])

    @property
    def holds_records(self) -> bool:
        """Return whether any attempt has left records."""
        return any(self.folder.glob("*/*.jsonl"))

    def begin_attempt(self, resume: bool) -> Path:
        """Create and return the folder of a new attempt.

        Args:
            resume: Keep earlier records until the new report is complete; a report that is resumed is linked into
                the folder. Otherwise earlier records are deleted.

        Raises:
            CannotWrite: The folder cannot be created.
        """
        with writing(self.folder):
            if not resume:
                self._clear()
            elif self.sources() == [self.report]:
                taken = self.folder / "000000" / "report.jsonl"
                taken.parent.mkdir()
                _link(self.report, taken)
            number = max((int(one.name) for one in self.folder.iterdir() if one.name.isdecimal()), default=0) + 1
            folder = self.folder / f"{number:06}"
            folder.mkdir()
            return folder

    def discard(self) -> None:
        """Delete the records, once the report contains them all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear(self) -> None:
        for one in self.folder.iterdir():
            shutil.rmtree(one, ignore_errors=True)


@contextmanager
def open_partial_records(report: Path | None, resume: bool) -> Iterator[PartialRecords | None]:
    """Lock and yield the partial records of `report`.

    Yields:
        None if `report` is not a regular file, or while another run is writing it.

    Raises:
        NothingToResume: The run should resume, but there is neither a report nor partial records.
        ReportInUse: The run should resume, but another run is writing the report.
        CannotWrite: The folder cannot be created.
    """
    if report is None or is_special(report):
        if resume:
            raise NothingToResume("only a run with --report FILE can be resumed")
        yield None
        return
    folder = report.absolute().with_name(f"{report.name}.parts")
    if resume and not (folder.exists() or report.exists()):
        raise NothingToResume(f"{report} does not exist; run without --resume to begin it")
    with writing(folder):
        folder.mkdir(exist_ok=True)
    try:
        with _locked(folder) as ours:
            if resume and not ours:
                raise ReportInUse(f"another run is writing {report}; wait until it has ended")
            yield PartialRecords(folder, report.absolute()) if ours else None
    finally:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Yield whether the lock on `folder` was free; the lock ends with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)
