"""Channel dependencies of a network, and the parameters that remain once channels are removed.

Everything is computed in NumPy from the network's description alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..values.network import FACTOR, INPUT, Layer, Network
from .forward import forward, layer_outputs
from .units import Mask, Reals

Groups = NDArray[np.int64]
"""Per channel, the number of its group. Channels of one group are removed together or not at all."""

_PASS_THROUGH = ("relu", "norm", "norm2d", "layernorm", "groupnorm", "pool1d", "pool2d", "heads")
"""Kinds of layers whose output channels are their input channels, one by one."""

_TOGETHER = {"view": FACTOR**2, "shuffle": FACTOR**2, "heads": FACTOR}
"""By kind of layer, how many neighbouring channels it takes that must go together."""


@dataclass(frozen=True)
class KeptChannels:
    """The channels of one layer that remain, as booleans over the dense layer's outputs and inputs."""

    outputs: Mask
    inputs: Mask


def channel_groups(network: Network) -> dict[str, Groups]:
    """Return the group of each output channel, by layer name, and under `INPUT` those of the network's input."""
    found = {INPUT: np.zeros(network.input_channels, dtype=np.int64)}
    for layer in network.layers:
        found = _coupled(layer, found, network)
        taken = [found[name] for name in network.sources(layer)]
        unused = 1 + max(int(one.max()) for one in found.values())
        found[layer.name] = _output_groups(layer, taken, unused, network)
    return found


def _coupled(layer: Layer, found: dict[str, Groups], network: Network) -> dict[str, Groups]:
    """Return the groups after a layer that gives some of the channels that it takes a common group."""
    for other in network.sources(layer)[1:] if layer.kind in ("add", "heads") else ():
        found = _merged(found, found[network.sources(layer)[0]], found[other])
    size = _TOGETHER.get(layer.kind, 1)
    for at in range(1, size):
        taken = found[network.sources(layer)[0]]
        found = _merged(found, taken[::size], taken[at::size])
    return found


def _output_groups(layer: Layer, taken: list[Groups], unused: int, network: Network) -> Groups:
    if layer.kind == "concat":
        return np.concatenate(taken)
    if layer.kind == "flatten":
        return np.repeat(taken[0], _flattened_size(layer, network))
    if layer.kind in ("view", "shuffle"):
        return taken[0][:: FACTOR**2]
    if layer.kind == "unshuffle":
        return np.repeat(taken[0], FACTOR**2)
    if layer.kind in (*_PASS_THROUGH, "add") or _is_depthwise(layer):
        return taken[0]
    return np.arange(unused, unused + layer.outputs)


def _is_depthwise(layer: Layer) -> bool:
    return layer.groups > 1 and layer.groups == layer.inputs == layer.outputs


def _flattened_size(layer: Layer, network: Network) -> int:
    """Return the number of features that a flatten layer makes of each channel."""
    inputs = np.zeros((1, *network.input_shape))
    zeros = {one.weight: np.zeros(one.weight_shape) for one in network.weighted}
    zeros |= {one.bias_name: np.zeros(one.outputs) for one in network.weighted if one.bias}
    zeros |= {f"{one.name}.{part}": np.ones(one.inputs) for one in network.layers if one.scales
              for part in ("weight", "bias", "running_mean", "running_var")}
    before = replace(network, layers=network.layers[: network.layers.index(layer)])
    return int(np.prod(forward(before, zeros, inputs).shape[2:]))


def _merged(found: Mapping[str, Groups], one: Groups, other: Groups) -> dict[str, Groups]:
    """Return the groups after each channel of one side got a common group with that of the other side."""
    merged, pairs = dict(found), np.stack((one, other))
    for at in range(len(one)):
        was, now = pairs[:, at].max(), pairs[:, at].min()
        pairs = np.where(pairs == was, now, pairs)
        merged = {name: np.where(values == was, now, values) for name, values in merged.items()}
    return merged


def kept_channels(network: Network, gone: Iterable[int]) -> dict[str, KeptChannels]:
    """Return the channels that remain in each layer with parameters, by layer name.

    Args:
        network: The dense network.
        gone: The groups that are removed.
    """
    marked, removed = channel_groups(network), np.array(sorted(gone), dtype=np.int64)
    alive = {name: ~np.isin(values, removed) for name, values in marked.items()}
    return {
        layer.name: KeptChannels(alive[layer.name], alive[network.sources(layer)[0]])
        for layer in network.layers if layer.has_weight or layer.scales
    }


def slice_parameters(tensors: Mapping[str, Reals], kept: Mapping[str, KeptChannels]) -> dict[str, Reals]:
    """Return the dense model's parameters and statistics, by name, without the removed channels."""
    return {name: _sliced(values, kept[name.rpartition(".")[0]]) for name, values in tensors.items()}


def _sliced(values: Reals, kept: KeptChannels) -> Reals:
    rows = values[kept.outputs]
    return rows[:, kept.inputs] if values.ndim > 1 and values.shape[1] == len(kept.inputs) else rows


def shrink_network(network: Network, kept: Mapping[str, KeptChannels]) -> Network:
    """Return the network as it would have been built with the remaining channels."""
    return replace(network, layers=tuple(_shrunk(layer, kept.get(layer.name)) for layer in network.layers))


def _shrunk(layer: Layer, kept: KeptChannels | None) -> Layer:
    if kept is None:
        return layer
    inputs, outputs = int(kept.inputs.sum()), int(kept.outputs.sum())
    return replace(layer, inputs=inputs, outputs=outputs, groups=inputs if _is_depthwise(layer) else layer.groups)


def output_with_zeroed_channels(
    network: Network, tensors: Mapping[str, Reals], gone: Iterable[int], inputs: Reals
) -> Reals:
    """Return the dense network's output with every channel of some groups set to zero after each layer.

    Hidden units of an LSTM are zero for its next step, too.

    Args:
        network: The dense network.
        tensors: Its parameters and statistics, float64.
        gone: The groups to set to zero.
        inputs: A batch, (batch, *input_shape).
    """
    marked, removed = channel_groups(network), np.array(sorted(gone), dtype=np.int64)

    def zeroed(layer: Layer, value: Reals) -> Reals:
        alive = ~np.isin(marked[layer.name], removed)
        channels_last = np.moveaxis(value, network.channel_axis, -1)
        return np.moveaxis(np.where(alive, channels_last, 0.0), -1, network.channel_axis)

    fed = {f"{layer.name}.weight_hh_l0": ~np.isin(marked[layer.name], removed)
           for layer in network.layers if layer.kind == "lstm"}
    alone = {name: np.where(alive, tensors[name], 0.0) for name, alive in fed.items()}
    return layer_outputs(network, {**tensors, **alone}, inputs, zeroed)[network.layers[-1].name]


@dataclass(frozen=True)
class ChannelMatch:
    """The position in a dense tensor of each row (outputs) and column (inputs) of a smaller one; -1 if unknown."""

    outputs: Groups
    inputs: Groups


def match_channels(dense: Reals, seen: Reals) -> ChannelMatch:
    """Find the rows and columns of `dense` that `seen` consists of.

    Each is placed where most of its entries are found in `dense`; -1 stands for one with no such entry. Both tensors
    have two dimensions or more.
    """
    order = np.argsort(dense, axis=None, kind="stable")
    at = np.searchsorted(dense.ravel()[order], seen.ravel()).clip(max=dense.size - 1)
    place = order[at]
    known = dense.ravel()[place] == seen.ravel()
    rows, columns = np.unravel_index(place, dense.shape)[:2]
    outputs, inputs = (np.where(known, which, -1).reshape(seen.shape) for which in (rows, columns))
    return ChannelMatch(_by_majority(outputs, 0), _by_majority(inputs, 1))


def _by_majority(places: Groups, axis: int) -> Groups:
    slices = np.moveaxis(places, axis, 0).reshape(places.shape[axis], -1)
    return np.array([_most_frequent(one[one >= 0]) for one in slices], dtype=np.int64)


def _most_frequent(values: Groups) -> int:
    return int(np.bincount(values).argmax()) if values.size else -1
