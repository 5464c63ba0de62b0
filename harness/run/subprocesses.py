"""Start, watch and end one child process per sparsifier; each runs a pytest of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from textwrap import shorten
from typing import Protocol

from ..interrupts import attend
from ..process import line_coverage
from ..process.guardian import guardian, temporary_folder
from ..process.interpreter import SAFE_PATH, own_environment, python_command
from ..reading import read_end
from .fork_client import ForkRequest, ForkServer, ForkServerUnavailable


class Child(Protocol):
    """The part of `subprocess.Popen` that is used here."""

    @property
    def pid(self) -> int: ...
    def wait(self, timeout: float | None = None) -> int | None: ...
    def kill(self) -> None: ...


class Stopped(Exception):
    """Raised in place of running a child after `Children.stop`."""


@dataclass
class Children:
    """The running child processes, kept so that an interrupted parent can end them all.

    Attributes:
        fork_server: Forks the children; without one, each child is a fresh interpreter.
        alive: The children that are running, with the sparsifier of each.
        is_stopping: Whether no more children may start.
        codes: The exit codes, by sparsifier, of the children that ended by themselves; None if it is unknown.
        stopped: The sparsifiers whose child was ended, or not even started, because of `stop`.
    """

    fork_server: ForkServer | None = None
    alive: dict[Child, str] = field(default_factory=dict)
    is_stopping: bool = False
    codes: dict[str, int | None] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)

    def run(
        self, name: str, command: Sequence[str], folder: Path, limit: float, environment: Mapping[str, str] = {},
        is_done: Callable[[], bool] = lambda: False,
    ) -> str:
        """Run `command` to its end.

        Args:
            name: The sparsifier; the child's output goes to `NAME.log` in `folder`.
            command: The program and its arguments.
            folder: An existing folder for the log and for the child's temporary files.
            limit: Seconds after which the child is stopped.
            environment: Changes to the parent's environment.
            is_done: Returns whether the child has written everything it should. A child that is done but does not
                end, because a thread of the sparsifier goes on, is stopped after a short grace.

        Returns:
            A phrase saying how the child ended, or an empty string if it exited with code 0 or 1.
        """
        try:
            with self.running(name, command, folder, environment) as child:
                code = _wait(child, limit, is_done)
                if self.is_stopping:
                    raise Stopped
                self.codes[name] = code
        except Stopped:
            self.stopped.add(name)
            return "interrupted"
        except subprocess.TimeoutExpired:
            if is_done():
                return "wrote its whole report but did not exit, and was stopped"
            _note_end(folder, name, f"its process took longer than {limit:g} s and was stopped")
            return "took too long"
        return "" if code in (0, 1, None) else describe_exit(code)

    @contextmanager
    def running(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] = {},
        module: str = "pytest",
    ) -> Iterator[Child]:
        """Start a child, and end its session at the end of the block.

        Args:
            name: The sparsifier; the child's output goes to `NAME.log` in `folder`.
            command: The program and its arguments, as `python_command` returns them for `module`.
            folder: An existing folder for the log and for the child's temporary files.
            environment: Changes to the parent's environment.
            module: The module that the command runs.

        Raises:
            Stopped: No more children may start.
        """
        own = {**_environment(), **environment, "TMPDIR": mkdtemp(prefix="t", dir=folder)}
        child = self._start(command, folder / f"{name}.log", own, module)
        self.alive[child] = name
        guardian().hold("session", str(child.pid))
        try:
            if self.is_stopping:
                raise Stopped
            yield child
        finally:
            _kill(child)
            self.alive.pop(child)
            guardian().release("session", str(child.pid))

    def _start(self, command: Sequence[str], log: Path, environment: Mapping[str, str], module: str) -> Child:
        if self.fork_server is not None and not self.is_stopping:
            with suppress(ForkServerUnavailable):
                arguments = tuple(command[len(python_command(module)):])
                request = ForkRequest(arguments, str(log), dict(environment), module)
                return self.fork_server.start(request)
        if self.is_stopping:
            raise Stopped
        with log.open("wb") as out:
            return subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Kill all children and start no more. A signal handler may call this."""
        self.is_stopping = True
        if self.fork_server is not None:
            self.fork_server.kill()
        for child in list(self.alive):
            _kill_session(child)


def _wait(child: Child, limit: float, is_done: Callable[[], bool]) -> int | None:
    """Return the exit code of `child`.

    Raises:
        subprocess.TimeoutExpired: The child exceeded `limit`, or did not exit in the grace after it was done.
    """
    until = time.monotonic() + limit
    while True:
        try:
            return child.wait(_POLL_INTERVAL)
        except subprocess.TimeoutExpired:
            if is_done():
                return child.wait(_GRACE)
            if time.monotonic() > until:
                raise


_POLL_INTERVAL = 0.5
"""Seconds between two checks of a running child."""

_GRACE = 10.0
"""Seconds that a child has to exit after it has written its whole report."""


def run_each(
    names: Sequence[str], jobs: int, run_one: Callable[[str, Children], str], show: Callable[[str], None],
    losses: list[str], forked: bool = False,
) -> None:
    """Call `run_one` for each name, several at a time. The first signal of an interruption ends all children.

    Args:
        names: The sparsifiers.
        jobs: How many to run at a time.
        run_one: Runs one sparsifier in a child and returns a phrase saying how it ended.
        show: Receives a line whenever a sparsifier is finished.
        losses: Receives the reason if the run is interrupted, or if a sparsifier ended the fork server.
        forked: Whether the children may be forked from a process that has imported torch.
    """
    children = Children()
    with attend(children.stop) as interruption, ExitStack() as stack:
        if forked and len(names) > 1 and sys.platform == "linux":
            children.fork_server = stack.enter_context(fork_server(losses))
        if interruption.reason:
            children.stop()
        with ThreadPoolExecutor(jobs) as pool:
            futures = {pool.submit(run_one, name, children): name for name in names}
            for future in as_completed(futures):
                show(f"{futures[future]}: {future.result()}")
        losses += [interruption.reason] if interruption.reason else []


@contextmanager
def fork_server(losses: list[str]) -> Iterator[ForkServer]:
    """Yield a fork server, which is not started yet; add to `losses` if it was killed before the end of the block."""
    with temporary_folder() as folder:
        server = ForkServer({**_environment(), "TMPDIR": str(folder)})
        try:
            yield server
        finally:
            losses += server.end()


def pytest_command(folder: Path, target: str, plugin: str) -> list[str]:
    """Return the command line of a pytest that ignores every configuration and plugin of the user.

    Args:
        folder: An existing folder for its empty configuration file.
        target: The module or file to collect.
        plugin: The module of the one plugin of ours that it loads; more arguments may be appended.
    """
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return [
        *python_command("pytest"), "--pyargs", target, "-q", "-ra", "--noconftest",
        "-c", str(folder / "pytest.ini"), "--rootdir", str(folder), "--assert=plain", "--tb=no",
        "-p", "no:cacheprovider", "-p", "no:logging", "-p", plugin,
    ]


def _environment() -> dict[str, str]:
    """Return the environment of a child, without the variables that bring in a user's pytest plugins and options."""
    kept = {
        name: value for name, value in own_environment().items()
        if not name.startswith("PYTEST_") and name != line_coverage.VARIABLE
    }
    return {"OMP_NUM_THREADS": "1", **kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **SAFE_PATH, **guardian().mark}


def _kill(child: Child) -> None:
    """Kill the child's session, and wait for the end of the child."""
    _kill_session(child)
    child.wait()


def _kill_session(child: Child) -> None:
    """Kill the child and everything it started, unless that left its session; the guardian ends such processes."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()


def _note_end(folder: Path, name: str, how: str) -> None:
    (folder / f"{name}.end").write_text(how, "utf-8")


def describe_end(folder: Path, name: str, otherwise: str = "its process ended before it finished its report") -> str:
    """Return how an unfinished child ended, or `otherwise` if it was not stopped by this process."""
    note = folder / f"{name}.end"
    return read_end(note, 1000) or otherwise


def describe_exit(code: int | None) -> str:
    """Return a phrase for an exit code with the meaning of `subprocess.Popen.returncode`; None if it is unknown."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def is_foreign(code: int | None) -> bool:
    """Return whether a process with this exit code may have been ended by a signal of another process."""
    return code is None or (code < 0 and -code not in _OWN_FAULTS)


_OWN_FAULTS = (
    signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS,
)
"""The signals that a process gets for what it does itself."""


def last_output(folder: Path, name: str) -> str:
    """Return the last lines that a child printed, joined, without pytest's rules and headings."""
    log = folder / f"{name}.log"
    lines = read_end(log, 10_000).splitlines()
    words = [line.strip() for line in lines if line.strip() and not line.startswith(("===", "!!!", "___"))]
    return shorten(" / ".join(word[-300:] for word in words[-3:]), 900, placeholder=" ...") or "nothing"
