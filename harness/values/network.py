"""The models that sparsifiers are tried on, as values that torch and the NumPy oracle both read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "linear", "conv1d", "conv2d", "transposed1d", "transposed2d", "embedding", "norm", "norm2d", "layernorm",
    "groupnorm", "relu", "pool1d", "pool2d", "flatten", "add", "concat", "view", "shuffle", "unshuffle", "heads",
    "lstm",
]

INPUT = "input"
"""The name under which a layer takes the network's own input."""

_WINDOWS: dict[str, int] = {"linear": 0, "conv1d": 1, "conv2d": 2, "transposed1d": 1, "transposed2d": 2, "lstm": 0}
"""The number of window dimensions, by kind of layer with a weight of outputs by inputs, or transposed."""

FACTOR = 2
"""The factor of a pixel shuffle, the edge length of what a view makes of features, the width of an attention head."""

GATES = 4
"""How many rows of each weight of an LSTM belong to one hidden unit: row `gate * units + unit`."""

SEQUENTIAL = ("heads", "lstm")
"""Kinds of layers that take sequences, (batch, length, features), whose last dimension has the channels."""

RECURRENT = {"weight_ih_l0": "inputs", "weight_hh_l0": "outputs", "bias_ih_l0": "", "bias_hh_l0": ""}
"""The parameters of an LSTM, each with the channels that its columns belong to."""


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
        return f"{self.name}.{'weight_ih_l0' if self.kind == 'lstm' else 'weight'}".lstrip(".")

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
        return (self.gates * self.outputs, self.inputs // self.groups, *window)

    @property
    def has_weight(self) -> bool:
        return self.kind == "embedding" or self.kind in _WINDOWS

    @property
    def gates(self) -> int:
        """Return the number of rows of the weight that belong to each output."""
        return GATES if self.kind == "lstm" else 1

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

    @property
    def takes_sequences(self) -> bool:
        """Return whether an input is a sequence, (length, features), so that channels are the last dimension."""
        return any(layer.kind in SEQUENTIAL for layer in self.layers)

    @property
    def channel_axis(self) -> int:
        """Return the dimension of values, (batch, ...), that has the features or channels."""
        return -1 if self.takes_sequences else 1

    @property
    def input_channels(self) -> int:
        return self.input_shape[-1 if self.takes_sequences else 0]

    def sources(self, layer: Layer) -> tuple[str, ...]:
        """Return the names of the layers whose outputs `layer` takes, or `INPUT`."""
        position = self.layers.index(layer)
        return layer.takes or (self.layers[position - 1].name if position else INPUT,)

    @property
    def takes_indices(self) -> bool:
        """Return whether inputs are integer indices into an embedding instead of real numbers."""
        return self.layers[0].kind == "embedding"
