"""Find out in which dtypes this torch computes on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from msgspec.structs import replace
from torch.nn import functional

from ..values.program import Dtype, LayerKind, Program, ProgramLayer
from ..values.steps import Cast
from . import build

_WITHOUT_OUTPUTS: tuple[LayerKind, ...] = ("attention", "scale", "norm", "batchnorm")
"""The kinds of layers that have as many outputs as inputs."""

_WITHOUT_PARAMETERS: tuple[LayerKind, ...] = ("again", "relu")
"""The kinds of layers that have no parameters of their own."""


def in_computed_dtypes(program: Program, dtypes: Sequence[Dtype]) -> Program:
    """Return a program with another dtype in place of each in which this torch does not train its layers.

    Older versions of torch lack many operations in half precision. All else in the program stays as it is.

    Args:
        program: The program.
        dtypes: The dtypes to choose from, the preferred one first.
    """
    kinds = {layer.kind for layer in program.layers}.difference(_WITHOUT_PARAMETERS)

    def computed(dtype: Dtype) -> Dtype:
        return next((one for one in (dtype, *dtypes) if all(is_computed(one, kind) for kind in kinds)), dtype)

    steps = tuple(Cast(dtype=computed(one.dtype)) if isinstance(one, Cast) else one for one in program.steps)
    return replace(program, dtype=computed(program.dtype), steps=steps)


@cache
def is_computed(dtype: Dtype, kind: LayerKind) -> bool:
    """Return whether this torch trains a layer of a kind in a dtype on the CPU."""
    layer = ProgramLayer(name="layer", kind=kind, inputs=8, outputs=0 if kind in _WITHOUT_OUTPUTS else 4)
    program, device = Program(layers=(layer,), dtype=dtype, plan=(), steps=()), torch.device("cpu")
    try:
        model = build.build(program, "dense", device)
        output = model(build.inputs(program, "computed", 3, getattr(torch, dtype), device))
        functional.mse_loss(output, torch.zeros_like(output)).backward()
    except RuntimeError:
        return False
    return True
