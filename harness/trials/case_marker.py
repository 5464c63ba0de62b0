"""The decorator that marks a test function as the case of a requirement."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..catalogue import requirement

F = TypeVar("F", bound=Callable[..., None])

ATTRIBUTE = "__sparsecheck_requirement__"


def case(id: str) -> Callable[[F], F]:
    """Mark a function as the case of requirement `id`; it is called once per cell with one argument, `trial`.

    Raises:
        UnknownRequirement: The catalogue has no such requirement.
    """
    requirement(id)

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, id)
        return function

    return mark


def requirement_judged_by(function: object) -> str | None:
    """Return the id of the requirement that `function` judges, or None if it is not a case."""
    return getattr(function, ATTRIBUTE, None)
