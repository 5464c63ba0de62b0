"""Networks with branches, in which channels depend on one another across layers.

Their sizes differ from requirement to requirement, as in `networks`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..values.network import INPUT, Layer, Network
from . import random_numbers

_WINDOW = (6, 5)
"""Height and width of an input."""


def _sizes(salt: str, count: int) -> list[int]:
    """Draw `count` distinct numbers of channels."""
    left, sizes = [4, 8, 12, 16, 20], list[int]()
    for position in range(count):
        sizes.append(random_numbers.choice(f"{salt} size {position}", left))
        left.remove(sizes[-1])
    return sizes


def _conv(name: str, inputs: int, outputs: int, *takes: str, bias: bool = True) -> Layer:
    return Layer(name, "conv2d", inputs, outputs, kernel=3, padding=1, bias=bias, takes=takes)


def _network(token: str, planned: tuple[str, ...], *layers: Layer) -> Network:
    return Network(token, layers, tuple(f"{name}.weight" for name in planned), (layers[0].inputs, *_WINDOW))


def _fanout(salt: str) -> Network:
    """Build a network in which two layers take the output of one, and one of the two is added to the other."""
    first, second, third = _sizes(salt, 3)
    return _network(
        "fanout", ("conv1",),
        _conv("conv1", first, second),
        Layer("relu", "relu"),
        _conv("conv10", second, third),
        _conv("conv2", second, third, "relu", bias=False),
        Layer("sum", "add", takes=("conv10", "conv2")),
    )


def _skip(salt: str) -> Network:
    """Build a residual connection: two layers whose outputs are added lose the same channels, though one is planned."""
    first, second, third = _sizes(salt, 3)
    return _network(
        "skip", ("conv1",),
        _conv("conv1", first, second),
        Layer("relu", "relu"),
        _conv("conv2", second, second, bias=False),
        Layer("sum", "add", takes=("conv2", "relu")),
        Layer("relu2", "relu"),
        _conv("conv10", second, third),
    )


def _concat(salt: str) -> Network:
    """Build a concatenation in which the planned layer's channels follow those of another layer."""
    first, second, third, fourth = _sizes(salt, 4)
    return _network(
        "concat", ("conv1",),
        _conv("conv10", first, second, INPUT),
        _conv("conv1", first, third, INPUT),
        Layer("joined", "concat", takes=("conv10", "conv1")),
        Layer("relu", "relu"),
        _conv("conv2", second + third, fourth),
    )


def _flattened(salt: str) -> Network:
    """Build a flatten layer that turns each channel into one feature per position of its window."""
    first, second, third, fourth = _sizes(salt, 4)
    return _network(
        "flattened", ("conv1", "layer1"),
        _conv("conv1", first, second),
        Layer("relu", "relu"),
        Layer("flatten", "flatten"),
        Layer("layer1", "linear", second * _WINDOW[0] * _WINDOW[1], third, bias=True),
        Layer("relu2", "relu"),
        Layer("layer10", "linear", third, fourth, bias=True),
    )


def _convnorm(salt: str) -> Network:
    """Build convolutions with batch normalization, which does not keep a zero channel at zero."""
    first, second, third, fourth = _sizes(salt, 4)
    return _network(
        "convnorm", ("conv1", "conv10"),
        _conv("conv1", first, second, bias=False),
        Layer("norm1", "norm2d", second, second),
        Layer("relu", "relu"),
        _conv("conv10", second, third),
        Layer("norm10", "norm2d", third, third),
        Layer("relu2", "relu"),
        _conv("conv100", third, fourth),
    )


def _depthwise(salt: str) -> Network:
    """Build a depthwise convolution between the planned layer and the next ordinary one."""
    first, second, third = _sizes(salt, 3)
    return _network(
        "depthwise", ("conv1",),
        _conv("conv1", first, second),
        Layer("relu", "relu"),
        Layer("conv2", "conv2d", second, second, kernel=3, padding=1, groups=second, bias=True),
        _conv("conv10", second, third),
    )


GRAPHS: dict[str, Callable[[str], Network]] = {
    "fanout": _fanout,
    "skip": _skip,
    "concat": _concat,
    "flattened": _flattened,
    "convnorm": _convnorm,
    "depthwise": _depthwise,
}
"""The builders, by token on the layer axis; each takes a salt from which the sizes are drawn."""
