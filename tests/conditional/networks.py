"""Small models for scenes: layers of one kind, side by side, whose outputs are joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

UNPLANNED = "layer10"
"""The layer that is never planned. Its name begins with the name of a planned one."""


class Plain(nn.Module):
    """A module of a user's own with a plain parameter, whose gradient is not contiguous."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(6, 8))

    def forward(self, inputs: Tensor) -> Tensor:
        return (self.weight.t() * inputs.mean()).contiguous()


def _first(layer: nn.Module, inputs: Tensor) -> Tensor:
    return cast(Tensor, layer(inputs)[0])


def _attend(layer: nn.Module, inputs: Tensor) -> Tensor:
    return cast(Tensor, layer(inputs, inputs, inputs)[0])


def _twice(layer: nn.Module, inputs: Tensor) -> Tensor:
    return cast(Tensor, layer(layer(inputs)))


def _once(layer: nn.Module, inputs: Tensor) -> Tensor:
    return cast(Tensor, layer(inputs))


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Attributes:
        build: Returns a new layer.
        shape: The shape of an input.
        attribute: The name of the parameter that is planned.
        call: Runs the layer on an input.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    attribute: str = "weight"
    call: Callable[[nn.Module, Tensor], Tensor] = _once


KINDS: dict[str, Kind] = {
    "linear": Kind(lambda: nn.Linear(6, 8), (3, 6)),
    "linear on 3-d inputs": Kind(lambda: nn.Linear(6, 8), (2, 3, 6)),
    "linear on an empty batch": Kind(lambda: nn.Linear(6, 8), (0, 6)),
    "linear called twice": Kind(lambda: nn.Linear(6, 6), (3, 6), call=_twice),
    "linear without bias": Kind(lambda: nn.Linear(6, 8, bias=False), (3, 6)),
    "linear with one output": Kind(lambda: nn.Linear(24, 1), (3, 24)),
    "linear with one entry": Kind(lambda: nn.Linear(1, 1), (3, 1)),
    "linear of prime sizes": Kind(lambda: nn.Linear(7, 11), (3, 7)),
    "linear of 400 entries": Kind(lambda: nn.Linear(20, 20), (3, 20)),
    "linear of 66820 entries": Kind(lambda: nn.Linear(260, 257), (2, 260)),
    "linear of 300 outputs": Kind(lambda: nn.Linear(4, 300), (3, 4)),
    "bias": Kind(lambda: nn.Linear(6, 8), (3, 6), "bias"),
    "norm": Kind(lambda: nn.BatchNorm1d(8), (5, 8)),
    "plain parameter": Kind(Plain, (3, 6)),
    "conv1d": Kind(lambda: nn.Conv1d(4, 6, 3), (2, 4, 9)),
    "conv2d": Kind(lambda: nn.Conv2d(4, 6, (3, 2)), (2, 4, 5, 5)),
    "conv2d with one output": Kind(lambda: nn.Conv2d(4, 1, 3), (2, 4, 5, 5)),
    "conv2d with one input": Kind(lambda: nn.Conv2d(1, 6, 3), (2, 1, 5, 5)),
    "grouped conv2d": Kind(lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 4, 5, 5)),
    "depthwise conv2d": Kind(lambda: nn.Conv2d(6, 6, 3, groups=6), (2, 6, 5, 5)),
    "conv3d": Kind(lambda: nn.Conv3d(2, 4, (2, 3, 2)), (2, 2, 4, 4, 4)),
    "transposed conv2d": Kind(lambda: nn.ConvTranspose2d(4, 6, 3), (2, 4, 5, 5)),
    "embedding": Kind(lambda: nn.Embedding(10, 6), (2, 5)),
    "lstm": Kind(lambda: nn.LSTM(4, 5), (3, 2, 4), "weight_ih_l0", _first),
    "gru": Kind(lambda: nn.GRU(5, 5), (3, 2, 5), "weight_ih_l0", _first),
    "attention": Kind(lambda: nn.MultiheadAttention(8, 2), (3, 2, 8), "in_proj_weight", _attend),
}


class Net(nn.Module):
    """Runs each of its layers on the same input, and joins the outputs per entry of the batch."""

    def __init__(self, kind: Kind, count: int) -> None:
        super().__init__()
        self.kind = kind
        self.order = (*(f"layer{number}" for number in range(1, count + 1)), UNPLANNED)
        for name in self.order:
            self.add_module(name, kind.build())

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([self.kind.call(getattr(self, name), inputs).flatten() for name in self.order])

    def names(self, attributes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the planned parameters."""
        own = attributes or (self.kind.attribute,)
        return tuple(f"{name}.{attribute}" for name in self.order[:-1] for attribute in own)


def inputs_of(name: str, dtype: torch.dtype, salt: int = 0) -> Tensor:
    """Return an input for a model of the kind `name`."""
    kind, generator = KINDS[name], torch.Generator().manual_seed(97 + salt)
    if name == "embedding":
        return torch.randint(10, kind.shape, generator=generator)
    return torch.randn(kind.shape, generator=generator, dtype=torch.float64).to(dtype)


# ----------------------------------------------------------------- values


def _ties(noise: Tensor) -> Tensor:
    return noise.sign() * (1 + (noise.abs() * 1.5).floor().clamp(max=2))


def _with(noise: Tensor, value: float) -> Tensor:
    return noise.index_fill(0, torch.tensor([noise.numel() // 3]), value)


def _half_zero(noise: Tensor) -> Tensor:
    return noise.masked_fill(noise.abs() < 0.9, 0.0)


VALUES: dict[str, Callable[[Tensor], Tensor]] = {
    "random": lambda noise: noise,
    "ties": _ties,
    "equal": torch.ones_like,
    "zeros": _half_zero,
    "nan": lambda noise: _with(noise, float("nan")),
    "inf": lambda noise: _with(noise, float("inf")),
    "subnormal": lambda noise: noise * 1e-40,
    "wide": lambda noise: noise.sign() * 10.0 ** (noise * 2.5),
    "near": lambda noise: 1 + noise * 1e-9,
    "positive": torch.abs,
}
"""By name, a function of flat normal noise, float64."""


def fill(model: nn.Module, values: str, salt: int = 0, in_place: Callable[[nn.Parameter, Tensor], Any] | None = None,
         ) -> None:
    """Write new values of one kind into every parameter of `model`."""
    for place, parameter in enumerate(model.parameters()):
        generator = torch.Generator().manual_seed(1000 * salt + place)
        noise = torch.randn(parameter.numel(), generator=generator, dtype=torch.float64)
        new = VALUES[values](noise).view(parameter.shape).to(parameter.dtype)
        with torch.no_grad():
            (in_place or _copy)(parameter, new)


def _copy(parameter: nn.Parameter, new: Tensor) -> None:
    parameter.copy_(new)


def lay_out(model: nn.Module, memory: str) -> None:
    """Store every parameter of two or more dimensions in another order."""
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.dim() == 4 and memory == "channels_last":
                setattr(module, name, nn.Parameter(parameter.detach().to(memory_format=torch.channels_last)))
            elif parameter.dim() > 1 and memory == "transposed":
                turned = tuple(reversed(range(parameter.dim())))
                setattr(module, name, nn.Parameter(parameter.detach().permute(turned).contiguous().permute(turned)))
