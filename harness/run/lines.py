"""Ask a child process one question after another, by lines on a socket. The child may crash, hang or exit."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from ..interrupts import attend
from ..process.guardian import temporary_folder
from ..process.interpreter import python_command
from .subprocesses import Child, Children, Stopped, describe_exit, fork_server, last_output

_NUMBERS = itertools.count()


class Stream(Protocol):
    """The part of a socket's file that is used here."""

    def write(self, line: bytes, /) -> int: ...
    def flush(self) -> None: ...
    def readline(self) -> bytes: ...
    def __iter__(self) -> Iterator[bytes]: ...


class EndedEarly(Exception):
    """Raised if a child ended before it had connected; the message says how."""


class Line:
    """The connection to one child, which is started with it.

    Attributes:
        is_open: Whether the child can be asked.

    Args:
        name: The name of the child.
        children: The children.
        folder: An existing folder for its socket and its log.
        module: The module that it runs.
        arguments: Returns the arguments of the module, given the address of the socket.
        environment: Changes to the parent's environment.

    Raises:
        Stopped: No more children may start.
        EndedEarly: The child ended before it had connected.
    """

    def __init__(
        self, name: str, children: Children, folder: Path, module: str, arguments: Callable[[str], Sequence[str]],
        environment: dict[str, str],
    ) -> None:
        number = next(_NUMBERS)
        self._label, self._children, self._folder = f"{name}-{number}", children, folder
        self._stack = ExitStack()
        self.is_open = True
        try:
            self._start(socket_address(folder, number), module, arguments, environment)
        except BaseException:
            self.close()
            raise

    def _start(
        self, address: str, module: str, arguments: Callable[[str], Sequence[str]], environment: dict[str, str]
    ) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(address.replace("@", "\0"))
            server.listen(1)
            command = python_command(module, *arguments(address))
            running = self._children.running(self._label, command, self._folder, environment, module)
            self._child: Child = self._stack.enter_context(running)
            self._connection = self._stack.enter_context(self._accepted(server))
        self._stream: Stream = self._stack.enter_context(self._connection.makefile("rwb"))

    def _accepted(self, server: socket.socket) -> socket.socket:
        server.settimeout(0.1)
        while True:
            with suppress(TimeoutError):
                return server.accept()[0]
            with suppress(subprocess.TimeoutExpired):
                code = self._child.wait(0.01)
                self._check_stopped()
                raise EndedEarly(f"{describe_exit(code)}; it said {last_output(self._folder, self._label)}")

    def send(self, line: bytes) -> None:
        """Send a line; a child that has ended does not get it."""
        with suppress(OSError):
            self._stream.write(line + b"\n")
            self._stream.flush()

    def receive(self, until: float) -> bytes:
        """Return the next line of the child; an empty one if it has closed the connection.

        Args:
            until: The monotonic time until which the line may take.

        Raises:
            TimeoutError: None arrived until then.
            Stopped: The command was interrupted.
        """
        self._connection.settimeout(max(0.01, until - time.monotonic()))
        line = b""
        with suppress(ConnectionError):
            line = self._stream.readline()
        self._check_stopped()
        return line if line.endswith(b"\n") else b""

    def _check_stopped(self) -> None:
        if self._children.is_stopping:
            self.close()
            raise Stopped

    def end(self) -> str:
        """Close the connection to a child that has closed it, and return how the child ended."""
        try:
            how = f"its process {describe_exit(self._child.wait(10.0))}"
        except subprocess.TimeoutExpired:
            how = "its process closed its connection and went on"
        self.close()
        said = last_output(self._folder, self._label)
        return how if said == "nothing" else f"{how}; it said last: {said}"

    def close(self) -> None:
        """End the child."""
        self.is_open = False
        self._stack.close()


def socket_address(folder: Path, number: int) -> str:
    """Return the address of a socket; on Linux one that is no file, so that a long path does not matter."""
    return f"@{folder.name}-{number}" if sys.platform == "linux" else str(folder / f"{number}.s")


@contextmanager
def connected(address: str) -> Iterator[Stream]:
    """Yield the stream of a child to the process that has started it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address.replace("@", "\0"))
        with connection.makefile("rwb") as stream:
            yield stream


@contextmanager
def answering_children(losses: list[str], forked: bool) -> Iterator[tuple[Children, Path]]:
    """Yield children, and a folder for their sockets and logs; the first signal of an interruption ends them.

    If it does, or they must not even start, the block ends without an error.

    Args:
        losses: Receives the reason of an interruption, or if a child ended the fork server.
        forked: Whether children are forked, where that is possible, from a process that has imported torch. That makes
            the first one slower and all others faster.
    """
    children = Children()
    with attend(children.stop) as interruption, ExitStack() as stack:
        if forked and sys.platform == "linux":
            children.fork_server = stack.enter_context(fork_server(losses))
        folder = stack.enter_context(temporary_folder())
        try:
            with suppress(Stopped):
                if interruption.reason:
                    children.stop()
                yield children, folder
        finally:
            losses += [interruption.reason] if interruption.reason else []
