"""The arguments that a case hands to an adapter: copies, so that no change to them reaches the judgement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..adapter.protocol import Batch, Context
from ..oracle.compare import assert_equal
from ..values.pattern import Given, Pattern
from ..values.plan import Plan
from ..values.violation import require

if TYPE_CHECKING:
    from .trial import Trial

CHANGED = "argument-changed"


@dataclass(frozen=True)
class Lent:
    """The plan and the context of one call of an adapter.

    Attributes:
        call: The name of the method.
        plan: The copy that the adapter got.
        context: The context that the adapter got; the case makes another one for itself.
        own: The plan by which the case judges.
    """

    call: str
    plan: Plan
    context: Context
    own: Plan


def assert_unchanged(trial: Trial) -> None:
    """Assert that the plans and contexts that the adapter got so far are as they were handed over.

    Raises:
        Violation: One was changed (`argument-changed`).
    """
    expected = trial.context
    for lent in trial.lent:
        _assert_same_plan(lent.plan, lent.own, f"after {lent.call} the user's plan")
        what = f"after {lent.call} the context's"
        assert_equal(lent.context.example_input, expected.example_input, CHANGED, f"{what} example input")
        assert_same_batches(lent.context.batches, expected.batches, f"{what} calibration batch")


def assert_same_batches(seen: Iterable[Batch], expected: Iterable[Batch], what: str) -> None:
    """Assert that inputs and targets are equal.

    Raises:
        Violation: One was changed (`argument-changed`).
    """
    for number, (batch, own) in enumerate(zip(seen, expected, strict=True)):
        for part, tensor, value in zip(("inputs", "target"), batch, own, strict=True):
            assert_equal(tensor, value, CHANGED, f"{what} {number}, {part}")


def _assert_same_plan(seen: Plan, own: Plan, what: str) -> None:
    now, before = ", ".join(seen.names), ", ".join(own.names)
    require(now == before, CHANGED, f"{what} names {now or 'nothing'}, expected {before}")
    require(seen.scope == own.scope, CHANGED, f"{what} has scope {seen.scope!r}, expected {own.scope!r}")
    for name, pattern in own.patterns.items():
        _assert_same_pattern(seen.patterns[name], pattern, f"{what}: the pattern of {name}")


def _assert_same_pattern(seen: Pattern, own: Pattern, what: str) -> None:
    if isinstance(seen, Given) and isinstance(own, Given):
        assert_equal(np.asarray(seen.mask), own.mask, CHANGED, what)
    else:
        require(seen == own, CHANGED, f"{what} is {seen}, expected {own}")
