"""The forward pass of a network in NumPy float64, independent of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..values.network import INPUT, Layer, Network
from .units import Reals


def forward(network: Network, parameters: Mapping[str, Reals], inputs: Reals) -> Reals:
    """Return the output of `network`, float64.

    Args:
        network: The layers, in order.
        parameters: All parameters and statistics by name, float64.
        inputs: A batch, (batch, *input_shape); integers if the network starts with an embedding.
    """
    return layer_outputs(network, parameters, inputs)[network.layers[-1].name]


def layer_outputs(
    network: Network, parameters: Mapping[str, Reals], inputs: Reals,
    then: Callable[[Layer, Reals], Reals] = lambda _, value: value,
) -> dict[str, Reals]:
    """Return the output of every layer by name, and the input under `INPUT`.

    Args:
        network: The layers, in order.
        parameters: All parameters and statistics by name, float64.
        inputs: A batch, (batch, *input_shape).
        then: A function of a layer and its output that returns the value passed on to later layers.
    """
    seen = {INPUT: inputs}
    for layer in network.layers:
        taken = [seen[name] for name in network.sources(layer)]
        seen[layer.name] = then(layer, _STEPS[layer.kind](layer, parameters, *taken))
    return seen


def _linear(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    output = _matmul(value, parameters[layer.weight])
    return output + parameters[layer.bias_name] if layer.bias else output


def _matmul(value: Reals, weight: Reals) -> Reals:
    """Return value @ weight.T, summed in a fixed order, since BLAS sums in an order that depends on the processor.

    Args:
        value: (..., inputs).
        weight: (outputs, inputs).
    """
    output = np.zeros((*value.shape[:-1], len(weight)))
    for taken, factors in zip(np.moveaxis(value, -1, 0), weight.T, strict=True):
        output += taken[..., None] * factors
    return output


def _convolution(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    weights = np.split(parameters[layer.weight], layer.groups, axis=0)
    values = np.split(value, layer.groups, axis=1)
    parts = [_convolve_group(layer, weight, part) for weight, part in zip(weights, values, strict=True)]
    output = np.concatenate(parts, axis=1)
    return output + parameters[layer.bias_name].reshape(1, -1, *(1,) * (output.ndim - 2)) if layer.bias else output


def _convolve_group(layer: Layer, weight: Reals, value: Reals) -> Reals:
    """Convolve one group, without bias."""
    spatial = weight.ndim - 2
    axes = tuple(range(2, 2 + spatial))
    padded = np.pad(value, ((0, 0), (0, 0), *((layer.padding, layer.padding),) * spatial))
    reach = tuple((edge - 1) * layer.dilation + 1 for edge in weight.shape[2:])
    steps = (slice(None),) * 2 + (slice(None, None, layer.stride),) * spatial
    windows = sliding_window_view(padded, reach, axis=axes)[(*steps, *(slice(None, None, layer.dilation),) * spatial)]
    taken = np.moveaxis(windows, 1, 1 + spatial)
    flat = taken.reshape(*taken.shape[: 1 + spatial], -1)
    return np.moveaxis(_matmul(flat, weight.reshape(len(weight), -1)), -1, 1)


def _transposed(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Convolve with the transposed and reversed weight, which a transposed convolution of stride 1 is."""
    weight = parameters[layer.weight].swapaxes(0, 1)
    reversed_weight = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    convolution = replace(layer, padding=layer.kernel - 1 - layer.padding)
    return _convolution(convolution, {**parameters, layer.weight: reversed_weight}, value)


def _pool(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Average over every two positions of each dimension."""
    for axis in range(2, value.ndim):
        pairs = value.shape[axis] // 2
        one, other = (value.take(range(start, 2 * pairs, 2), axis=axis) for start in (0, 1))
        value = (one + other) / 2
    return value


def _embedding(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    return parameters[layer.weight][value.astype(np.int64)]


def _norm(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Normalize a batch as in evaluation, by the running statistics and with torch's default epsilon."""
    mean, variance, scale, shift = (
        parameters[f"{layer.name}.{part}"].reshape(1, -1, *(1,) * (value.ndim - 2))
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (value - mean) / np.sqrt(variance + 1e-5) * scale + shift


def _norm_by_group(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Normalize each group of channels of each input; a layer norm over features has a single group."""
    parts = value.reshape(len(value), layer.groups, -1)
    mean, variance = parts.mean(axis=2, keepdims=True), parts.var(axis=2, keepdims=True)
    normalized = ((parts - mean) / np.sqrt(variance + 1e-5)).reshape(value.shape)
    scale, shift = (parameters[f"{layer.name}.{part}"].reshape(1, -1, *(1,) * (value.ndim - 2))
                    for part in ("weight", "bias"))
    scaled: Reals = normalized * scale + shift
    return scaled


_STEPS: dict[str, Callable[..., Reals]] = {
    "linear": _linear,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "transposed1d": _transposed,
    "transposed2d": _transposed,
    "embedding": _embedding,
    "relu": lambda layer, parameters, value: np.maximum(value, 0.0),
    "flatten": lambda layer, parameters, value: value.reshape(len(value), -1),
    "norm": _norm,
    "norm2d": _norm,
    "layernorm": _norm_by_group,
    "groupnorm": _norm_by_group,
    "pool1d": _pool,
    "pool2d": _pool,
    "add": lambda layer, parameters, one, other: one + other,
    "concat": lambda layer, parameters, *parts: np.concatenate(parts, axis=1),
}
