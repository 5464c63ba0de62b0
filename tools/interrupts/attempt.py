"""One interrupted run: start it, send signals at a moment, and find out what is left of it. Linux only."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sparsecheck.interrupts import REASONS
from sparsecheck.report.report import InvalidReport, Report, salvage
from sparsecheck.values.record import Verdict

_MARK = "SPARSECHECK_INTERRUPTS"
_FORK_SERVER = "sparsecheck.run.fork_server"


@dataclass(frozen=True)
class Left:
    """The remains of an interrupted run.

    Attributes:
        seconds: The time from the first signal to the end of the parent.
        code: The exit code of the parent, with the meaning of `subprocess.Popen.returncode`.
        output: Everything that the parent printed.
        processes: The command lines of processes that are still running.
        folders: The names in the folder for temporary files.
        lost: The cells that were recorded before the signal, and are recorded no more.
        errors: The cells that are recorded as errors.
    """

    seconds: float
    code: int
    output: str
    processes: tuple[str, ...]
    folders: tuple[str, ...]
    lost: tuple[str, ...]
    errors: tuple[str, ...]


@dataclass
class Attempt:
    """A run of `sparsecheck run` in `folder`, with a folder for temporary files and a mark of its own.

    Attributes:
        folder: The current folder of the run, which gets the report `out.jsonl`.
        arguments: The arguments of `sparsecheck run`.
        mark: A value in the environment of every process of the run.
    """

    folder: Path
    arguments: Sequence[str]
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start the run in a process group of its own, as a shell would."""
        (self.folder / "temporary").mkdir(exist_ok=True)
        for number in REASONS:
            if signal.getsignal(number) is signal.SIG_IGN:  # as under nohup, which the run would inherit
                signal.signal(number, signal.SIG_DFL)
        return subprocess.Popen(
            [sys.executable, "-m", "sparsecheck", "run", "--report", "out.jsonl", *self.arguments, *more],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, _MARK: self.mark, "TMPDIR": str(self.folder / "temporary")},
        )

    def finish(self, *more: str) -> Left:
        """Let a run come to its end."""
        return self._left(self.start(*more), time.monotonic(), set())

    def interrupt(self, moment: Callable[[subprocess.Popen[str]], object], send: Callable[[int], object]) -> Left:
        """Start a run and interrupt it, not before it handles signals: until then, Python itself is starting.

        Args:
            moment: Returns at the moment of the signal; it is called with the process of the run.
            send: Sends the signals; it is called with the id of the parent.
        """
        child = self.start()
        wait_until(lambda: _handles(child.pid, signal.SIGTERM), child)
        moment(child)
        before, began = self.recorded(), time.monotonic()
        send(child.pid)
        return self._left(child, began, before)

    def _left(self, child: subprocess.Popen[str], began: float, before: set[str]) -> Left:
        output, _ = child.communicate()
        seconds = time.monotonic() - began
        processes = _until_none(self.processes)
        folders = tuple(sorted(one.name for one in (self.folder / "temporary").iterdir()))
        errors = tuple(
            record.cell for one in self.reports() for record in one.records if record.verdict is Verdict.ERROR
        )
        lost = tuple(sorted(before - self.recorded()))
        return Left(seconds, child.returncode, output, tuple(processes.values()), folders, lost, errors)

    def reports(self) -> Iterator[Report]:
        """Yield what is readable of the report, and of the records in progress."""
        for path in (self.folder / "out.jsonl", *self.folder.glob("out.jsonl.parts/*/*.jsonl")):
            try:
                yield salvage(path)
            except InvalidReport:
                continue

    def recorded(self) -> set[str]:
        """Return the cells that are recorded, without errors."""
        records = (record for one in self.reports() for record in one.records)
        return {record.cell for record in records if record.verdict is not Verdict.ERROR}

    def verdicts(self) -> Mapping[str, Verdict]:
        """Return the verdict of each cell in the report."""
        return {record.cell: record.verdict for record in salvage(self.folder / "out.jsonl").records}

    def processes(self) -> dict[int, str]:
        """Return the command lines of all processes of the run, by id."""
        return {pid: _read(pid, "cmdline") for pid in _pids() if f"{_MARK}={self.mark}" in _read(pid, "environ")}

    def server(self, parent: int) -> int | None:
        """Return the id of the fork server of a run, or None if there is none yet."""
        servers = (pid for pid, command in self.processes().items() if _FORK_SERVER in command)
        return next((pid for pid in servers if _parent(pid) == parent), None)

    def child(self, parent: int) -> int | None:
        """Return the id of a process that judges, forked by the server, or None if there is none yet."""
        server = self.server(parent)
        return next((pid for pid in self.processes() if server is not None and _parent(pid) == server), None)


def _pids() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())


def _read(pid: int, name: str) -> str:
    """Return the words of a file of NUL-terminated words about a process; empty if it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _handles(pid: int, number: int) -> bool:
    """Return whether a process has a handler for a signal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return False
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _until_none(processes: Callable[[], dict[int, str]], seconds: float = 1.0) -> dict[int, str]:
    """Return the processes that are left after a moment, which those that clean up may take."""
    until = time.monotonic() + seconds
    while (found := processes()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def wait_until(is_true: Callable[[], object], child: subprocess.Popen[str]) -> None:
    """Wait until something is true, or until the run has ended."""
    while child.poll() is None and not is_true():
        time.sleep(0.01)
