"""What is right, computed in NumPy float64 and independently of any code under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..values.contract import Contract, Rounding
from ..values.network import INPUT, Layer, Network
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured

Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]


def masked(weight: Reals, mask: Mask) -> Reals:
    """`where(mask, weight, 0)`: zero also where a removed entry is NaN, infinite or negative."""
    return np.where(mask, weight, 0.0)


def count_removed(level: float, count: int, rounding: Rounding) -> int:
    """How many of `count` a `level` removes."""
    exact = level * count
    nearest = round(exact)
    if abs(exact - nearest) < 1e-9 * max(1, count):
        return nearest
    down = int(np.floor(exact))
    return {"half-even": nearest, "half-up": int(np.floor(exact + 0.5)), "floor": down, "ceil": down + 1}[rounding]


def total_removed(level: float, count: int, contract: Contract, gone: int) -> int:
    """How many of `count` units are removed after an update at `level`, `gone` of them before it."""
    if contract.level_basis == "remaining":
        return gone + count_removed(level, count - gone, contract.rounding)
    asked = count_removed(level, count, contract.rounding)
    return max(asked, gone) if contract.regrowth == "monotone" else asked


@dataclass(frozen=True)
class Units:
    """A weight cut into the units that are kept or removed whole.

    index: of the weight's shape; the number of the unit each entry belongs to, or -1 for an entry
        that is always kept (a partial block under `ragged="keep"`).
    groups: one number a unit: within each group of units a count is removed.
    removed: how many units of each group go; None where the pattern does not say (given, band).
    """

    index: NDArray[np.int64]
    groups: NDArray[np.int64]
    removed: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.groups)


def units(pattern: Pattern, shape: tuple[int, ...], contract: Contract, gone: int = 0) -> Units:
    """How `pattern` cuts a weight of `shape`. gone: how many units earlier updates removed.

    Raises:
        TypeError: the pattern names its mask itself (`Given`, `Band`).
    """
    if isinstance(pattern, Unstructured):
        size = int(np.prod(shape))
        return _levelled(np.arange(size).reshape(shape), size, pattern.level, contract, gone)
    if isinstance(pattern, Channel):
        index = np.broadcast_to(_along(np.arange(shape[pattern.dim]), pattern.dim, len(shape)), shape)
        return _levelled(index, shape[pattern.dim], pattern.level, contract, gone)
    if isinstance(pattern, Block):
        return _blocks(pattern, shape, contract, gone)
    if isinstance(pattern, NofM):
        size = int(np.prod(shape))
        groups = np.arange(size) // pattern.m
        return Units(np.arange(size).reshape(shape), groups, (pattern.m - pattern.n,) * (size // pattern.m))
    raise TypeError(f"{type(pattern).__name__} names its mask itself")


def _levelled(index: NDArray[np.int64], count: int, level: float, contract: Contract, gone: int) -> Units:
    return Units(index, np.zeros(count, dtype=np.int64), (total_removed(level, count, contract, gone),))


def _along(values: NDArray[np.int64], dim: int, ndim: int) -> NDArray[np.int64]:
    return values.reshape([-1 if axis == dim else 1 for axis in range(ndim)])


def _blocks(pattern: Block, shape: tuple[int, ...], contract: Contract, gone: int) -> Units:
    rows, columns = (np.arange(size) // edge for size, edge in zip(shape, pattern.shape, strict=True))
    if contract.ragged != "keep":
        across = int(columns[-1]) + 1
        count = (int(rows[-1]) + 1) * across
        return _levelled(rows[:, None] * across + columns, count, pattern.level, contract, gone)
    down, across = (size // edge for size, edge in zip(shape, pattern.shape, strict=True))
    whole = (rows[:, None] < down) & (columns[None, :] < across)
    index = np.where(whole, rows[:, None] * across + columns, -1)
    return _levelled(index, down * across, pattern.level, contract, gone)


def unit_scores(weight: Reals, cut: Units, contract: Contract) -> Reals:
    """One score a unit: the sum of |w| (L1) or of w squared (L2) over its entries; infinite for none."""
    power = np.abs(weight) if contract.score == "magnitude-l1" else np.square(weight)
    inside = cut.index >= 0
    return np.bincount(cut.index[inside], weights=power[inside], minlength=cut.count).astype(np.float64)


def fixed_mask(pattern: Pattern, shape: tuple[int, ...]) -> Mask | None:
    """The mask of a pattern that names it itself, else None."""
    if isinstance(pattern, Given):
        return pattern.mask
    if isinstance(pattern, Band):
        rows, columns = np.indices(shape)
        return np.asarray(np.abs(rows - columns) <= pattern.width // 2)
    return None


def partial_blocks(pattern: Block, shape: tuple[int, ...]) -> Mask:
    """Which entries of a matrix of `shape` lie in a block that the edge cuts."""
    whole = [size // edge * edge for size, edge in zip(shape, pattern.shape, strict=True)]
    rows, columns = np.indices(shape)
    return np.asarray((rows >= whole[0]) | (columns >= whole[1]))


def forward(network: Network, parameters: Mapping[str, Reals], inputs: Reals) -> Reals:
    """The output of `network`, float64. inputs: (batch, *input_shape), integers for an embedding."""
    return values(network, parameters, inputs)[network.layers[-1].name]


def values(
    network: Network, parameters: Mapping[str, Reals], inputs: Reals,
    then: Callable[[Layer, Reals], Reals] = lambda _, value: value,
) -> dict[str, Reals]:
    """What each layer of `network` gives, by its name, and the input. then: what becomes of that before it is taken."""
    seen = {INPUT: inputs}
    for layer in network.layers:
        taken = [seen[name] for name in network.sources(layer)]
        seen[layer.name] = then(layer, _STEPS[layer.kind](layer, parameters, *taken))
    return seen


def _linear(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    output = _summed(value, parameters[layer.weight])
    return output + parameters[layer.bias_name] if layer.bias else output


def _summed(value: Reals, weight: Reals) -> Reals:
    """value @ weight.T, one product after the other: a library's kernel sums in an order that its processor likes, and
    its last bits are no one else's. value: (..., inputs). weight: (outputs, inputs)."""
    output = np.zeros((*value.shape[:-1], len(weight)))
    for taken, factors in zip(np.moveaxis(value, -1, 0), weight.T, strict=True):
        output += taken[..., None] * factors
    return output


def _convolution(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    weights = np.split(parameters[layer.weight], layer.groups, axis=0)
    values = np.split(value, layer.groups, axis=1)
    parts = [_convolved(layer, weight, part) for weight, part in zip(weights, values, strict=True)]
    output = np.concatenate(parts, axis=1)
    return output + parameters[layer.bias_name].reshape(1, -1, *(1,) * (output.ndim - 2)) if layer.bias else output


def _convolved(layer: Layer, weight: Reals, value: Reals) -> Reals:
    """One group of a convolution, without bias."""
    spatial = weight.ndim - 2
    axes = tuple(range(2, 2 + spatial))
    padded = np.pad(value, ((0, 0), (0, 0), *((layer.padding, layer.padding),) * spatial))
    reach = tuple((edge - 1) * layer.dilation + 1 for edge in weight.shape[2:])
    steps = (slice(None),) * 2 + (slice(None, None, layer.stride),) * spatial
    windows = sliding_window_view(padded, reach, axis=axes)[(*steps, *(slice(None, None, layer.dilation),) * spatial)]
    taken = np.moveaxis(windows, 1, 1 + spatial)
    flat = taken.reshape(*taken.shape[: 1 + spatial], -1)
    return np.moveaxis(_summed(flat, weight.reshape(len(weight), -1)), -1, 1)


def _embedding(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    return parameters[layer.weight][value.astype(np.int64)]


def _norm(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Batch normalization in evaluation, by the statistics among the parameters; torch's epsilon."""
    mean, variance, scale, shift = (
        parameters[f"{layer.name}.{part}"].reshape(1, -1, *(1,) * (value.ndim - 2))
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (value - mean) / np.sqrt(variance + 1e-5) * scale + shift


_STEPS: dict[str, Callable[..., Reals]] = {
    "linear": _linear,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "embedding": _embedding,
    "relu": lambda layer, parameters, value: np.maximum(value, 0.0),
    "flatten": lambda layer, parameters, value: value.reshape(len(value), -1),
    "norm2d": _norm,
    "add": lambda layer, parameters, one, other: one + other,
    "concat": lambda layer, parameters, *parts: np.concatenate(parts, axis=1),
}
