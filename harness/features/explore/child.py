"""The program of a child process: run programs against one sparsifier, as they arrive on a socket.

python -m sparsecheck.features.explore.child NAME SOCKET [ADAPTER_FILE ...]
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import torch

from ...adapter.discovery import BrokenAdapter, Found, NotFound, find, load
from ...process.guard import Guard
from ...process.imports import watched_import
from ...programs.observed import ObservedWalk
from ...programs.related import Trace, TracedWalk, assert_follows
from ...programs.running import Run
from ...programs.structural.walk import StructuralWalk
from ...programs.taking import NotOffered
from ...programs.walk import Walk
from ...report.expectation import InvalidExpectations
from ...report.verdict import recordable
from ...run.lines import connected
from ...values.program import Program
from ...values.program_json import AnyProgram
from ...values.steps import Step
from ...values.structural_program import StructuralProgram
from ...values.violation import Violation
from .known import entries_about_programs, with_known
from .messages import NOT_OFFERED, WALK_CRASHED, Ask, Began, Loaded, Message, Outcome, Unusable

W = TypeVar("W", bound="_Telling")


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


class _TellingTrace(_Telling, TracedWalk):
    """A walk that says which step it begins, and keeps the masks after each update."""


class _TellingLooks(_Telling, ObservedWalk):
    """A walk that says which step it begins, and looks at the model after each."""


class _Judge:
    """Runs programs against one adapter.

    Args:
        found: The loaded adapter.
        tell: Receives a message as each step begins.
    """

    def __init__(self, found: Found, tell: Callable[[Message], None]) -> None:
        self._found = found
        self._tell = tell
        self._guard = Guard()
        self._walk: _Telling | None = None

    def judge(self, ask: Ask) -> Outcome:
        """Run one program and return its outcome."""
        self._guard = Guard(draws=self._found.declaration.contract.score == "random")
        self._walk = None
        try:
            with self._guard.watch():
                self._run(ask)
        except NotOffered as refusal:
            return self._outcome(ask, NOT_OFFERED, str(refusal))
        except Violation as violation:
            return self._outcome(ask, violation.kind, violation.message)
        except Exception as error:
            return self._outcome(ask, WALK_CRASHED, _described(error))
        return self._outcome(ask)

    def _run(self, ask: Ask) -> None:
        if isinstance(ask.program, StructuralProgram):
            self._made(_TellingStructuralWalk, ask.program).run()
        elif ask.looks:
            looking = self._made(_TellingLooks, ask.program)
            looking.seen, looking.trace = [], []
            looking.run()
        elif ask.program.relation:
            assert_follows(ask.program, self._traced)
        else:
            self._made(_TellingWalk, ask.program).run()

    def _made(self, kind: type[W], program: AnyProgram) -> W:
        walk = kind(program, self._found.adapter, self._found.declaration, self._guard)
        walk.tell = self._tell
        self._walk = walk
        return walk

    def _traced(self, program: Program) -> Trace:
        self._guard.seed()
        return self._made(_TellingTrace, program).traced()

    def _outcome(self, ask: Ask, kind: str = "", message: str = "") -> Outcome:
        """Return the outcome; a violation of a relation belongs to no step."""
        is_pair = isinstance(ask.program, Program) and bool(ask.program.relation)
        step = 0 if self._walk is None or is_pair else self._walk.began
        looks = tuple(self._walk.seen) if isinstance(self._walk, _TellingLooks) else ()
        return Outcome(kind, recordable(message), step, looks)


def judge(program: AnyProgram, found: Found, tell: Callable[[Message], None]) -> Outcome:
    """Run one program, or two where it has a relation, and return the outcome.

    Args:
        program: The program.
        found: The loaded adapter.
        tell: Receives a message as each step begins.
    """
    return _Judge(found, tell).judge(Ask(program))


def _described(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, in {frame.name})"


def main(name: str, address: str, files: Sequence[Path]) -> None:
    """Load the adapter, and run programs until the socket is closed."""
    torch.set_num_threads(1)
    with connected(address) as stream:

        def tell(message: Message) -> None:
            stream.write(msgspec.json.encode(message) + b"\n")
            stream.flush()

        try:
            with watched_import():
                found = load(find(name, files))
            entries = entries_about_programs(found)
        except (BrokenAdapter, NotFound, InvalidExpectations) as error:
            tell(Unusable(str(error)))
            return
        tell(Loaded(found.declaration))
        one = _Judge(found, tell)
        for line in stream:
            tell(with_known(one.judge(Ask.of_line(line)), entries))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [Path(file) for file in sys.argv[3:]])
