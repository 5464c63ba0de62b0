"""What is left of a dense model's parameters in one whose channels were removed, by shapes and entries."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import nn

from ..oracle import channels
from ..oracle.compare import array
from ..oracle.units import Mask, Reals
from ..trials import models
from ..values.network import Network
from ..values.violation import require


def remaining_masks(model: nn.Module, network: Network, dense: Mapping[str, Reals]) -> dict[str, Mask]:
    """By name of each planned weight: which of the dense one's entries stand in an output channel that is left, as
    booleans of the dense shape.

    Raises:
        Violation: `tensor-missing`.
    """
    return {name: _left_of(read_tensor(model, name), dense[name]) for name in network.planned}


def _left_of(seen: Reals, dense: Reals) -> Mask:
    outputs = np.isin(np.arange(len(dense)), channels.match_channels(dense, seen).outputs)
    return np.broadcast_to(outputs.reshape(-1, *(1,) * (dense.ndim - 1)), dense.shape)


def read_tensor(model: nn.Module, name: str) -> Reals:
    """The parameter or statistic called `name`, float64.

    Raises:
        Violation: `tensor-missing`.
    """
    found = read_tensors(model)
    require(name in found, "tensor-missing", f"the model has nothing called {name}; it has {', '.join(found)}")
    return found[name]


def read_tensors(model: nn.Module) -> dict[str, Reals]:
    """All parameters and statistics of a model in float64, under the names they have in its state dict."""
    buffers = {name: array(buffer).copy() for name, buffer in model.named_buffers() if buffer.dim()}
    return models.parameters(model) | buffers
