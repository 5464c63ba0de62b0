"""Build the networks as torch models, with deterministic weights and inputs."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..adapter.protocol import Batch
from ..oracle import compare, random_numbers
from ..oracle.units import Reals
from ..values.network import FACTOR, INPUT, Layer, Network


def build(network: Network, salt: str, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """Return a dense model of `network` in train mode, without touching the global random states.

    Args:
        network: The network.
        salt: The string from which the parameters are drawn.
        dtype: The dtype of the parameters.
        device: The device of the parameters.
    """
    return _copied(_template(network, salt, dtype, device), {})


def parameters(model: nn.Module) -> dict[str, Reals]:
    """Return all parameters of a model, float64, under every name that they have."""
    named = model.named_parameters(remove_duplicate=False)
    return {name: compare.array(parameter).copy() for name, parameter in named}


@lru_cache(maxsize=1024)
def built_with(network: Network, salt: str, dtype: torch.dtype, device: torch.device) -> Mapping[str, Reals]:
    """Return the parameters of the model that `build` returns, float64 and read-only."""
    values = parameters(_template(network, salt, dtype, device))
    for array in values.values():
        array.flags.writeable = False
    return MappingProxyType(values)


@lru_cache(maxsize=1024)
def _template(network: Network, salt: str, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """Build a model once; only copies are handed out, since the same few models are needed thousands of times."""
    empty = _empty_model(network)
    model = _copied(empty, _drawn_parameters(network, empty, salt, dtype))
    if any(buffer.is_floating_point() and buffer.dtype != dtype for buffer in model.buffers()):
        model.to(dtype)
    for layer in network.layers:
        if layer.kind == "norm2d":
            _learn_statistics(model.get_submodule(layer.name), layer.outputs, f"{salt} {layer.name}", dtype)
    return model if device.type == "cpu" else model.to(device)


def _copied(module: nn.Module, twins: dict[nn.Parameter, nn.Parameter]) -> nn.Module:
    """Copy a module as `copy.deepcopy` would, in a sixth of its time.

    Args:
        module: The module.
        twins: The copies of parameters made so far, so that tied parameters stay tied.
    """
    twin = copy.copy(module)
    for name, value in vars(twin).items():
        if isinstance(value, (dict, set, list)):
            vars(twin)[name] = value.copy()
    twin._parameters.update((name, _twin(one, twins)) for name, one in module._parameters.items() if one is not None)
    twin._buffers.update((name, one.clone()) for name, one in module._buffers.items() if one is not None)
    twin._modules.update((name, _copied(one, twins)) for name, one in module._modules.items() if one is not None)
    if isinstance(twin, nn.RNNBase):
        for name in twin._flat_weights_names:
            setattr(twin, name, twin._parameters[name])
    return twin


def _twin(parameter: nn.Parameter, twins: dict[nn.Parameter, nn.Parameter]) -> nn.Parameter:
    if parameter not in twins:
        twins[parameter] = nn.Parameter(parameter.detach().clone())
    return twins[parameter]


@lru_cache(maxsize=64)
def _empty_model(network: Network) -> nn.Module:
    """Build the modules of a network once, since torch takes longer to make them than to copy them."""
    with torch.random.fork_rng(devices=[]):
        if not network.layers[0].name:
            return _EMPTY[network.layers[0].kind](network.layers[0])
        if not network.is_chain or network.takes_sequences:
            return Graph(network, {layer.name: _empty(layer, network.channel_axis) for layer in network.layers})
        model = _chain(network)
        for name, source in network.tied:
            _tie(model, name, source)
        return model


def _chain(network: Network) -> nn.Module:
    tree: dict[str, nn.Module | OrderedDict[str, nn.Module]] = OrderedDict()
    for layer in network.layers:
        block, _, name = layer.name.rpartition(".")
        level = tree.setdefault(block, OrderedDict()) if block else tree
        assert isinstance(level, dict)
        level[name] = _EMPTY[layer.kind](layer)
    parts = OrderedDict(
        (name, nn.Sequential(part) if isinstance(part, OrderedDict) else part) for name, part in tree.items()
    )
    return nn.Sequential(parts) if network.sequential else Chain(parts)


def _empty(layer: Layer, channel_axis: int) -> nn.Module:
    return Concat(channel_axis) if layer.kind == "concat" else _EMPTY[layer.kind](layer)


def _drawn_parameters(
    network: Network, model: nn.Module, salt: str, dtype: torch.dtype
) -> dict[nn.Parameter, nn.Parameter]:
    """Return a parameter with numbers drawn from `salt` for each parameter of a model of the network."""
    tied = dict(network.tied)
    return {
        parameter: _drawn(layer, name, f"{salt} {path}", parameter.shape, dtype)
        for layer in network.layers
        for name, parameter in model.get_submodule(layer.name)._parameters.items()
        if parameter is not None and (path := f"{layer.name}.{name}") not in tied
    }


def _drawn(layer: Layer, name: str, salt: str, shape: tuple[int, ...], dtype: torch.dtype) -> nn.Parameter:
    fan_in = math.prod(shape[1:])
    tensor = torch.from_numpy(random_numbers.reals(salt, tuple(shape)) / fan_in**0.5).to(dtype)
    return nn.Parameter(_strided(tensor) if layer.strided and name == "weight" else tensor)


class Chain(nn.Module):
    """Runs its own layers one after another, and ignores any other child module."""

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.order = tuple(layers)
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, inputs: Tensor) -> Tensor:
        for name in self.order:
            inputs = getattr(self, name)(inputs)
        return inputs


class Graph(nn.Module):
    """Runs each layer on the outputs that it takes; the output of the last layer is the model's."""

    def __init__(self, network: Network, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.steps = tuple((layer.name, network.sources(layer), layer.kind == "lstm") for layer in network.layers)
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, inputs: Tensor) -> Tensor:
        values = {INPUT: inputs}
        for name, sources, is_recurrent in self.steps:
            output = getattr(self, name)(*(values[source] for source in sources))
            values[name] = output[0] if is_recurrent else output
        return values[self.steps[-1][0]]


class Add(nn.Module):
    """Adds two tensors."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other


class Concat(nn.Module):
    """Concatenates channels.

    Args:
        dim: Their dimension.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *parts: Tensor) -> Tensor:
        return torch.cat(parts, self.dim)


class View(nn.Module):
    """Makes channels of 2x2 positions of features."""

    def forward(self, inputs: Tensor) -> Tensor:
        made: Tensor = inputs.unflatten(1, (-1, FACTOR, FACTOR))
        return made


class Heads(nn.Module):
    """Attention in heads of two features, whose number follows from the features."""

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        heads = [one.unflatten(2, (-1, FACTOR)).transpose(1, 2) for one in (queries, keys, values)]
        attended: Tensor = functional.scaled_dot_product_attention(*heads)
        return attended.transpose(1, 2).flatten(2)


def _tie(model: nn.Module, name: str, source: str) -> None:
    path, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(path), attribute, model.get_parameter(source))


def _learn_statistics(norm: nn.Module, channels: int, salt: str, dtype: torch.dtype) -> None:
    """Give a batch norm a mean and a variance per channel, as if it had been trained."""
    mean, variance = (random_numbers.reals(f"{salt}.{part}", (channels,)) for part in ("mean", "variance"))
    norm.running_mean = torch.from_numpy(mean).to(dtype)
    norm.running_var = torch.from_numpy(np.abs(variance) + 0.5).to(dtype)


def _strided(tensor: Tensor) -> Tensor:
    return tensor.t().contiguous().t()


class OwnLinear(nn.Linear):
    """A subclass of torch's linear layer."""


def _linear(layer: Layer) -> nn.Module:
    return (OwnLinear if layer.subclassed else nn.Linear)(layer.inputs, layer.outputs, bias=layer.bias)


def _convolution(kind: type[nn.Conv1d] | type[nn.Conv2d], layer: Layer) -> nn.Module:
    window = (layer.kernel, layer.stride, layer.padding, layer.dilation, layer.groups)
    return kind(layer.inputs, layer.outputs, *window, bias=layer.bias)


_EMPTY: dict[str, Callable[[Layer], nn.Module]] = {
    "linear": _linear,
    "conv1d": lambda layer: _convolution(nn.Conv1d, layer),
    "conv2d": lambda layer: _convolution(nn.Conv2d, layer),
    "transposed1d": lambda layer: nn.ConvTranspose1d(layer.inputs, layer.outputs, layer.kernel, padding=layer.padding),
    "transposed2d": lambda layer: nn.ConvTranspose2d(layer.inputs, layer.outputs, layer.kernel, padding=layer.padding),
    "layernorm": lambda layer: nn.LayerNorm(layer.inputs),
    "groupnorm": lambda layer: nn.GroupNorm(layer.groups, layer.inputs),
    "pool1d": lambda layer: nn.AvgPool1d(2),
    "pool2d": lambda layer: nn.AvgPool2d(2),
    "norm": lambda layer: nn.BatchNorm1d(layer.inputs),
    "norm2d": lambda layer: nn.BatchNorm2d(layer.inputs),
    "add": lambda layer: Add(),
    "embedding": lambda layer: nn.Embedding(layer.inputs, layer.outputs),
    "relu": lambda layer: nn.ReLU(),
    "flatten": lambda layer: nn.Flatten(),
    "view": lambda layer: View(),
    "shuffle": lambda layer: nn.PixelShuffle(FACTOR),
    "unshuffle": lambda layer: nn.PixelUnshuffle(FACTOR),
    "heads": lambda layer: Heads(),
    "lstm": lambda layer: nn.LSTM(layer.inputs, layer.outputs, bias=layer.bias, batch_first=True),
}


def layer_inputs(layer: Layer, salt: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a batch for one layer called by itself."""
    shapes = {"linear": (layer.inputs,), "conv1d": (layer.inputs, 7), "conv2d": (layer.inputs, 7, 6), "embedding": (5,)}
    return inputs(Network(layer.name, (layer,), (), shapes[layer.kind]), salt, 3, dtype, device)


def inputs(network: Network, salt: str, batch: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a batch for the network, (batch, *input_shape): floats of `dtype`, or int64 indices."""
    shape = (batch, *network.input_shape)
    if network.takes_indices:
        return torch.from_numpy(random_numbers.integers(f"{salt} input", shape, network.layers[0].inputs)).to(device)
    return torch.from_numpy(random_numbers.reals(f"{salt} input", shape)).to(dtype).to(device)


@lru_cache(maxsize=1024)
def batches(
    network: Network, salt: str, variant: str, count: int, dtype: torch.dtype, device: torch.device
) -> tuple[Batch, ...]:
    """Return read-only batches (inputs, target) for training, with the outputs of another model as targets."""
    model = build(network, f"{salt} target", dtype, device)
    made = [inputs(network, f"{salt} {variant} batch {number}", 3, dtype, device) for number in range(count)]
    with torch.no_grad():
        return tuple((data, model(data)) for data in made)
