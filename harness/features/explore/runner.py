"""Run programs in child processes, which may crash, hang or exit."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from ...errors import NotJudged
from ...run.lines import EndedEarly, Line, answering_children
from ...run.subprocesses import Children
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
        return _Line(self)

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

    def __init__(self, runner: Runner) -> None:
        files = [str(file.absolute()) for file in runner.files]
        self._runner = runner
        try:
            self._line = Line(
                runner.name, runner.children, runner.folder, _MODULE, lambda address: (runner.name, address, *files),
                {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            )
        except EndedEarly as error:
            raise NotJudged(f"{runner.name} cannot be explored: {error}") from None
        message = self._received(time.monotonic() + _START_LIMIT)
        if not isinstance(message, Loaded):
            problem = message.problem if isinstance(message, Unusable) else self._line.end()
            self.close()
            raise NotJudged(f"{runner.name} cannot be explored: {problem}")
        self.declaration = message.declaration

    @property
    def is_open(self) -> bool:
        """Return whether the child can run another program."""
        return self._line.is_open

    def ask(self, program: AnyProgram, limit: float) -> Outcome:
        """Have the child run a program; the connection is closed if the child does not survive it."""
        step, until = 0, time.monotonic() + limit
        self._line.send(Ask(program, self._runner.looks).to_line())
        while True:
            try:
                message = self._received(until)
            except TimeoutError:
                self.close()
                return Outcome(HANGS, f"it was still running after {limit:g} seconds", step)
            if isinstance(message, Outcome):
                return message
            if message is None:
                return Outcome(ENDED, self._line.end(), step)
            assert isinstance(message, Began)
            step = message.step

    def _received(self, until: float) -> Message | None:
        """Return the next message, or None if the child has closed the connection."""
        line = self._line.receive(until)
        return msgspec.json.decode(line, type=Message) if line else None

    def close(self) -> None:
        """End the child."""
        self._line.close()


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
    with answering_children(losses, forked=True) as (children, folder):
        runner = Runner(name, files, limit, jobs, children, folder)
        try:
            yield runner
        finally:
            runner.close()
