"""Messages between the search and the child process that runs programs: one JSON value per line."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from ...programs.observed import Look
from ...values.declaration import Declaration
from ...values.program_json import AnyProgram, from_json, to_line

NOT_OFFERED = "not-offered"
"""The kind of an outcome if the sparsifier refuses the plan on purpose."""

ENDED, HANGS, WALK_CRASHED = "process-ended", "hangs", "walk-crashed"
"""Kinds of outcomes besides those of violations: the process ended, took too long, or the walk itself raised."""


@dataclass(frozen=True)
class Ask:
    """A program for a child process.

    Attributes:
        program: The program.
        looks: Whether it is observed, to be compared with another sparsifier, instead of judged.
    """

    program: AnyProgram
    looks: bool = False

    def to_line(self) -> bytes:
        """Return it as JSON in one line, in which the program says which profile it is of."""
        return msgspec.json.encode(_Line(Raw(to_line(self.program)), self.looks))

    @classmethod
    def of_line(cls, line: bytes) -> Ask:
        """Return what `to_line` wrote."""
        one = msgspec.json.decode(line, type=_Line)
        return cls(from_json(bytes(one.program), "the message"), one.looks)


class _Line(Struct, frozen=True):
    program: Raw
    looks: bool


class Loaded(Struct, frozen=True, tag=True):
    """The adapter is loaded; this is its declaration."""

    declaration: Declaration


class Unusable(Struct, frozen=True, tag=True):
    """The adapter cannot be loaded."""

    problem: str


class Began(Struct, frozen=True, tag=True):
    """A step of the program begins; steps are counted from 1."""

    step: int


class Outcome(Struct, frozen=True, tag=True):
    """The result of running one program.

    Attributes:
        kind: The kind of the violation, or another kind named here; empty if everything held.
        message: The message of the violation or of the refusal.
        step: The number of the step that was in progress, counted from 1; 0 before the first.
        looks: What was seen after each step, if the program was observed.
        known: The entry of the expectation file that explains it; empty if there is none.
    """

    kind: str = ""
    message: str = ""
    step: int = 0
    looks: tuple[Look, ...] = ()
    known: str = ""

    @property
    def is_find(self) -> bool:
        """Return whether the program shows that something does not hold."""
        return self.kind not in ("", NOT_OFFERED)


Message = Loaded | Unusable | Began | Outcome
