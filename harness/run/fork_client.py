"""Children forked from one process that holds torch and all that judges, and no adapter: each of them starts in a
tenth of the time that a fresh interpreter takes to import torch.

On Linux alone; elsewhere, and for the one child that gains nothing by it, an interpreter of its own.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong

import msgspec
from msgspec import Struct


class Wanted(Struct, frozen=True):
    """A child to be forked. arguments: pytest's. log: the file that takes what it prints."""

    arguments: tuple[str, ...]
    log: str
    environment: dict[str, str]


class Begun(Struct, frozen=True, tag=True):
    """The answer to what is wanted."""

    pid: int


class Ended(Struct, frozen=True, tag=True):
    """Told of each child, once. code: as `subprocess.Popen.returncode`."""

    pid: int
    code: int


class NoServer(Exception):
    """The process that forks has ended."""


class Forked:
    """One child, as far as a `subprocess.Popen` is used."""

    def __init__(self, pid: int, ended: Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended by then.
        """
        try:
            return self._ended.result(timeout)
        except TookTooLong:
            raise subprocess.TimeoutExpired("a forked child", timeout or 0.0) from None

    def kill(self) -> None:
        """Nothing is left to do: it was its session's leader, and the session was ended."""


class Forks:
    """The process that forks, started when it is first wanted; another if it has ended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._server: _Server | None = None
        self._lock = threading.Lock()

    def start(self, wanted: Wanted) -> Forked:
        """Fork a child.

        Raises:
            NoServer: it cannot be.
        """
        with self._lock:
            if self._server is None or self._server.has_ended:
                self._server = _Server(self._environment)
            return self._server.start(wanted)

    def end(self) -> None:
        """Let it end; its children are not its to end."""
        with self._lock:
            if self._server is not None:
                self._server.end()


class _Server:
    def __init__(self, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", f"{__package__}.fork_server"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        self._begun: Future[int] = Future()
        self._ended: dict[int, Future[int]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def has_ended(self) -> bool:
        return not self._reader.is_alive()

    def start(self, wanted: Wanted) -> Forked:
        assert self._process.stdin is not None
        self._begun = Future()
        try:
            self._process.stdin.write(msgspec.json.encode(wanted) + b"\n")
            self._process.stdin.flush()
            pid = self._begun.result(_PATIENCE)
        except (OSError, TookTooLong):
            raise NoServer("the process that starts the sparsifiers' own has ended, or does not answer") from None
        return Forked(pid, self._ended[pid])

    def _read(self) -> None:
        """Until it ends; then nothing can be known of its children, and they are taken to have been killed."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = msgspec.json.decode(line, type=Begun | Ended)
            ended = self._ended.setdefault(told.pid, Future())
            if isinstance(told, Ended):
                ended.set_result(told.code)
            else:
                self._begun.set_result(told.pid)
        for ended in self._ended.values():
            if not ended.done():
                ended.set_result(_UNKNOWN)
        if not self._begun.done():
            self._begun.set_exception(OSError())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


_PATIENCE, _UNKNOWN = 120.0, -9
"""Seconds that torch may take to be imported; the exit code of a child of which none is known."""
