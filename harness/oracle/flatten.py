"""Flatten a nested state into paths and leaves, for comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..values.violation import require
from .compare import assert_equal

Leaves = dict[str, Any]


def leaves(value: Any) -> Leaves:
    """Return the leaves of nested mappings, lists and tuples, by path such as `state.layer1.mask`.

    A sparse tensor becomes its indices and values. A leaf that is neither a tensor, an array nor a plain value is
    replaced by the name of its type.
    """
    return dict(_leaves(value, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Tensor) and value.layout is torch.sparse_coo:
        yield f"{path}.indices", value.detach()._indices()
        yield f"{path}.values", value.detach()._values()
    elif isinstance(value, Mapping):
        for key in value:
            yield from _leaves(value[key], f"{path}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from _leaves(item, f"{path}.{position}".lstrip("."))
    else:
        yield path, value if isinstance(value, _COMPARABLE) else type(value).__name__


_COMPARABLE = (Tensor, np.ndarray, str, bytes, bool, int, float, type(None))


def tensors(value: Any) -> dict[str, Tensor]:
    """Return the leaves that are tensors."""
    return {path: leaf for path, leaf in leaves(value).items() if isinstance(leaf, Tensor)}


def copy_leaves(value: Any) -> Leaves:
    """Return the leaves with every tensor and array copied, so that later changes to `value` do not reach them."""
    return {path: _copy(leaf) for path, leaf in leaves(value).items()}


def _copy(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return leaf.detach().clone()
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def assert_unchanged(value: Any, copy: Leaves, kind: str, what: str) -> None:
    """Assert that a value still has the leaves that `copy_leaves` returned earlier, in any order.

    Raises:
        Violation: A leaf is new or gone, or differs.
    """
    now = leaves(value)
    gone, new = sorted(set(copy) - set(now)), sorted(set(now) - set(copy))
    require(not gone, kind, f"{what}: {', '.join(gone)} is gone")
    require(not new, kind, f"{what}: {', '.join(new)} is new")
    for path, leaf in copy.items():
        _assert_same_leaf(now[path], leaf, kind, f"{what}: {path}" if path else what)


def _assert_same_leaf(seen: Any, expected: Any, kind: str, what: str) -> None:
    if not isinstance(expected, (Tensor, np.ndarray)):
        require(type(seen) is type(expected) and seen == expected, kind, f"{what} is {seen!r}, expected {expected!r}")
        return
    require(isinstance(seen, type(expected)), kind, f"{what} is {type(seen).__name__}, expected a tensor")
    require(seen.dtype == expected.dtype, kind, f"{what} is {seen.dtype}, expected {expected.dtype}")
    assert_equal(seen, expected, kind, what)
