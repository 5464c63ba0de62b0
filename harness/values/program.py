"""Programs: a network, its weights, a plan and the steps of a sparse model's life, as one value that JSON can hold.

A program says nothing about what must hold; `programs/` runs it and compares every step with what is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from ..errors import SparsecheckError
from .contract import Invariance
from .steps import Step

FORMAT = 1
"""The version of the JSON form of a program."""

LayerKind = Literal[
    "linear", "conv1d", "conv2d", "conv3d", "transposed1d", "transposed2d", "embedding", "lstm", "gru", "attention",
    "scale", "norm", "batchnorm", "relu", "again", "identity",
]
Dtype = Literal["float64", "float32", "bfloat16", "float16"]
Values = Literal["distinct", "few", "zeros", "equal", "nan", "infinite", "subnormal", "wide", "untied"]
Memory = Literal["contiguous", "channels_last", "transposed", "expanded"]
PatternKind = Literal["given", "unstructured", "block", "n_of_m", "channel", "band"]
OptimizerKind = Literal["sgd", "adam", "adamw"]

WINDOWS: dict[str, int] = {"conv1d": 1, "conv2d": 2, "conv3d": 3, "transposed1d": 1, "transposed2d": 2}
"""The number of dimensions of a convolution's window, by kind of layer."""


class InvalidProgram(SparsecheckError, ValueError):
    """Raised for JSON that is no program."""


class ProgramLayer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One layer of a program's network; layers run one after another.

    Attributes:
        name: The name of the module; a dot puts it into a container.
        kind: The kind of layer. `scale` multiplies by a plain parameter `factor`. `again` runs the module `of` once
            more. `identity` is a linear layer over the last dimension whose weight is the identity matrix.
        inputs: Input features or channels; the entries of an embedding.
        outputs: Output features or channels; the features of an embedding, the hidden size of `lstm` and `gru`.
        kernel: The edge length of a convolution's window.
        groups: The groups of a convolution, or the heads of `attention`.
        bias: Whether the layer has a bias.
        sequence: The length of the sequence that a linear layer runs over, as a third dimension of its input; 0 for an
            input of two dimensions.
        frozen: Whether the layer's parameters have `requires_grad=False` from the start.
        evaluates: Whether the module is in eval mode from the start.
        of: The name of the module that `again` runs.
        like: The name of the layer whose values it has; an empty string for values of its own.
        factor: The number by which all its values are multiplied.
        reverses: Whether the rows of its parameters are in reverse order.
    """

    name: str
    kind: LayerKind
    inputs: int = 0
    outputs: int = 0
    kernel: int = 1
    groups: int = 1
    bias: bool = False
    sequence: int = 0
    frozen: bool = False
    evaluates: bool = False
    of: str = ""
    like: str = ""
    factor: float = 1.0
    reverses: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter that a plan can name, by its name within the layer."""
        return _SHAPES[self.kind](self) if self.kind in _SHAPES else {}


def _linear(layer: ProgramLayer) -> dict[str, tuple[int, ...]]:
    return {"weight": (layer.outputs, layer.inputs), **_bias(layer)}


def _convolution(layer: ProgramLayer) -> dict[str, tuple[int, ...]]:
    window = (layer.kernel,) * WINDOWS[layer.kind]
    if layer.kind.startswith("transposed"):
        return {"weight": (layer.inputs, layer.outputs // layer.groups, *window), **_bias(layer)}
    return {"weight": (layer.outputs, layer.inputs // layer.groups, *window), **_bias(layer)}


def _recurrent(layer: ProgramLayer) -> dict[str, tuple[int, ...]]:
    gates = {"lstm": 4, "gru": 3}[layer.kind] * layer.outputs
    biases = {"bias_ih_l0": (gates,), "bias_hh_l0": (gates,)} if layer.bias else {}
    return {"weight_ih_l0": (gates, layer.inputs), "weight_hh_l0": (gates, layer.outputs), **biases}


def _attention(layer: ProgramLayer) -> dict[str, tuple[int, ...]]:
    size = layer.inputs
    biases = {"in_proj_bias": (3 * size,), "out_proj.bias": (size,)} if layer.bias else {}
    return {"in_proj_weight": (3 * size, size), "out_proj.weight": (size, size), **biases}


def _bias(layer: ProgramLayer) -> dict[str, tuple[int, ...]]:
    return {"bias": (layer.outputs,)} if layer.bias else {}


_SHAPES: dict[str, Callable[[ProgramLayer], dict[str, tuple[int, ...]]]] = {
    "linear": _linear,
    **dict.fromkeys(WINDOWS, _convolution),
    "embedding": lambda layer: {"weight": (layer.inputs, layer.outputs)},
    "lstm": _recurrent,
    "gru": _recurrent,
    "attention": _attention,
    "scale": lambda layer: {"factor": (layer.inputs,)},
}


class Removal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a plan removes from one parameter.

    Attributes:
        name: The fully qualified name of the parameter.
        pattern: The kind of pattern.
        level: The fraction removed, for `unstructured`, `block` and `channel`.
        block: Rows and columns of a block.
        dim: The dimension of `channel`.
        keep: `n` and `m` of `n_of_m`.
        width: The width of `band`.
        order: The memory order of a given mask, as NumPy names it.
        fill: Whether a given mask is drawn, or keeps everything (`ones`) or nothing (`zeros`).
    """

    name: str
    pattern: PatternKind
    level: float = 0.5
    block: tuple[int, int] = (1, 4)
    dim: int = 0
    keep: tuple[int, int] = (2, 4)
    width: int = 3
    order: Literal["C", "F"] = "C"
    fill: Literal["drawn", "ones", "zeros"] = "drawn"


class Program(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One life of one sparse model.

    Attributes:
        format: The version of this form.
        layers: The layers, in the order in which they run.
        dtype: The dtype of the model.
        values: The kind of values that the weights have.
        memory: How weights of two or more dimensions lie in memory.
        plan: What is removed, in the order of the plan.
        scope: As in `Plan`.
        optimizer: The optimizer of the steps that train. It lives as long as the parameters do.
        reverses_batches: Whether the calibration batches are in reverse order.
        steps: The steps, in order.
        sequential: Whether the model is an `nn.Sequential`, which runs every child that it is given.
        relation: The relation to a second program, whose masks must be those that follow from the masks of this one;
            an empty string if this one is judged by itself.
    """

    format: Literal[1] = 1
    layers: tuple[ProgramLayer, ...]
    dtype: Dtype = "float32"
    values: Values = "distinct"
    memory: Memory = "contiguous"
    plan: tuple[Removal, ...]
    scope: Literal["each", "all"] = "each"
    optimizer: OptimizerKind = "sgd"
    reverses_batches: bool = False
    steps: tuple[Step, ...]
    sequential: bool = False
    relation: Invariance | Literal[""] = ""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter that a plan can name, by its fully qualified name."""
        return {f"{layer.name}.{name}": shape for layer in self.layers for name, shape in layer.shapes.items()}

    def layer_of(self, name: str) -> ProgramLayer | None:
        """Return the layer that has a parameter; None if no layer has it.

        Args:
            name: The fully qualified name of the parameter. Names of layers may be prefixes of each other.
        """
        owners = [layer for layer in self.layers if layer.kind != "again" and name.startswith(f"{layer.name}.")]
        return max(owners, key=lambda layer: len(layer.name), default=None)
