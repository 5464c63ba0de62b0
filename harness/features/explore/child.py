"""The program of a child process: run programs against one sparsifier, as they arrive on a socket.

python -m sparsecheck.features.explore.child NAME SOCKET [ADAPTER_FILE ...]
"""

from __future__ import annotations

import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch

from ...adapter.discovery import BrokenAdapter, Found, NotFound, find, load
from ...process.guard import Guard
from ...process.imports import watched_import
from ...programs.running import Run
from ...programs.structural.walk import StructuralWalk
from ...programs.taking import NotOffered
from ...programs.walk import Walk
from ...report.verdict import recordable
from ...values.steps import Step
from ...values.structural_program import AnyProgram, StructuralProgram, from_json
from ...values.violation import Violation
from .messages import NOT_OFFERED, WALK_CRASHED, Began, Loaded, Message, Outcome, Unusable


class _Telling(Run):
    """A run that says which step it begins, so that the search knows it even if the process dies."""

    tell: Callable[[Message], None]
    began = 0

    def _take(self, step: Step) -> None:
        self.began += 1
        self.tell(Began(self.began))
        super()._take(step)


class _TellingWalk(_Telling, Walk):
    """One of the mask profile."""


class _TellingStructuralWalk(_Telling, StructuralWalk):
    """One of the structural profile."""


def _walk(program: AnyProgram, found: Found, guard: Guard) -> _Telling:
    """Return the walk that a program needs."""
    adapter, declaration = found.adapter, found.declaration
    if isinstance(program, StructuralProgram):
        return _TellingStructuralWalk(program, adapter, declaration, guard)
    return _TellingWalk(program, adapter, declaration, guard)


def judge(program: AnyProgram, found: Found, tell: Callable[[Message], None]) -> Outcome:
    """Run one program and return its outcome.

    Args:
        program: The program.
        found: The loaded adapter.
        tell: Receives a message as each step begins.
    """
    guard, began = Guard(draws=found.declaration.contract.score == "random"), 0
    try:
        with guard.watch():
            walk = _walk(program, found, guard)
            walk.tell = tell
            try:
                walk.run()
            finally:
                began = walk.began
    except NotOffered as refusal:
        return Outcome(NOT_OFFERED, recordable(str(refusal)), began)
    except Violation as violation:
        return Outcome(violation.kind, recordable(violation.message), began)
    except Exception as error:
        return Outcome(WALK_CRASHED, recordable(_described(error)), began)
    return Outcome(step=began)


def _described(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, in {frame.name})"


def main(name: str, address: str, files: Sequence[Path]) -> None:
    """Load the adapter, and run programs until the socket is closed."""
    torch.set_num_threads(1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address.replace("@", "\0"))
        with connection.makefile("rwb") as stream:

            def tell(message: Message) -> None:
                stream.write(msgspec.json.encode(message) + b"\n")
                stream.flush()

            try:
                with watched_import():
                    found = load(find(name, files))
            except (BrokenAdapter, NotFound) as error:
                tell(Unusable(str(error)))
                return
            tell(Loaded(found.declaration))
            for line in stream:
                tell(judge(from_json(line, "the message"), found, tell))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [Path(file) for file in sys.argv[3:]])
