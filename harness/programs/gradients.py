"""The gradients that a user has: no step but a backward may change, drop or add one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from ..oracle import compare
from ..values.comparisons import note
from ..values.steps import Attach, Backward, Cast, CopyModel, Finalize, SaveAndRestore, Step, Train, WriteWeights
from ..values.violation import Violation, require
from .places import find_parameter

if TYPE_CHECKING:
    from .running import Run

_MADE_BY = (Backward, Train, Finalize)
"""The steps that make gradients, and the one after which there are no planned parameters."""


class Held(NamedTuple):
    """A parameter, with its gradient at one moment.

    Attributes:
        parameter: The parameter.
        gradient: A copy of its gradient; None if it has none.
    """

    parameter: nn.Parameter
    gradient: Tensor | None


def held_gradients(step: Step, walk: Run) -> dict[str, Held]:
    """Return the parameters whose places are known, with their gradients, before a step that must keep them."""
    if isinstance(step, _MADE_BY):
        return {}
    places = {name: _place(walk, name) for name, _ in walk.twin.model.named_parameters()}
    return {
        name: Held(one, None if one.grad is None else one.grad.detach().clone())
        for name, one in places.items() if one is not None
    }


def _place(walk: Run, name: str) -> nn.Parameter | None:
    return walk.place(name) if name in walk.twin.planned else find_parameter(walk.model, name)


def assert_gradients_kept(before: dict[str, Held], step: Step, walk: Run) -> None:
    """Assert that a step left every gradient as it was.

    Args:
        before: The parameters with their gradients before the step.
        step: The step.
        walk: The run.

    Raises:
        Violation: A gradient is gone or different (`gradient-changed`), or there is one where there was none
            (`gradient-left`).
    """
    for name, (parameter, gradient) in before.items():
        now = parameter if _goes_on_with_others(step, walk) else _place(walk, name)
        if now is None or (now is not parameter and _replaces(name, walk)):
            continue
        if gradient is None:
            _assert_none_left(now, name)
        else:
            _assert_same(now.grad, gradient, name, step, walk)


def _goes_on_with_others(step: Step, walk: Run) -> bool:
    """Return whether the user's model has other parameters after a step, so that the earlier ones are looked at."""
    return (
        isinstance(step, SaveAndRestore)
        or (isinstance(step, CopyModel) and step.what == "sparsified")
        or (isinstance(step, WriteWeights) and step.how == "assign")
        or (isinstance(step, Attach) and walk.contract.attaches == "copy")
    )


def _replaces(name: str, walk: Run) -> bool:
    """Return whether a sparsifier may replace a parameter, as one may that stores the weight in another format."""
    return walk.contract.holds == "in place" and name in walk.twin.planned


def _assert_none_left(now: nn.Parameter, name: str) -> None:
    left = now.grad is not None and bool(now.grad.any())
    require(not left, "gradient-left", f"{name} had no gradient and has one now, to which the next backward adds")


def _assert_same(seen: Tensor | None, expected: Tensor, name: str, step: Step, walk: Run) -> None:
    what = f"gradient of {name}, which was there before,"
    if seen is None:
        raise Violation("gradient-changed", f"{what} is gone")
    if isinstance(step, Cast):
        expected = expected.to(walk.dtype)
    if _replaces(name, walk):  # whose zeros are in the parameter itself, and perhaps in its gradient
        seen, expected = (one.masked_fill(~walk.twin.masks[name], 0) for one in (seen, expected))
    if type(seen) is type(expected) is Tensor and seen.dtype == expected.dtype and torch.equal(seen, expected):
        note(what)
    else:
        compare.assert_equal(seen, expected, "gradient-changed", what)
