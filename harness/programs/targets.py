"""The parameters that a plan can name, by kind of layer, and layers of every size that have them."""

from __future__ import annotations

from dataclasses import dataclass

from ..values.program import WINDOWS, LayerKind, ProgramLayer
from ..values.skeleton import Size


@dataclass(frozen=True)
class Target:
    """A kind of layer with the one parameter of it that is planned.

    Attributes:
        kind: The kind of layer.
        parameter: The name of the parameter within the layer.
        groups: The groups of a convolution: 1, 2, or 0 for as many as it has channels.
        capability: The declared capability that decides; an empty string if only trying it out shows.
    """

    kind: LayerKind
    parameter: str = "weight"
    groups: int = 1
    capability: str = ""


TARGETS: dict[str, Target] = {
    "linear": Target("linear", capability="linear"),
    "conv2d": Target("conv2d", capability="conv2d"),
    "conv1d": Target("conv1d", capability="conv1d"),
    "embedding": Target("embedding", capability="embedding"),
    "grouped": Target("conv2d", groups=2, capability="conv2d"),
    "depthwise": Target("conv2d", groups=0, capability="conv2d"),
    "conv3d": Target("conv3d"),
    "transposed1d": Target("transposed1d"),
    "transposed2d": Target("transposed2d"),
    "lstm": Target("lstm", "weight_hh_l0"),
    "gru": Target("gru", "weight_ih_l0"),
    "attention": Target("attention", "in_proj_weight"),
    "attention-output": Target("attention", "out_proj.weight"),
    "bias": Target("linear", "bias"),
    "conv-bias": Target("conv2d", "bias"),
    "scale": Target("scale", "factor"),
}
"""Every target, by name."""

_SIZES: dict[Size, tuple[int, int]] = {
    "small": (8, 4), "one": (1, 1), "two": (2, 2), "prime": (7, 5), "narrow": (6, 1), "wide": (2, 272),
    "large": (257, 256),
}
"""Inputs and outputs, by size."""

_LARGE: dict[str, tuple[int, int]] = {
    "conv1d": (171, 128), "conv2d": (57, 128), "conv3d": (19, 128), "transposed1d": (171, 128),
    "transposed2d": (57, 128), "lstm": (8, 129), "gru": (171, 128), "attention": (148, 148), "embedding": (1025, 64),
}
"""The same for `large`: the planned weight has just above 65,536 entries, and the layer has few others."""


def layer_of(target: Target, name: str, size: Size, multiple: int) -> ProgramLayer:
    """Return a layer that has the parameter of `target`.

    Args:
        target: The target.
        name: The name of the module.
        size: Its size.
        multiple: The number of which its inputs and outputs must be multiples.
    """
    inputs, outputs = _LARGE.get(target.kind, _SIZES[size]) if size == "large" else _SIZES[size]
    inputs, outputs = _up(inputs, multiple), _up(outputs, multiple)
    groups = target.groups if target.kind in WINDOWS else 1
    if target.kind == "attention":
        outputs, groups = 0, 2 if inputs % 2 == 0 else 1
    elif groups == 0:
        outputs = groups = inputs
    elif groups > 1:
        inputs, outputs = _up(inputs, groups), _up(outputs, groups)
    elif target.kind == "scale":
        outputs = 0
    return ProgramLayer(
        name=name, kind=target.kind, inputs=inputs, outputs=outputs, kernel=3 if target.kind in WINDOWS else 1,
        groups=groups, bias=target.parameter.endswith("bias"),
    )


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def dimensions_of(target: Target) -> int:
    """Return the number of dimensions of the parameter of a target."""
    return len(layer_of(target, "layer1", "small", 1).shapes[target.parameter])
