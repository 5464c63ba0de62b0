"""The forward pass of a network in NumPy float64, independent of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..values.network import FACTOR, GATES, INPUT, Layer, Network
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
        if layer.kind == "concat":
            output = np.concatenate(taken, network.channel_axis)
        else:
            output = _STEPS[layer.kind](layer, parameters, *taken)
        seen[layer.name] = then(layer, output)
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


def _layer_norm(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Normalize the last dimension."""
    mean, variance = value.mean(axis=-1, keepdims=True), value.var(axis=-1, keepdims=True)
    scale, shift = (parameters[f"{layer.name}.{part}"] for part in ("weight", "bias"))
    scaled: Reals = (value - mean) / np.sqrt(variance + 1e-5) * scale + shift
    return scaled


def _norm_by_group(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Normalize each group of channels of each input."""
    parts = value.reshape(len(value), layer.groups, -1)
    mean, variance = parts.mean(axis=2, keepdims=True), parts.var(axis=2, keepdims=True)
    normalized = ((parts - mean) / np.sqrt(variance + 1e-5)).reshape(value.shape)
    scale, shift = (parameters[f"{layer.name}.{part}"].reshape(1, -1, *(1,) * (value.ndim - 2))
                    for part in ("weight", "bias"))
    scaled: Reals = normalized * scale + shift
    return scaled


def _view(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    return value.reshape(len(value), value.shape[1] // FACTOR**2, FACTOR, FACTOR)


def _shuffle(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Make blocks of positions of every so many channels."""
    batch, channels, height, width = value.shape
    parts = value.reshape(batch, channels // FACTOR**2, FACTOR, FACTOR, height, width)
    return parts.transpose(0, 1, 4, 2, 5, 3).reshape(batch, -1, FACTOR * height, FACTOR * width)


def _unshuffle(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    batch, channels, height, width = value.shape
    parts = value.reshape(batch, channels, height // FACTOR, FACTOR, width // FACTOR, FACTOR)
    return parts.transpose(0, 1, 3, 5, 2, 4).reshape(batch, -1, height // FACTOR, width // FACTOR)


def _heads(layer: Layer, parameters: Mapping[str, Reals], *parts: Reals) -> Reals:
    """Attend in heads of some features each, over sequences of (batch, length, features)."""
    batch, length, features = parts[0].shape
    queries, keys, values = (
        one.reshape(batch, length, features // FACTOR, FACTOR).transpose(0, 2, 1, 3) for one in parts
    )
    scores = np.exp((queries[..., :, None, :] * keys[..., None, :, :]).sum(-1) / FACTOR**0.5)
    weights = scores / scores.sum(-1, keepdims=True)
    attended: Reals = (weights[..., None] * values[..., None, :, :]).sum(-2)
    return attended.transpose(0, 2, 1, 3).reshape(batch, length, features)


def _lstm(layer: Layer, parameters: Mapping[str, Reals], value: Reals) -> Reals:
    """Return the hidden states of all steps, (batch, length, units), from the state zero."""
    taken, fed = (parameters[f"{layer.name}.{part}_l0"] for part in ("weight_ih", "weight_hh"))
    shifts = [parameters[f"{layer.name}.{part}_l0"] for part in ("bias_ih", "bias_hh") if layer.bias]
    hidden = cell = np.zeros((len(value), layer.outputs))
    states = []
    for step in np.moveaxis(value, 1, 0):
        gates = _matmul(step, taken) + _matmul(hidden, fed) + sum(shifts)
        let_in, forget, new, let_out = np.split(gates, GATES, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(let_in) * np.tanh(new)
        hidden = _sigmoid(let_out) * np.tanh(cell)
        states.append(hidden)
    return np.stack(states, axis=1)


def _sigmoid(value: Reals) -> Reals:
    return 1 / (1 + np.exp(-value))


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
    "layernorm": _layer_norm,
    "groupnorm": _norm_by_group,
    "pool1d": _pool,
    "pool2d": _pool,
    "add": lambda layer, parameters, one, other: one + other,
    "view": _view,
    "shuffle": _shuffle,
    "unshuffle": _unshuffle,
    "heads": _heads,
    "lstm": _lstm,
}
