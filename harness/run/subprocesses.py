"""Start, watch and end one child process per sparsifier; each runs a pytest of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import NoReturn, Protocol

from ..process.interpreter import SAFE_PATH, python_command
from ..reading import read_end
from .fork_client import ForkRequest, ForkServer, ForkServerUnavailable


class Child(Protocol):
    """The part of `subprocess.Popen` that is used here."""

    @property
    def pid(self) -> int: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


@dataclass
class Children:
    """The running child processes, kept so that an interrupted parent can end them all.

    Attributes:
        fork_server: Forks the children; without one, each child is a fresh interpreter.
        alive: The children that are running.
        stopping: Whether no more children may start.
        codes: The exit codes, by sparsifier, of the children that ended by themselves.
    """

    fork_server: ForkServer | None = None
    alive: set[Child] = field(default_factory=set)
    stopping: bool = False
    codes: dict[str, int] = field(default_factory=dict)

    def run(
        self, name: str, command: Sequence[str], folder: Path, limit: float, environment: Mapping[str, str] = {},
        is_done: Callable[[], bool] = lambda: False,
    ) -> str:
        """Run `command` to its end.

        Args:
            name: The sparsifier; the child's output goes to `NAME.log` in `folder`.
            command: The program and its arguments.
            folder: An existing folder for the log.
            limit: Seconds after which the child is stopped.
            environment: Changes to the parent's environment.
            is_done: Returns whether the child has written everything it should. A child that is done but does not
                end, because a thread of the sparsifier goes on, is stopped after a short grace.

        Returns:
            A phrase saying how the child ended, or an empty string if it exited with code 0 or 1.
        """
        if self.stopping:
            return "not started"
        child = self._start(command, folder / f"{name}.log", {**_environment(), **environment})
        self.alive.add(child)
        if self.stopping:
            _kill(child)
        try:
            code = self.codes[name] = _wait(child, limit, is_done)
        except subprocess.TimeoutExpired:
            if is_done():
                return "wrote its whole report but did not exit, and was stopped"
            _note_end(folder, name, f"its process took longer than {limit:g} s and was stopped")
            return "took too long"
        finally:
            _kill(child)
            self.alive.discard(child)
        return "" if code in (0, 1) else describe_exit(code)

    def _start(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Child:
        if self.fork_server is not None:
            with suppress(ForkServerUnavailable):
                request = ForkRequest(tuple(command[len(python_command("pytest")):]), str(log), dict(environment))
                return self.fork_server.start(request)
        with log.open("wb") as out:
            return subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
                start_new_session=True,
            )

    def end(self) -> None:
        """Kill all children and start no more."""
        self.stopping = True
        for child in list(self.alive):
            _kill(child)


def _wait(child: Child, limit: float, is_done: Callable[[], bool]) -> int:
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
    """Call `run_one` for each name, several at a time. Ctrl-C or SIGTERM ends all children.

    Args:
        names: The sparsifiers.
        jobs: How many to run at a time.
        run_one: Runs one sparsifier in a child and returns a phrase saying how it ended.
        show: Receives a line whenever a sparsifier is finished.
        losses: Receives the reason if the run is interrupted.
        forked: Whether the children may be forked from a process that has imported torch.
    """
    server = ForkServer(_environment()) if forked and len(names) > 1 and sys.platform == "linux" else None
    children = Children(server)
    with ThreadPoolExecutor(jobs) as pool, _ending(children, losses):
        futures = {pool.submit(run_one, name, children): name for name in names}
        for future in as_completed(futures):
            show(f"{futures[future]}: {future.result()}")
    if server is not None:
        server.end()


@contextmanager
def _ending(children: Children, losses: list[str]) -> Iterator[None]:
    """End `children` on Ctrl-C or SIGTERM, and add the reason to `losses`."""
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        losses.append(str(interrupt) or "interrupted by the user")
        children.end()
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(*_: object) -> NoReturn:
    raise KeyboardInterrupt("ended by SIGTERM")


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
        "-c", str(folder / "pytest.ini"), "--rootdir", str(folder),
        "-p", "no:cacheprovider", "-p", "no:logging", "-p", plugin,
    ]


def _environment() -> dict[str, str]:
    """Return the caller's environment without the variables that bring in a user's pytest plugins and options."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {"OMP_NUM_THREADS": "1", **kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **SAFE_PATH}


def _kill(child: Child) -> None:
    """Kill the child's session: the child and everything it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    child.wait()


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


def last_output(folder: Path, name: str) -> str:
    """Return the last lines that a child printed, joined, without pytest's rules and headings."""
    log = folder / f"{name}.log"
    lines = read_end(log, 10_000).splitlines()
    words = [line.strip() for line in lines if line.strip() and not line.startswith(("===", "!!!", "___"))]
    return shorten(" / ".join(word[-300:] for word in words[-3:]), 900, placeholder=" ...") or "nothing"
