"""Marks a test function as the case of one requirement."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..catalogue import requirement

F = TypeVar("F", bound=Callable[..., None])

ATTRIBUTE = "__sparsecheck_requirement__"


def case(id: str) -> Callable[[F], F]:
    """The decorated function judges requirement `id`, once a cell; it takes one argument, `trial`.

    Raises:
        UnknownRequirement: the catalogue has no such requirement.
    """
    requirement(id)

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, id)
        return function

    return mark


def requirement_judged_by(function: object) -> str | None:
    """The id of the requirement that `function` judges; None if it is no case."""
    return getattr(function, ATTRIBUTE, None)
