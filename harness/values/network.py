"""The models that sparsifiers are tried on, as values that torch and the NumPy oracle both read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "linear", "conv1d", "conv2d", "transposed1d", "transposed2d", "embedding", "norm", "norm2d", "layernorm",
    "groupnorm", "relu", "pool1d", "pool2d", "flatten", "add", "concat",
]

INPUT = "input"
"""The name under which a layer takes the network's own input."""

_WINDOWS: dict[str, int] = {"linear": 0, "conv1d": 1, "conv2d": 2, "transposed1d": 1, "transposed2d": 2}
"""The number of window dimensions, by kind of layer with a weight of outputs by inputs, or transposed."""


@dataclass(frozen=True)
class Layer:
    """One step of a network.

    Attributes:
        name: The module's name; dotted inside a block, empty if the layer is the whole model.
        kind: The kind of layer.
        inputs: Input features or channels; the entries of an embedding.
        outputs: Output features or channels; the features of an embedding.
        kernel: The edge length of a convolution's window.
        stride: As in torch.
        padding: As in torch.
        dilation: As in torch.
        groups: As in torch.
        bias: Whether the layer has a bias.
        strided: Whether the weight is stored non-contiguously.
        subclassed: Whether the module is of a subclass of torch's type.
        takes: The layers whose outputs this one takes; by default the one before it.
    """

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
        """Return the fully qualified name of the weight."""
        return f"{self.name}.weight".lstrip(".")

    @property
    def bias_name(self) -> str:
        """Return the fully qualified name of the bias, whether or not there is one."""
        return f"{self.name}.bias".lstrip(".")

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Return the shape of the weight in torch's layout; (entries, features) for an embedding."""
        if self.kind == "embedding":
            return (self.inputs, self.outputs)
        window = (self.kernel,) * _WINDOWS[self.kind]
        if self.is_transposed:
            return (self.inputs, self.outputs, *window)
        return (self.outputs, self.inputs // self.groups, *window)

    @property
    def has_weight(self) -> bool:
        return self.kind == "embedding" or self.kind in _WINDOWS

    @property
    def is_transposed(self) -> bool:
        """Return whether the rows of the weight are inputs."""
        return self.kind in ("transposed1d", "transposed2d")

    @property
    def is_norm(self) -> bool:
        """Return whether the layer is a batch norm, which has running statistics."""
        return self.kind in ("norm", "norm2d")

    @property
    def scales(self) -> bool:
        """Return whether the layer has a scale and a shift for every channel."""
        return self.is_norm or self.kind in ("layernorm", "groupnorm")


@dataclass(frozen=True)
class Network:
    """Layers in execution order, and the weights of them that are planned.

    Attributes:
        token: The value on the layer axis.
        layers: The layers.
        planned: The fully qualified names of the planned weights.
        input_shape: The shape of one input, without the batch.
        tied: Pairs of a weight's name and the name of the weight that it is tied to.
        sequential: Whether the model is an `nn.Sequential`, which runs every child it is given, and not a module with
            its own `forward`.
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
        """Return whether each layer takes the output of the one before it."""
        return not any(layer.takes for layer in self.layers)

    def sources(self, layer: Layer) -> tuple[str, ...]:
        """Return the names of the layers whose outputs `layer` takes, or `INPUT`."""
        position = self.layers.index(layer)
        return layer.takes or (self.layers[position - 1].name if position else INPUT,)

    @property
    def takes_indices(self) -> bool:
        """Return whether inputs are integer indices into an embedding instead of real numbers."""
        return self.layers[0].kind == "embedding"
