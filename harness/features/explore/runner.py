"""Run programs in child processes, which may crash, hang or exit."""

from __future__ import annotations

import itertools
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from ...errors import NotJudged
from ...interrupts import Interruption, attend
from ...process.guardian import temporary_folder
from ...process.interpreter import python_command
from ...run.subprocesses import Child, Children, Stopped, describe_exit, fork_server, last_output
from ...values.declaration import Declaration
from ...values.program_json import AnyProgram
from .messages import ENDED, HANGS, Ask, Began, Loaded, Message, Outcome, Unusable

_MODULE = f"{__package__}.child"
_START_LIMIT = 180.0
"""Seconds that a child may take to import torch and the adapter."""


@dataclass
class Runner:
    """Runs programs, several at a time, each in a child that serves many.

    Attributes:
        name: The sparsifier.
        files: Adapter files.
        limit: Seconds that one program may take.
        jobs: The number of children.
        children: The children.
        folder: An existing folder for sockets and logs.
        looks: Whether programs are observed, to be compared with another sparsifier, instead of judged.
    """

    name: str
    files: tuple[Path, ...]
    limit: float
    jobs: int
    children: Children
    folder: Path
    looks: bool = False
    _idle: queue.LifoQueue[_Line] = field(default_factory=queue.LifoQueue)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _stack: ExitStack = field(default_factory=ExitStack)

    def declaration(self) -> Declaration:
        """Return the declaration of the adapter, as a child reads it.

        Raises:
            NotJudged: It cannot be loaded.
        """
        line = self._line()
        self._idle.put(line)
        return line.declaration

    def run(self, program: AnyProgram) -> Outcome:
        """Run one program in a child that has run others before.

        Raises:
            Stopped: The search was interrupted.
        """
        try:
            line = self._idle.get_nowait()
        except queue.Empty:
            line = self._line()
        return self._asked(line, program)

    def run_fresh(self, program: AnyProgram) -> Outcome:
        """Run one program in a child that has run no other.

        Raises:
            Stopped: The search was interrupted.
        """
        line = self._line()
        try:
            return line.ask(program, self.limit)
        finally:
            line.close()

    def run_all(self, programs: Sequence[AnyProgram]) -> Iterator[Outcome]:
        """Yield the outcomes of programs, in their order.

        Raises:
            Stopped: The search was interrupted.
        """
        with ThreadPoolExecutor(self.jobs) as pool:
            yield from pool.map(self.run, programs)

    def beside(self, name: str) -> Runner:
        """Return a runner of another sparsifier, with the same children and the same folder."""
        return replace(self, name=name, _idle=queue.LifoQueue())

    def _asked(self, line: _Line, program: AnyProgram) -> Outcome:
        outcome = line.ask(program, self.limit)
        if line.is_open:
            self._idle.put(line)
        return outcome

    def _line(self) -> _Line:
        return _Line(self, next(self._numbers))

    def close(self) -> None:
        """End all children."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


class _Line:
    """The connection to one child, which is started with it.

    Raises:
        Stopped: The search was interrupted.
        NotJudged: The adapter cannot be loaded.
    """

    def __init__(self, runner: Runner, number: int) -> None:
        self._runner = runner
        self._label = f"{runner.name}-{number}"
        self._stack = ExitStack()
        self.is_open = True
        try:
            self._start(number)
        except BaseException:
            self.close()
            raise

    def _start(self, number: int) -> None:
        runner, address = self._runner, socket_address(self._runner.folder, number)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(address.replace("@", "\0"))
            server.listen(1)
            files = [str(file.absolute()) for file in runner.files]
            command = python_command(_MODULE, runner.name, address, *files)
            running = runner.children.running(
                self._label, command, runner.folder, {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}, _MODULE
            )
            self._child: Child = self._stack.enter_context(running)
            self._connection = self._stack.enter_context(self._accepted(server))
        self._stream: Any = self._stack.enter_context(self._connection.makefile("rwb"))
        message = self._received(_START_LIMIT)
        if isinstance(message, Loaded):
            self.declaration = message.declaration
            return
        problem = message.problem if isinstance(message, Unusable) else self._end()
        raise NotJudged(f"{runner.name} cannot be explored: {problem}")

    def _accepted(self, server: socket.socket) -> socket.socket:
        """Return the connection to the child.

        Raises:
            NotJudged: It ended before it had connected.
        """
        server.settimeout(0.1)
        while True:
            with suppress(TimeoutError):
                return server.accept()[0]
            with suppress(subprocess.TimeoutExpired):
                code = self._child.wait(0.01)
                self._check_stopped()
                said = last_output(self._runner.folder, self._label)
                raise NotJudged(f"{self._runner.name} cannot be explored: {describe_exit(code)}; it said {said}")

    def ask(self, program: AnyProgram, limit: float) -> Outcome:
        """Have the child run a program; the connection is closed if the child does not survive it."""
        step, until = 0, time.monotonic() + limit
        with suppress(OSError):
            self._stream.write(Ask(program, self._runner.looks).to_line() + b"\n")
            self._stream.flush()
        while True:
            try:
                message = self._received(max(0.01, until - time.monotonic()))
            except TimeoutError:
                self.close()
                return Outcome(HANGS, f"it was still running after {limit:g} seconds", step)
            if isinstance(message, Outcome):
                return message
            if message is None:
                return Outcome(ENDED, self._end(), step)
            assert isinstance(message, Began)
            step = message.step

    def _received(self, limit: float) -> Message | None:
        """Return the next message, or None if the child has closed the connection.

        Raises:
            TimeoutError: None arrived in `limit` seconds.
            Stopped: The search was interrupted.
        """
        self._connection.settimeout(limit)
        line = b""
        with suppress(ConnectionError):
            line = self._stream.readline()
        self._check_stopped()
        return msgspec.json.decode(line, type=Message) if line.endswith(b"\n") else None

    def _check_stopped(self) -> None:
        if self._runner.children.is_stopping:
            self.close()
            raise Stopped

    def _end(self) -> str:
        """Return how the child ended, and close the connection."""
        try:
            how = f"its process {describe_exit(self._child.wait(10.0))}"
        except subprocess.TimeoutExpired:
            how = "its process closed its connection and went on"
        self.close()
        said = last_output(self._runner.folder, self._label)
        return how if said == "nothing" else f"{how}; it said last: {said}"

    def close(self) -> None:
        """End the child."""
        self.is_open = False
        self._stack.close()


def socket_address(folder: Path, number: int) -> str:
    """Return the address of a socket; on Linux one that is no file, so that a long path does not matter."""
    return f"@{folder.name}-{number}" if sys.platform == "linux" else str(folder / f"{number}.s")


@contextmanager
def running(name: str, files: tuple[Path, ...], limit: float, jobs: int, losses: list[str]) -> Iterator[Runner]:
    """Yield a runner; the first signal of an interruption ends its children.

    Args:
        name: The sparsifier.
        files: Adapter files.
        limit: Seconds that one program may take.
        jobs: The number of children that run programs at the same time.
        losses: Receives the reason if the search is interrupted, or if the sparsifier ended the fork server.
    """
    children = Children()
    with attend(children.stop) as interruption, ExitStack() as stack:
        if sys.platform == "linux":
            children.fork_server = stack.enter_context(fork_server(losses))
        runner = Runner(name, files, limit, jobs, children, stack.enter_context(temporary_folder()))
        try:
            with suppress(Stopped):
                _stop_if_interrupted(children, interruption)
                yield runner
        finally:
            runner.close()
            losses += [interruption.reason] if interruption.reason else []


def _stop_if_interrupted(children: Children, interruption: Interruption) -> None:
    if interruption.reason:
        children.stop()
