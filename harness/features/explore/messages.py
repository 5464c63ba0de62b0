"""Messages between the search and the child process that runs programs: one JSON value per line."""

from __future__ import annotations

from msgspec import Struct

from ...programs.observed import Look
from ...values.declaration import Declaration
from ...values.program import Program

NOT_OFFERED = "not-offered"
"""The kind of an outcome if the sparsifier refuses the plan on purpose."""

ENDED, HANGS, WALK_CRASHED = "process-ended", "hangs", "walk-crashed"
"""Kinds of outcomes besides those of violations: the process ended, took too long, or the walk itself raised."""


class Ask(Struct, frozen=True):
    """A program for a child process.

    Attributes:
        program: The program.
        looks: Whether it is observed, to be compared with another sparsifier, instead of judged.
    """

    program: Program
    looks: bool = False


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
    """

    kind: str = ""
    message: str = ""
    step: int = 0
    looks: tuple[Look, ...] = ()

    @property
    def is_find(self) -> bool:
        """Return whether the program shows that something does not hold."""
        return self.kind not in ("", NOT_OFFERED)


Message = Loaded | Unusable | Began | Outcome
