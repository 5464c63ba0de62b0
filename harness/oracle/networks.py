"""The networks on the layer axis.

Their sizes differ from requirement to requirement, so that no sparsifier can answer from a table of shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from ..values.network import Layer, Network
from . import random_numbers
from .branched_networks import GRAPHS


@lru_cache(maxsize=4096)
def network(token: str, salt: str, multiple: int = 1) -> Network:
    """Return the network for a token on the layer axis.

    Args:
        token: The value on the layer axis, such as `linear`.
        salt: The string from which the sizes are drawn.
        multiple: A number that every size is a multiple of.

    Raises:
        KeyError: No network has that token.
    """
    return _enlarged(_BUILDERS[token](salt), multiple) if multiple > 1 else _BUILDERS[token](salt)


def _enlarged(small: Network, multiple: int) -> Network:
    """Scale every size by a quarter of `multiple`; round the sizes of a network already that large up to a multiple."""
    is_large = min(size for one in small.weighted for size in (one.inputs, one.outputs)) >= 4 * multiple

    def larger(size: int) -> int:
        return multiple * -(-size // (multiple if is_large else 4))

    layers = tuple(_with_sizes(one, larger(one.inputs), larger(one.outputs)) for one in small.layers)
    shape = small.input_shape if small.takes_indices else (layers[0].inputs, *small.input_shape[1:])
    return replace(small, layers=layers, input_shape=shape)


def _with_sizes(layer: Layer, inputs: int, outputs: int) -> Layer:
    if layer.groups == layer.inputs:
        return replace(layer, inputs=inputs, outputs=outputs, groups=inputs)
    return replace(layer, inputs=inputs * layer.groups, outputs=outputs)


def _sizes(salt: str, count: int, options: tuple[int, ...] = (8, 12, 16, 20, 24)) -> list[int]:
    """Draw `count` sizes of which neighbours differ, so that no weight is square."""
    sizes: list[int] = []
    for position in range(count):
        left = [option for option in options if not sizes or option != sizes[-1]]
        sizes.append(random_numbers.choice(f"{salt} size {position}", left))
    return sizes


def _chain(token: str, sizes: list[int], strided: bool = False) -> Network:
    """Build two planned layers, each next to an unplanned one with a similar name."""
    first, second, third, fourth, fifth = sizes
    layers = (
        Layer("layer1", "linear", first, second, bias=True, strided=strided),
        Layer("relu", "relu"),
        Layer("layer10", "linear", second, third),
        Layer("block.layer1", "linear", third, fourth, strided=strided),
        Layer("block.relu", "relu"),
        Layer("block.layer10", "linear", fourth, fifth, bias=True),
    )
    return Network(token, layers, ("layer1.weight", "block.layer1.weight"), (first,))


def _linear(salt: str) -> Network:
    return _chain("linear", _sizes(salt, 5))


def _short(salt: str) -> Network:
    """Build one planned layer and one unplanned layer, for cases whose time grows with the number of layers."""
    first, second, third = _sizes(salt, 3)
    layers = (
        Layer("layer1", "linear", first, second, bias=True),
        Layer("relu", "relu"),
        Layer("layer10", "linear", second, third),
    )
    return Network("short", layers, ("layer1.weight",), (first,))


def _strided(salt: str) -> Network:
    return _chain("strided", _sizes(salt, 5), strided=True)


def _large(salt: str) -> Network:
    return _chain("large", _sizes(salt, 5, (256, 260, 300, 516)))


def _ragged(salt: str) -> Network:
    return _chain("ragged", _sizes(salt, 5, (7, 9, 11, 13)))


def _tied(salt: str) -> Network:
    width, output = _sizes(salt, 2)
    layers = (
        Layer("layer1", "linear", width, width, bias=True),
        Layer("relu", "relu"),
        Layer("layer2", "linear", width, width),
        Layer("layer10", "linear", width, output),
    )
    return Network("tied", layers, ("layer1.weight",), (width,), tied=(("layer2.weight", "layer1.weight"),))


def _convolutional(token: str, kind: str, salt: str) -> Network:
    first, second, third = _sizes(salt, 3, (4, 8, 12))
    layers = (
        Layer("conv1", kind, first, second, kernel=3, bias=True),  # type: ignore[arg-type]
        Layer("relu", "relu"),
        Layer("conv10", kind, second, third, kernel=2),  # type: ignore[arg-type]
    )
    window = (7,) if kind == "conv1d" else (7, 6)
    return Network(token, layers, ("conv1.weight",), (first, *window))


def _embedding(salt: str) -> Network:
    entries, features, outputs = _sizes(salt, 3)
    layers = (
        Layer("layer1", "embedding", entries, features),
        Layer("layer10", "linear", features, outputs, bias=True),
    )
    return Network("embedding", layers, ("layer1.weight",), (5,))


def _mixed(salt: str) -> Network:
    channels, hidden = _sizes(salt, 2, (4, 8, 12))
    layers = (
        Layer("stem.conv1", "conv2d", 3, channels, kernel=3, bias=True),
        Layer("relu", "relu"),
        Layer("flatten", "flatten"),
        Layer("layer1", "linear", channels * 4 * 3, hidden, bias=True),
        Layer("layer10", "linear", hidden, 5),
    )
    return Network("mixed", layers, ("stem.conv1.weight", "layer1.weight"), (3, 6, 5))


def _windowed(salt: str) -> Network:
    first, second, third = _sizes(salt, 3, (4, 8, 12))
    layers = (
        Layer("conv1", "conv2d", first, second, kernel=3, stride=2, padding=1, groups=2, bias=True),
        Layer("relu", "relu"),
        Layer("conv10", "conv2d", second, third, kernel=2, dilation=2),
    )
    return Network("windowed", layers, ("conv1.weight",), (first, 9, 8))


def _normed(salt: str) -> Network:
    first, second, third = _sizes(salt, 3)
    layers = (
        Layer("layer1", "linear", first, second, bias=True),
        Layer("norm", "norm", second, second),
        Layer("relu", "relu"),
        Layer("layer10", "linear", second, third),
    )
    return Network("normed", layers, ("layer1.weight",), (first,))


def _one(token: str, name: str, salt: str) -> Network:
    """Build a single linear layer: torch's own, without a name, or a subclass of it."""
    inputs, outputs = _sizes(salt, 2)
    layer = Layer(name, "linear", inputs, outputs, bias=True, subclassed=bool(name))
    return Network(token, (layer,), (layer.weight,), (inputs,))


_BUILDERS: dict[str, Callable[[str], Network]] = {
    "linear": _linear,
    "short": _short,
    "large": _large,
    "strided": _strided,
    "ragged": _ragged,
    "tied": _tied,
    "conv1d": lambda salt: _convolutional("conv1d", "conv1d", salt),
    "conv2d": lambda salt: _convolutional("conv2d", "conv2d", salt),
    "embedding": _embedding,
    "mixed": _mixed,
    "windowed": _windowed,
    "normed": _normed,
    "bare": lambda salt: _one("bare", "", salt),
    "sequential": lambda salt: replace(_chain("sequential", _sizes(salt, 5)), sequential=True),
    "subclassed": lambda salt: _one("subclassed", "layer1", salt),
    **GRAPHS,
}
