"""Another release of a package, timed in a process of its own that takes turns with this one.

A release cannot be imported beside another one. Each process times itself; only seconds go between them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import torch

from ...adapter.discovery import find, load
from ...errors import SparsecheckError
from ...operations.clocks import quiet
from ...operations.workload import Workload, pattern_of
from ...process.guard import Guard
from ...process.interpreter import SAFE_PATH, python_command
from ...values.timing import SIZES, Entry
from .interleaving import Arm, Pace
from .measure import arm


class NoRival(SparsecheckError):
    """What another release was to be compared with cannot be timed; the message says why."""


class Beside:
    """The other process, and what it is asked."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child

    def prepare(self, entry: Entry, pace: Pace) -> Beside:
        """Let it make ready for `entry`, to be timed at `pace`.

        Raises:
            NoRival: it cannot.
        """
        self._ask(msgspec.json.encode((entry, pace)))
        return self

    def seconds(self) -> float:
        """Of one call, in a block that it times.

        Raises:
            NoRival: it raised, or ended.
        """
        return self._ask(b"time")

    def _ask(self, line: bytes) -> float:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        try:
            self.child.stdin.write(line + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise NoRival("the process of the other release has ended") from None
        answer = self.child.stdout.readline()
        if not answer:
            raise NoRival("the process of the other release has ended")
        found = msgspec.json.decode(answer, type=float | str)
        if isinstance(found, str):
            raise NoRival(f"the other release: {found}")
        return found


@contextmanager
def beside(name: str, files: Sequence[Path], folder: str) -> Iterator[Beside]:
    """The sparsifier `name` with what is installed in `folder` in the place of what is installed here."""
    command = python_command(__name__, name, *map(str, files), first=(folder,))
    environment = {**os.environ, **SAFE_PATH}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        try:
            yield Beside(child)
        finally:
            child.kill()


def _answer(name: str, files: Sequence[Path]) -> None:
    """Answer what is asked on standard input, a line each, until it ends; what is printed meanwhile goes elsewhere."""
    with os.fdopen(os.dup(1), "wb") as out, Guard().keep(), quiet():
        os.dup2(2, 1)
        ready: Arm | None = None
        for line in sys.stdin.buffer:
            try:
                if line == b"time\n" and ready is not None:
                    answer: float | str = ready.seconds()
                else:
                    ready, answer = _prepared(name, files, *msgspec.json.decode(line, type=tuple[Entry, Pace])), 0.0
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"
            out.write(msgspec.json.encode(answer) + b"\n")
            out.flush()


def _prepared(name: str, files: Sequence[Path], entry: Entry, pace: Pace) -> Arm:
    found = load(find(name, files))
    workload = Workload(entry.size, pattern_of(found.declaration, SIZES[entry.size]), torch.device(entry.device))
    return arm(entry, found.adapter, workload, pace)


if __name__ == "__main__":
    _answer(sys.argv[1], [Path(file) for file in sys.argv[2:]])
