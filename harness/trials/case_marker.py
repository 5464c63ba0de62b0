"""The decorator that marks a test function as the case of a requirement."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..catalogue import requirement

if TYPE_CHECKING:
    from .refusal import RefusedBy

F = TypeVar("F", bound=Callable[..., "RefusedBy | None"])

ATTRIBUTE = "__sparsecheck_requirement__"
_COMPARES = "__sparsecheck_compares__"


def case(id: str, compares: str = "") -> Callable[[F], F]:
    """Mark a function as the case of requirement `id`; it is called once per cell with one argument, `trial`.

    It returns nothing, or, if it judges a refusal, who refused. It must compare something of every planned parameter.

    Args:
        id: The id of the requirement.
        compares: What it compares instead, such as "the output".

    Raises:
        UnknownRequirement: The catalogue has no such requirement.
    """
    requirement(id)

    def mark(function: F) -> F:
        setattr(function, ATTRIBUTE, id)
        setattr(function, _COMPARES, compares)
        return function

    return mark


def requirement_judged_by(function: object) -> str | None:
    """Return the id of the requirement that `function` judges, or None if it is not a case."""
    return getattr(function, ATTRIBUTE, None)


def compared_instead(function: object) -> str:
    """Return what a case compares instead of every planned parameter, or an empty string."""
    return str(getattr(function, _COMPARES, ""))
