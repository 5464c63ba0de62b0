"""Schedules: the level that a sparsifier has at each step of a run."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["linear", "cubic", "cosine", "exponential", "constant", "lambda", "steps"]

KINDS: dict[Kind, str] = {
    "linear": "from the initial to the final level in equal steps",
    "cubic": "final + (initial - final) (1 - u)^3, with u the part of the way from begin to end (Zhu and Gupta, 2017)",
    "cosine": "final + (initial - final) (1 + cos(pi u)) / 2",
    "exponential": "1 - (1 - initial) ((1 - final) / (1 - initial))^u: the kept part shrinks by one factor per step",
    "constant": "the final level at every step",
    "lambda": "a function of the step that the user writes",
    "steps": "the level of the last milestone that was reached",
}
"""All kinds of schedules, with the level that each has."""

OPTIONS: dict[str, str] = {
    "begin": "begins at a later step than 0; before it, nothing is removed",
    "every": "changes its level only at every n-th step after begin",
}
"""What else a schedule may be able to do, with a description."""


class LevelFunction(Struct, frozen=True):
    """A user's function from a step to a level, which can be pickled.

    Attributes:
        levels: The level at each step; the last one holds for all later steps.
    """

    levels: tuple[float, ...]

    def __call__(self, step: int) -> float:
        return self.levels[min(step, len(self.levels) - 1)]


class Schedule(Struct, frozen=True, kw_only=True):
    """A schedule. Steps count from 0, and levels replace those of the plan.

    Attributes:
        kind: The kind of schedule, from `KINDS`.
        initial: The level at `begin`.
        final: The level from `end` on.
        begin: The first step at which anything is removed. It is 0 unless the option `begin` is declared.
        end: The first step with the final level.
        every: The number of steps between two changes of the level, of which `end - begin` is a multiple. It is 1
            unless the option `every` is declared.
        milestones: For `steps`, pairs of a step and the level from it on, in order; the first step is 0.
        levels: For `lambda`, the values of the function; otherwise empty.
    """

    kind: Kind
    initial: float
    final: float
    end: int
    begin: int = 0
    every: int = 1
    milestones: tuple[tuple[int, float], ...] = ()
    levels: tuple[float, ...] = ()

    @property
    def function(self) -> LevelFunction:
        """Return the user's function of a schedule of kind `lambda`."""
        return LevelFunction(self.levels)

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the words that a contract must declare in `schedules`: the kind, and the options."""
        options = (("begin", self.begin > 0), ("every", self.every > 1))
        return (self.kind, *(option for option, is_used in options if is_used))
