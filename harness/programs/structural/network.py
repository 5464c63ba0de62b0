"""Build a structural program's network as a torch model, and its inputs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ...adapter.protocol import Batch, Context
from ...oracle.forward import forward
from ...oracle.random_numbers import reals
from ...trials import models
from ...values.network import Layer, Network
from ...values.pattern import Channel, Pattern, Unstructured
from ...values.plan import Plan
from ...values.program import Removal
from ...values.structural_program import WINDOWS, GraphLayer, StructuralProgram
from ..weights import draw

EDGE = 4
"""The edge length of an input."""

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
"""The types of batch norms."""

GROUPS = 2
"""The groups of a convolution that is not depthwise, and of a group norm."""

SPREAD = 0.5
"""The smallest running variance of a batch norm."""


@lru_cache(maxsize=256)
def network(program: StructuralProgram) -> Network:
    """Return the network of a program, as the oracle reads it."""
    return Network(
        "program", tuple(map(_layer, program.layers)),
        tuple(one.name for one in program.plan), program.input_shape,
    )


def _layer(one: GraphLayer) -> Layer:
    outputs = one.outputs or one.inputs
    return Layer(
        one.name, one.kind, one.inputs, outputs, kernel=one.kernel, padding=one.padding, groups=one.groups,
        bias=one.bias, takes=one.takes,
    )


def build(program: StructuralProgram, salt: str, device: torch.device) -> nn.Module:
    """Return the dense model of a program, without touching the global random states.

    Args:
        program: The program.
        salt: The string from which the weights are drawn.
        device: The device.
    """
    dense, dtype = network(program), getattr(torch, program.dtype)
    model = models.build(dense, salt, dtype, torch.device("cpu"))
    planned = {one.name for one in program.plan}
    for layer in program.layers:
        module = model.get_submodule(layer.name)
        for name, shape in layer.shapes.items():
            if f"{layer.name}.{name}" in planned:
                values = draw(f"{salt} {layer.name}.{name}", shape, program.values, program.dtype)
                module.get_parameter(name).data = torch.tensor(values, dtype=dtype)
        if layer.kind in ("norm", "norm2d"):
            learn(module, f"{salt} {layer.name}", dtype)
        module.requires_grad_(not layer.frozen)
        module.train(not layer.evaluates)
    return model.to(device)


def learn(norm: nn.Module, salt: str, dtype: torch.dtype) -> None:
    """Give a batch norm statistics and parameters per channel, as if it had been trained; no scale is near zero."""
    shape = tuple(norm.get_parameter("weight").shape)
    mean, variance, scale = (torch.from_numpy(reals(f"{salt}.{part}", shape)) for part in ("mean", "variance", "scale"))
    norm.get_buffer("running_mean").copy_(mean)
    norm.get_buffer("running_var").copy_(variance.abs() + SPREAD)
    norm.get_parameter("weight").data = (scale.sign() * (scale.abs() + SPREAD)).to(dtype)


@lru_cache(maxsize=256)
def output_shape(program: StructuralProgram) -> tuple[int, ...]:
    """Return the shape of one output of the dense model, without the batch."""
    dense = network(program)
    zeros = {name: np.zeros(shape) for name, shape in program.shapes.items()}
    statistics = {f"{one.name}.{part}": np.ones(one.inputs) for one in dense.layers if one.is_norm
                  for part in ("running_mean", "running_var")}
    return forward(dense, zeros | statistics, np.zeros((1, *program.input_shape))).shape[1:]


def inputs(program: StructuralProgram, salt: str, batch: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a batch of inputs."""
    return _reals(f"{salt} input", (batch, *program.input_shape), dtype, device)


def layer_inputs(layer: GraphLayer, channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a batch for one layer called by itself, which takes a number of channels."""
    return _reals("layer input", (3, channels, *(max(EDGE, layer.kernel),) * WINDOWS.get(layer.kind, 0)), dtype, device)


def batches(
    program: StructuralProgram, count: int, salt: str, dtype: torch.dtype, device: torch.device
) -> list[Batch]:
    """Return batches (inputs, target) of random numbers; no output channel of the model is removed."""
    names = [f"{salt} batch {number}" for number in range(count)]
    return [(inputs(program, name, 3, dtype, device),
             _reals(f"{name} target", (3, *output_shape(program)), dtype, device)) for name in names]


def _reals(name: str, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.from_numpy(reals(name, shape)).to(dtype).to(device)


def context(program: StructuralProgram, dtype: torch.dtype, device: torch.device) -> Context:
    """Return the context that an adapter gets, with two calibration batches."""
    calibration = tuple(batches(program, 2, "calibration", dtype, device))
    return Context(inputs(program, "example", 3, dtype, device), calibration, device, dtype)


def plan(program: StructuralProgram) -> Plan:
    """Return the plan of a program."""
    return Plan({one.name: _pattern(one) for one in program.plan}, program.scope)


def _pattern(removal: Removal) -> Pattern:
    if removal.pattern == "unstructured":
        return Unstructured(removal.level)
    return Channel(removal.level, removal.dim)
