"""Programs of the structural profile: a network with branches, a plan that removes channels, and the steps after it.

A program says nothing about what must hold; `programs/structural` runs it and compares every step with what is right.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .network import GATES
from .program import Dtype, OptimizerKind, Removal, Values
from .steps import Step

GraphKind = Literal[
    "linear", "conv1d", "conv2d", "transposed1d", "transposed2d", "norm", "norm2d", "layernorm", "groupnorm",
    "relu", "pool1d", "pool2d", "flatten", "add", "concat", "view", "shuffle", "unshuffle", "heads", "lstm",
]

WINDOWS: dict[str, int] = {"linear": 0, "conv1d": 1, "conv2d": 2}
"""The number of dimensions of the window, by kind of layer that a plan can name."""

TRANSPOSED: dict[str, int] = {"transposed1d": 1, "transposed2d": 2}
"""The number of dimensions of the window, by kind of layer whose weight has its inputs as rows."""


class GraphLayer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One layer of a structural program's network.

    Attributes:
        name: The name of the module.
        kind: The kind of layer. `norm` and `norm2d` are torch's `BatchNorm1d` and `BatchNorm2d`, `pool1d` and `pool2d`
            average pooling over two positions. `view` makes channels of 2x2 positions of features, `shuffle` and
            `unshuffle` are torch's `PixelShuffle` and `PixelUnshuffle` with the factor 2. `heads` is
            `scaled_dot_product_attention` of queries, keys and values, in heads of two features. With it and with
            `lstm`, inputs are sequences.
        inputs: Input features or channels; those of a norm.
        outputs: Output features or channels; the hidden units of an LSTM.
        kernel: The edge length of a convolution's window.
        padding: As in torch.
        groups: As in torch; as many as inputs and outputs for a depthwise convolution; of a group norm too.
        bias: Whether the layer has a bias.
        takes: The layers whose outputs this one takes; by default the one before it. `input` is the network's input.
        frozen: Whether the layer's parameters have `requires_grad=False` from the start.
        evaluates: Whether the module is in eval mode from the start.
    """

    name: str
    kind: GraphKind
    inputs: int = 0
    outputs: int = 0
    kernel: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = False
    takes: tuple[str, ...] = ()
    frozen: bool = False
    evaluates: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter of the dense layer, by its name within the layer."""
        if self.kind in ("norm", "norm2d", "layernorm", "groupnorm"):
            return {"weight": (self.inputs,), "bias": (self.inputs,)}
        if self.kind in TRANSPOSED:
            window = (self.kernel,) * TRANSPOSED[self.kind]
            return {"weight": (self.inputs, self.outputs, *window), "bias": (self.outputs,)}
        if self.kind == "lstm":
            rows = GATES * self.outputs
            weights = {"weight_ih_l0": (rows, self.inputs), "weight_hh_l0": (rows, self.outputs)}
            return {**weights, **({"bias_ih_l0": (rows,), "bias_hh_l0": (rows,)} if self.bias else {})}
        if self.kind not in WINDOWS:
            return {}
        window = (self.kernel,) * WINDOWS[self.kind]
        bias = {"bias": (self.outputs,)} if self.bias else {}
        return {"weight": (self.outputs, self.inputs // self.groups, *window), **bias}


class StructuralProgram(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One life of one model that loses channels.

    Attributes:
        format: The version of this form.
        profile: The profile, by which a reader knows this form.
        layers: The layers, in the order in which they run.
        input_shape: The shape of one input, without the batch.
        dtype: The dtype of the model.
        values: The kind of values that the planned weights have.
        plan: What is removed, in the order of the plan; channels, unless the plan must be refused.
        scope: As in `Plan`.
        optimizer: The optimizer of the steps that train. It lives until an update replaces the parameters.
        steps: The steps, in order.
    """

    format: Literal[1] = 1
    profile: Literal["structural"] = "structural"
    layers: tuple[GraphLayer, ...]
    input_shape: tuple[int, ...]
    dtype: Dtype = "float32"
    values: Values = "distinct"
    plan: tuple[Removal, ...]
    scope: Literal["each", "all"] = "each"
    optimizer: OptimizerKind = "sgd"
    steps: tuple[Step, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter of the dense model, by its fully qualified name."""
        return {f"{layer.name}.{name}": shape for layer in self.layers for name, shape in layer.shapes.items()}
