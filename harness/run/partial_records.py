"""Where the records of a run are while it goes on: beside its report, so that they outlive whatever ends it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..report.report import is_special
from ..report.resuming import NothingToResume, Occupied


@dataclass(frozen=True)
class Parts:
    """A folder with one folder in it for each try at the run; a process that outlived its own try writes into no
    other's."""

    folder: Path
    report: Path

    def sources(self) -> list[Path]:
        """Where records are: what is left of earlier tries, the latest first; if there are none, the report."""
        left = sorted(self.folder.glob("*/*.jsonl"), reverse=True)
        return left or ([self.report] if self.report.exists() else [])

    def begin(self, resume: bool) -> Path:
        """The folder of this try. What is resumed stays until all is written: of a report, a second name.

        Raises:
            OSError: there is no place for it.
        """
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
        """All is in the report now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear(self) -> None:
        for one in self.folder.iterdir():
            shutil.rmtree(one, ignore_errors=True)


@contextmanager
def beside(report: Path | None, resume: bool) -> Iterator[Parts | None]:
    """The parts of `report`; none for what is no file, and while another run writes it.

    Raises:
        NothingToResume, Occupied: it is to be resumed, and cannot be.
        OSError: there is no place for it.
    """
    if report is None or is_special(report):
        if resume:
            raise NothingToResume("only a run with --report FILE can be resumed")
        yield None
        return
    folder = report.absolute().with_name(f"{report.name}.parts")
    if resume and not (folder.exists() or report.exists()):
        raise NothingToResume(f"there is no {report} to resume; leave --resume out to begin it")
    folder.mkdir(exist_ok=True)
    try:
        with _locked(folder) as ours:
            if resume and not ours:
                raise Occupied(f"{report} is being written by a run that goes on; wait for its end")
            yield Parts(folder, report.absolute()) if ours else None
    finally:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether no other process has it; the lock ends with the process, however that ends."""
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
