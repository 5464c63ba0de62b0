"""Units of a weight, their scores and the number removed, in NumPy float64 and independent of the code under test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..values.contract import Contract, Rounding
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured

Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]


def masked(weight: Reals, mask: Mask) -> Reals:
    """Return `where(mask, weight, 0)`, which is zero even where a removed entry is NaN, infinite or negative."""
    return np.where(mask, weight, 0.0)


def count_removed(level: float, count: int, rounding: Rounding) -> int:
    """Return the number of units out of `count` that a level removes, under a rounding rule."""
    exact = level * count
    nearest = round(exact)
    if abs(exact - nearest) < 1e-9 * max(1, count):
        return nearest
    down = int(np.floor(exact))
    return {"half-even": nearest, "half-up": int(np.floor(exact + 0.5)), "floor": down, "ceil": down + 1}[rounding]


def total_removed(level: float, count: int, contract: Contract, gone: int) -> int:
    """Return the number of removed units after an update.

    Args:
        level: The level of the update.
        count: The number of all units.
        contract: The declared level basis, rounding and regrowth.
        gone: The number of units removed before the update.
    """
    if contract.level_basis == "remaining":
        return gone + count_removed(level, count - gone, contract.rounding)
    asked = count_removed(level, count, contract.rounding)
    return max(asked, gone) if contract.regrowth == "monotone" else asked


@dataclass(frozen=True)
class Units:
    """A weight cut into units, each of which is kept or removed as a whole.

    Attributes:
        index: Of the weight's shape: the number of the unit that an entry belongs to, or -1 for an entry that is
            always kept (a partial block under `ragged="keep"`).
        groups: Per unit, the number of its group; a count is removed within each group.
        removed: Per group, the number of units that must be removed.
    """

    index: NDArray[np.int64]
    groups: NDArray[np.int64]
    removed: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.groups)


def units(pattern: Pattern, shape: tuple[int, ...], contract: Contract, gone: int = 0) -> Units:
    """Cut a weight of `shape` into the units of `pattern`.

    Args:
        pattern: The pattern.
        shape: The shape of the weight.
        contract: The declared contract.
        gone: The number of units that earlier updates removed.

    Raises:
        TypeError: The pattern states its mask itself (`Given`, `Band`).
    """
    if isinstance(pattern, Unstructured):
        size = int(np.prod(shape))
        return _one_group(np.arange(size).reshape(shape), size, pattern.level, contract, gone)
    if isinstance(pattern, Channel):
        index = np.broadcast_to(_along(np.arange(shape[pattern.dim]), pattern.dim, len(shape)), shape)
        return _one_group(index, shape[pattern.dim], pattern.level, contract, gone)
    if isinstance(pattern, Block):
        return _blocks(pattern, shape, contract, gone)
    if isinstance(pattern, NofM):
        size = int(np.prod(shape))
        groups = np.arange(size) // pattern.m
        return Units(np.arange(size).reshape(shape), groups, (pattern.m - pattern.n,) * (size // pattern.m))
    raise TypeError(f"{type(pattern).__name__} states its mask itself")


def _one_group(index: NDArray[np.int64], count: int, level: float, contract: Contract, gone: int) -> Units:
    return Units(index, np.zeros(count, dtype=np.int64), (total_removed(level, count, contract, gone),))


def _along(values: NDArray[np.int64], dim: int, ndim: int) -> NDArray[np.int64]:
    return values.reshape([-1 if axis == dim else 1 for axis in range(ndim)])


def _blocks(pattern: Block, shape: tuple[int, ...], contract: Contract, gone: int) -> Units:
    rows, columns = (np.arange(size) // edge for size, edge in zip(shape, pattern.shape, strict=True))
    if contract.ragged != "keep":
        across = int(columns[-1]) + 1
        count = (int(rows[-1]) + 1) * across
        return _one_group(rows[:, None] * across + columns, count, pattern.level, contract, gone)
    down, across = (size // edge for size, edge in zip(shape, pattern.shape, strict=True))
    whole = (rows[:, None] < down) & (columns[None, :] < across)
    index = np.where(whole, rows[:, None] * across + columns, -1)
    return _one_group(index, down * across, pattern.level, contract, gone)


def unit_scores(weight: Reals, cut: Units, contract: Contract) -> Reals:
    """Return one score per unit: the sum over its entries of |w| (L1) or of w squared (L2); zero for an empty unit."""
    power = np.abs(weight) if contract.score == "magnitude-l1" else np.square(weight)
    inside = cut.index >= 0
    return np.bincount(cut.index[inside], weights=power[inside], minlength=cut.count).astype(np.float64)


def fixed_mask(pattern: Pattern, shape: tuple[int, ...]) -> Mask | None:
    """Return the mask of a pattern that states it itself, else None."""
    if isinstance(pattern, Given):
        return pattern.mask
    if isinstance(pattern, Band):
        rows, columns = np.indices(shape)
        return np.asarray(np.abs(rows - columns) <= pattern.width // 2)
    return None


def partial_blocks(pattern: Block, shape: tuple[int, ...]) -> Mask:
    """Return which entries of a matrix of `shape` lie in a block that is cut by the edge."""
    whole = [size // edge * edge for size, edge in zip(shape, pattern.shape, strict=True)]
    rows, columns = np.indices(shape)
    return np.asarray((rows >= whole[0]) | (columns >= whole[1]))
