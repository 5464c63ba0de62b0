"""Start child processes by forking a server that has already imported torch and the harness.

A forked child starts in a tenth of the time that a fresh interpreter needs to import torch. The server imports no
adapter. Only Linux uses it; elsewhere, and for a single child, a fresh interpreter is started instead.

`multiprocessing`'s forkserver does not fit: its children import the caller's `__main__`, take over its `sys.argv` and
skip `atexit`, and starting a process polls all others, which is a race when several threads wait for their children.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong

import msgspec
from msgspec import Struct

from ..process.interpreter import python_command


class ForkRequest(Struct, frozen=True):
    """A child to fork.

    Attributes:
        arguments: The arguments of pytest.
        log: The file that receives stdout and stderr.
        environment: The whole environment of the child.
    """

    arguments: tuple[str, ...]
    log: str
    environment: dict[str, str]


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

    def __init__(self, pid: int, exit_code: Future[int]) -> None:
        self.pid = pid
        self._exit_code = exit_code

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code.

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

    def start(self, request: ForkRequest) -> ForkedProcess:
        """Fork a child.

        Raises:
            ForkServerUnavailable: The server has ended or does not answer.
        """
        with self._lock:
            if self._connection is None or self._connection.is_closed:
                self._connection = _Connection(self._environment)
            return self._connection.start(request)

    def end(self) -> None:
        """Stop the server; its children go on."""
        with self._lock:
            if self._connection is not None:
                self._connection.end()


class _Connection:
    """The server process, and the thread that reads its messages."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        command = python_command(f"{__package__}.fork_server")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        self._started: Future[int] = Future()
        self._exit_codes: dict[int, Future[int]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def is_closed(self) -> bool:
        return not self._reader.is_alive()

    def start(self, request: ForkRequest) -> ForkedProcess:
        assert self._process.stdin is not None
        self._started = Future()
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()
            pid = self._started.result(_START_TIMEOUT)
        except (OSError, TookTooLong):
            raise ForkServerUnavailable("the fork server has ended or does not answer") from None
        return ForkedProcess(pid, self._exit_codes[pid])

    def _read(self) -> None:
        """Read messages until the server ends; then treat its remaining children as killed."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = msgspec.json.decode(line, type=Started | Exited)
            exit_code = self._exit_codes.setdefault(message.pid, Future())
            if isinstance(message, Exited):
                exit_code.set_result(message.code)
            else:
                self._started.set_result(message.pid)
        for exit_code in self._exit_codes.values():
            if not exit_code.done():
                exit_code.set_result(_UNKNOWN_EXIT)
        if not self._started.done():
            self._started.set_exception(OSError())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


_START_TIMEOUT = 120.0
"""Seconds that the server may take to import torch and fork the first child."""

_UNKNOWN_EXIT = -9
"""The exit code reported for a child whose server has ended."""
