"""Workloads: the models that are timed, their plans and inputs."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..adapter.protocol import Context
from ..catalogue.axes import MATRIX_ONLY, device_capability, pattern_capability
from ..oracle import random_numbers
from ..oracle.plans import pattern_for
from ..trials import models
from ..values.capability import Support
from ..values.declaration import Declaration
from ..values.network import Layer, Network
from ..values.plan import Plan
from ..values.timing import OPERATIONS, SIZES, Entry, Size

BATCH = 32
_DTYPE = torch.float32
_PATTERNS = ("unstructured-0.5", "block1x4-0.5", "2of4", "channel0-0.5", "band-3", "given")
_IMAGE, _SEQUENCE, _HEADS, _SALT = 28, 32, 4, "timing"


class Workload:
    """One model and its plan; all dense models that it makes have the same weights.

    Attributes:
        inputs: float32; (32, inputs) for a matrix, (4, channels, 28, 28) for a convolution, (batch, 32, width) for a
            block.
        plan: The plan for all its weight matrices.
        context: The context for attach and restore.
    """

    def __init__(self, size: str, pattern: str, device: torch.device) -> None:
        self.device = device
        self._dense = _dense(SIZES[size]).to(device)
        planned = {name: weight for name, weight in self._dense.named_parameters() if weight.dim() > 1}
        self.plan = Plan({
            name: pattern_for(pattern, tuple(weight.shape), f"{_SALT} {name}") for name, weight in planned.items()
        })
        self.inputs = _inputs(SIZES[size]).to(device)
        with torch.no_grad():
            batch = (self.inputs, self._dense(self.inputs))
        self.context = Context(self.inputs, (batch, batch), device, _DTYPE)

    def dense_model(self) -> nn.Module:
        """Return a fresh copy of the dense model."""
        return copy.deepcopy(self._dense)


class Block(nn.Module):
    """A transformer block: attention, then two linear layers, each with a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        normed = self.before_attention(inputs)
        query, key, value = (_heads(layer(normed)) for layer in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(query, key, value)
        hidden = inputs + self.out(mixed.transpose(1, 2).flatten(2))
        added: Tensor = hidden + self.down(functional.relu(self.up(self.before_layers(hidden))))
        return added


def _heads(projected: Tensor) -> Tensor:
    heads: Tensor = projected.unflatten(2, (_HEADS, -1))
    return heads.transpose(1, 2)


def _dense(size: Size) -> nn.Module:
    if size.kind == "block":
        return _drawn(Block(size.shape[0]))
    return models.build(_network(size), _SALT, _DTYPE, torch.device("cpu"))


def _drawn(model: nn.Module) -> nn.Module:
    """Fill a model with deterministic weights, without the global random state."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = random_numbers.reals(f"{_SALT} {name}", tuple(weight.shape)) / weight.shape[-1] ** 0.5
            weight.copy_(torch.from_numpy(values))
    return model


def _network(size: Size) -> Network:
    outputs, inputs, *window = size.shape
    layer = Layer("layer1", "linear", inputs, outputs, bias=True)
    if window:
        layer = Layer("layer1", "conv2d", inputs, outputs, bias=True, kernel=window[0], padding=1)
    return Network("timed", (layer,), (layer.weight,), (inputs, _IMAGE, _IMAGE) if window else (inputs,))


def _inputs(size: Size) -> Tensor:
    if size.kind == "block":
        width, batch = size.shape
        return torch.from_numpy(random_numbers.reals(f"{_SALT} input", (batch, _SEQUENCE, width))).to(_DTYPE)
    batch = 4 if size.kind == "convolution" else BATCH
    return models.inputs(_network(size), _SALT, batch, _DTYPE, torch.device("cpu"))


def pattern_of(declaration: Declaration, size: Size) -> str:
    """Return the pattern that a sparsifier is timed with: the first that it supports, ranked patterns first."""
    for pattern in _PATTERNS:
        capability = pattern_capability(pattern)
        is_fit = size.kind != "convolution" or capability not in MATRIX_ONLY
        if is_fit and capability in declaration.capabilities.supported:
            return pattern
    return "given"


def lacking(entry: Entry, declaration: Declaration) -> tuple[str, ...]:
    """Return the capabilities that an entry needs and the sparsifier does not offer."""
    size = SIZES[entry.size]
    device = device_capability(entry.device)
    taken = (size.capability, "float32", device, pattern_capability(pattern_of(declaration, size)))
    needs = (*taken, *OPERATIONS[entry.operation].needs)
    return tuple(name for name in needs if declaration.capabilities.support(name) is not Support.SUPPORTED)
