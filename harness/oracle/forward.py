"""The forward pass of a network, in NumPy float64 and independent of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..values.network import INPUT, Layer, Network
from .units import Reals


def forward(network: Network, parameters: Mapping[str, Reals], inputs: Reals) -> Reals:
    """The output of `network`, float64. inputs: (batch, *input_shape), integers for an embedding."""
    return layer_outputs(network, parameters, inputs)[network.layers[-1].name]


def layer_outputs(
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
