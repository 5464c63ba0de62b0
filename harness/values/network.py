"""The models that sparsifiers are tried on, as values that torch and the NumPy oracle both read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "conv1d", "conv2d", "embedding", "norm", "norm2d", "relu", "flatten", "add", "concat"]

INPUT = "input"
"""Under this name a layer takes the network's own input."""

_WINDOWS: dict[str, int] = {"linear": 0, "conv1d": 1, "conv2d": 2}
"""By kind of what has a weight of outputs by inputs: the dimensions of its window."""


@dataclass(frozen=True)
class Layer:
    """One step of a network. `name` is dotted where it sits in a block, and empty where it is the whole model;
    `kernel` is the edge length of a convolution's window, the other four are as torch has them; `strided` stores the
    weight non-contiguously; `subclassed` makes it a subclass of torch's layer; `takes` names the layers whose outputs
    it takes, the one before it where none is named."""

    name: str
    kind: Kind
    inputs: int = 0
    outputs: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    bias: bool = False
    strided: bool = False
    subclassed: bool = False
    takes: tuple[str, ...] = ()

    @property
    def weight(self) -> str:
        """The fully qualified name of its weight."""
        return f"{self.name}.weight".lstrip(".")

    @property
    def bias_name(self) -> str:
        """The fully qualified name of its bias, if it has one."""
        return f"{self.name}.bias".lstrip(".")

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Of the weight, as torch lays it out; an embedding's is (entries, features)."""
        if self.kind == "embedding":
            return (self.inputs, self.outputs)
        return (self.outputs, self.inputs // self.groups) + (self.kernel,) * _WINDOWS[self.kind]

    @property
    def has_weight(self) -> bool:
        return self.kind == "embedding" or self.kind in _WINDOWS

    @property
    def is_norm(self) -> bool:
        return self.kind in ("norm", "norm2d")


@dataclass(frozen=True)
class Network:
    """Layers in the order they run, the weights planned in them, and the shape of one input (without the batch).

    tied: pairs of a weight and the one it is. sequential: whether the model is an nn.Sequential, which runs whatever
    is hung into it, and not a module with a forward of its own.
    """

    token: str
    layers: tuple[Layer, ...]
    planned: tuple[str, ...]
    input_shape: tuple[int, ...]
    tied: tuple[tuple[str, str], ...] = ()
    sequential: bool = False

    @property
    def weighted(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.has_weight)

    @property
    def is_chain(self) -> bool:
        """Whether each layer takes what the one before it gives."""
        return not any(layer.takes for layer in self.layers)

    def sources(self, layer: Layer) -> tuple[str, ...]:
        """The names of the layers whose outputs `layer` takes, or `INPUT`."""
        position = self.layers.index(layer)
        return layer.takes or (self.layers[position - 1].name if position else INPUT,)

    @property
    def takes_indices(self) -> bool:
        """Whether inputs are integer indices (into an embedding) and not real numbers."""
        return self.layers[0].kind == "embedding"
