"""Time another release of a package in a second process that takes turns with this one.

One process cannot import two releases of one package. Each process times itself; only seconds are exchanged.
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


class OtherReleaseFailed(SparsecheckError):
    """Raised if the other release cannot be timed; the message says why."""


class OtherRelease:
    """The client of the process that times the other release."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child

    def prepare(self, entry: Entry, pace: Pace) -> OtherRelease:
        """Prepare the other process to time `entry` at `pace`.

        Raises:
            OtherReleaseFailed: The other release cannot do the operation, or its process has ended.
        """
        self._ask(msgspec.json.encode((entry, pace)))
        return self

    def seconds(self) -> float:
        """Time a block of calls and return the seconds of one call.

        Raises:
            OtherReleaseFailed: The operation raised, or the process has ended.
        """
        return self._ask(b"time")

    def _ask(self, line: bytes) -> float:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        try:
            self.child.stdin.write(line + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise OtherReleaseFailed("the process of the other release has ended") from None
        answer = self.child.stdout.readline()
        if not answer:
            raise OtherReleaseFailed("the process of the other release has ended")
        found = msgspec.json.decode(answer, type=float | str)
        if isinstance(found, str):
            raise OtherReleaseFailed(f"the other release: {found}")
        return found


@contextmanager
def start_other_release(name: str, files: Sequence[Path], folder: str) -> Iterator[OtherRelease]:
    """Start the process of the other release.

    Args:
        name: The sparsifier.
        files: Adapter files.
        folder: A folder with the installed other release, which takes precedence over the one installed here.

    Yields:
        The client; the process is killed at the end.
    """
    command = python_command(__name__, name, *map(str, files), first=(folder,))
    environment = {**os.environ, **SAFE_PATH}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        try:
            yield OtherRelease(child)
        finally:
            child.kill()


def _answer(name: str, files: Sequence[Path]) -> None:
    """Answer one request per line on stdin until it is closed; send everything else that is printed to stderr."""
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
