"""The models that sparsifiers are tried on, as values that torch and the NumPy oracle both read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "conv1d", "conv2d", "embedding", "relu", "flatten"]


@dataclass(frozen=True)
class Layer:
    """One step of a network. `name` is dotted where it sits in a block; `kernel` is the edge length of a
    convolution's window; `strided` stores the weight non-contiguously."""

    name: str
    kind: Kind
    inputs: int = 0
    outputs: int = 0
    kernel: int = 1
    bias: bool = False
    strided: bool = False

    @property
    def weight(self) -> str:
        """The fully qualified name of its weight."""
        return f"{self.name}.weight"

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Of the weight, as torch lays it out; an embedding's is (entries, features)."""
        if self.kind == "embedding":
            return (self.inputs, self.outputs)
        window = {"linear": 0, "conv1d": 1, "conv2d": 2}[self.kind]
        return (self.outputs, self.inputs) + (self.kernel,) * window

    @property
    def has_weight(self) -> bool:
        return self.kind not in ("relu", "flatten")


@dataclass(frozen=True)
class Network:
    """A chain of layers, the weights planned in it, and the shape of one input (without the batch)."""

    token: str
    layers: tuple[Layer, ...]
    planned: tuple[str, ...]
    input_shape: tuple[int, ...]
    tied: tuple[tuple[str, str], ...] = ()

    @property
    def weighted(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.has_weight)

    @property
    def takes_indices(self) -> bool:
        """Whether inputs are integer indices (into an embedding) and not real numbers."""
        return self.layers[0].kind == "embedding"
