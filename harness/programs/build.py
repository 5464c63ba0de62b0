"""Build a program's network as a torch model, and its inputs."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Context
from ..oracle import random_numbers
from ..trials.models import Chain
from ..values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ..values.plan import Plan
from ..values.program import WINDOWS, Program, ProgramLayer, Removal
from .weights import draw

SEQUENCE = 4
"""The length of the sequences that an embedding, a recurrent layer or attention takes."""

EDGE = 5
"""The edge length of a convolution's input."""

OTHER = "other"
"""The salt of a model with other weights, onto which a state is restored."""

Shape = tuple[int, ...]


class Fit(nn.Module):
    """Repeats or cuts the features of its input, so that any layer can follow any other."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, inputs: Tensor) -> Tensor:
        batch, features, size = inputs.shape[0], math.prod(inputs.shape[1:]), math.prod(self.shape)
        flat, times = inputs.reshape(batch, features), math.ceil(size / features)
        if times > 1:  # repeat is slower
            flat = flat[:, None].expand(batch, times, features).reshape(batch, times * features)
        return flat[:, :size].reshape(batch, *self.shape)


class Scale(nn.Module):
    """Multiplies by a plain parameter."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(features))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.factor


class LSTM(nn.LSTM):
    """An LSTM that returns its outputs alone."""

    def forward(self, inputs: Tensor) -> Tensor:  # type: ignore[override,unused-ignore]
        return super().forward(inputs)[0]  # type: ignore[no-any-return,unused-ignore]


class GRU(nn.GRU):
    """A GRU that returns its outputs alone."""

    def forward(self, inputs: Tensor) -> Tensor:  # type: ignore[override,unused-ignore]
        return super().forward(inputs)[0]  # type: ignore[no-any-return,unused-ignore]


class SelfAttention(nn.MultiheadAttention):
    """Attention of a sequence to itself, which returns its outputs alone."""

    def forward(self, inputs: Tensor) -> Tensor:  # type: ignore[override,unused-ignore]
        return super().forward(inputs, inputs, inputs, need_weights=False)[0]  # type: ignore[no-any-return,unused-ignore]


def build(program: Program, salt: str, device: torch.device) -> nn.Module:
    """Return the dense model of a program, without touching the global random states.

    Args:
        program: The program.
        salt: The string from which the weights are drawn.
        device: The device.
    """
    with torch.random.fork_rng(devices=[]):
        model = Chain(_tree(program)).to(getattr(torch, program.dtype))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            _fill(parameter, name, program, salt)
    for layer in program.layers:
        if layer.kind != "again":
            module = model.get_submodule(layer.name)
            module.requires_grad_(not layer.frozen)
            module.train(not layer.evaluates)
    return model.to(device)


def _fill(parameter: nn.Parameter, name: str, program: Program, salt: str) -> None:
    planned = name in {one.name for one in program.plan}
    kind = program.values if planned else "distinct"
    values = draw(f"{salt} {name}", tuple(parameter.shape), kind, program.dtype)
    parameter.data = _lie(torch.tensor(values, dtype=parameter.dtype), program.memory)


def _lie(tensor: Tensor, memory: str) -> Tensor:
    if memory == "channels_last" and tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    if memory == "transposed" and tensor.dim() == 2:
        return tensor.t().contiguous().t()
    return tensor


def _tree(program: Program) -> OrderedDict[str, nn.Module]:
    """Return the modules of a model by name, in the order in which they run."""
    tree: OrderedDict[str, nn.Module] = OrderedDict()
    shape = input_shape(program)
    for number, layer in enumerate(program.layers):
        taken, made = taken_shape(layer, program, shape)
        if taken != shape:
            tree[f"fit{number}"] = Fit(*taken)
        if layer.kind == "again":
            tree[layer.name] = _found(tree, layer.of)
        else:
            _put(tree, layer.name, _EMPTY[layer.kind](layer))
        shape = made
    return tree


def _put(tree: OrderedDict[str, nn.Module], name: str, module: nn.Module) -> None:
    block, _, last = name.partition(".")
    if last:
        tree[block] = nn.Sequential(OrderedDict({last: module}))
    else:
        tree[name] = module


def _found(tree: OrderedDict[str, nn.Module], name: str) -> nn.Module:
    block, _, last = name.partition(".")
    return tree[block].get_submodule(last) if last else tree[block]


def _convolution(kind: Callable[..., nn.Module]) -> Callable[[ProgramLayer], nn.Module]:
    return lambda layer: kind(layer.inputs, layer.outputs, layer.kernel, groups=layer.groups, bias=layer.bias)


_EMPTY: dict[str, Callable[[ProgramLayer], nn.Module]] = {
    "linear": lambda layer: nn.Linear(layer.inputs, layer.outputs, bias=layer.bias),
    "conv1d": _convolution(nn.Conv1d),
    "conv2d": _convolution(nn.Conv2d),
    "conv3d": _convolution(nn.Conv3d),
    "transposed1d": _convolution(nn.ConvTranspose1d),
    "transposed2d": _convolution(nn.ConvTranspose2d),
    "embedding": lambda layer: nn.Embedding(layer.inputs, layer.outputs),
    "lstm": lambda layer: LSTM(layer.inputs, layer.outputs, bias=layer.bias, batch_first=True),
    "gru": lambda layer: GRU(layer.inputs, layer.outputs, bias=layer.bias, batch_first=True),
    "attention": lambda layer: SelfAttention(layer.inputs, layer.groups, bias=layer.bias, batch_first=True),
    "scale": lambda layer: Scale(layer.inputs),
    "norm": lambda layer: nn.LayerNorm(layer.inputs),
    "batchnorm": lambda layer: nn.BatchNorm1d(layer.inputs),
    "relu": lambda layer: nn.ReLU(),
}


# ----------------------------------------------------------------- shapes


def input_shape(program: Program) -> Shape:
    """Return the shape of one input of the model, without the batch."""
    return taken_shape(program.layers[0], program, (program.layers[0].inputs or 4,))[0]


def output_shape(program: Program) -> Shape:
    """Return the shape of one output of the model, without the batch."""
    shape = input_shape(program)
    for layer in program.layers:
        shape = taken_shape(layer, program, shape)[1]
    return shape


def taken_shape(layer: ProgramLayer, program: Program, shape: Shape) -> tuple[Shape, Shape]:
    """Return the shapes of a layer's input and output, where `shape` is that of the output before it."""
    if layer.kind == "again":
        return taken_shape(next(one for one in program.layers if one.name == layer.of), program, shape)
    if layer.kind in WINDOWS:
        edges = (max(EDGE, layer.kernel),) * WINDOWS[layer.kind]
        grows = 1 if layer.kind.startswith("transposed") else -1
        return (layer.inputs, *edges), (layer.outputs, *(edge + grows * (layer.kernel - 1) for edge in edges))
    if layer.kind in ("lstm", "gru", "attention"):
        return (SEQUENCE, layer.inputs), (SEQUENCE, layer.outputs or layer.inputs)
    if layer.kind == "embedding":
        return (SEQUENCE,), (SEQUENCE, layer.outputs)
    if layer.kind == "relu":
        return shape, shape
    taken = (layer.sequence, layer.inputs) if layer.sequence else (layer.inputs,)
    return taken, (*taken[:-1], layer.outputs or layer.inputs)


# ----------------------------------------------------------------- inputs


def inputs(program: Program, salt: str, batch: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a batch of inputs: floats of `dtype`, or int64 indices; expanded from one, if the program says so."""
    first, shape = program.layers[0], input_shape(program)
    if first.kind == "embedding":
        return torch.from_numpy(random_numbers.integers(f"{salt} input", (batch, *shape), first.inputs)).to(device)
    if program.memory == "expanded":
        return _reals(f"{salt} input", (1, *shape), dtype, device).expand(batch, *shape)
    return _reals(f"{salt} input", (batch, *shape), dtype, device)


def layer_inputs(layer: ProgramLayer, program: Program, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a batch for one layer called by itself."""
    shape = (3, *taken_shape(layer, program, ())[0])
    if layer.kind == "embedding":
        return torch.from_numpy(random_numbers.integers("layer input", shape, layer.inputs)).to(device)
    return _reals("layer input", shape, dtype, device)


def batches(program: Program, count: int, salt: str, dtype: torch.dtype, device: torch.device) -> list[Batch]:
    """Return batches (inputs, target) of random numbers."""
    shape = (3, *output_shape(program))
    names = [f"{salt} batch {number}" for number in range(count)]
    return [(inputs(program, name, 3, dtype, device), _reals(f"{name} target", shape, dtype, device))
            for name in names]


def _reals(name: str, shape: Shape, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _drawn(name, shape).to(dtype, copy=True).to(device)


@lru_cache(maxsize=64)
def _drawn(name: str, shape: Shape) -> Tensor:
    """Return the numbers themselves, cached because a program takes the same inputs after every step."""
    return torch.from_numpy(random_numbers.reals(name, shape))


def context(program: Program, dtype: torch.dtype, device: torch.device) -> Context:
    """Return the context that an adapter gets, with two calibration batches."""
    calibration = tuple(batches(program, 2, "calibration", dtype, device))
    return Context(inputs(program, "example", 3, dtype, device), calibration, device, dtype)


# ----------------------------------------------------------------- plans


def plan(program: Program) -> Plan:
    """Return the plan of a program; a parameter that the network lacks is planned all the same."""
    shapes = program.shapes
    return Plan({one.name: pattern(one, shapes.get(one.name, (2, 4))) for one in program.plan}, program.scope)


def pattern(removal: Removal, shape: Shape) -> Pattern:
    """Return the pattern of one parameter of `shape`."""
    made: dict[str, Callable[[], Pattern]] = {
        "given": lambda: _given(removal, shape),
        "unstructured": lambda: Unstructured(removal.level),
        "block": lambda: Block(removal.block, removal.level),
        "n_of_m": lambda: NofM(*removal.keep),
        "channel": lambda: Channel(removal.level, removal.dim),
        "band": lambda: Band(removal.width),
    }
    return made[removal.pattern]()


def _given(removal: Removal, shape: Shape) -> Given:
    mask = random_numbers.integers(f"{removal.name} mask", shape, 2) == 1
    mask.flat[0] = False
    return Given(mask.copy(order=removal.order))
