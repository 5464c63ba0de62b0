"""Run a program and note what a user sees after each step, without a judgement, to compare two sparsifiers."""

from __future__ import annotations

import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray
from torch import Tensor

from ..adapter.holders import split_name
from ..oracle.compare import array
from ..values.steps import Step
from . import statements
from .places import find_module
from .related import TracedWalk


class Numbers(Struct, frozen=True):
    """An array that JSON can hold.

    Attributes:
        shape: The shape.
        data: The entries as float64.
    """

    shape: tuple[int, ...]
    data: bytes

    @property
    def array(self) -> NDArray[np.float64]:
        """Return the array."""
        return np.frombuffer(self.data, np.float64).reshape(self.shape)


class Look(Struct, frozen=True):
    """What a user sees of a sparse model after one step.

    Attributes:
        skipped: Whether the step was not taken.
        masks: The masks, 1 where kept, by name; empty before there are any.
        weights: The weights in use, by name; removed entries are 0.
        output: The output for the probe inputs; None after the end of the sparse model, and where the program does not
            look.
    """

    skipped: bool
    masks: dict[str, Numbers]
    weights: dict[str, Numbers]
    output: Numbers | None


class ObservedWalk(TracedWalk):
    """A walk that looks at the model after each step.

    Attributes:
        seen: What was seen after each step so far.
    """

    seen: list[Look]

    def _take(self, step: Step) -> None:
        skipped = len(self.skipped)
        super()._take(step)
        self.seen.append(self._look(len(self.skipped) > skipped))

    def _look(self, skipped: bool) -> Look:
        if self.finished or not self.looks:
            return Look(skipped, {}, {}, None)
        with torch.no_grad(), self.user_defaults():
            output = _numbers(self.call(lambda: self.model(self.inputs()), "forward"))
        has_masks = self.sparsified is not None and (self.updates or self.contract.masks_at == "attach")
        masks = statements.reported_masks(self) if has_masks else {}
        return Look(skipped, {name: _numbers(mask) for name, mask in masks.items()}, self._weights(), output)

    def _weights(self) -> dict[str, Numbers]:
        """Return the weights in use that an attribute of a layer holds, without what is removed."""
        found = dict[str, Numbers]()
        for name, mask in self.twin.masks.items():
            path, attribute = split_name(name)
            weight = getattr(find_module(self.model, path), attribute, None)
            if isinstance(weight, Tensor) and weight.shape == mask.shape:
                found[name] = _numbers(weight.detach().masked_fill(~mask, 0))
        return found


def _numbers(values: Tensor | NDArray[np.bool_]) -> Numbers:
    plain = np.ascontiguousarray(array(values), np.float64)
    return Numbers(plain.shape, plain.tobytes())
