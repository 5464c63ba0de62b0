"""Start child processes by forking a server that has already imported torch and the harness.

A forked child starts in a tenth of the time that a fresh interpreter needs to import torch. The server imports no
adapter. Only Linux uses it; elsewhere, and for a single child, a fresh interpreter is started instead.

`multiprocessing`'s forkserver does not fit: its children import the caller's `__main__`, take over its `sys.argv` and
skip `atexit`, and starting a process polls all others, which is a race when several threads wait for their children.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ..process.guardian import guardian
from ..process.interpreter import python_command


class ForkRequest(Struct, frozen=True):
    """A child to fork.

    Attributes:
        arguments: The arguments of pytest, or of the module.
        log: The file that receives stdout and stderr.
        environment: The whole environment of the child.
        module: The module that the child runs.
    """

    arguments: tuple[str, ...]
    log: str
    environment: dict[str, str]
    module: str = "pytest"


class Started(Struct, frozen=True, tag=True):
    """The server's answer to a request: the child's process id."""

    pid: int


class Exited(Struct, frozen=True, tag=True):
    """The server's message when a child has ended, sent once per child.

    Attributes:
        code: The exit code, with the meaning of `subprocess.Popen.returncode`.
    """

    pid: int
    code: int


class ForkServerUnavailable(Exception):
    """Raised if the fork server has ended or does not answer."""


class ForkedProcess:
    """A forked child, with the part of the interface of `subprocess.Popen` that is used."""

    def __init__(self, pid: int, exit_code: Future[int | None]) -> None:
        self.pid = pid
        self._exit_code = exit_code

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit code, or None if it is unknown because the server ended first.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            subprocess.TimeoutExpired: The child is still running after `timeout`.
        """
        try:
            return self._exit_code.result(timeout)
        except TookTooLong:
            raise subprocess.TimeoutExpired("a forked child", timeout or 0.0) from None

    def kill(self) -> None:
        """Do nothing: the child leads its own session, and callers kill the whole session."""


class ForkServer:
    """A handle to the fork server, which is started on first use and restarted if it has ended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._connection: _Connection | None = None
        self._lock = threading.Lock()
        self._is_ended = False
        self._deaths = 0

    def start(self, request: ForkRequest) -> ForkedProcess:
        """Fork a child.

        Raises:
            ForkServerUnavailable: The server has ended or does not answer.
        """
        with self._lock:
            if self._connection is None or self._connection.is_closed:
                self._deaths += self._connection is not None
                self._connection = _Connection(self._environment)
            if self._is_ended:
                self._connection.kill()
            return self._connection.start(request)

    def end(self) -> list[str]:
        """Stop the server; its children go on.

        Returns:
            A sentence if the server, or one before it, was killed by someone else.
        """
        with self._lock:
            if self._connection is not None:
                self._deaths += self._connection.is_closed and not self._is_ended
                self._connection.end()
        return [_KILLED] if self._deaths else []

    def kill(self) -> None:
        """Kill the server, and start no other. A signal handler may call this, at any moment of another thread."""
        self._is_ended = True
        if self._connection is not None:
            self._connection.kill()


class _Connection:
    """The server process, and the thread that reads its messages."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        command = python_command(f"{__package__}.fork_server")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        guardian().hold("session", str(self._process.pid))
        self._started: Future[int] = Future()
        self._exit_codes: dict[int, Future[int | None]] = {}
        self.is_closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, request: ForkRequest) -> ForkedProcess:
        assert self._process.stdin is not None
        self._started = Future()
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()
            if self.is_closed:
                raise OSError
            pid = self._started.result(_START_TIMEOUT)
        except (OSError, TookTooLong):
            raise ForkServerUnavailable("the fork server has ended or does not answer") from None
        return ForkedProcess(pid, self._exit_codes[pid])

    def _read(self) -> None:
        """Read messages until the server ends; then wait for its remaining children in its place."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = msgspec.json.decode(line, type=Started | Exited)
            exit_code = self._exit_codes.setdefault(message.pid, Future())
            if isinstance(message, Exited):
                exit_code.set_result(message.code)
            else:
                self._started.set_result(message.pid)
        self.is_closed = True
        if not self._started.done():
            self._started.set_exception(OSError())
        _wait_for_orphans({pid: code for pid, code in self._exit_codes.items() if not code.done()})

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        guardian().release("session", str(self._process.pid))


def _wait_for_orphans(exit_codes: Mapping[int, Future[int | None]]) -> None:
    """Wait for processes whose parent has ended, and set their exit codes, by process id, to None: unknown.

    They do not become children of this process, where one that kills its parent would kill it next.
    """
    left = dict(exit_codes)
    while left:
        for pid in [one for one in left if not _is_running(one)]:
            left.pop(pid).set_result(None)
        time.sleep(_ORPHAN_INTERVAL)


def _is_running(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


_ORPHAN_INTERVAL = 0.1
"""Seconds between two looks at the children of a server that has ended."""

_KILLED = "the fork server, which starts the sparsifiers' processes, was killed by one of them or by the system"

_START_TIMEOUT = 120.0
"""Seconds that the server may take to import torch and fork the first child."""
