"""The space of the skeletons of one profile: axes, kinds of steps, and what cannot occur together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..values.steps import Step

Value = str | int | float | bool
Point = Mapping[str, Value]
"""A value on each axis."""

At = tuple[str, Value]
"""A value on an axis."""

STEP = "step"
"""The axis of the kinds of steps, which has several values in one program."""

THEN = "then"
"""The axis of a step that follows another one."""

Constraint = Callable[[str, Value, str, Value], bool]
"""Whether two axes cannot have two values in one skeleton."""


@dataclass(frozen=True)
class Space:
    """What the skeletons of one profile can say.

    Attributes:
        axes: The values on each axis.
        of_a_slot: The axes of which every layer has a value of its own; their pairs are those of the first layer.
        steps: The options of every kind of step. Pairs are covered by kind; the options of a kind take turns.
        before_attach: The kinds of steps that a user can take with the dense model.
        updates: The kinds that remove something.
        after_update: The kinds that come after a first update.
        last: The kinds that end a program.
        constraints: By name, why two values cannot occur together.
        why: Every constraint in words.
        kind_of: Returns the kind of a step.
        point_of: Returns the value of a skeleton on every axis.
    """

    axes: Mapping[str, tuple[Value, ...]]
    of_a_slot: tuple[str, ...]
    steps: Mapping[str, tuple[Step, ...]]
    before_attach: tuple[str, ...]
    updates: tuple[str, ...]
    after_update: tuple[str, ...]
    last: tuple[str, ...]
    constraints: Mapping[str, Constraint]
    why: Mapping[str, str]
    kind_of: Callable[[Step], str]
    point_of: Callable[[Any], Point]

    def may_follow(self, before: str, after: str) -> bool:
        """Return whether a kind of step can come right after another one."""
        if after == "attach":
            return before in self.before_attach
        return before not in self.last and not (before == "attach" and after in self.after_update)
