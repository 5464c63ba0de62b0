"""Which channels of a user's own model are left, read from entries, and a dense model in which the others are zero."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import le
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...oracle.channels import match_channels
from ...oracle.compare import array
from ...oracle.units import Reals
from ...programs.places import find_parameter
from ...programs.taking import Skipped
from ...values.violation import Violation, require

Kept = tuple[Tensor, ...]
"""Per dimension of a parameter, the indices that are left."""

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_OVER_CHANNELS = (nn.LayerNorm, nn.GroupNorm, nn.MultiheadAttention, nn.RNNBase)
"""Layers that compute something else with fewer channels than with channels that are zero."""


@dataclass(frozen=True)
class Cut:
    """What an update has left of a model.

    Attributes:
        before: The model before it.
        kept: By name of a parameter of two dimensions or more, what is left of it.
        smaller: The names of all parameters that have become smaller.
    """

    before: nn.Module
    kept: Mapping[str, Kept]
    smaller: tuple[str, ...]

    def masked(self) -> nn.Module:
        """Return a copy of the model before the update, in which every layer takes zeros for inputs that are gone.

        Raises:
            Skipped: Another layer computes something else with fewer channels, so that no dense model says what is
                right.
        """
        model = copy.deepcopy(self.before)
        for name in self.smaller:
            path = name.rpartition(".")[0]
            if isinstance(model.get_submodule(path), _OVER_CHANNELS):
                kind = type(model.get_submodule(path)).__name__
                raise Skipped(f"{path} is a {kind}, which computes something else with fewer channels than with zeros")
        for name, kept in self.kept.items():
            module = model.get_submodule(name.rpartition(".")[0])
            if (found := _inputs(module, kept)) is not None:
                module.register_forward_pre_hook(partial(_zero, *found))
        return model


def _inputs(module: nn.Module, kept: Kept) -> tuple[Tensor, int] | None:
    """Return which inputs of a layer are gone, and their dimension counted from the last; None if none is."""
    if isinstance(module, nn.Linear):
        count, left, dim = module.in_features, kept[1], -1
    elif isinstance(module, (*_CONVOLUTIONS, *_TRANSPOSED)):
        is_by_rows = isinstance(module, _TRANSPOSED) or module.groups == module.in_channels
        left, dim = kept[0 if is_by_rows else 1], -len(kept) + 1
        count = module.in_channels if module.groups in (1, module.in_channels) else 0
    else:
        return None
    gone = torch.ones(count, dtype=torch.bool)
    gone[left[left < count]] = False
    return (gone, dim) if bool(gone.any()) else None


def _zero(gone: Tensor, dim: int, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    inputs: Tensor = args[0]
    shape = (-1, *(1,) * (-dim - 1))
    return (inputs.masked_fill(gone.to(inputs.device).reshape(shape), 0), *args[1:])


def cut(before: nn.Module, after: nn.Module) -> Cut:
    """Find out what an update has left of every parameter.

    Raises:
        Violation: A parameter is missing (`tensor-missing`), has another shape than a part of it (`channels-differ`),
            or entries that it had not in these rows and columns, in this order (`entry-differs`).
    """
    kept, smaller = dict[str, Kept](), list[str]()
    for name, dense in before.named_parameters():
        seen = find_parameter(after, name)
        if seen is None:
            raise Violation("tensor-missing", f"after the update, the model has no parameter {name}")
        is_part = seen.dim() == dense.dim() and all(map(le, seen.shape, dense.shape))
        message = f"{name} has shape {tuple(seen.shape)}, expected a part of {tuple(dense.shape)}"
        require(is_part, "channels-differ", message)
        if seen.shape != dense.shape:
            smaller.append(name)
        if dense.dim() > 1:
            kept[name] = _kept(name, dense, seen)
        else:
            _assert_part(name, array(dense), array(seen))
    return Cut(before, kept, tuple(smaller))


def _kept(name: str, dense: Tensor, seen: Tensor) -> Kept:
    """Return the rows and columns of a parameter that are left."""
    whole, part = array(dense), array(seen)
    sides: list[np.ndarray[Any, Any]] = [np.arange(size) for size in whole.shape]
    if part.shape != whole.shape:
        require(part.shape[2:] == whole.shape[2:], "channels-differ", f"{name} has another window")
        require(part.size > 0, "channels-differ", f"{name} has no entries left")
        found = match_channels(whole, part)
        places = zip((found.outputs, found.inputs), whole.shape[:2], strict=True)
        sides[:2] = [_completed(one, size) for one, size in places]
    expected = whole[np.ix_(*sides)]
    is_ordered = all(bool((np.diff(side) > 0).all()) for side in sides[:2])
    is_same = is_ordered and expected.shape == part.shape and np.array_equal(expected, part, equal_nan=True)
    message = f"after the update, {name} is no choice of rows and columns that it had, in order"
    require(is_same, "entry-differs", message)
    return tuple(torch.from_numpy(side.copy()) for side in sides)


def _completed(found: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Return the places of rows or columns; all of them, if as many are left."""
    return np.arange(size) if len(found) == size else found


def _assert_part(name: str, dense: Reals, seen: Reals) -> None:
    """Assert that entries are some of those of a vector, in their order."""
    at = iter(dense.tolist())
    is_part = all(any(one == other for other in at) for one in seen.ravel().tolist()) if dense.ndim else True
    require(is_part, "entry-differs", f"after the update, {name} has entries that it had not, or in another order")


def gradients_left(
    parameters: Iterator[tuple[str, nn.Parameter]], kept: Mapping[str, Kept]
) -> Iterator[tuple[str, Reals]]:
    """Yield the gradients of what is left of each parameter of two dimensions or more, if it has one."""
    for name, parameter in parameters:
        if name in kept and parameter.grad is not None:
            yield name, array(parameter.grad)[np.ix_(*(one.numpy() for one in kept[name]))]
