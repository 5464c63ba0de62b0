"""How a program's steps are taken: one function per kind of step, registered with `take`."""

from __future__ import annotations

import contextlib
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..values.steps import Under

if TYPE_CHECKING:
    from .running import Run


class Skipped(Exception):
    """Raised if a step cannot be taken here, through no fault of the sparsifier."""


class NotOffered(Exception):
    """Raised if the sparsifier refuses the plan on purpose, so that there is nothing to run."""


class Identity(nn.Module):
    """A user's parametrization that changes nothing."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight


@singledispatch
def take(step: object, walk: Run) -> None:
    """Take one step, on the sparse model and on its twin.

    Args:
        step: The step; functions are registered by its type.
        walk: The run that the step belongs to.

    Raises:
        Skipped: The step cannot be taken here.
        NotOffered: The sparsifier refuses the plan.
        Violation: A statement about this step does not hold.
    """
    raise TypeError(f"no step: {step!r}")


def assert_learns(walk: Run) -> None:
    """Assert that the output depends on a parameter that is not frozen.

    Raises:
        Skipped: It does not, so that the dense model could not be trained either.
    """
    if not any(parameter.requires_grad for parameter in walk.twin.model.parameters()):
        raise Skipped("every parameter is frozen")


def under(mode: Under) -> contextlib.AbstractContextManager[Any]:
    """Return the context that puts a call under a mode."""
    if mode == "no_grad":
        return torch.no_grad()
    if mode == "inference_mode":
        return torch.inference_mode()
    return torch.autocast("cpu", torch.bfloat16) if mode == "autocast" else contextlib.nullcontext()
